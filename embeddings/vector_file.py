"""Files of vectors: one Parquet file that says itself what it holds, where it comes from and whose it is.

``embeddings embed`` writes them. What a file says of itself is its `Footer`, kept in the metadata of its schema; every
page carries a checksum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from embeddings import schema
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, ManifestInvalid, MaterialNotCovered
from embeddings.manifest import Count, Licence, Manifest, Positive, Sha256, Symbol, Text

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ENDING = ".parquet"

Level = Literal["structure", "site", "element"]

_KEY = b"materials-embeddings"


@dataclass(frozen=True, kw_only=True)
class Footer:
    """What a file of vectors says of itself.

    Attributes:
        format: version of this form.
        level: what a row stands for.
        dim: width of a vector.
        n_structures: structures that were encoded.
        dropped: reason -> structures that were left out.
        uncovered: symbol -> structures that were left out because the encoder was not trained on this element.
        source: where the structures come from.
        database_version: the source's own version, where it has one.
        snapshot_sha256: the frozen structures.
        synthetic: whether the structures are made up or predicted by a model.
        licence: of the structures; that of the encoder stands in `catalog`.
        identity: SHA-256 over encoder, structures, level and code: the same identity, the same vectors.
        catalog: the sealed manifest of the catalog version whose encoder made the vectors.
    """

    format: Literal[1] = 1
    level: Level
    dim: Positive
    n_structures: Positive
    dropped: dict[str, Count] = field(default_factory=dict)
    uncovered: dict[Symbol, Positive] = field(default_factory=dict)
    source: Text
    database_version: str | None = None
    snapshot_sha256: Sha256
    synthetic: bool
    licence: Licence
    identity: Sha256
    catalog: Manifest

    @property
    def encoder(self) -> str:
        """Name and version of the catalog whose encoder made the vectors."""
        return f"{self.catalog.name}@{self.catalog.version}"

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the footer as metadata of a Parquet schema."""
        return {_KEY: json.dumps(asdict(self), ensure_ascii=False).encode()}


def open_vectors(path: Path) -> tuple[pq.ParquetFile, Footer]:
    """Open a file of vectors; its pages are checked as they are read.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: not a Parquet file.
        InputInvalid: a Parquet file that ``embeddings embed`` did not write, or that needs a newer library.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise CatalogNotFound(f"There is no file {path}. Make one with: embeddings embed -o {path.name}")
    with damage_named(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    return file, _parse_footer(path, file.schema_arrow.metadata or {})


def read_pages(path: Path) -> None:
    """Read every page of a file of vectors, which checks their checksums.

    Raises:
        CatalogCorrupt: a page is damaged.
    """
    file = open_vectors(path)[0]
    with damage_named(path):
        for group in range(file.num_row_groups):
            file.read_row_group(group)


def _parse_footer(path: Path, metadata: Mapping[bytes, bytes]) -> Footer:
    try:
        footer: Footer = schema.parse(Footer, json.loads(metadata[_KEY]))
    except (KeyError, ValueError) as error:
        reason = str(error) if isinstance(error, ManifestInvalid) else "it says nothing of its vectors"
        raise InputInvalid(
            f"{path} is not a file of vectors that this library can read ({reason}). Make one with: embeddings embed"
        ) from error
    return footer


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what Arrow raises while it reads a file into `CatalogCorrupt`."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise CatalogCorrupt(f"{path} cannot be read: {error}. Make it again with: embeddings embed") from error


def vectors_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return a column of vectors as (n, dim)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, column.type.list_size)


def places_of(row_of: Mapping[str, int], ids: Sequence[str], where: object) -> np.ndarray:
    """Return the place of each identifier, (n,) int64.

    Args:
        row_of: identifier -> place.
        ids: that are looked up.
        where: what they are looked up in, for the message.

    Raises:
        MaterialNotCovered: names those that are not there.
    """
    missing = [name for name in ids if name not in row_of]
    if missing:
        more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
        raise MaterialNotCovered(
            f"{where!r} has no {', '.join(map(str, missing[:5]))}{more} ({len(missing):,} of {len(ids):,} asked). What "
            "was dropped, and why, is counted in its footer."
        )
    return np.array([row_of[name] for name in ids], dtype=np.int64)
