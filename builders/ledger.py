"""What a pull has finished: one line of JSON for each batch, made durable before the next batch is fetched."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builders.sources import Cursor
from embeddings.errors import OutputInvalid
from embeddings.folders import atomic_file, write_text

LEDGER = "ledger.jsonl"


@dataclass(frozen=True)
class Entry:
    """A finished batch.

    Attributes:
        start: where the batch began.
        next: where the following one begins; None after the last.
        file: its part, or None if no structure was kept.
        sha256: of that file.
        n_received: usable structures that the source gave.
        n_kept: those that the selection kept.
        left_out: reason -> number of those that it left out.
        rejected: item, reason and detail of everything that could not be used.
        counts: anything else that the source counts.
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


class Ledger:
    """The entries of a pull, on disk and in memory; a last line that was torn by a crash is forgotten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries = _read(folder / LEDGER)
        self._rewrite()

    @property
    def n_kept(self) -> int:
        """Structures in all parts."""
        return sum(entry.n_kept for entry in self.entries)

    def append(self, entry: Entry) -> None:
        """Add a finished batch."""
        self.entries.append(entry)
        try:
            with (self.folder / LEDGER).open("a", encoding="utf-8") as file:
                file.write(_line(entry))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputInvalid(f"{self.folder / LEDGER} cannot be written: {error}.") from error

    def replace(self, index: int, entry: Entry) -> None:
        """Put a batch that was fetched again in the place of the old one."""
        self.entries[index] = entry
        self._rewrite()

    def damaged(self) -> list[int]:
        """Return the indices of the batches whose part is missing or altered."""
        return [index for index, entry in enumerate(self.entries) if not is_intact(self.folder, entry)]

    def _rewrite(self) -> None:
        write_text(self.folder / LEDGER, "".join(map(_line, self.entries)))


def is_intact(folder: Path, entry: Entry) -> bool:
    """True if the entry's part is there with its hash, or the entry has none."""
    if entry.file is None:
        return True
    path = folder / entry.file
    return path.is_file() and sha256_of(path) == entry.sha256


def write_part(path: Path, table: pa.Table) -> str:
    """Write one part so that it appears whole or not at all; return its SHA-256.

    Raises:
        OutputInvalid: it cannot be written.
    """
    with atomic_file(path, advice="The same command goes on from here.") as temporary:
        pq.write_table(table.combine_chunks(), temporary, compression="zstd")
        return sha256_of(temporary)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> list[Entry]:
    entries: list[Entry] = []
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines(keepends=True):
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            break
    return entries


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), separators=(",", ":")) + "\n"
