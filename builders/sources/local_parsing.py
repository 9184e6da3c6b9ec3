"""Parsing of items as a job of an engine: some items in, their table and their faults out."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from builders.engines.base import Maker, Part, Task, check_same, sha256_of
from builders.runs.code import code_hash
from builders.sources import Rejected
from builders.sources.attempts import attempt
from builders.sources.local_file import Item, Parser
from builders.sources.structures import StructureRecord, count_notes
from builders.sources.tabulated import tabulate


@dataclass(frozen=True)
class Parsed:
    """What is known of the items of a part, beside its table.

    Attributes:
        n_items: that were parsed.
        rejected: what could not be used.
        counts: note -> number of records.
    """

    n_items: int
    rejected: tuple[Rejected, ...]
    counts: dict[str, int]


@dataclass(frozen=True)
class Parsing:
    """What a worker needs to know once.

    Attributes:
        parse: makes records from an item.
        disorder: what to do with shared sites.
        columns: names of the properties; None where each item has its own.
        code: hash of the code of the driver, see `code_of_sources`.
    """

    parse: Parser
    disorder: str
    columns: tuple[str, ...] | None
    code: str

    def start(self) -> Maker:
        """Return what makes parts.

        Raises:
            EngineError: this worker has other code than the driver.
        """
        check_same({"code": self.code}, {"code": code_of_sources()}, platform.node())
        return self.make

    def make(self, task: Task) -> Part:
        """Parse the items of a task; the part is a table in the structure schema."""
        items: list[Item] = task.content
        table, records, faults = tabulate(self._read(items), properties=self.columns)
        content = _content(table)
        return Part(task.number, content, sha256_of(content), Parsed(len(items), faults, count_notes(records)))

    def _read(self, items: list[Item]) -> Iterator[StructureRecord | Rejected]:
        for name, content in items:
            if isinstance(content, Rejected):
                yield content
                continue
            found = attempt(name, lambda name=name, content=content: self.parse(name, content, self.disorder))  # type: ignore[misc]
            yield from found if isinstance(found, list) else [found]


def code_of_sources() -> str:
    """Return the hash of the code that reads structures."""
    return code_hash(["builders.sources"])


def table_of(part: Part) -> pa.Table:
    """Return the table of a part."""
    with pa.ipc.open_stream(part.content) as stream:
        return stream.read_all()


def _content(table: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    content: bytes = buffer.getvalue().to_pybytes()
    return content
