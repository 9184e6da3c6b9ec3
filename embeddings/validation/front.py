"""From a path to what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

from embeddings.errors import CatalogNotFound
from embeddings.registry.address import is_address
from embeddings.store.index import INDEX
from embeddings.store.manifest import MANIFEST
from embeddings.validation.files import READERS, check_file
from embeddings.validation.report import Finding, Kind, Report, refusals
from embeddings.validation.roots import check_root
from embeddings.validation.versions import check_version
from embeddings.vectors.file import read_pages
from embeddings.vectors.names import is_vectors


def validate(path: str | os.PathLike[str]) -> Report:
    """Check a version's folder, a root of catalogs, or one file of vectors against the specification.

    Unlike loading and verifying, which stop at the first thing that is wrong, this goes on and lists everything.

    Args:
        path: of a folder with a manifest.json, of one with an index.json or with versions below it, or of a
            .parquet, .npy or .h5 file of vectors. The URL of one of these, with any scheme that registries have, is
            downloaded first, and so is a version in a registry, such as ``lab:toy@0.1.0``.

    Returns:
        A report; ``report.ok`` says whether nothing breaks the specification.

    Raises:
        CatalogNotFound: there is nothing of the kind.
        CatalogCorrupt: what is at the URL cannot be read.
        InputInvalid: it cannot be a URL.
        MissingExtra: what reads its scheme is not installed.

    Example:
        >>> from embeddings.validation import validate
        >>> validate("catalogs/starter/0.3.0").ok  # doctest: +SKIP
        True
    """
    text = os.fspath(path)
    if is_address(text) and not os.path.lexists(text):
        from embeddings.validation.remote import downloaded

        with downloaded(text) as place:
            return Report(text, *_check(place, text))
    return Report(text, *_check(Path(path), text))


def _check(place: Path, named: str) -> tuple[Kind, tuple[Finding, ...]]:
    if place.is_file():
        return "file", tuple(check_file(place))
    if is_vectors(str(place)):
        return "file", tuple(refusals(place.name, lambda: read_pages(place)))
    if (place / MANIFEST).exists():
        return "version", tuple(check_version(place))
    if (place / INDEX).exists() or any(place.glob(f"*/*/{MANIFEST}")):
        return "root", tuple(check_root(place))
    raise CatalogNotFound(
        f"{named} is neither the folder of a version (it has no {MANIFEST}), nor a root of catalogs (no {INDEX}), nor "
        f"a file of vectors ({', '.join(READERS)}). Give the path of one; embeddings show NAME prints the folder of a "
        "catalog."
    )
