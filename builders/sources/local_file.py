"""A local file as its format reads it: items, and how each becomes a record."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.sources import Rejected
from builders.sources.structures import StructureRecord

Item = tuple[str, Any]
"""A name for people, and what the parser needs; or a `Rejected` if there is nothing to parse."""

Parser = Callable[[str, Any, str], StructureRecord | list[StructureRecord | Rejected]]
"""Makes one record or several from an item's name, its content and the rule for disorder; or raises `Unusable`."""


@dataclass(frozen=True)
class LocalFile:
    """A path as its format reads it.

    Attributes:
        format: name of the format.
        items: yields all items, in the same order every time.
        parse: a module-level function, so that other processes can run it.
        carry: makes the content of an item such that no file has to be read to parse it; None where it is so already.
        n_items: number of items; None where counting them means reading them.
        columns: names of the properties; None where each item has its own.
        sha256: identity of the content.
        facts: anything that belongs in the snapshot.
    """

    format: str
    items: Callable[[], Iterable[Item]]
    parse: Parser
    sha256: str
    carry: Callable[[Any], Any] | None = None
    n_items: int | None = None
    columns: tuple[str, ...] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def hash_files(paths: Iterable[Path]) -> str:
    """Return one SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(os.fsencode(path.name) + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
