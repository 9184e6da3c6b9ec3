"""What a run has finished: one line for each part, in the order in which parts arrive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders.engines.base import Part
from builders.progress import Reporter
from builders.snapshots.ledger import LEDGER, Entry, append_line, is_intact, line_of, part_name, read_lines, text_of
from embeddings.store.folders import atomic_file, write_text

RESUMES = "The same command resumes from here."


class PartLedger:
    """The parts of a run, on disk and in memory; the only thing that says what is done.

    Any part may be missing: it is made again. A line that a crash tore or that was altered counts as missing, and so
    does a part that is not what its line says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = text_of(folder / LEDGER)
        self._entries = {number: entry for number, entry in read_lines(text).items() if is_intact(folder, entry)}
        if text != self._rendered():
            write_text(folder / LEDGER, self._rendered())

    def __contains__(self, number: int) -> bool:
        return number in self._entries

    @property
    def entries(self) -> list[Entry]:
        """What is done, in the order of the structures."""
        return [self._entries[number] for number in sorted(self._entries)]

    @property
    def files(self) -> list[Path]:
        """The files of all parts that have one, in the same order."""
        return [self.folder / entry.file for entry in self.entries if entry.file]

    @property
    def n_received(self) -> int:
        """Structures that were looked at."""
        return sum(entry.n_received for entry in self._entries.values())

    @property
    def n_kept(self) -> int:
        """Structures in all parts."""
        return sum(entry.n_kept for entry in self._entries.values())

    def commit(self, part: Part) -> Entry:
        """Write a part, then its line, and return the line.

        Raises:
            OutputInvalid: one cannot be written; then the part counts as missing.
        """
        entry: Entry = part.facts
        if part.content:
            entry = replace(entry, file=part_name(part.number), sha256=part.sha256)
            with atomic_file(self.folder / part_name(part.number), advice=RESUMES) as temporary:
                temporary.write_bytes(part.content)
        append_line(self.folder / LEDGER, part.number, entry)
        self._entries[part.number] = entry
        return entry

    def _rendered(self) -> str:
        return "".join(line_of(number, self._entries[number]) for number in sorted(self._entries))


def open_ledger(folder: Path, reporter: Reporter) -> PartLedger:
    """Return the ledger of a folder, which is made if it is not there, and say whether a run goes on in it."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = PartLedger(folder)
    if ledger.n_received:
        reporter.say(f"Resuming the run in {folder}.")
    return ledger
