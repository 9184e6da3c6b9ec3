"""From structures to an output that is made in parts: streaming, resumable, the same bytes every time.

Some structures at a time become a part on disk and a line of a ledger, made here or by the workers of an engine; a
killed run makes the parts that the ledger does not have. At the end the parts are joined in the order of the
structures, into one output that appears whole or not at all.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from builders.engines import Engine, check_engine, run_tasks
from builders.engines.base import Job, Task
from builders.learning.devices import choose_device
from builders.parts.ledger import PartLedger, open_ledger
from builders.parts.left_out import counts_of, name_what_is_left_out, nothing_left
from builders.parts.pieces import Piece, pieces
from builders.progress import Reporter
from builders.runs.locks import only_one
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot
from embeddings.errors import OutputInvalid
from embeddings.store.licences import combined_licence

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class PartsRequest(Intake):
    """What a user asks for whose output is made in parts.

    Attributes:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        force: replace what is there.
        engine: who makes the parts; the bytes of the output do not depend on it.
    """

    device: str = "auto"
    force: bool = False
    engine: Engine = field(default_factory=Engine)

    def check_workers(self) -> None:
        """Find out before any work is done whether there is such an engine, and such a device.

        Raises:
            EmbeddingsError: there is none.
        """
        check_engine(self.engine)
        if self.engine.name == "local":
            choose_device(self.device)

    def obtain_beside(self, licence: str, reporter: Reporter) -> Snapshot:
        """Return the structures, as `obtain` does, whose license has to go together with that of a network.

        Raises:
            EmbeddingsError: as `obtain` says, or `embeddings.store.licences.combined_licence`.
        """
        snapshot = self.obtain(reporter)
        combined_licence([snapshot.origin.licence, licence])
        return snapshot


class Words(NamedTuple):
    """What a person reads of an output that is made in parts.

    Attributes:
        folder: that its parts are in until it is written, within the folder of all work.
        title: while they are made, such as ``"Embedding"``.
        doing: to another who does the same, such as ``"embedding"``.
        done: where nothing is left, such as ``"encoded"``.
        holds: where it is there already, such as ``"vectors.parquet holds these vectors"``.
    """

    folder: str
    title: str
    doing: str
    done: str
    holds: str


@dataclass(frozen=True)
class InParts(ABC, Generic[Made]):
    """An output that is made in parts.

    Attributes:
        request: what a user asks for.
        snapshot: of the structures.
    """

    request: PartsRequest
    snapshot: Snapshot

    @property
    @abstractmethod
    def words(self) -> Words:
        """What a person reads."""

    def pieces(self) -> Iterator[Piece]:
        """Cut the structures: each piece becomes a part."""
        return pieces(self.snapshot)

    @abstractmethod
    def job(self) -> Job:
        """Return what workers need."""

    @abstractmethod
    def existing(self, reporter: Reporter) -> Made | None:
        """Return what is known of the output that is there, if it is this very one and intact; None to make it."""

    @abstractmethod
    def described(self, ledger: PartLedger, left_out: dict[str, int], reporter: Reporter) -> Made:
        """Return what the output says of itself, where at least one structure is kept."""

    @abstractmethod
    def write(self, made: Made, parts: list[Path], reporter: Reporter) -> None:
        """Join the parts, all or nothing."""


def run(output: InParts[Made], reporter: Reporter) -> Made:
    """Write an output and return what it says of itself; one that is there already is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left.
    """
    words, force = output.words, output.request.force
    folder = output.request.work / words.folder
    with only_one(folder, OutputInvalid, f"{words.doing} these very structures", reporter):
        made = None if force else output.existing(reporter)
        if made is not None:
            reporter.say(f"Already there: {words.holds}. Nothing to do (--force makes them again).")
        else:
            made = _make(output, folder, reporter)
        shutil.rmtree(folder, ignore_errors=True)
    return made


def _make(output: InParts[Made], folder: Path, reporter: Reporter) -> Made:
    """Make the parts that are missing, and join all."""
    ledger = open_ledger(folder, reporter)
    _fill(ledger, output, reporter)
    left_out = counts_of(output.snapshot, ledger)
    if not ledger.n_kept:
        raise nothing_left(output.snapshot, left_out, output.words.done)
    name_what_is_left_out(output.snapshot, ledger, left_out, reporter)
    made = output.described(ledger, left_out, reporter)
    if not output.request.force:
        output.existing(reporter)  # another command may have written there in the meantime
    output.write(made, ledger.files, reporter)
    return made


def _fill(ledger: PartLedger, output: InParts[Made], reporter: Reporter) -> None:
    """Make every part that is missing or damaged."""
    tasks = (Task(number, piece.label, piece) for number, piece in enumerate(output.pieces()) if number not in ledger)
    with reporter.stage(output.words.title, output.snapshot.n_kept, done=ledger.n_received) as stage:
        for part in run_tasks(output.request.engine, output.job(), tasks):
            stage.advance(ledger.commit(part).n_received)
