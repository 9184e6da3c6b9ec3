"""Bring a snapshot up to date: only what has changed is fetched, the rest comes from the old parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builders.progress import Reporter
from builders.runs.locks import only_one
from builders.snapshots.ledger import Ledger
from builders.snapshots.plans import PLAN, open_pull, query_of
from builders.snapshots.snapshot import Snapshot, read_snapshot, take_snapshot
from builders.sources import DatabaseMoved, Stream
from builders.structures.cleaning import Selection
from embeddings.errors import SourceError
from embeddings.store.folders import replace_folder
from embeddings.store.outputs import check_replaceable

Key = tuple[str, str]
"""material_id and last_updated of a row."""


class StoredRows:
    """The rows of an earlier pull, finished or not, by `Key`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: tuple[Path, pa.Table] | None = None

    def take(self, keys: Sequence[Key]) -> dict[Key, pa.Table]:
        """Return the rows that are there, each as a table of length one."""
        places = {key: self._places[key] for key in keys if key in self._places}
        return {key: self._part(path).slice(row, 1) for key, (path, row) in places.items()}

    @cached_property
    def _places(self) -> dict[Key, tuple[Path, int]]:
        """Return part and row of every key."""
        ledger = Ledger(self._folder)
        damaged = set(ledger.damaged())
        places: dict[Key, tuple[Path, int]] = {}
        for index, entry in enumerate(ledger.entries):
            if entry.file and index not in damaged:
                path = self._folder / entry.file
                columns = pq.read_table(path, columns=["material_id", "last_updated"]).to_pydict()
                keys = zip(columns["material_id"], columns["last_updated"], strict=True)
                places |= {key: (path, row) for row, key in enumerate(keys)}
        return places

    def _part(self, path: Path) -> pa.Table:
        """Read a part and keep it open: keys come in the order of the parts."""
        if self._open is None or self._open[0] != path:
            self._open = path, pq.read_table(path)
        return self._open[1]


def refresh_snapshot(folder: Path, source: str, stream: Stream, selection: Selection, reporter: Reporter) -> Snapshot:
    """Replace a snapshot by one of the current database; the old one stays until the new one is complete.

    Raises:
        InputInvalid: the source cannot tell what has changed.
        OutputInvalid: the process works in the folder.
        SourceError: as for `take_snapshot`; or there is nothing to refresh.
    """
    check_replaceable(folder)
    fresh = folder.with_name(f".{folder.name}.refresh")
    with only_one(folder, SourceError, "pulling into this folder", reporter):
        query = query_of(stream, selection)
        if open_pull(folder, query, source, selection) is None:
            raise SourceError(f"No snapshot at {folder} to refresh. Leave --refresh out to pull one.")
        stream = stream.refreshed(StoredRows(folder))
        begun = open_pull(fresh, query, source, selection)
        if begun is not None and stream.moved(begun.plan):
            reporter.say("The database has changed since this refresh began. Starting over.")
            _discard(fresh)
        try:
            take_snapshot(fresh, source, stream, selection, reporter)
        except DatabaseMoved:
            reporter.say("The database has changed since this refresh began. Starting over.")
            _discard(fresh)
            take_snapshot(fresh, source, stream, selection, reporter)
        replace_folder(fresh, folder)
        _discard(fresh)
        return read_snapshot(folder)


def _discard(pull: Path) -> None:
    """Remove a pull, its plan last: if killed halfway, it is a pull that has just begun."""
    with suppress(OSError):
        for path in (*(path for path in pull.iterdir() if path.name != PLAN), pull / PLAN):
            path.unlink()
        pull.rmdir()
