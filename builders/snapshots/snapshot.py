"""Snapshots: what a source gave, frozen on disk with hashes; later stages read nothing else.

A pull first freezes the plan (what there is), then writes one part for each batch and a line of the ledger after
it, and the snapshot's own file last. Killed at any moment, it resumes after the last line of the ledger. Every file is
sealed; alterations are noticed, and the same command repairs them.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.progress import Reporter
from builders.runs.clock import now
from builders.runs.locks import only_one
from builders.runs.seals import sealed, unsealed
from builders.snapshots.ledger import Entry, Ledger, part_name, write_part
from builders.snapshots.plans import PLAN, PlanAltered, Pull, begin_pull, open_pull, query_of, stop_if_moved
from builders.snapshots.seen import Seen
from builders.snapshots.sifting import sift
from builders.sources import Batch, Cursor, Rejected, Stream
from builders.sources.origins import Origin, origin_from_dict
from builders.structures.cleaning import Selection
from builders.structures.rejections import rejected_csv, with_mend
from builders.structures.table import StructureTable, structures_from_arrow
from embeddings.display.numbers import none_of
from embeddings.display.text import one_line
from embeddings.errors import OutputInvalid, SourceError
from embeddings.store.folders import write_text

SNAPSHOT = "snapshot.json"
REJECTED = "rejected.csv"

_PART = re.compile(r"part-\d{5,}\.parquet")


@dataclass(frozen=True)
class Snapshot:
    """A frozen pull.

    Attributes:
        folder: that holds its parts.
        source: name of the source.
        origin: whose data it is.
        query: what was asked for, including the selection.
        n_received: structures that the source gave.
        rejected: reason -> number of structures that are not in the snapshot.
        parts: file name -> SHA-256, in order.
        started: UTC time of the plan.
        pulled: UTC time at which the last part was finished.
        facts: route, endpoint, versions and counts of the source.
        counts: anything else that was counted.
        unusable: reason -> number of structures in the snapshot that are left out when vectors are made.
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
    unusable: dict[str, int] = field(default_factory=dict)

    @property
    def n_kept(self) -> int:
        """Structures in all parts."""
        return sum(pq.read_metadata(self.folder / name).num_rows for name in self.parts)

    @property
    def sha256(self) -> str:
        """Identity of the content: the hash of the hashes of the parts."""
        return hashlib.sha256("".join(self.parts.values()).encode()).hexdigest()


def take_snapshot(folder: Path, source: str, stream: Stream, selection: Selection, reporter: Reporter) -> Snapshot:
    """Write a stream to disk, resume a pull that was interrupted, or reuse one that is complete.

    Raises:
        SourceError: nothing is left after the selection; the folder holds another pull, or other files; another
            process is pulling into it; or the source fails.
        DatabaseMoved: the source has changed since the pull began.
        ColumnNotFound: the stream is not a structure table.
    """
    query = query_of(stream, selection)
    with only_one(folder, SourceError, "pulling into this folder", reporter):
        try:
            pull = open_pull(folder, query, source, selection)
        except PlanAltered:
            pull = None
        is_begun = pull is not None
        if pull is None:
            pull = begin_pull(folder, query, source, selection, stream)
        ledger = Ledger(folder)
        whole = _sealed_snapshot(pull, ledger)
        if whole is not None:
            return whole
        if is_begun:
            reporter.say(f"Resuming the pull in {folder}.")
            stop_if_moved(pull, stream)
        _repair(pull, stream, ledger)
        _continue(pull, stream, ledger, reporter)
        stop_if_moved(pull, stream)
        return _seal(pull, ledger)


def _sealed_snapshot(pull: Pull, ledger: Ledger) -> Snapshot | None:
    """Return the snapshot if nothing needs to be fetched; seal it again if only its own file was altered."""
    if not (pull.folder / SNAPSHOT).exists() or ledger.damaged():
        return None
    try:
        return read_snapshot(pull.folder)
    except SourceError:
        return _seal(pull, ledger) if _is_done(pull, ledger) else None


