"""A part of an output: what the encoder gives for some structures, made wherever the encoder is."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from builders.embed.encoders import Encoder, EncoderLike, Shipped, code_of_vectors, encoded, open_encoder, shipped
from builders.embed.levels import LEVELS
from builders.engines.base import Part, Task, check_same
from builders.learning.devices import choose_device
from builders.parts.part import content_of, part_of
from builders.parts.pieces import Piece
from builders.structures.cleaning import USABLE, at_most, sort_out
from builders.structures.counts import count_structures
from embeddings.elements import SYMBOLS
from embeddings.vectors.footer import Level


@dataclass(frozen=True)
class Encoding:
    """What a worker needs to know once. It computes on one thread, so that the bytes are the same everywhere.

    Attributes:
        encoder: as it gets to the worker.
        level: what a row stands for.
        max_sites: crystals of more atoms are left out.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        expected: what the driver has, see `fingerprints`.
    """

    encoder: Shipped
    level: Level
    max_sites: int
    device: str
    expected: dict[str, str]

    def start(self) -> Callable[[Task], Part]:
        """Load the encoder and return what makes parts.

        Raises:
            EngineError: this worker has another encoder, other code or another torch than the driver, or no room for a
                temporary file.
            EmbeddingsError: the encoder cannot be loaded, see `builders.embed.encoders`.
        """
        torch.set_num_threads(1)
        encoder = self.encoder.load()
        check_same(self.expected, fingerprints(encoder), platform.node())
        encoder.max_sites = self.max_sites
        encoder.to(choose_device(self.device))
        return lambda task: make_part(encoder, self.level, task)


def encoding_of(asked: EncoderLike, level: Level, *, max_sites: int, device: str) -> Encoding:
    """Return what workers need to make vectors with an encoder; see `Encoding`."""
    return Encoding(shipped(asked), level, max_sites, device, fingerprints(open_encoder(asked)))


def fingerprints(encoder: Encoder) -> dict[str, str]:
    """Return what the bytes of vectors depend on: the encoder by content, our code, and torch."""
    return {"encoder": encoder.manifest.manifest_sha256, "code": code_of_vectors(encoder), "torch": torch.__version__}


def make_part(encoder: Encoder, level: Level, task: Task) -> Part:
    """Encode what can be encoded of a piece, and count the rest."""
    piece: Piece = task.content
    filters = USABLE | {"duplicate_id": lambda _: piece.is_new, "too_many_sites": at_most(encoder.max_sites)}
    usable, dropped = sort_out(piece.table, filters)
    counts = count_structures(usable)
    unknown = np.setdiff1d(np.flatnonzero(counts), encoder.atomic_numbers)
    covered, uncovered = sort_out(usable, {"element_not_covered": encoder.covers})
    writer = LEVELS[level]
    made = encoded(encoder, covered, sites=writer.of_sites)
    left_out = dropped | uncovered | made.left_out
    content = content_of(writer.rows(made)) if len(made.table) else b""
    uncovered_in = {SYMBOLS[z - 1]: int(counts[z]) for z in unknown}
    return part_of(task, content, n_kept=len(made.table), left_out=left_out, counts=uncovered_in)
