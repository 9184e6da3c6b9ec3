"""Structures from your own files: a folder of CIF or POSCAR files, extended XYZ, ASE, MatBench, JARVIS."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa

from builders.engines.local import clean_context
from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.attempts import attempt
from builders.sources.local_file import Item, LocalFile, Parser
from builders.sources.origins import Origin
from builders.sources.structures import StructureRecord, count_notes
from builders.sources.tabulated import tabulate
from builders.structures.cleaning import EVERYTHING, Selection
from embeddings.errors import InputInvalid, SourceError

ITEMS_PER_BATCH = 500
ITEMS_PER_TASK = 25
"""Items that a process takes at a time."""


def local(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read structures from a file or a folder, in the format that its name shows.

    Raises:
        InputInvalid: no path is given, or its format is unknown.
        SourceError: the path does not exist.
    """
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
    """Items of a local file, parsed by `n_jobs` processes; a cursor is the number of an item."""

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
        number = start or 0
        items = iter(islice(self._file.items(), number, None))
        groups = iter(partial(_group, items, ITEMS_PER_BATCH), [])
        parse = partial(_parse_items, self._file.parse, self._options.disorder, self._file.columns)
        with _mapping(self._options.n_jobs) as run:
            for group, parsed, is_last in _with_end(run(parse, groups)):
                number += len(group)
                yield _batch(parsed, None if is_last else number)


@dataclass(frozen=True)
class Parsed:
    """The result for some items: the least that a process has to send back.

    Attributes:
        table: in the structure schema.
        rejected: what could not be used.
        counts: note -> number of records.
    """

    table: pa.Table
    rejected: tuple[Rejected, ...]
    counts: dict[str, int]


def _group(items: Iterator[Item], n: int) -> list[Item]:
    return list(islice(items, n))


def _with_end(
    results: Iterable[tuple[list[Item], list[Parsed]]],
) -> Iterator[tuple[list[Item], list[Parsed], bool]]:
    """Yield each result, and whether it is the last."""
    waiting = None
    for result in results:
        if waiting is not None:
            yield *waiting, False
        waiting = result
    if waiting is not None:
        yield *waiting, True


def _batch(parsed: list[Parsed], following: Cursor) -> Batch:
    table = pa.concat_tables([part.table for part in parsed], promote_options="default").combine_chunks()
    rejected = tuple(fault for part in parsed for fault in part.rejected)
    counts = Counter[str]()
    for part in parsed:
        counts.update(part.counts)
    return Batch(table, following, rejected, dict(counts), status=f"{len(rejected)} rejected")


def _parse_items(parse: Parser, disorder: str, columns: tuple[str, ...] | None, items: list[Item]) -> Parsed:
    read = [result for item in items for result in _parsed(parse, disorder, item)]
    table, records, faults = tabulate(read, properties=columns)
    return Parsed(table, faults, count_notes(records))


def _parsed(parse: Parser, disorder: str, item: Item) -> list[StructureRecord | Rejected]:
    name, content = item
    if isinstance(content, Rejected):
        return [content]
    found = attempt(name, lambda: parse(name, content, disorder))
    return found if isinstance(found, list) else [found]


Parse = Callable[[list[Item]], Parsed]
Run = Callable[[Parse, Iterator[list[Item]]], Iterable[tuple[list[Item], list[Parsed]]]]
"""Parses groups of items one after the other."""


@contextmanager
def _mapping(n_jobs: int) -> Iterator[Run]:
    """Yield a function that parses groups of items, in processes if more than one is asked for."""
    if n_jobs == 1:
        yield lambda parse, groups: ((group, [parse(group)]) for group in groups)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    with ProcessPoolExecutor(
        n_jobs, mp_context=clean_context("builders.sources.local_folder"), initializer=_ignore_interrupts
    ) as pool:
        try:
            yield partial(_in_pool, pool, n_jobs)
        except BrokenProcessPool as error:
            raise SourceError(f"A process that parses files died ({error}). Try again with --jobs 1.") from error


def _in_pool(
    pool: Executor, n_jobs: int, parse: Parse, groups: Iterator[list[Item]]
) -> Iterator[tuple[list[Item], list[Parsed]]]:
    """Keep all processes busy: hand out the next groups before the first result is needed."""
    waiting: deque[tuple[list[Item], list[Future[Parsed]]]] = deque()
    ahead = 1 + -(-2 * n_jobs * ITEMS_PER_TASK // ITEMS_PER_BATCH)
    for group in groups:
        tasks = [group[k : k + ITEMS_PER_TASK] for k in range(0, len(group), ITEMS_PER_TASK)]
        waiting.append((group, [pool.submit(parse, task) for task in tasks]))
        if len(waiting) > ahead:
            done, futures = waiting.popleft()
            yield done, [future.result() for future in futures]
    for done, futures in waiting:
        yield done, [future.result() for future in futures]


def _ignore_interrupts() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
