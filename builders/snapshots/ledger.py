"""What a pull has finished: one line of JSON for each batch, made durable before the next batch is fetched."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.runs.seals import sealed, unsealed
from builders.sources import Cursor
from embeddings.errors import OutputInvalid
from embeddings.store.folders import atomic_file, write_text

LEDGER = "ledger.jsonl"


@dataclass(frozen=True)
class Entry:
    """A finished batch.

    Attributes:
        start: where the batch began.
        next: where the next one begins; None after the last.
        file: its part, or None if no structure was kept.
        sha256: of that file.
        n_received: usable structures from the source.
        n_kept: those that the selection kept.
        left_out: reason -> number of those that it left out.
        rejected: item, place, reason and detail of everything that could not be used.
        counts: anything else that the source counts.
        unusable: item, place, reason and detail of what is in the part, but dropped when vectors are made.
        plan: identity of the plan that the batch belongs to.
        done: UTC time at which it was finished.
    """

    start: Cursor
    next: Cursor
    file: str | None
    sha256: str | None
    n_received: int
    n_kept: int
    left_out: dict[str, int]
    rejected: list[list[str]]
    counts: dict[str, int]
    unusable: list[list[str]] = field(default_factory=list)
    plan: str = ""
    done: str = ""


class Ledger:
    """The entries of a pull, on disk and in memory.

    Every line is sealed and numbered. A last line that a crash tore is ignored. A line that was altered in the middle
    counts as damaged, so that only its batch is made again; nothing after two in a row is trusted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = text_of(folder / LEDGER)
        self.entries = _bridged(read_lines(text))
        self._is_whole = text == self._rendered()

    @property
    def n_kept(self) -> int:
        """Structures in all parts."""
        return sum(entry.n_kept for entry in self.entries)

    def append(self, entry: Entry) -> None:
        """Add a finished batch."""
        self.entries.append(entry)
        if not self._is_whole:
            self._rewrite()
            return
        append_line(self.folder / LEDGER, len(self.entries) - 1, entry)

    def replace(self, index: int, entry: Entry) -> None:
        """Replace a batch by the one that was fetched again."""
        self.entries[index] = entry
        self._rewrite()

    def damaged(self) -> list[int]:
        """Return the indices of the batches whose part is missing or altered."""
        return [index for index, entry in enumerate(self.entries) if not is_intact(self.folder, entry)]

    def _rewrite(self) -> None:
        write_text(self.folder / LEDGER, self._rendered())
        self._is_whole = True

    def _rendered(self) -> str:
        return "".join(line_of(number, entry) for number, entry in enumerate(self.entries))


def is_intact(folder: Path, entry: Entry) -> bool:
    """Return whether the entry's part exists and has its hash, or the entry has no part."""
    if entry.file is None:
        return True
    path = folder / entry.file
    return path.is_file() and sha256_of(path) == entry.sha256


def write_part(path: Path, table: pa.Table) -> str:
    """Write one part so that it appears whole or not at all; return its SHA-256.

    Raises:
        OutputInvalid: it cannot be written.
    """
    with atomic_file(path, advice="The same command resumes from here.") as temporary:
        pq.write_table(table.combine_chunks(), temporary, compression="zstd")
        return sha256_of(temporary)


def part_name(number: int) -> str:
    """Return the file of a batch."""
    return f"part-{number:05d}.parquet"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_of(path: Path) -> str:
    """Return the text of a ledger; empty where there is none.

    Raises:
        OutputInvalid: it cannot be read.
    """
    try:
        return path.read_bytes().decode(errors="replace") if path.exists() else ""
    except OSError as error:
        raise OutputInvalid(f"{path} cannot be read: {error.strerror}.") from error


def read_lines(text: str) -> dict[int, Entry]:
    """Return the entries whose lines are intact, by number."""
    entries: dict[int, Entry] = {}
    for line in text.split("\n"):
        try:
            document = unsealed(line + "\n")
            number = document.pop("number")
            entries[number] = Entry(**document)
        except (ValueError, TypeError, KeyError):
            continue
    return entries


def _bridged(known: dict[int, Entry]) -> list[Entry]:
    """Return the entries in order; one that is lost between two others counts as damaged."""
    entries: list[Entry] = []
    while len(entries) in known or len(entries) + 1 in known:
        number = len(entries)
        entries.append(known[number] if number in known else _lost(number, entries, known[number + 1]))
    return entries


def _lost(number: int, before: list[Entry], after: Entry) -> Entry:
    """Return an entry of which only the place is known, with a hash that no part has."""
    start = before[-1].next if before else None
    return replace(after, start=start, next=after.start, file=part_name(number), sha256="", **_NOTHING)


_NOTHING: dict[str, Any] = {"n_received": 0, "n_kept": 0, "left_out": {}, "rejected": [], "counts": {}, "unusable": []}


def append_line(path: Path, number: int, entry: Entry) -> None:
    """Add the line of a batch to a ledger, durably.

    Raises:
        OutputInvalid: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(line_of(number, entry))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputInvalid(f"{path} cannot be written: {error.strerror or error}.") from error


def line_of(number: int, entry: Entry) -> str:
    """Return the line of a batch, sealed."""
    return sealed({"number": number, **asdict(entry)})
