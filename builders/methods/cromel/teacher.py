"""The vectors of structures that a composition encoder is aligned with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from builders.methods.crystal_transformer.encoder import AT_ONCE, CrystalEncoder
from builders.progress import Reporter
from builders.runs.seals import SealBroken, read_sealed, write_sealed
from builders.structures.table import StructureTable


def structure_vectors(
    encoder: CrystalEncoder, table: StructureTable, *, cache: Path | None = None, reporter: Reporter | None = None
) -> np.ndarray:
    """Return one vector for each crystal, (n, dim) float32; NaN where it holds an element the encoder does not cover.

    Args:
        encoder: the teacher.
        table: the crystals.
        cache: file that keeps the vectors for the next call with the same crystals; None for none.
        reporter: tells a person about it.
    """
    reporter = reporter or Reporter(quiet=True)
    if cache is not None and (kept := _read(cache, (len(table), encoder.dim), reporter)) is not None:
        return kept
    vectors = np.full((len(table), encoder.dim), np.nan, dtype=np.float32)
    with reporter.stage("Encoding structures", len(table)) as stage:
        for start in range(0, len(table), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(table)))
            covered = rows[encoder.covers(table.take(rows))]
            vectors[covered] = encoder.encode(table.take(covered))
            stage.advance(len(rows))
    if cache is not None:
        content = io.BytesIO()
        np.save(content, vectors, allow_pickle=False)
        write_sealed(cache, content.getbuffer())
    return vectors


def _read(cache: Path, shape: tuple[int, int], reporter: Reporter) -> np.ndarray | None:
    """Return the vectors that were kept, or None where there are none that are intact."""
    if not cache.exists():
        return None
    try:
        vectors = np.load(io.BytesIO(read_sealed(cache)), allow_pickle=False)
    except (SealBroken, OSError):
        vectors = np.empty(0)
    if vectors.shape != shape:
        reporter.say(f"{cache} is damaged; its vectors are made again.")
        return None
    return vectors
