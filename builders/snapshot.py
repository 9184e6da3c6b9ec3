"""Snapshots: what a source gave, frozen on disk with hashes; every later stage reads only this."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.cleaning import Selection, select
from builders.origins import Origin, origin_from_dict
from builders.progress import Reporter
from builders.records import StructureTable, structures_from_arrow
from builders.sources import Stream
from embeddings.errors import SourceError

LEDGER = "snapshot.json"


@dataclass(frozen=True)
class Snapshot:
    """A frozen pull.

    Attributes:
        folder: where its parts lie.
        source: name of the source.
        origin: whose data it is.
        query: what was asked, the selection included.
        n_received: structures that the source gave.
        rejected: reason -> number of structures that the selection left out.
        parts: file name -> SHA-256, in order.
        pulled: UTC time.
    """

    folder: Path
    source: str
    origin: Origin
    query: dict[str, Any]
    n_received: int
    rejected: dict[str, int]
    parts: dict[str, str]
    pulled: str

    @property
    def sha256(self) -> str:
        """Identity of the content: the hash of the hashes of the parts."""
        return hashlib.sha256("".join(self.parts.values()).encode()).hexdigest()


def query_of(stream: Stream, selection: Selection) -> dict[str, Any]:
    """Return the whole query: what the source was asked for, and the selection."""
    chosen = {name: value for name, value in asdict(selection).items() if value is not None}
    return {**stream.query, **{name: list(v) if isinstance(v, tuple) else v for name, v in chosen.items()}}


def take_snapshot(folder: Path, source: str, stream: Stream, selection: Selection, reporter: Reporter) -> Snapshot:
    """Write the stream's parts to disk, or reuse the folder if it holds this very query whole.

    Raises:
        SourceError: nothing is left after the selection.
        ColumnNotFound: the stream is not a structure table.
    """
    query = query_of(stream, selection)
    if (folder / LEDGER).exists():
        earlier = read_snapshot(folder)
        if earlier.query == query:
            return earlier
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts: dict[str, str] = {}
    rejected: Counter[str] = Counter()
    n_received = 0
    for part, n, left_out in _selected(stream, selection):
        name = f"part-{len(parts):05d}.parquet"
        n_received += n
        rejected.update(left_out)
        if len(part):
            parts[name] = _write_part(folder / name, part)
            reporter.say(f"Pulled {n_received} structures from {stream.origin.name}.")
    if not parts:
        reasons = ", ".join(f"{n} {reason}" for reason, n in rejected.items()) or "the source is empty"
        raise SourceError(f"No structure is left of {n_received} from {stream.origin.name}: {reasons}.")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    snapshot = Snapshot(folder, source, stream.origin, query, n_received, dict(rejected), parts, now)
    _write_ledger(snapshot)
    return snapshot


def read_snapshot(folder: Path) -> Snapshot:
    """Read the ledger of a snapshot and check the hashes of its parts.

    Raises:
        SourceError: the ledger is missing or damaged, or a part does not have its hash.
    """
    try:
        ledger = json.loads((folder / LEDGER).read_text())
        origin = origin_from_dict(ledger.pop("origin"))
        snapshot = Snapshot(folder=folder, origin=origin, **ledger)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{folder} is not a whole snapshot ({error}). Remove it and pull again.") from error
    for name, sha256 in snapshot.parts.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise SourceError(f"{path} is missing or altered. Remove {folder} and pull again.")
    return snapshot


def read_structures(snapshot: Snapshot) -> StructureTable:
    """Read all structures of a snapshot."""
    table = pa.concat_tables(pq.read_table(snapshot.folder / name) for name in snapshot.parts)
    return structures_from_arrow(table, origin=snapshot.origin.name)


def _selected(stream: Stream, selection: Selection) -> Iterator[tuple[pa.Table, int, dict[str, int]]]:
    """Yield each part cut down to the selection, how many rows it had, and how many were left out for which reason."""
    left = selection.limit
    for part in stream.parts:
        kept, left_out = select(structures_from_arrow(part, origin=stream.origin.name), selection)
        rows = kept if left is None else kept[:left]
        yield part.take(pa.array(rows)), len(part), left_out
        if left is not None:
            left -= len(rows)
            if left <= 0:
                return


def _write_part(path: Path, table: pa.Table) -> str:
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd")
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    temporary.replace(path)
    return sha256


def _write_ledger(snapshot: Snapshot) -> None:
    ledger = {name: value for name, value in vars(snapshot).items() if name != "folder"}
    ledger["origin"] = snapshot.origin.to_dict()
    temporary = snapshot.folder / (LEDGER + ".tmp")
    temporary.write_text(json.dumps(ledger, indent=2) + "\n")
    temporary.replace(snapshot.folder / LEDGER)
