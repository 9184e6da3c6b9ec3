"""Sources of structures, by name. To add one: a file with one public function, and a line in ``SOURCES``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from builders.origins import Origin
from embeddings.errors import InputInvalid, did_you_mean


@dataclass(frozen=True)
class SourceOptions:
    """What a user may tell a source.

    Attributes:
        path: file or folder to read, for sources that read one.
        origin: whose data it is, where the source cannot know.
    """

    path: Path | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Stream:
    """What a source gives: parts of a structure table, one after the other, and what is known about them.

    Attributes:
        origin: whose data it is.
        query: what identifies the request, as plain JSON values: the same query, the same parts.
        parts: Arrow tables in the structure schema.
    """

    origin: Origin
    query: dict[str, Any]
    parts: Iterator[pa.Table]


Source = Callable[[SourceOptions], Stream]

SOURCES: dict[str, tuple[str, str]] = {
    "starter": ("builders.sources.starter:starter", "the packaged starter set; needs nothing"),
    "table": ("builders.sources.table:table", "a Parquet file of structures; needs --path"),
}
"""Name -> (module:function, one line for people)."""


def find_source(name: str) -> Source:
    """Return the source of this name, importing its module.

    Raises:
        InputInvalid: there is none; names the closest and all that there are.
    """
    if name not in SOURCES:
        raise InputInvalid(f'No source "{name}".{did_you_mean(name, SOURCES)} Available: {", ".join(SOURCES)}.')
    module, function = SOURCES[name][0].split(":")
    source: Source = getattr(import_module(module), function)
    return source
