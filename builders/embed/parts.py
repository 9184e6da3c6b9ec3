"""A part of an output: what the encoder gives for some structures, made wherever the encoder is."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from builders.embed.ledger import file_of
from builders.embed.levels import LEVELS
from builders.embed.pieces import Piece
from builders.engines.base import Part, Task, check_same, sha256_of
from builders.learning.devices import choose_device
from builders.methods import METHODS
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.runs.code import code_hash
from builders.snapshots.ledger import Entry
from builders.structures.cleaning import USABLE, at_most, sort_out
from builders.structures.counts import count_structures
from embeddings.elements import SYMBOLS
from embeddings.errors import EmbeddingsError, EngineError
from embeddings.store.manifest import MANIFEST
from embeddings.store.tables import ENCODER
from embeddings.vectors.file import Level

NAMED = 5
"""At most this many structures are named for each reason."""


@dataclass(frozen=True)
class Encoding:
    """What a worker needs to know once.

    Attributes:
        manifest: content of the file that describes the encoder.
        weights: content of the encoder's own file.
        level: what a row stands for.
        max_sites: crystals of more atoms are left out.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: that a worker computes on; None to leave them as they are.
        expected: what the driver has, see `fingerprints`.
    """

    manifest: bytes
    weights: bytes
    level: Level
    max_sites: int
    device: str
    threads: int | None
    expected: dict[str, str]

    def start(self) -> Callable[[Task], Part]:
        """Load the encoder and return what makes parts.

        Raises:
            EngineError: this worker has another encoder, other code or another torch than the driver, or no room for a
                temporary file.
            CatalogCorrupt: the encoder did not arrive whole.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        encoder = self._encoder()
        check_same(self.expected, fingerprints(encoder), platform.node())
        encoder.max_sites = self.max_sites
        encoder.to(choose_device(self.device))
        return lambda task: make_part(encoder, self.level, task)

    def _encoder(self) -> CrystalEncoder:
        """Read the encoder from temporary files, which is all that a worker writes."""
        try:
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / MANIFEST).write_bytes(self.manifest)
                (Path(name) / ENCODER).write_bytes(self.weights)
                return read_crystal_encoder(Path(name))
        except EmbeddingsError:
            raise
        except OSError as error:
            raise EngineError(
                f"The worker on {platform.node()} cannot write the encoder to its temporary folder: "
                f"{error.strerror or error}. Make room there, or name another folder in TMPDIR."
            ) from error


def encoding_of(catalog: Path, level: Level, *, max_sites: int, device: str, threads: int | None) -> Encoding:
    """Return what workers need to make vectors with the encoder of a catalog; see `Encoding`."""
    manifest, weights = ((catalog / name).read_bytes() for name in (MANIFEST, ENCODER))
    expected = fingerprints(read_crystal_encoder(catalog))
    return Encoding(manifest, weights, level, max_sites, device, threads, expected)


def fingerprints(encoder: CrystalEncoder) -> dict[str, str]:
    """Return what the bytes of vectors depend on: the encoder by content, our code, and torch."""
    return {"encoder": encoder.manifest.manifest_sha256, "code": code_of_vectors(), "torch": torch.__version__}


def code_of_vectors() -> str:
    """Return the hash of the code that makes vectors."""
    return code_hash([METHODS["crystal-transformer"]], also=["builders.embed.levels"])


def make_part(encoder: CrystalEncoder, level: Level, task: Task) -> Part:
    """Encode what can be encoded of a piece, and count the rest."""
    piece: Piece = task.content
    filters = USABLE | {"duplicate_id": lambda _: piece.is_new, "too_many_sites": at_most(encoder.max_sites)}
    usable, dropped = sort_out(piece.table, filters)
    counts = count_structures(usable)
    unknown = np.setdiff1d(np.flatnonzero(counts), encoder.atomic_numbers)
    covered, uncovered = sort_out(usable, {"element_not_covered": encoder.covers})
    left_out = dropped | uncovered
    content = _content(LEVELS[level].encode(encoder, covered)) if len(covered) else b""
    entry = Entry(
        start=piece.start,
        next=piece.stop,
        file=None,
        sha256=None,
        n_received=len(piece.table),
        n_kept=len(covered),
        left_out={reason: len(names) for reason, names in left_out.items()},
        rejected=[[name, reason, ""] for reason, names in left_out.items() for name in names[:NAMED]],
        counts={SYMBOLS[z - 1]: int(counts[z]) for z in unknown},
    )
    return Part(task.number, content, sha256_of(content), entry)


def entry_of(part: Part) -> Entry:
    """Return the line of a part in the ledger."""
    entry: Any = part.facts
    name = file_of(part.number, part.content)
    return replace(entry, file=name, sha256=part.sha256 if name else None)


def _content(table: pa.Table) -> bytes:
    """Return a part as the bytes of a Parquet file."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd")
    content: bytes = buffer.getvalue().to_pybytes()
    return content