def read_snapshot(folder: Path) -> Snapshot:
    """Read a snapshot and check its seal and the hashes of its parts.

    Raises:
        SourceError: it is missing, unfinished or altered, or a part does not have its hash.
    """
    if (folder / PLAN).exists() and not (folder / SNAPSHOT).exists():
        raise SourceError(f"The pull in {folder} is not finished. Give its command again to resume it.")
    try:
        document = unsealed((folder / SNAPSHOT).read_text(encoding="utf-8"), indent=2)
        origin = origin_from_dict(document.pop("origin"))
        snapshot = Snapshot(folder=folder, origin=origin, **document)
        if not isinstance(snapshot.parts, dict) or not all(map(_PART.fullmatch, snapshot.parts)):
            raise ValueError("parts of other names")
    except FileNotFoundError as error:
        way = f"embeddings pull {folder} --out SNAPSHOT makes one of files of structures."
        raise SourceError(
            f"{folder} is not a complete snapshot: it has no {SNAPSHOT}. "
            + (way if folder.is_dir() else "There is no such folder; embeddings pull makes one.")
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{folder} is not a complete snapshot: {SNAPSHOT} is altered ({error}). Give the command of the pull again "
            "to repair it, or remove the folder and pull again."
        ) from error
    for name in snapshot.parts:
        read_part(snapshot, name)
    return snapshot


def read_part(snapshot: Snapshot, name: str) -> pa.BufferReader:
    """Return the content of a part, open for reading: the bytes whose hash was checked, whatever happens to the file.

    Raises:
        SourceError: it is missing, or does not have its hash.
    """
    path = snapshot.folder / name
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != snapshot.parts[name]:
        raise SourceError(f"{path} is missing or altered. Give the command of the pull again to repair it.")
    return pa.BufferReader(content)


def read_structures(snapshot: Snapshot) -> StructureTable:
    """Read all structures of a snapshot."""
    tables = [pq.read_table(read_part(snapshot, name)) for name in snapshot.parts]
    return structures_from_arrow(pa.concat_tables(tables, promote_options="default"), origin=snapshot.origin.name)


def read_by_part(snapshot: Snapshot) -> Iterator[StructureTable]:
    """Yield the structures of each part of a snapshot: the rows of `read_structures`, never all in memory."""
    schemas = [pq.read_schema(read_part(snapshot, name)) for name in snapshot.parts]
    nothing = pa.unify_schemas(schemas, promote_options="default").empty_table()
    for name in snapshot.parts:
        part = pa.concat_tables([nothing, pq.read_table(read_part(snapshot, name))], promote_options="default")
        yield structures_from_arrow(part, origin=f"{snapshot.origin.name}, {name}")


def _repair(pull: Pull, stream: Stream, ledger: Ledger) -> None:
    """Fetch again what is missing or altered on the disk."""
    for index in ledger.damaged():
        earlier = ledger.entries[:index]
        batch = next(stream.batches(pull.plan, ledger.entries[index].start))
        ledger.replace(index, _store(pull, batch, earlier, ledger.entries[index].start, _seen(pull, earlier)))


def _continue(pull: Pull, stream: Stream, ledger: Ledger, reporter: Reporter) -> None:
    """Fetch and store everything after the last entry of the ledger."""
    if _is_done(pull, ledger):
        return
    start, seen = ledger.entries[-1].next if ledger.entries else None, _seen(pull, ledger.entries)
    n_done = sum(entry.n_received + len(entry.rejected) for entry in ledger.entries)
    n_expected = min(pull.plan.n_expected or 0, pull.selection.limit or sys.maxsize)
    with reporter.stage(f"Pull from {pull.plan.origin.name}", n_expected, done=n_done) as stage:
        for batch in stream.batches(pull.plan, start):
            ledger.append(_store(pull, batch, ledger.entries, start, seen))
            stage.advance(len(batch.table) + len(batch.rejected))
            stage.status(batch.status)
            start = batch.next
            if _is_done(pull, ledger):
                return


