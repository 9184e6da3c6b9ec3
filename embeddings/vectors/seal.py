"""The seal of a file of vectors: hashes over every byte of a Parquet file, kept within it.

Page checksums of Parquet cover the pages, and neither their headers nor the file's own footer. So one more entry of the
file's metadata holds SHA-256 in hexadecimal, one after the other: first that of the footer, then that of every column
chunk, row group after row group. The footer's hash is taken with its own place filled with zeros, as is the seal of a
manifest. A lookup then checks what it reads, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.errors import CatalogCorrupt

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_KEY = b"materials-embeddings-seal"
_BLANK = "0" * 64
_MAGIC = 4
_ENDING = 8
"""Bytes at the end of a Parquet file: the length of its footer, and four letters."""


class Seal:
    """The hashes of an open file.

    Attributes:
        source: the open file.
        metadata: of the Parquet file.
        hashes: of its column chunks, row group after row group; None for a file without a seal.
    """

    def __init__(self, source: pa.NativeFile, metadata: pq.FileMetaData) -> None:
        self.source, self.metadata = source, metadata
        stated = (metadata.metadata or {}).get(_KEY)
        self.hashes = None if stated is None else self._checked(stated.decode("latin-1"))
        self._intact: set[int] = set()

    def check(self, groups: Iterable[int], columns: Iterable[str]) -> None:
        """Check the bytes of some columns in some row groups; those that were found intact are not read again.

        Raises:
            CatalogCorrupt: they were altered.
        """
        if self.hashes is None:
            return
        wanted = set(columns)
        n_columns = self.metadata.num_columns
        for group in groups:
            about = self.metadata.row_group(group)
            for column in range(n_columns):
                place = group * n_columns + column
                if place in self._intact or about.column(column).path_in_schema.partition(".")[0] not in wanted:
                    continue
                if _hash_of(self.source, *_span(about.column(column))) != self.hashes[place]:
                    raise CatalogCorrupt(f"row group {group} was altered after it was written")
                self._intact.add(place)

    def _checked(self, stated: str) -> list[str]:
        """Return the hashes of the chunks, after the footer was found unchanged."""
        start, size = _footer_start(self.source), self.source.size()
        own, hashes = stated[:64], [stated[i : i + 64] for i in range(64, len(stated), 64)]
        footer = self.source.read_at(size - start, start)
        blank = footer.replace(own.encode("latin-1"), _BLANK.encode()) if own else b""
        if hashlib.sha256(self.source.read_at(_MAGIC, 0) + blank).hexdigest() != own:
            raise CatalogCorrupt("its description of itself was altered after it was written")
        spans = _spans(self.metadata)
        if len(hashes) != len(spans) or not _are_gapless(spans, start):
            raise CatalogCorrupt("its seal does not cover all of it")
        return hashes


def blank_seal(n_groups: int, n_columns: int) -> dict[str, str]:
    """Return the entry of the metadata that `seal` fills in, for a file that is still being written."""
    return {_KEY.decode(): _BLANK * (1 + n_groups * n_columns)}


def seal(path: Path) -> None:
    """Fill in the seal of a finished file that has a blank one.

    Raises:
        OSError: it cannot be read or written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pa.OSFile(str(path)) as source:
        metadata = pq.read_metadata(source)
        hashes = [_hash_of(source, *span) for span in _spans(metadata)]
        start = _footer_start(source)
        footer = source.read_at(source.size() - start, start)
        magic = source.read_at(_MAGIC, 0)
    blank = blank_seal(metadata.num_row_groups, metadata.num_columns)[_KEY.decode()].encode()
    place = footer.index(blank, footer.index(_KEY))
    footer = footer[:place] + _BLANK.encode() + "".join(hashes).encode() + footer[place + len(blank) :]
    own = hashlib.sha256(magic + footer).hexdigest().encode()
    with path.open("r+b") as file:
        file.seek(start + place)
        file.write(own + footer[place + len(own) : place + len(blank)])
        file.flush()
        os.fsync(file.fileno())


def _spans(metadata: pq.FileMetaData) -> list[tuple[int, int]]:
    """Return start and length of every column chunk, row group after row group."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return [_span(group.column(column)) for group in groups for column in range(metadata.num_columns)]


def _span(chunk: pq.ColumnChunkMetaData) -> tuple[int, int]:
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return start, chunk.total_compressed_size


def _are_gapless(spans: list[tuple[int, int]], stop: int) -> bool:
    """Whether spans follow each other from the file's first letters to its footer."""
    edge = _MAGIC
    for start, length in spans:
        if start != edge or length < 0:
            return False
        edge += length
    return edge == stop


def _footer_start(source: pa.NativeFile) -> int:
    size = source.size()
    return size - _ENDING - int.from_bytes(source.read_at(4, size - _ENDING), "little")


def _hash_of(source: pa.NativeFile, start: int, length: int) -> str:
    digest, at_once = hashlib.sha256(), 1 << 20
    for offset in range(start, start + length, at_once):
        digest.update(source.read_at(min(at_once, start + length - offset), offset))
    return digest.hexdigest()
