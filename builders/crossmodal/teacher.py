"""The vectors of structures that a composition encoder is aligned with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.encoder import AT_ONCE, CrystalEncoder
from builders.progress import Reporter
from builders.records import StructureTable


def structure_vectors(
    encoder: CrystalEncoder, table: StructureTable, *, cache: Path | None = None, reporter: Reporter | None = None
) -> np.ndarray:
    """Return one vector for each crystal, (n, dim) float32; NaN where it holds an element the encoder does not cover.

    Args:
        encoder: the teacher.
        table: the crystals.
        cache: ``.npy`` file that keeps the vectors for the next call with the same crystals; None for none.
        reporter: tells a person about it.
    """
    if cache is not None and cache.exists():
        return np.load(cache, allow_pickle=False)
    vectors = np.full((len(table), encoder.dim), np.nan, dtype=np.float32)
    with (reporter or Reporter(quiet=True)).stage("Encoding structures", len(table)) as stage:
        for start in range(0, len(table), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(table)))
            covered = rows[encoder.covers(table.take(rows))]
            vectors[covered] = encoder.encode(table.take(covered))
            stage.advance(len(rows))
    if cache is not None:
        temporary = cache.with_suffix(".tmp.npy")
        np.save(temporary, vectors, allow_pickle=False)
        temporary.replace(cache)
    return vectors
