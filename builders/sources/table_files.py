"""Parquet files of one table: one file, all of a folder, or all behind a URL; and what identifies their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from builders.runs.identity import identity_of
from embeddings.errors import EmbeddingsError, SourceError
from embeddings.store.places import open_place

ENDINGS = (".parquet", ".pq")


class Head(NamedTuple):
    """What a file says of its rows.

    Attributes:
        name: as the file is spoken of.
        schema: of its columns.
        n_rows: number of its rows.
    """

    name: str
    schema: pa.Schema
    n_rows: int


@dataclass(frozen=True)
class ParquetTable:
    """One of the files.

    Attributes:
        name: as it is spoken of.
        source: opens it.
    """

    name: str
    source: Callable[[], Any]

    @contextmanager
    def opened(self) -> Iterator[pq.ParquetFile]:
        """Give the open file.

        Raises:
            SourceError: it cannot be opened or read, or is damaged; also where pages do not have the checksums that it
                states.
        """
        try:
            file = pq.ParquetFile(self.source(), page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name} is not a readable Parquet file: {error}") from error
        try:
            with file:
                yield file
        except EmbeddingsError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name} is damaged: {error}") from error

    def head(self) -> Head:
        """Return what the file says of its rows; raises as `opened` does."""
        with self.opened() as file:
            return Head(self.name, file.schema_arrow, file.metadata.num_rows)


@dataclass(frozen=True)
class Tables:
    """The files of one table, in the order of their names.

    Attributes:
        name: of all of them, for people.
        files: at least one.
        query: what identifies their content, as plain JSON values.
    """

    name: str
    files: list[ParquetTable]
    query: dict[str, Any]


def tables_below(path: Path) -> Tables:
    """Return a file, or all Parquet files of a folder and the folders in it; hidden ones are left out.

    Raises:
        SourceError: there is none, or one cannot be read.
    """
    if path.is_file():
        table = ParquetTable(str(path), partial(Path, path))
        with table.opened():
            return Tables(path.name, [table], {"file": path.name, "sha256": _sha256(path)})
    if not path.is_dir():
        raise SourceError(f"No file at {path}.")
    names = _names_below(path)
    if not names:
        raise SourceError(f"No .parquet file in {path}.")
    files = [ParquetTable(str(path / name), partial(Path, path, name)) for name in names]
    hashes = {name: _sha256(path / name) for name in names}
    return Tables(path.absolute().name, files, {"folder": path.absolute().name, "sha256": identity_of(hashes)})


def tables_at(url: str) -> Tables:
    """Return the Parquet files behind a URL; they are known by name, size and time of their last change.

    Raises:
        SourceError: there is none, or they cannot be listed.
        EmbeddingsError: as `embeddings.store.places.open_place` says.
    """
    place = open_place(url)
    found = place.files(ENDINGS[0], SourceError)
    if not found:
        raise SourceError(f"No .parquet file at {url}.")
    files = [
        ParquetTable(f"{url.rstrip('/')}/{one.name}".rstrip("/"), partial(place.open_file, one.name)) for one in found
    ]
    listing = [[one.name, one.size, one.changed] for one in found]
    return Tables(url, files, {"url": url, "listing": identity_of(listing)})


def _names_below(folder: Path) -> list[str]:
    if folder.resolve() == Path(folder.resolve().anchor):
        raise SourceError(f"{folder} is a whole disk. Name the folder on it that holds the .parquet files.")
    try:
        paths = [path.relative_to(folder) for path in folder.rglob("*") if path.name.lower().endswith(ENDINGS)]
    except OSError as error:
        raise SourceError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    shown = (path for path in paths if not any(part.startswith((".", "_")) for part in path.parts))
    return sorted(path.as_posix() for path in shown if (folder / path).is_file())


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {os.strerror(error.errno or 0)}.") from error
