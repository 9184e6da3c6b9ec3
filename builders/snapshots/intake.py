"""The structures that a command works on: an earlier snapshot, or one that is taken from a source now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.snapshots.plans import query_of
from builders.snapshots.snapshot import Snapshot, read_snapshot, take_snapshot
from builders.sources import SourceOptions, open_stream
from builders.structures.cleaning import Selection
from embeddings.errors import InputInvalid


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Where the structures of a command come from: a part of what its user asks for.

    Attributes:
        work: folder for snapshots, and for what is not finished.
        source: name of the source; None to use a snapshot.
        options: what the source is told.
        selection: which of its structures are used.
        snapshot: folder of a snapshot that was taken earlier, in place of a source.
    """

    work: Path
    source: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    selection: Selection = field(default_factory=Selection)
    snapshot: Path | None = None

    def obtain(self, reporter: Reporter) -> Snapshot:
        """Read the given snapshot, or take one from the source; all commands with the same query share it.

        Args:
            reporter: tells a person about the pull.

        Raises:
            InputInvalid: neither a source nor a snapshot is named, or the source does not use an option that was given.
            SourceError: the snapshot is incomplete, or the source fails; the message says why.
        """
        if self.snapshot is not None:
            return read_snapshot(self.snapshot)
        if self.source is None:
            raise InputInvalid("No structures were given. Name a source, or the folder of a snapshot.")
        stream = open_stream(self.source, self.options, self.selection)
        folder = self.work / "snapshots" / f"{self.source}-{identity_of(query_of(stream, self.selection))[:12]}"
        return take_snapshot(folder, self.source, stream, self.selection, reporter)
