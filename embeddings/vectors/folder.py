"""Folders of vectors: files that belong together, read as one; here or behind a URL.

Each file stands for itself, with footer and seal, and says which of how many it is, so that a missing one is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, RegistryUnreachable
from embeddings.store.places import open_place
from embeddings.vectors.file import SealedFile, damage_named, open_one
from embeddings.vectors.footer import Footer
from embeddings.vectors.names import ENDING, file_name

if TYPE_CHECKING:
    import pyarrow as pa

KEY = b"materials-embeddings-file"
"""The entry of a file's metadata that says which of how many it is."""

_AGAIN = "Copy it again, or make it again with: embeddings embed"


@dataclass(frozen=True)
class Share:
    """Which of the files of a folder one is.

    Attributes:
        number: from 0.
        of: how many there are.
        n_rows: in all of them.
    """

    number: int
    of: int
    n_rows: int

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return it as an entry of the metadata of a Parquet schema."""
        return {KEY: json.dumps(vars(self)).encode()}


@dataclass(frozen=True)
class _Group:
    num_rows: int


class _Metadata:
    """What is asked of the metadata of a Parquet file, of all files together."""

    def __init__(self, files: list[SealedFile]) -> None:
        self._files = files
        self._starts = [0, *accumulate(file.metadata.num_row_groups for file in files)]
        self.num_rows: int = sum(file.metadata.num_rows for file in files)
        self.num_row_groups: int = self._starts[-1]

    def place(self, group: int) -> tuple[SealedFile, int]:
        """Return the file that has a row group, and its number within."""
        at = bisect_right(self._starts, group) - 1
        return self._files[at], group - self._starts[at]

    def row_group(self, group: int) -> _Group:
        """Return how long a row group is."""
        file, within = self.place(group)
        return _Group(file.metadata.row_group(within).num_rows)


class SealedFolder:
    """Open files of vectors that belong together: what `SealedFile` is for one.

    Attributes:
        path: the folder.
        metadata: rows and row groups of all files.
        schema: of each.
    """

    def __init__(self, path: Path | str, files: list[SealedFile]) -> None:
        self.path, self._files, self.metadata = path, files, _Metadata(files)
        self.schema = files[0].schema

    @property
    def is_sealed(self) -> bool:
        """Whether all files have a seal."""
        return all(file.is_sealed for file in self._files)

    @property
    def dtype(self) -> str:
        """Of the stored numbers; what is read is float32."""
        return self._files[0].dtype

    def sha256(self) -> str:
        """Return a hash of everything in the files.

        Raises:
            OSError: one cannot be read.
        """
        return hashlib.sha256("".join(file.sha256() for file in self._files).encode()).hexdigest()

    def read(self) -> pa.Table:
        """Return all rows.

        Raises:
            CatalogCorrupt: a file is damaged.
        """
        import pyarrow as pa

        return pa.concat_tables([file.read() for file in self._files])

    def read_row_group(self, group: int, columns: list[str]) -> pa.Table:
        """Return some columns of a row group.

        Raises:
            CatalogCorrupt: the file is damaged.
        """
        file, within = self.metadata.place(group)
        return file.read_row_group(within, columns)

    def iter_batches(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield some columns, row group after row group.

        Raises:
            CatalogCorrupt: a file is damaged.
        """
        for file in self._files:
            yield from file.iter_batches(columns)


def open_folder(path: Path | str) -> tuple[SealedFile | SealedFolder, Footer]:
    """Open a folder of vectors, or whatever is behind a URL.

    Raises:
        CatalogNotFound: there is no file of vectors.
        CatalogCorrupt: a file is missing or damaged, or is that of another folder.
        InputInvalid: a file that is none of vectors, or the URL is none.
        RegistryUnreachable: what is behind the URL cannot be listed.
    """
    openers = _openers(path)
    if not openers:
        raise CatalogNotFound(f"There are no files of vectors in {path}. Make them with: embeddings embed -o {path}")
    opened = [open_one(where, opener) for where, opener in openers.items()]
    shares = [_share(file) for file, _ in opened]
    if shares == [None]:
        return opened[0]
    _check(path, [file for file, _ in opened], [footer for _, footer in opened], shares)
    return SealedFolder(path, [file for file, _ in opened]), opened[0][1]


def _openers(path: Path | str) -> dict[str, Callable[[], pa.NativeFile]]:
    """Return how to open each file, by how it is spoken of."""
    import pyarrow as pa

    if isinstance(path, str):
        place = open_place(path)
        found = place.files(ENDING, RegistryUnreachable)
        return {f"{path.rstrip('/')}/{one.name}".rstrip("/"): partial(place.open_file, one.name) for one in found}
    with damage_named(path):
        files = sorted(file for file in path.iterdir() if file.name.endswith(ENDING) and not file.name.startswith("."))
    return {str(file): partial(pa.OSFile, str(file)) for file in files}


def _share(file: SealedFile) -> Share | None:
    """Return which of the files of a folder a file says that it is; None if it stands alone."""
    stated = (file.schema.metadata or {}).get(KEY)
    try:
        document: Any = json.loads(stated) if stated is not None else None
        return None if document is None else Share(**{name: int(document[name]) for name in Share.__annotations__})
    except (ValueError, TypeError, KeyError):
        return None


def _check(path: Path | str, files: list[SealedFile], footers: list[Footer], shares: list[Share | None]) -> None:
    """Refuse files that do not belong together, and fewer or more of them than there were."""
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        alone = files[shares.index(None)].path
        raise InputInvalid(
            f"{alone} is a complete file by itself, next to {counted(len(files) - 1, 'other file')}. Name one of them."
        )
    first, identity = known[0], footers[0].identity
    for file, footer, share in zip(files, footers, known, strict=True):
        if (footer.identity, share.of, share.n_rows) != (identity, first.of, first.n_rows):
            raise CatalogCorrupt(f"{file.path} holds other vectors than {files[0].path}. Keep them in two folders.")
        if file.schema != files[0].schema.with_metadata(file.schema.metadata):
            raise CatalogCorrupt(f"{file.path} has other columns than {files[0].path}. Make them again.")
    there = {share.number for share in known}
    absent = (file_name(number) for number in range(first.of) if number not in there)
    missing = ", ".join(islice(absent, 5))
    _check_copies(files, known, missing)
    if missing:
        raise CatalogCorrupt(f"{path} lacks {missing} of {counted(first.of, 'file')}. {_AGAIN}")
    n_rows = sum(file.metadata.num_rows for file in files)
    if n_rows != first.n_rows or [share.number for share in known] != list(range(first.of)):
        raise CatalogCorrupt(
            f"{path} has {counted(n_rows, 'row')}, not {first.n_rows:,} in the order of its names. Copy it again."
        )


def _check_copies(files: list[SealedFile], shares: list[Share], missing: str) -> None:
    """Refuse a file that holds what another one of the folder holds, under whatever name."""
    by_number: dict[int, list[str]] = {}
    for file, share in zip(files, shares, strict=True):
        by_number.setdefault(share.number, []).append(str(file.path))
    for number, paths in by_number.items():
        if len(paths) > 1:
            own = next((path for path in paths if os.path.basename(path) == file_name(number)), paths[0])
            copy = next(path for path in paths if path != own)
            advice = f"The rows of {missing} are missing. {_AGAIN}" if missing else "Remove it."
            raise CatalogCorrupt(f"{copy} does not belong there: it holds the rows of {own} again. {advice}")
