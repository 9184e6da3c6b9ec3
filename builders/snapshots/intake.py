"""The structures that a command works on: an earlier snapshot, or one that is taken from a source now."""

from __future__ import annotations

from pathlib import Path

from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.snapshots.plans import query_of
from builders.snapshots.snapshot import Snapshot, read_snapshot, take_snapshot
from builders.sources import SourceOptions, open_stream
from builders.structures.cleaning import Selection
from embeddings.errors import InputInvalid


def obtain_snapshot(
    source: str | None,
    options: SourceOptions,
    selection: Selection,
    *,
    snapshot: Path | None,
    work: Path,
    reporter: Reporter,
) -> Snapshot:
    """Read the given snapshot, or take one from the source; all commands with the same query share it.

    Args:
        source: name of the source; None to use a snapshot.
        options: what the source is told.
        selection: which of its structures are used.
        snapshot: folder of an earlier snapshot, in place of a source.
        work: folder under which snapshots of sources are kept.
        reporter: tells a person about the pull.

    Raises:
        InputInvalid: neither a source nor a snapshot is named, or the source does not use an option that was given.
        SourceError: the snapshot is incomplete, or the source fails; the message says why.
    """
    if snapshot is not None:
        return read_snapshot(snapshot)
    if source is None:
        raise InputInvalid("No structures were given. Name a source, or the folder of a snapshot.")
    stream = open_stream(source, options, selection)
    folder = work / "snapshots" / f"{source}-{identity_of(query_of(stream, selection))[:12]}"
    return take_snapshot(folder, source, stream, selection, reporter)
