"""Structure files to a file of vectors, by the encoder behind a catalog: what ``embeddings embed`` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.errors import InputInvalid, builders_needed
from embeddings.store import roots
from embeddings.store.home import cache_folder
from embeddings.store.scratch import scratch_folder

if TYPE_CHECKING:
    from embeddings.bench.manifest import StructureUse
    from embeddings.vectors.footer import Level

DEFAULT_ENCODER = "ct-multi"
DEFAULT_LEVEL: Level = "structure"
"""Statistics over sites are four times as wide and predict no better (bulk modulus and Debye temperature of AFLOW)."""


@contextmanager
def encoded(path: Path, like: StructureUse | None = None) -> Iterator[Path]:
    """Yield a temporary file with the vectors of structure files; those that cannot be read are named on stderr.

    Args:
        path: a folder of structure files, or one of them.
        like: whose encoder and level are used; `DEFAULT_ENCODER` and `DEFAULT_LEVEL` if None.

    Raises:
        CatalogNotFound: the catalog of the encoder is not installed.
        InputInvalid: a third-party potential made what the model learned from, and is here in another version.
        SourceError: no file can be read as a structure.
        MissingExtra: the extra ``build`` is not installed.
    """
    with builders_needed():
        from builders.embed.job import EmbedRequest, embed
        from builders.others import potential_of
        from builders.progress import Reporter
        from builders.sources import SourceOptions
    potential = None if like is None else potential_of(like.sha256)
    if like is not None and potential is None and _name_of_others(like):
        raise InputInvalid(
            f"The model needs vectors by {like.encoder}, a third-party potential, but another version of it, or of "
            "its package, is installed here. Install the needed one, or make a file of vectors where it is installed: "
            f"{how_made(like)}"
        )
    with scratch_folder() as folder:
        out = folder / "vectors.parquet"
        request = EmbedRequest(
            encoder=potential or roots.resolve(DEFAULT_ENCODER if like is None else like.encoder),
            level=DEFAULT_LEVEL if like is None else like.level,
            out=out,
            work=cache_folder(),
            source="local",
            options=SourceOptions(path=path),
        )
        embed(request, Reporter())
        yield out


def how_made(use: StructureUse) -> str:
    """Return the command that makes the vectors that a model needs."""
    name = _name_of_others(use)
    encoder = f"--encoder {name}" if name else f"--catalog {use.encoder}"
    return f"embeddings embed STRUCTURES {encoder} --level {use.level} -o vectors.parquet"


def _name_of_others(use: StructureUse) -> str:
    """Return the name of the third-party potential that made vectors; empty where the encoder of a catalog did."""
    from builders.others import POTENTIALS

    name = use.encoder.partition("@")[0]
    return name if name in POTENTIALS else ""
