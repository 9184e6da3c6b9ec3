"""Snapshots: what a source gave, frozen on disk with hashes; every later stage reads only this.

A pull first freezes the plan (what there is), then writes one part for each batch and a line of the ledger after
it, and the snapshot's own file last. Killed at any moment, it goes on after the last line of the ledger.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.cleaning import Selection, select
from builders.clock import now
from builders.ledger import Entry, Ledger, sha256_of, write_part
from builders.locks import only_one
from builders.origins import Origin, origin_from_dict
from builders.progress import Reporter
from builders.records import StructureTable, structures_from_arrow
from builders.sources import Batch, Cursor, DatabaseMoved, Plan, Stream
from embeddings.errors import SourceError
from embeddings.folders import write_text

SNAPSHOT = "snapshot.json"
PLAN = "plan.json"
REJECTED = "rejected.csv"


@dataclass(frozen=True)
class Snapshot:
    """A frozen pull.

    Attributes:
        folder: where its parts lie.
        source: name of the source.
        origin: whose data it is.
        query: what was asked, the selection included.
        n_received: structures that the source gave.
        rejected: reason -> number of structures that are not in the snapshot.
        parts: file name -> SHA-256, in order.
        started: UTC time at which the source was looked at.
        pulled: UTC time at which the last part was there.
        facts: route, endpoint, versions and counts of the source.
        counts: anything that was counted on the way.
    """

    folder: Path
    source: str
    origin: Origin
    query: dict[str, Any]
    n_received: int
    rejected: dict[str, int]
    parts: dict[str, str]
    started: str
    pulled: str
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Identity of the content: the hash of the hashes of the parts."""
        return hashlib.sha256("".join(self.parts.values()).encode()).hexdigest()


@dataclass(frozen=True)
class Pull:
    """A pull under way.

    Attributes:
        folder: where its parts go.
        source: name of the source.
        query: what is asked.
        selection: which structures are kept.
        plan: what the source was found to have.
        started: UTC time of the plan.
    """

    folder: Path
    source: str
    query: dict[str, Any]
    selection: Selection
    plan: Plan
    started: str


def query_of(stream: Stream, selection: Selection) -> dict[str, Any]:
    """Return the whole query: what the source was asked for, and the selection."""
    return {**stream.query, **selection.to_dict()}


def take_snapshot(folder: Path, source: str, stream: Stream, selection: Selection, reporter: Reporter) -> Snapshot:
    """Write a stream to disk, take up a pull that was interrupted, or reuse one that is whole.

    Raises:
        SourceError: nothing is left after the selection; the folder holds another pull, or other files; another
            process is pulling into it; or the source fails.
        DatabaseMoved: the source is not the one that the pull began with.
        ColumnNotFound: the stream is not a structure table.
    """
    with only_one(folder, SourceError, "pulling into this folder"):
        query = query_of(stream, selection)
        pull = open_pull(folder, query, source, selection)
        if pull is None:
            pull = _begin(folder, query, source, selection, stream.plan())
        elif (folder / SNAPSHOT).exists() and not Ledger(folder).damaged():
            return read_snapshot(folder)
        else:
            reporter.say(f"Taking up the pull in {folder}.")
            _stop_if_moved(pull, stream)
        ledger = Ledger(folder)
        _repair(pull, stream, ledger)
        _continue(pull, stream, ledger, reporter)
        _stop_if_moved(pull, stream)
        return _seal(pull, ledger)


