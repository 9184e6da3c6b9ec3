"""From structures to a file of their copies with a potential's answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from builders.learning.devices import one_thread
from builders.others.base import AnsweringPotential
from builders.parts.ledger import PartLedger
from builders.parts.pieces import Piece
from builders.parts.run import InParts, PartsRequest, Words, run
from builders.perturb.moves import MOVES, Bounds
from builders.perturb.parts import Perturbing, Plan, fingerprints
from builders.perturb.writing import Copies, check_target, existing, write_copies
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.structures.cleaning import site_limit
from builders.structures.table import spans
from embeddings._version import __version__
from embeddings.errors import InputInvalid

AT_ONCE, SITES_AT_ONCE = 64, 2000
"""Structures of a part, and their sites: a kill loses what one part takes, half a minute on a core."""


@dataclass(frozen=True)
class PerturbRequest(PartsRequest):
    """What a user asks for.

    Attributes:
        potential: that is asked.
        out: the file to write.
        n_copies: of each structure, beside itself.
        moves: names out of `builders.perturb.moves.MOVES`; the copies of a structure go through them in turn.
        bounds: how far they go.
        seed: draws the copies.
        structures_only: whether the copies only tell the stiffness of their structures, and are not kept.
    """

    potential: type[AnsweringPotential]
    out: Path
    n_copies: int = 4
    moves: tuple[str, ...] = tuple(MOVES)
    bounds: Bounds = field(default_factory=Bounds)
    seed: int = 0
    structures_only: bool = False


@one_thread()
def perturb(request: PerturbRequest, reporter: Reporter) -> Copies:
    """Write the copies and return what is known of them; a file that already holds them is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left at ``request.out``.
    """
    unknown = [name for name in request.moves if name not in MOVES]
    if unknown or not request.moves:
        raise InputInvalid(f'No move "{", ".join(unknown)}". There are: {", ".join(MOVES)}.')
    check_target(request.out)
    request.check_workers()
    told = fingerprints(request.potential)
    request.potential()  # is it here?
    snapshot = request.obtain_beside(request.potential.about.licence.spdx, reporter)
    return run(_Copies(request, snapshot, told), reporter)


@dataclass(frozen=True)
class _Copies(InParts[Copies]):
    """What is copied, how, and who is asked."""

    request: PerturbRequest
    told: dict[str, str]

    @property
    def plan(self) -> Plan:
        asked = self.request
        max_sites = site_limit(self.snapshot.query)
        return Plan(asked.n_copies, asked.moves, asked.bounds, asked.seed, max_sites, asked.structures_only)

    @cached_property
    def identity(self) -> str:
        """The same identity, the same file."""
        plan, snapshot = self.plan, self.snapshot
        moves = (plan.n_copies, plan.moves, plan.bounds.to_dict(), plan.seed, plan.max_sites, plan.structures_only)
        structures = (snapshot.sha256, snapshot.origin.to_dict(), snapshot.rejected)
        told = {name: self.told[name] for name in ("potential", "code")}
        return identity_of(*structures, *moves, told, AT_ONCE, SITES_AT_ONCE, __version__)

    @property
    def words(self) -> Words:
        about, holds = self.request.potential.about, f"{self.request.out} holds these copies"
        return Words(f"perturb/{about.name}-{self.identity[:12]}", f"Asking {about.title}", "copying", "copied", holds)

    def pieces(self) -> Iterator[Piece]:
        """Cut the structures into pieces that are smaller than those of others."""
        for piece in super().pieces():
            for start, stop in spans(piece.table.n_sites, most=AT_ONCE, most_sites=SITES_AT_ONCE):
                rows = np.arange(start, stop)
                yield Piece(piece.start + start, piece.table.take(rows), piece.is_new[rows])

    def job(self) -> Perturbing:
        request = self.request
        return Perturbing(request.potential, self.plan, request.engine.device_of(request.device), self.told)

    def existing(self, reporter: Reporter) -> Copies | None:
        return existing(self.request.out, self.identity, reporter)

    def described(self, ledger: PartLedger, left_out: dict[str, int], reporter: Reporter) -> Copies:
        about, plan = self.request.potential.about, self.plan
        return Copies(
            identity=self.identity,
            n_rows=ledger.n_kept,
            potential=about.title,
            weights_sha256=about.weights.sha256,
            n_copies=plan.n_copies,
            moves=plan.moves,
            bounds=plan.bounds.to_dict(),
            seed=plan.seed,
            structures_only=plan.structures_only,
            left_out=left_out,
        )

    def write(self, made: Copies, parts: list[Path], reporter: Reporter) -> None:
        like = pq.read_schema(self.snapshot.folder / next(iter(self.snapshot.parts)))
        about = self.request.potential.about
        write_copies(self.request.out, parts, made, like=like, origin=self.snapshot.origin, about=about)
