"""From a name to a verified object."""

from __future__ import annotations

import os

from embeddings.catalog import ElementCatalog
from embeddings.store import locate_all, resolve, verify
from embeddings.tables import read_catalog


def load_uae(name: str | os.PathLike[str]) -> ElementCatalog:
    """Load universal atomic embeddings: one vector for each element, hashes verified.

    Args:
        name: ``"starter"`` for its default version, ``"starter@0.1.0"`` or ``"starter@0.1"`` for another, or
            the path of a version's folder.

    Returns:
        The catalog; its arrays are read-only.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: a file is missing or altered.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
        InputInvalid: not a catalog of elements.

    Example:
        >>> from embeddings import load_uae
        >>> uae = load_uae("starter")  # doctest: +SKIP
        >>> uae["Fe"].shape  # doctest: +SKIP
        (128,)
    """
    folder = resolve(name)
    verify(folder)
    return read_catalog(folder)


def load_catalog(name: str | os.PathLike[str]) -> ElementCatalog:
    """Load a catalog of any kind; element catalogs are the one kind so far, so this is `load_uae`.

    Args:
        name: see `load_uae`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: a file is missing or altered.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
        InputInvalid: the catalog's kind cannot be read by this version of the library.

    Example:
        >>> from embeddings import load_catalog
        >>> load_catalog("starter@0.1.0").dim  # doctest: +SKIP
        128
    """
    return load_uae(name)


def list_catalogs() -> list[str]:
    """Return the names of all catalogs that can be loaded, sorted.

    Example:
        >>> from embeddings import list_catalogs
        >>> list_catalogs()  # doctest: +SKIP
        ['ct-multi', 'starter']
    """
    return sorted({location.name for location in locate_all()})
