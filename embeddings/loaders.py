"""From a name to a verified object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.store import locate_all, resolve, verify
from embeddings.tables import read_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from builders.encoder import CrystalEncoder
    from embeddings.sites import SiteCatalog
    from embeddings.structures import StructureCatalog

    Catalog = ElementCatalog | StructureCatalog | SiteCatalog


def load_uae(name: str | os.PathLike[str]) -> ElementCatalog:
    """Load universal atomic embeddings: one vector for each element, hashes verified.

    Args:
        name: ``"starter"`` for its default version, ``"starter@0.1.0"`` or ``"starter@0.1"`` for another, or
            the path of a version's folder or of a ``.parquet`` file of element vectors.

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
    catalog = load_catalog(name)
    if not isinstance(catalog, ElementCatalog):
        raise InputInvalid(
            f"{name} holds {catalog.footer.level} vectors, and elements are asked for. Use load_catalog."
        )
    return catalog


def load_catalog(name: str | os.PathLike[str]) -> Catalog:
    """Load a catalog of any kind: of elements by name, of structures or sites from a file of vectors.

    Args:
        name: as for `load_uae`, or the path of a ``.parquet`` file that ``embeddings embed`` wrote.

    Returns:
        An `ElementCatalog`, a `StructureCatalog` in memory, or a `SiteCatalog` that reads from its file.

    Raises:
        CatalogNotFound: no catalog goes by this name, or there is no such file.
        CatalogCorrupt: a file is missing or altered.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
        InputInvalid: the file holds no vectors that this version of the library can read.

    Example:
        >>> from embeddings import load_catalog
        >>> load_catalog("starter@0.1.0").dim  # doctest: +SKIP
        128
        >>> load_catalog("vectors.parquet")["mp-149"].shape  # doctest: +SKIP
        (128,)
    """
    if os.fspath(name).endswith(".parquet"):
        return _read_vector_file(Path(name).expanduser())
    folder = resolve(name)
    verify(folder)
    return read_catalog(folder)


def load_encoder(name: str | os.PathLike[str]) -> CrystalEncoder:
    """Load the network behind a catalog, which gives crystals and their atoms vectors; needs torch.

    Args:
        name: as for `load_uae`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: the encoder is missing or altered.
        InputInvalid: this version of the catalog carries no encoder.
        MissingExtra: what the encoder needs is not installed.

    Example:
        >>> from embeddings import load_encoder
        >>> encoder = load_encoder("ct-multi")  # doctest: +SKIP
        >>> vectors, offsets = encoder.encode_sites(structures)  # doctest: +SKIP
    """
    try:
        from builders.encoder import read_crystal_encoder
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or "torch", "build") from error
    return read_crystal_encoder(resolve(name))


def list_catalogs() -> list[str]:
    """Return the names of all catalogs that can be loaded, sorted.

    Example:
        >>> from embeddings import list_catalogs
        >>> list_catalogs()  # doctest: +SKIP
        ['ct-multi', 'starter']
    """
    return sorted({location.name for location in locate_all()})


def _read_vector_file(path: Path) -> Catalog:
    from embeddings.context import read_context_catalog
    from embeddings.sites import open_site_catalog
    from embeddings.structures import read_structure_catalog
    from embeddings.vector_file import open_vectors

    readers: dict[str, Callable[[Path], Catalog]] = {
        "element": read_context_catalog,
        "site": open_site_catalog,
        "structure": read_structure_catalog,
    }
    return readers[open_vectors(path)[1].level](path)
