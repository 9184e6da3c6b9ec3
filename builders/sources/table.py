"""Structures from a Parquet file in the structure schema, with any numeric columns as properties."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builders.origins import origin_from_metadata
from builders.sources import SourceOptions, Stream
from embeddings.errors import InputInvalid, SourceError

ROWS_PER_PART = 20_000


def table(options: SourceOptions) -> Stream:
    """Read a Parquet file part by part.

    Raises:
        InputInvalid: no path is given.
        SourceError: there is no such file, or it is not a readable Parquet file.
    """
    if options.path is None:
        raise InputInvalid("The source table reads a Parquet file; name it with --path FILE.parquet.")
    return stream_of(options.path, options)


def stream_of(path: Path, options: SourceOptions) -> Stream:
    """Return the parts of a Parquet file, identified by its hash."""
    if not path.is_file():
        raise SourceError(f"No file at {path}.")
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path} is not a readable Parquet file: {error}") from error
    return Stream(
        origin=options.origin or origin_from_metadata(file.schema_arrow, name=path.name),
        query={"file": path.name, "sha256": _sha256(path)},
        parts=_parts(file, path),
    )


def _parts(file: pq.ParquetFile, path: Path) -> Iterator[pa.Table]:
    try:
        for batch in file.iter_batches(batch_size=ROWS_PER_PART):
            yield pa.Table.from_batches([batch], schema=file.schema_arrow)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path} is damaged: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
