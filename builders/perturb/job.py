"""From structures to a file of their copies with a potential's answers: resumable, the same bytes every time.

Some structures at a time become a part on disk and a line of a ledger, made here or by the workers of an engine; a
killed run makes the parts that the ledger does not have. At the end they become one file, whole or not at all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from builders.embed.ledger import PartLedger, open_ledger
from builders.embed.left_out import counts_of, name_what_is_left_out, nothing_left
from builders.embed.pieces import Piece, pieces
from builders.engines import Engine, check_engine, run_tasks
from builders.engines.base import Task
from builders.learning.devices import choose_device, one_thread
from builders.others.base import AnsweringPotential
from builders.perturb.moves import MOVES, Bounds
from builders.perturb.parts import Perturbing, Plan, fingerprints
from builders.perturb.writing import Copies, check_target, existing, write_copies
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot
from builders.structures.cleaning import site_limit
from builders.structures.table import spans
from embeddings._version import __version__
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.store.licences import combined_licence

AT_ONCE, SITES_AT_ONCE = 64, 2000
"""Structures of a part, and their sites: a kill loses what one part takes, half a minute on a core."""


@dataclass(frozen=True)
class PerturbRequest(Intake):
    """What a user asks for.

    Attributes:
        potential: that is asked.
        out: the file to write.
        n_copies: of each structure, beside itself.
        moves: names out of `builders.perturb.moves.MOVES`; the copies of a structure go through them in turn.
        bounds: how far they go.
        seed: draws the copies.
        structures_only: whether the copies only tell the stiffness of their structures, and are not kept.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        force: replace an existing file.
        engine: who makes the parts; the bytes of the file do not depend on it.
    """

    potential: type[AnsweringPotential]
    out: Path
    n_copies: int = 4
    moves: tuple[str, ...] = tuple(MOVES)
    bounds: Bounds = field(default_factory=Bounds)
    seed: int = 0
    structures_only: bool = False
    device: str = "auto"
    force: bool = False
    engine: Engine = field(default_factory=Engine)


@one_thread()
def perturb(request: PerturbRequest, reporter: Reporter) -> Copies:
    """Write the copies and return what is known of them; a file that already holds them is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left at ``request.out``.
    """
    _check(request)
    told = fingerprints(request.potential)
    request.potential()  # is it here?
    snapshot = request.obtain(reporter)
    combined_licence([snapshot.origin.licence, request.potential.about.licence.spdx])  # is there one for the copies?
    job = _Job(request, snapshot, told)
    folder = request.work / "perturb" / f"{request.potential.about.name}-{job.identity[:12]}"
    with only_one(folder, OutputInvalid, "copying these very structures", reporter):
        copies = None if request.force else existing(request.out, job.identity, reporter)
        if copies is None:
            copies = _run(job, folder, reporter)
        shutil.rmtree(folder, ignore_errors=True)
    return copies


def _check(request: PerturbRequest) -> None:
    unknown = [name for name in request.moves if name not in MOVES]
    if unknown or not request.moves:
        raise InputInvalid(f'No move "{", ".join(unknown)}". There are: {", ".join(MOVES)}.')
    check_target(request.out)
    check_engine(request.engine)
    if request.engine.name == "local":
        choose_device(request.device)  # is there such a one?


@dataclass(frozen=True)
class _Job:
    """What is copied, how, and who is asked."""

    request: PerturbRequest
    snapshot: Snapshot
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


def _run(job: _Job, folder: Path, reporter: Reporter) -> Copies:
    """Ask about what has not been asked about yet, and write the file."""
    ledger = open_ledger(folder, reporter)
    _ask(job, ledger, reporter)
    left_out = counts_of(job.snapshot, ledger)
    if not ledger.n_kept:
        raise nothing_left(job.snapshot, left_out, "copied")
    name_what_is_left_out(job.snapshot, ledger, left_out, reporter)
    copies = Copies(
        identity=job.identity,
        n_rows=ledger.n_kept,
        potential=job.request.potential.about.title,
        weights_sha256=job.request.potential.about.weights.sha256,
        n_copies=job.plan.n_copies,
        moves=job.plan.moves,
        bounds=job.plan.bounds.to_dict(),
        seed=job.plan.seed,
        structures_only=job.plan.structures_only,
        left_out=left_out,
    )
    if not job.request.force:
        existing(job.request.out, job.identity, reporter)  # another command may have written there in the meantime
    parts = [ledger.folder / entry.file for entry in ledger.entries if entry.file]
    like = pq.read_schema(job.snapshot.folder / next(iter(job.snapshot.parts)))
    about = job.request.potential.about
    write_copies(job.request.out, parts, copies, like=like, origin=job.snapshot.origin, about=about)
    return copies


def _ask(job: _Job, ledger: PartLedger, reporter: Reporter) -> None:
    """Make every part that is missing or damaged."""
    request = job.request
    tasks = (
        Task(number, piece.label, piece)
        for number, piece in enumerate(_small_pieces(job.snapshot))
        if number not in ledger
    )
    title = request.potential.about.title
    with reporter.stage(f"Asking {title}", job.snapshot.n_kept, done=ledger.n_received) as stage:
        for part in run_tasks(request.engine, _perturbing(job), tasks):
            stage.advance(ledger.commit(part).n_received)


def _small_pieces(snapshot: Snapshot) -> Iterator[Piece]:
    for piece in pieces(snapshot):
        for start, stop in spans(piece.table.n_sites, most=AT_ONCE, most_sites=SITES_AT_ONCE):
            rows = np.arange(start, stop)
            yield Piece(piece.start + start, piece.table.take(rows), piece.is_new[rows])


def _perturbing(job: _Job) -> Perturbing:
    """Return what workers need."""
    request = job.request
    return Perturbing(request.potential, job.plan, request.engine.device_of(request.device), job.told)
