"""Structures from files of one's own: a folder of CIF or POSCAR files, extended XYZ, ASE, MatBench, JARVIS."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from builders.cleaning import EVERYTHING, Selection
from builders.origins import Origin
from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.attempts import attempt
from builders.sources.structures import StructureRecord, count_notes, structures_to_arrow
from embeddings.errors import InputInvalid, SourceError

ITEMS_PER_BATCH = 500
ITEMS_PER_TASK = 25
"""How many items a process takes at a time."""

Item = tuple[str, Any]
"""A name for people, and what the parser of the format needs; or why there is nothing to parse, as `Rejected`."""

Parser = Callable[[str, Any, str], StructureRecord]
"""Makes a record of an item's name, its content, and what becomes of disordered sites; or raises `Unusable`."""


@dataclass(frozen=True)
class LocalFile:
    """What a format makes of a path.

    Attributes:
        format: name of the format.
        items: yields what there is, in the same order every time.
        parse: a function of a module, so that other processes can run it.
        n_items: how many there are; None where counting means reading.
        columns: names of the properties; None where every item has its own.
        sha256: identity of the content.
        facts: anything that belongs into the snapshot.
    """

    format: str
    items: Callable[[], Iterable[Item]]
    parse: Parser
    sha256: str
    n_items: int | None = None
    columns: tuple[str, ...] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def local(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read structures from a file or a folder; its name says which format it has.

    Raises:
        InputInvalid: no path is given, or its format is not known.
        SourceError: there is nothing at the path.
    """
    if options.path is None:
        raise InputInvalid("The source local reads a file or a folder; name it with --path.")
    if not options.path.exists():
        raise SourceError(f"Nothing at {options.path}.")
    if not (options.path.is_file() or options.path.is_dir()):
        raise SourceError(f"{options.path} is neither a file nor a folder. Name one that is.")
    return LocalStream(options, open_local(options.path))


def open_local(path: Path) -> LocalFile:
    """Return what the format of a path makes of it.

    Raises:
        InputInvalid: the format is not known.
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
    """Items of a local file, parsed by as many processes as wanted; a cursor is the number of an item."""

    def __init__(self, options: SourceOptions, file: LocalFile) -> None:
        self._options, self._file = options, file
        self._name = options.path.name if options.path else ""
        self.query = {"file": self._name, "sha256": file.sha256, "disorder": options.disorder}

    def plan(self) -> Plan:
        """Say whose data it is and how much there is."""
        facts = {"format": self._file.format, **self._file.facts}
        return Plan(self._options.origin or Origin(self._name), n_expected=self._file.n_items, facts=facts)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Parse the items from ``start`` on."""
        number = start or 0
        items = iter(islice(self._file.items(), number, None))
        parse = partial(_parsed, self._file.parse, self._options.disorder)
        with _mapping(self._options.n_jobs) as run:
            waiting = list(islice(items, ITEMS_PER_BATCH))
            while waiting:
                following = list(islice(items, ITEMS_PER_BATCH))
                number += len(waiting)
                yield self._batch(list(run(parse, waiting)), number if following else None)
                waiting = following

    def _batch(self, parsed: list[StructureRecord | Rejected], following: Cursor) -> Batch:
        records = [result for result in parsed if isinstance(result, StructureRecord)]
        rejected = tuple(result for result in parsed if isinstance(result, Rejected))
        table = structures_to_arrow(records, properties=self._file.columns)
        return Batch(table, following, rejected, count_notes(records), status=f"{len(rejected)} rejected")


def _parsed(parse: Parser, disorder: str, item: Item) -> StructureRecord | Rejected:
    name, content = item
    if isinstance(content, Rejected):
        return content
    return attempt(name, lambda: parse(name, content, disorder))


Run = Callable[[Callable[[Item], StructureRecord | Rejected], list[Item]], Iterable[StructureRecord | Rejected]]


@contextmanager
def _mapping(n_jobs: int) -> Iterator[Run]:
    """Yield a ``map`` over items, with processes where more than one is wanted."""
    if n_jobs == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    context = get_context("forkserver")
    context.set_forkserver_preload(["builders.sources.local_folder", "pymatgen.io.cif", "pymatgen.io.vasp"])
    with ProcessPoolExecutor(n_jobs, mp_context=context, initializer=_ignore_interrupts) as pool:
        try:
            yield partial(pool.map, chunksize=ITEMS_PER_TASK)
        except BrokenProcessPool as error:
            raise SourceError(f"A process that parses files died ({error}). Try again with --jobs 1.") from error


def _ignore_interrupts() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def hash_files(paths: Iterable[Path]) -> str:
    """Return one SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(os.fsencode(path.name) + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
