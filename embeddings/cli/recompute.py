"""Behind ``embeddings verify --recompute``: from what was typed to vectors that are made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.cli.source_options import parse_options
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.store import roots as store
from embeddings.vectors.file import open_vectors

if TYPE_CHECKING:
    from builders.embed.recompute import Recomputed


def run(name: str, n: int, options: dict[str, Any]) -> Recomputed:
    """Make stored vectors again, and return how well they agree.

    Args:
        name: of a catalog of elements, or the path of a file of vectors.
        n: structures to encode, at most.
        options: of the command, see `embeddings.cli.source_options`.

    Raises:
        InputInvalid: the catalog stores no vectors, or the structures are not those that they came from.
        EmbeddingsError: as `builders.embed.recompute.recompute` says.
    """
    file = Path(name) if name.endswith(".parquet") else None
    folder = store.resolve(open_vectors(file)[1].encoder if file else name)
    manifest = store.manifest_of(folder)
    if manifest.kind == "composition-encoder":
        raise InputInvalid(
            f"{manifest.name}@{manifest.version} stores no vectors to make again: it computes them when asked."
        )
    try:
        from builders.embed.recompute import RecomputeRequest, recompute
        from builders.progress import Reporter
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or "A package of the builder", "build") from error
    about, selection = parse_options(options)
    stated = {key: options[key] for key in ("source", "snapshot", "device")}
    request = RecomputeRequest(
        folder, n=n, work=store.cache_folder(), file=file, options=about, selection=selection, **stated
    )
    return recompute(request, Reporter(quiet=options["quiet"]))