def read_snapshot(folder: Path) -> Snapshot:
    """Read a snapshot and check the hashes of its parts.

    Raises:
        SourceError: it is missing, unfinished or damaged, or a part does not have its hash.
    """
    if (folder / PLAN).exists() and not (folder / SNAPSHOT).exists():
        raise SourceError(f"The pull in {folder} is not finished. Give its command again to take it up.")
    try:
        document = json.loads((folder / SNAPSHOT).read_text(encoding="utf-8"))
        origin = origin_from_dict(document.pop("origin"))
        snapshot = Snapshot(folder=folder, origin=origin, **document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{folder} is not a whole snapshot ({error}). Remove it and pull again.") from error
    for name, sha256 in snapshot.parts.items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != sha256:
            raise SourceError(f"{path} is missing or altered. Give the command of the pull again to repair it.")
    return snapshot


def read_structures(snapshot: Snapshot) -> StructureTable:
    """Read all structures of a snapshot."""
    tables = [pq.read_table(snapshot.folder / name) for name in snapshot.parts]
    return structures_from_arrow(pa.concat_tables(tables, promote_options="default"), origin=snapshot.origin.name)


def open_pull(folder: Path, query: dict[str, Any], source: str, selection: Selection) -> Pull | None:
    """Read the plan of a pull that was begun here; None if the folder is empty or not there.

    Raises:
        SourceError: it is not a pull, or one with another query.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return None
    try:
        document = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        plan = Plan(**(document["plan"] | {"origin": origin_from_dict(document["plan"]["origin"])}))
        earlier, started = document["query"], document["started"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{folder} holds something other than a pull ({error}). Choose another folder.") from error
    if earlier != query:
        raise SourceError(
            f"{folder} holds another pull: {_difference(earlier, query)}. Choose another folder, or remove this one."
        )
    return Pull(folder, source, query, selection, plan, started)


def _begin(folder: Path, query: dict[str, Any], source: str, selection: Selection, plan: Plan) -> Pull:
    folder.mkdir(parents=True, exist_ok=True)
    started = now()
    document = {"query": query, "started": started, "plan": asdict(plan)}
    write_text(folder / PLAN, json.dumps(document) + "\n")
    return Pull(folder, source, query, selection, plan, started)


def _stop_if_moved(pull: Pull, stream: Stream) -> None:
    change = stream.moved(pull.plan)
    if change:
        raise DatabaseMoved(
            f"The source has changed since the pull in {pull.folder} began: {change}. Bring the pull up to date with "
            "embeddings pull --refresh, or begin another one in another folder."
        )


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    names = [name for name in one | other if one.get(name) != other.get(name)]
    return ", ".join(f"{name} {one.get(name)!r} there, {other.get(name)!r} asked" for name in names)


def _repair(pull: Pull, stream: Stream, ledger: Ledger) -> None:
    """Fetch again what is missing or altered on the disk."""
    for index in ledger.damaged():
        batch = next(stream.batches(pull.plan, ledger.entries[index].start))
        earlier = sum(entry.n_kept for entry in ledger.entries[:index])
        ledger.replace(index, _store(pull, batch, index, ledger.entries[index].start, earlier))


def _continue(pull: Pull, stream: Stream, ledger: Ledger, reporter: Reporter) -> None:
    """Fetch and store what comes after the last entry of the ledger."""
    start = ledger.entries[-1].next if ledger.entries else None
    n_done = sum(entry.n_received + len(entry.rejected) for entry in ledger.entries)
    if _is_done(pull, ledger):
        return
    n_expected = min(pull.plan.n_expected or 0, pull.selection.limit or sys.maxsize)
    with reporter.stage(f"Pull from {pull.plan.origin.name}", n_expected, done=n_done) as stage:
        for batch in stream.batches(pull.plan, start):
            ledger.append(_store(pull, batch, len(ledger.entries), start, ledger.n_kept))
            stage.advance(len(batch.table) + len(batch.rejected))
            stage.status(batch.status)
            start = batch.next
            if _is_done(pull, ledger):
                return


def _is_done(pull: Pull, ledger: Ledger) -> bool:
    limit = pull.selection.limit
    at_end = bool(ledger.entries) and ledger.entries[-1].next is None
    return at_end or (limit is not None and ledger.n_kept >= limit)


def _store(pull: Pull, batch: Batch, index: int, start: Cursor, n_kept_before: int) -> Entry:
    """Select from a batch, write its part, and return what goes into the ledger."""
    rows, left_out = np.arange(0), dict[str, int]()
    if len(batch.table):
        structures = structures_from_arrow(batch.table, origin=pull.plan.origin.name)
        rows, left_out = select(structures, pull.selection)
    if pull.selection.limit is not None:
        rows = rows[: pull.selection.limit - n_kept_before]
    name = f"part-{index:05d}.parquet" if len(rows) else None
    return Entry(
        start=start,
        next=batch.next,
        file=name,
        sha256=write_part(pull.folder / name, batch.table.take(pa.array(rows))) if name else None,
        n_received=len(batch.table),
        n_kept=len(rows),
        left_out=left_out,
        rejected=[[fault.item, fault.reason, fault.detail] for fault in batch.rejected],
        counts=batch.counts,
    )


def _seal(pull: Pull, ledger: Ledger) -> Snapshot:
    """Write what makes the parts a snapshot."""
    entries, faults = ledger.entries, [fault for entry in ledger.entries for fault in entry.rejected]
    rejected, counts = Counter(reason for _, reason, _ in faults), Counter[str]()
    for entry in entries:
        rejected.update(entry.left_out)
        counts.update(entry.counts)
    if faults:
        _write_rejected(pull.folder / REJECTED, faults)
    snapshot = Snapshot(
        folder=pull.folder,
        source=pull.source,
        origin=pull.plan.origin,
        query=pull.query,
        n_received=sum(entry.n_received for entry in entries) + len(faults),
        rejected=dict(rejected),
        parts={entry.file: str(entry.sha256) for entry in entries if entry.file},
        started=pull.started,
        pulled=now(),
        facts=pull.plan.facts,
        counts=dict(counts),
    )
    if not snapshot.parts:
        raise SourceError(_nothing_left(snapshot))
    document = {name: value for name, value in vars(snapshot).items() if name != "folder"}
    write_text(pull.folder / SNAPSHOT, json.dumps(document | {"origin": snapshot.origin.to_dict()}, indent=2) + "\n")
    return snapshot


def _nothing_left(snapshot: Snapshot) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in snapshot.rejected.items()) or "the source is empty"
    listed = f" See {snapshot.folder / REJECTED}." if (snapshot.folder / REJECTED).exists() else ""
    return f"No structure is left of {snapshot.n_received} from {snapshot.origin.name}: {reasons}.{listed}"


def _write_rejected(path: Path, faults: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([["item", "reason", "detail"], *faults])
    write_text(path, text.getvalue())
