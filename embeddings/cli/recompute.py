"""Behind ``embeddings verify --recompute``: from what was typed to vectors that are made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.cli.source_options import intake
from embeddings.errors import InputInvalid, builders_needed
from embeddings.store import roots as store
from embeddings.store.urls import is_url
from embeddings.vectors.file import open_vectors
from embeddings.vectors.names import is_vectors

if TYPE_CHECKING:
    from builders.embed.agreement import Recomputed


def run(name: str, n: int, options: dict[str, Any]) -> Recomputed:
    """Make vectors again, and return how well they agree.

    Args:
        name: of a catalog of elements or a composition encoder, or the path of a file of vectors.
        n: structures or formulas to encode, at most.
        options: of the command, see `embeddings.cli.source_options`.

    Raises:
        InputInvalid: the structures are not those that the vectors came from, or a third-party potential made them.
        EmbeddingsError: as `builders.embed.recompute.recompute` says.
    """
    file = (name if is_url(name) else Path(name)) if is_vectors(name) else None
    folder = store.resolve(_encoder_of(file) if file else name)
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    with builders_needed():
        from builders.embed.recompute import RecomputeRequest, recompute
        from builders.progress import Reporter
    request = RecomputeRequest(folder, n=n, file=file, device=options["device"], **intake(options))
    return recompute(request, Reporter(quiet=options["quiet"]))


def _encoder_of(file: Path | str) -> str:
    """Return the name and version of the catalog whose encoder made a file of vectors."""
    footer = open_vectors(file)[1]
    if footer.is_of_others:
        raise InputInvalid(
            f"{file} was made by {footer.encoder}, a third-party potential. Make another file with embeddings embed "
            f"--encoder {footer.catalog.name}, and compare the two with embeddings diff."
        )
    return footer.encoder
