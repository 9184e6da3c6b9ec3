"""What a file of vectors says of itself: what a row stands for, what made it, from what, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from embeddings.display.html import facts_table
from embeddings.errors import InputInvalid, ManifestInvalid
from embeddings.store import schema
from embeddings.store.emb import emb_entry
from embeddings.store.manifest import Count, Licence, Manifest, Positive, Sha256, Symbol, Text, Width
from embeddings.store.schema import AtLeast

Level = Literal["structure", "site", "element"]

KEY = b"materials-embeddings"
"""The entry of a Parquet file's metadata that holds its footer."""


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """What the distances to the training crystals mean.

    Attributes:
        bound: within which 99% of the crystals lie that were held out from the training.
        n_held_out: how many these are.
        n_structures: of the file that lie beyond the bound.
    """

    bound: Annotated[float, AtLeast(0)]
    n_held_out: Positive
    n_structures: Count


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
        catalog: the sealed manifest of the catalog version, or of the third-party potential, that made the vectors.
        sealed: whether the file has a seal, see `embeddings.vectors.seal`; older files have none.
        unlike: what the distances to the training crystals mean; None where the file has none.
    """

    format: Literal[1] = 1
    level: Level
    dim: Width
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
    sealed: bool = False
    unlike: Unlike | None = None

    @property
    def encoder(self) -> str:
        """Name and version of the catalog whose encoder made the vectors."""
        return f"{self.catalog.name}@{self.catalog.version}"

    @property
    def is_of_others(self) -> bool:
        """Whether a third-party potential made the vectors, and no encoder of a catalog."""
        return self.catalog.kind == "structure"

    def to_html(self, kind: str, vectors: str) -> str:
        """Return what a notebook shows of a catalog of this kind.

        Args:
            kind: name of the class.
            vectors: how many there are, of what, and how wide.
        """
        facts = {"vectors": vectors, "encoder": self.encoder, "structures from": self.source}
        return facts_table(kind, facts | {"license": self.licence.spdx})

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the footer as metadata of a Parquet schema."""
        licences = dict.fromkeys((self.licence.spdx, self.catalog.licence.spdx))
        told = emb_entry(
            self.catalog,
            type=self.level, dimensions=self.dim, source_data=[self.source], license=" AND ".join(licences),
        )  # fmt: skip
        stated = asdict(self) | {"catalog": self.catalog.document()}
        if self.unlike is None:
            del stated["unlike"]  # so that earlier libraries read the file
        own = {KEY: json.dumps(stated, ensure_ascii=False).encode()}
        return own | {key.encode(): about.encode() for key, about in told.items()}


def parse_footer(path: Path | str, metadata: Mapping[bytes, bytes]) -> Footer:
    """Return what a file says of itself in the metadata of its schema.

    Args:
        path: of the file, as it is spoken of.
        metadata: of its schema.

    Raises:
        InputInvalid: it says nothing, or nothing that this library can read.
    """
    try:
        footer: Footer = schema.parse(Footer, json.loads(metadata[KEY]))
    except (KeyError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ManifestInvalid) else "it does not describe its vectors"
        raise InputInvalid(
            f"{path} is not a file of vectors that this library can read ({reason}). Make one with: embeddings embed"
        ) from error
    return footer
