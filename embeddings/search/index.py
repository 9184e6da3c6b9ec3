"""An index beside a file of vectors, which finds the nearest of many millions without reading them all.

It is the file of `embeddings.search.lists`, and behind it what it was made of: the hash of the vectors, so that an
index of other vectors is never searched, and its own, so that a damaged one is not either.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.search.collections import Collection, InFile, InMemory
from embeddings.search.encoding import encode
from embeddings.search.exact import Best
from embeddings.search.lists import BEGINNING, Lists, import_faiss, n_sampled, write_lists
from embeddings.search.matches import Match, search
from embeddings.search.neighbors import check_k
from embeddings.search.tables import JoinedTable
from embeddings.store import schema
from embeddings.store.folders import atomic_file
from embeddings.store.manifest import Count, Sha256
from embeddings.store.outputs import with_a_name
from embeddings.vectors.names import place_of
from embeddings.vectors.structures import read_structure_catalog

EXACT_UP_TO = 1_000_000
"""Rows that are searched exactly; beyond, an index is used where there is a choice."""

ENDING = ".index"
"""Of the name of an index, behind that of its file of vectors."""

_MAGIC = b"materials-embeddings-index"
_LENGTH = 8
_LARGEST = 10_000
_FURTHER = 30
"""Rows beyond those asked for that are ranked again by their vectors, for the lists are of half precision."""

Advance = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class About:
    """What an index says of itself.

    Attributes:
        format: version of this form.
        vectors_sha256: of the vectors that it was made of.
        lists_sha256: of the lists in front of this.
        n_rows: how many vectors.
        dim: width of a vector.
    """

    format: Literal[1] = 1
    vectors_sha256: Sha256
    lists_sha256: Sha256
    n_rows: Count
    dim: Count


def index_path(vectors: Path | str) -> Path:
    """Return where the index of a file or folder of vectors is.

    Raises:
        InputInvalid: the vectors are behind a URL.
    """
    if isinstance(vectors, str):
        raise InputInvalid(f"{vectors} is not on this machine, so no index can lie beside it.")
    vectors = with_a_name(vectors)
    return vectors.with_name(vectors.name + ENDING)


class StructureIndex:
    """The structures of a file, searched by an index: ``StructureIndex("vectors.parquet").nearest("mp-149")``.

    The index is a file beside that of the vectors, ``vectors.parquet.index``. It is made if it is not there, and made
    anew if it is of other vectors or damaged. What it finds is ranked again by the vectors, so that every cosine is
    exact; of the true nearest ten, it misses about one in a thousand.

    Args:
        path: of the vectors.
        in_memory: whether the vectors are read into memory, 4 bytes for each number: a search then takes milliseconds.
        advance: called with the number of rows done since, while an index is made.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors of structures, without rows, or something else is where the index would be.
        MissingExtra: faiss is not installed.
        OutputInvalid: the index cannot be written.
    """

    def __init__(self, path: Path | str, *, in_memory: bool = False, advance: Advance = lambda n: None) -> None:
        among = InFile(place_of(os.fspath(path)), encode=encode)
        self._nearest = VectorIndex.ready(among, advance)
        if in_memory:
            catalog = read_structure_catalog(among.path, encode=encode)
            self._nearest = VectorIndex(InMemory(catalog), self._nearest.lists)

    def nearest(
        self, like: Any, k: int = 10, *, where: str | None = None, table: Any = None, columns: Sequence[str] = ()
    ) -> list[Match]:
        """Return the structures nearest to one, nearest first; all is as in `StructureCatalog.nearest`.

        Raises:
            EmbeddingsError: as told there.
        """
        among = self._nearest.among
        among.join(None if table is None else JoinedTable.read(table))
        return search(among, like, k, where=where, columns=columns, ready=self._nearest)


class VectorIndex:
    """Lists of rows, and the vectors that they are of.

    Attributes:
        among: what is searched.
        lists: of its rows.
    """

    def __init__(self, among: Collection, lists: Lists) -> None:
        self.among, self.lists = among, lists

    @classmethod
    def ready(cls, among: InFile, advance: Advance = lambda n: None) -> VectorIndex:
        """Open the index of a file, after it was made if need be.

        Raises:
            EmbeddingsError: as `StructureIndex` says.
        """
        import_faiss()
        place, sha256 = index_path(among.path), among.file.sha256()
        if not among.n_rows:
            raise InputInvalid(f"{among.path} has no rows to make an index of.")
        if not _is_fresh(place, sha256):
            _make(place, among, sha256, advance)
        return cls(among, Lists(place))

    def nearest(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Best:
        """Return k rows nearest to any of some queries; see `embeddings.search.folded.Folded.nearest`."""
        best = Best(queries, check_k(k))
        rows = self.lists.nearest(queries, k + _FURTHER, allowed)
        best.rank(rows, self.among.vectors_at(rows))
        return best


def _is_fresh(place: Path, vectors_sha256: str) -> bool:
    if not os.path.lexists(place):
        return False
    if not place.is_file() or place.open("rb").read(len(BEGINNING)) != BEGINNING:
        raise InputInvalid(f"{place} is not an index made by this library, and is not replaced. Move it away.")
    try:
        about, length = _read_about(place)
    except CatalogCorrupt:
        return False
    return about.vectors_sha256 == vectors_sha256 and _hash(place, length) == about.lists_sha256


def _make(place: Path, among: InFile, vectors_sha256: str, advance: Advance) -> None:
    """Write the index of a file."""
    sample = _sample(among)
    with atomic_file(place) as temporary:
        write_lists(temporary, sample, (vectors for _, vectors in among.blocks()), among.n_rows, advance)
        length = temporary.stat().st_size
        about = About(
            vectors_sha256=vectors_sha256,
            lists_sha256=_hash(temporary, length),
            n_rows=among.n_rows,
            dim=among.footer.dim,
        )
        text = json.dumps(asdict(about)).encode()
        with temporary.open("ab") as file:
            file.write(text + len(text).to_bytes(_LENGTH, "little") + _MAGIC)


def _sample(among: InFile) -> np.ndarray:
    """Return rows that are spread over the whole file, (n, dim) float32."""
    step = max(1, among.n_rows // n_sampled(among.n_rows))
    parts: list[np.ndarray] = []
    start = 0
    for _, vectors in among.blocks():
        parts.append(vectors[-start % step :: step].copy())
        start += len(vectors)
    return np.concatenate(parts)


def _read_about(place: Path) -> tuple[About, int]:
    """Return what an index says of itself, and the length of its lists."""
    behind = _LENGTH + len(_MAGIC)
    with place.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - behind))
        ending = file.read()
        length = int.from_bytes(ending[:_LENGTH], "little")
        if ending[_LENGTH:] != _MAGIC or length > min(_LARGEST, size - behind):
            raise CatalogCorrupt(f"{place} is incomplete.")
        file.seek(size - behind - length)
        text = file.read(length)
    try:
        about: About = schema.parse(About, json.loads(text))
    except (ValueError, ManifestInvalid, RecursionError) as error:
        raise CatalogCorrupt(f"{place} does not say which file it indexes.") from error
    return about, size - behind - length


def _hash(place: Path, length: int) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as file:
        for part in _parts(file, length):
            digest.update(part)
    return digest.hexdigest()


def _parts(file: Any, length: int) -> Iterator[bytes]:
    while length and (part := file.read(min(length, 1 << 20))):
        yield part
        length -= len(part)
