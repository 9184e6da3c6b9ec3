"""From a name to a verified object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.store.exchange import read_settled
from embeddings.store.integrity import read_intact
from embeddings.store.roots import locate_all, manifest_of, resolve
from embeddings.store.tables import element_catalog, needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from builders.methods.crystal_transformer.encoder import CrystalEncoder
    from embeddings.encoder import CompositionEncoder
    from embeddings.store.manifest import Manifest
    from embeddings.vectors.sites import SiteCatalog
    from embeddings.vectors.structures import StructureCatalog

    VectorFile = ElementCatalog | StructureCatalog | SiteCatalog
    Catalog = VectorFile | CompositionEncoder


def load_uae(name: str | os.PathLike[str]) -> ElementCatalog:
    """Load universal atomic embeddings: one vector for each element, hashes verified.

    Args:
        name: ``"starter"`` for its highest default version in any root, ``"starter@0.1.0"`` or ``"starter@0.1"`` for
            another, or the path of a version's folder or of a ``.parquet`` file of element vectors.

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
    if isinstance(catalog, ElementCatalog):
        return catalog
    if os.fspath(name).endswith(".parquet"):
        raise InputInvalid(f"{catalog!r} is not a catalog of elements. Load it with load_catalog.")
    raise InputInvalid(f"{catalog!r} is not a catalog of elements. Load it with load_encoder.")


def load_catalog(name: str | os.PathLike[str]) -> Catalog:
    """Load whatever goes by a name: a catalog of elements, a composition encoder, or a file of vectors by its path.

    Args:
        name: as for `load_uae`, or the path of a ``.parquet`` file that ``embeddings embed`` wrote.

    Returns:
        An `ElementCatalog`, a `CompositionEncoder`, a `StructureCatalog` in memory, or a `SiteCatalog` that reads from
        its file.

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
    return read_settled(folder, lambda: _read_folder(folder))


def _read_folder(folder: Path) -> ElementCatalog | CompositionEncoder:
    manifest = manifest_of(folder)
    if manifest.kind == "composition-encoder":
        return _composition_encoder(folder, manifest)
    return element_catalog(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))


def load_encoder(name: str | os.PathLike[str]) -> CompositionEncoder | CrystalEncoder:
    """Load a network that gives vectors: to formulas, with NumPy alone, or to crystals and their atoms, with torch.

    Args:
        name: of a composition encoder, or of a catalog of elements for the network behind it; as for `load_uae`.

    Returns:
        A `CompositionEncoder` or a `CrystalEncoder`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: the encoder is missing or altered.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
        InputInvalid: this version of the catalog carries no encoder.
        MissingExtra: what a crystal encoder needs is not installed.

    Example:
        >>> from embeddings import load_encoder
        >>> load_encoder("cromel-multi").encode(["Fe2O3", "LiFePO4"]).shape  # doctest: +SKIP
        (2, 128)
        >>> vectors, offsets = load_encoder("ct-multi").encode_sites(structures)  # doctest: +SKIP
    """
    folder = resolve(name)
    return read_settled(folder, lambda: _read_encoder(folder))


def _read_encoder(folder: Path) -> CompositionEncoder | CrystalEncoder:
    manifest = manifest_of(folder)
    if manifest.kind == "composition-encoder":
        return _composition_encoder(folder, manifest)
    try:
        from builders.methods.crystal_transformer.encoder import read_crystal_encoder
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or "torch", "build") from error
    return read_crystal_encoder(folder)


def list_catalogs() -> list[str]:
    """Return the names of all catalogs that can be loaded, sorted.

    Example:
        >>> from embeddings import list_catalogs
        >>> list_catalogs()  # doctest: +SKIP
        ['ct-multi', 'starter']
    """
    return sorted({location.name for location in locate_all()})


def _composition_encoder(folder: Path, manifest: Manifest) -> CompositionEncoder:
    from embeddings.store.encoder_files import composition_encoder, needed

    return composition_encoder(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))


def _read_vector_file(path: Path) -> VectorFile:
    from embeddings.vectors.context import read_context_catalog
    from embeddings.vectors.file import open_vectors
    from embeddings.vectors.sites import open_site_catalog
    from embeddings.vectors.structures import read_structure_catalog

    readers: dict[str, Callable[[Path], VectorFile]] = {
        "element": read_context_catalog,
        "site": open_site_catalog,
        "structure": read_structure_catalog,
    }
    return readers[open_vectors(path)[1].level](path)