def _is_done(pull: Pull, ledger: Ledger) -> bool:
    limit = pull.selection.limit
    at_end = bool(ledger.entries) and ledger.entries[-1].next is None
    return at_end or (limit is not None and ledger.n_kept >= limit)


def _seen(pull: Pull, entries: list[Entry]) -> Seen:
    """Return the identifiers in the parts of some entries."""
    seen = Seen()
    for path in (pull.folder / entry.file for entry in entries if entry.file):
        seen.add(map(str, pq.read_table(path, columns=["material_id"])["material_id"].to_pylist()))
    return seen


def _store(pull: Pull, batch: Batch, earlier: list[Entry], start: Cursor, seen: Seen) -> Entry:
    """Select from a batch, write its part, and return what goes into the ledger."""
    n_kept = sum(entry.n_kept for entry in earlier)
    sifted = sift(batch, pull.selection, origin=pull.plan.origin.name, n_kept=n_kept, seen=seen)
    name = part_name(len(earlier)) if len(sifted.rows) else None
    return Entry(
        start=start,
        next=batch.next,
        file=name,
        sha256=write_part(pull.folder / name, batch.table.take(pa.array(sifted.rows))) if name else None,
        n_received=len(batch.table),
        n_kept=len(sifted.rows),
        left_out=sifted.left_out,
        rejected=_listed(batch.rejected),
        counts=batch.counts,
        unusable=_listed(sifted.unusable),
        plan=pull.identity,
        done=now(),
    )


def _listed(faults: Iterable[Rejected]) -> list[list[str]]:
    return [[fault.item, fault.place, fault.reason, fault.detail] for fault in faults]


def _seal(pull: Pull, ledger: Ledger) -> Snapshot:
    """Write the file that makes the parts a snapshot."""
    entries = ledger.entries
    faults = [fault for entry in entries for fault in entry.rejected]
    unusable = [fault for entry in entries for fault in entry.unusable]
    rejected, counts = Counter(reason for _, _, reason, _ in faults), Counter[str]()
    for entry in entries:
        rejected.update(entry.left_out)
        counts.update(entry.counts)
    snapshot = Snapshot(
        folder=pull.folder,
        source=pull.source,
        origin=pull.plan.origin,
        query=pull.query,
        n_received=sum(entry.n_received for entry in entries) + len(faults),
        rejected=dict(rejected),
        parts={entry.file: str(entry.sha256) for entry in entries if entry.file},
        started=pull.started,
        pulled=entries[-1].done if entries else now(),
        facts=pull.plan.facts,
        counts=dict(counts),
        unusable=dict(Counter(reason for _, _, reason, _ in unusable)),
    )
    _write_rejected(pull.folder / REJECTED, [*faults, *unusable])
    if not snapshot.parts:
        raise SourceError(_nothing_left(snapshot, faults))
    document = {name: value for name, value in vars(snapshot).items() if name != "folder"}
    write_text(pull.folder / SNAPSHOT, sealed(document | {"origin": snapshot.origin.to_dict()}, indent=2))
    return snapshot


def _nothing_left(snapshot: Snapshot, faults: list[list[str]]) -> str:
    reasons = ", ".join(f"{n} {with_mend(reason)}" for reason, n in snapshot.rejected.items()) or "the source is empty"
    listed = f" See {snapshot.folder / REJECTED}." if (snapshot.folder / REJECTED).exists() else ""
    kept = none_of(snapshot.n_received, "structure", f"from {snapshot.origin.name}", "is")
    example = next(
        (f" {one_line(item)}: {one_line(detail).rstrip('.')}." for item, _, _, detail in faults if detail), ""
    )
    return f"{kept} kept: {reasons}.{example}{listed}"


def _write_rejected(path: Path, faults: list[list[str]]) -> None:
    """List what was set aside; without any, remove an earlier list."""
    if faults:
        write_text(path, rejected_csv(faults))
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputInvalid(f"{path} cannot be removed: {error.strerror}.") from error
