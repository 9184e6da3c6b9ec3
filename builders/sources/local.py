"""Structures from your own files: a folder of CIF or POSCAR files, extended XYZ, ASE, MatBench, JARVIS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from builders.engines import check_engine, run_in_order
from builders.engines.base import Part, Task
from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.attempts import attempt
from builders.sources.local_file import Item, LocalFile
from builders.sources.local_parsing import Parsed, Parsing, code_of_sources, table_of
from builders.sources.origins import Origin
from builders.structures.cleaning import EVERYTHING, Selection
from embeddings.display.numbers import counted, span_of
from embeddings.errors import InputInvalid, SourceError

ITEMS_PER_BATCH = 500
"""Items that are parsed together, by one worker."""


def local(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read structures from a file or a folder, in the format that its name shows.

    Raises:
        InputInvalid: no path is given, or its format is unknown.
        SourceError: the path does not exist.
        MissingExtra: the engine that is to parse is not installed.
    """
    check_engine(options.engine)
    if options.path is None:
        raise InputInvalid("The source local reads a file or a folder. Name it with --path.")
    if not options.path.exists():
        raise SourceError(f"There is nothing at {options.path}.")
    if not (options.path.is_file() or options.path.is_dir()):
        raise SourceError(f"{options.path} is neither a file nor a folder. Name one of these.")
    return LocalStream(options, open_local(options.path))


def open_local(path: Path) -> LocalFile:
    """Open a path in the format that its name shows.

    Raises:
        InputInvalid: the format is unknown.
        SourceError: it cannot be read.
    """
    from builders.sources import local_ase, local_folder, local_json

    formats: dict[str, Callable[[Path], LocalFile]] = {
        ".xyz": local_ase.open_extxyz,
        ".extxyz": local_ase.open_extxyz,
        ".db": local_ase.open_database,
        ".json.gz": local_json.open_matbench,
        ".json.zip": local_json.open_jarvis,
        ".zip": local_json.open_jarvis,
    }
    if path.is_dir() or local_folder.is_structure_file(path.name):
        return local_folder.open_folder(path)
    for ending, opened in formats.items():
        if path.name.lower().endswith(ending):
            return opened(path)
    known = ", ".join(["a folder of .cif, .vasp or POSCAR files", *formats])
    raise InputInvalid(f"{path.name} has no format that the source local reads: {known}. For Parquet: --source table.")


class LocalStream(Stream):
    """Items of a local file, parsed by the workers of an engine; a cursor is the number of an item."""

    def __init__(self, options: SourceOptions, file: LocalFile) -> None:
        self._options, self._file = options, file
        self._name = options.path.absolute().name if options.path else ""
        self.query = {"file": self._name, "sha256": file.sha256, "disorder": options.disorder}

    def plan(self) -> Plan:
        """Return whose data it is and how many items there are."""
        facts = {"format": self._file.format, **self._file.facts}
        return Plan(self._options.origin or Origin(self._name), n_expected=self._file.n_items, facts=facts)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Parse the items, beginning at ``start``."""
        number, file, engine = start or 0, self._file, self._options.engine
        items: Iterator[Item] = islice(file.items(), number, None)
        if engine.name != "local" and file.carry:
            items = (_carried(file.carry, item) for item in items)
        job = Parsing(file.parse, self._options.disorder, file.columns, code_of_sources())
        for part, is_last in _with_end(run_in_order(engine, job, _tasks(items))):
            parsed: Parsed = part.facts
            number += parsed.n_items
            following = None if is_last else number
            status = f"{len(parsed.rejected)} rejected"
            yield Batch(table_of(part).combine_chunks(), following, parsed.rejected, parsed.counts, status)


def _tasks(items: Iterator[Item]) -> Iterator[Task]:
    groups = iter(lambda: list(islice(items, ITEMS_PER_BATCH)), [])
    for number, some in enumerate(groups):
        yield Task(number, f"{counted(len(some), 'item')}, {span_of(some[0][0], some[-1][0])}", some)


def _carried(carry: Callable[[Any], Any], item: Item) -> Item:
    """Return an item that can be parsed where its file is not."""
    name, content = item
    return name, content if isinstance(content, Rejected) else attempt(name, lambda: carry(content))


def _with_end(parts: Iterable[Part]) -> Iterator[tuple[Part, bool]]:
    """Yield each part, and whether it is the last."""
    waiting = None
    for part in parts:
        if waiting is not None:
            yield waiting, False
        waiting = part
    if waiting is not None:
        yield waiting, True
