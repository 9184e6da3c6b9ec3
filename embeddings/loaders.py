"""From a name to a verified object."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.errors import CatalogNotFound, InputInvalid, builders_needed
from embeddings.protocols import Catalog, CatalogLike, Encoder, EncoderOfCrystals
from embeddings.store.exchange import read_settled
from embeddings.store.integrity import read_intact
from embeddings.store.roots import manifest_of, resolve
from embeddings.store.tables import element_catalog, needed
from embeddings.store.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.encoder import CompositionEncoder
    from embeddings.store.manifest import Manifest


def load_uae(name: str | os.PathLike[str]) -> ElementCatalog:
    """Load universal atomic embeddings: one vector for each element, hashes verified.

    Args:
        name: ``"starter"`` for its highest default version in any root, ``"starter@0.3.0"`` or ``"starter@0.3"`` for
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

    Whatever it is, it has ``name``, ``version``, ``dim``, ``catalog[key]`` and ``lookup(keys)``. `load_uae` and
    `load_composition_encoder` do the same for one kind, and tell type checkers which.

    Args:
        name: as for `load_uae`, or the path of a ``.parquet`` file or of a folder of them that ``embeddings embed``
            wrote, or the URL of either; that of a folder ends in a slash.

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
        >>> load_catalog("starter@0.3.0").dim  # doctest: +SKIP
        128
        >>> load_catalog("vectors.parquet")["mp-149"].shape  # doctest: +SKIP
        (128,)
    """
    from embeddings.vectors.names import is_vectors

    if is_vectors(os.path.expanduser(name)):
        return _read_vector_file(os.fspath(name) if is_url(name) else Path(name).expanduser())
    folder = resolve(name)
    return read_settled(folder, lambda: _read_folder(folder))


def _read_folder(folder: Path) -> ElementCatalog | CompositionEncoder:
    manifest = manifest_of(folder)
    if manifest.kind == "composition-encoder":
        return _composition_encoder(folder, manifest)
    return element_catalog(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))


def load_encoder(name: str | os.PathLike[str]) -> Encoder:
    """Load a network that gives vectors: to formulas, with NumPy alone, or to crystals and their atoms, with torch.

    Either kind has ``name``, ``version``, ``dim`` and ``encode``. `load_composition_encoder` and `load_crystal_encoder`
    do the same for one kind, and tell type checkers which.

    Args:
        name: of a composition encoder, or of a catalog of elements for the network behind it; as for `load_uae`. Or
            of a third-party potential, such as ``"chgnet"``, whose own package has to be installed.

    Returns:
        A `CompositionEncoder`, a `CrystalEncoder` or a `PotentialEncoder`.

    Raises:
        CatalogNotFound: no catalog and no potential goes by this name.
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
    encoder: Encoder = _encoder(name, _read_encoder)
    return encoder


def load_composition_encoder(name: str | os.PathLike[str]) -> CompositionEncoder:
    """Load a network that gives vectors to formulas; see `load_encoder`.

    Raises:
        InputInvalid: the name is that of something else.
        EmbeddingsError: as `load_encoder` says.

    Example:
        >>> from embeddings import load_composition_encoder
        >>> load_composition_encoder("cromel-multi")["Fe2O3"].shape  # doctest: +SKIP
        (128,)
    """
    return as_composition_encoder(name)


def load_crystal_encoder(name: str | os.PathLike[str]) -> EncoderOfCrystals:
    """Load the network behind a catalog of elements, or a third-party potential; it encodes crystals and their sites.

    Raises:
        InputInvalid: the name is that of a composition encoder, or this version carries no network.
        EmbeddingsError: as `load_encoder` says.

    Example:
        >>> from embeddings import load_crystal_encoder
        >>> vectors, offsets = load_crystal_encoder("ct-multi").encode_sites(structures)  # doctest: +SKIP
        >>> load_crystal_encoder("chgnet").encode(structures).shape  # doctest: +SKIP
        (2, 64)
    """
    encoder: EncoderOfCrystals = _encoder(name, _read_crystal_encoder)
    return encoder


def encode_structures_in(path: Path, name: str) -> np.ndarray:
    """Return a vector for each structure in a file by the encoder of a catalog, (n, dim) float32.

    Args:
        path: of the file.
        name: of the catalog.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        SourceError: the file has no structure that can be used.
        ElementNotCovered: a structure has an element that the encoder was not trained on.
        MissingExtra: the extra ``build`` is not installed.
    """
    folder = resolve(name)
    with builders_needed():
        from builders.methods import encode_structures_in as encode
    vectors: np.ndarray = encode(path, folder)
    return vectors


def as_catalog(asked: CatalogLike) -> ElementCatalog | CompositionEncoder:
    """Return what gives vectors to formulas: a catalog of elements or a composition encoder, loaded or by name.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: a file of the catalog is missing or altered.
        InputInvalid: not a name, a path, a catalog of elements or a composition encoder.
    """
    from embeddings.pooling.features import check_catalog

    return check_catalog(load_catalog(asked) if isinstance(asked, str | os.PathLike) else asked)


def as_catalogs(asked: CatalogLike | Sequence[CatalogLike]) -> tuple[ElementCatalog | CompositionEncoder, ...]:
    """Return one catalog or encoder, or several, each loaded or by name, as a tuple; see `as_catalog`.

    Raises:
        EmbeddingsError: as `as_catalog` says.
    """
    return tuple(map(as_catalog, asked if isinstance(asked, list | tuple) else (asked,)))


def as_uae(asked: CatalogLike) -> ElementCatalog:
    """Return a catalog of elements, loaded or by name.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        CatalogCorrupt: a file of the catalog is missing or altered.
        InputInvalid: anything else.
    """
    found = as_catalog(asked)
    if not isinstance(found, ElementCatalog):
        raise InputInvalid(
            f"{found!r} is not a catalog of elements. The element vectors of an encoder are encoder.elements."
        )
    return found


def as_composition_encoder(asked: CatalogLike) -> CompositionEncoder:
    """Return a composition encoder, loaded or by name.

    Raises:
        CatalogNotFound: no encoder goes by this name.
        CatalogCorrupt: a file of the encoder is missing or altered.
        InputInvalid: anything else.
    """
    from embeddings.encoder import CompositionEncoder

    found = load_catalog(asked) if isinstance(asked, str | os.PathLike) else asked
    if not isinstance(found, CompositionEncoder):
        raise InputInvalid(f"{found!r} is not a composition encoder. Give one, or its name, such as cromel-multi.")
    return found


def list_catalogs() -> list[str]:
    """Return the names of all catalogs that can be loaded, sorted.

    Example:
        >>> from embeddings import list_catalogs
        >>> list_catalogs()  # doctest: +SKIP
        ['ct-multi', 'starter']
    """
    from embeddings.store.locations import locate_all

    return sorted({location.name for location in locate_all()})


def _encoder(name: str | os.PathLike[str], read: Callable[[Path], Any]) -> Any:
    """Return the encoder of a catalog, or the third-party potential that goes by a name that no catalog has."""
    try:
        folder = resolve(name)
    except CatalogNotFound:
        with builders_needed():
            from builders.methods import load_potential

            potential = load_potential(os.fspath(name))
        if potential is None:
            raise
        return potential
    return read_settled(folder, lambda: read(folder))


def _read_encoder(folder: Path) -> Encoder:
    manifest = manifest_of(folder)
    if manifest.kind == "composition-encoder":
        return _composition_encoder(folder, manifest)
    with builders_needed():
        from builders.methods import load_encoder as load_by_method
    encoder: Encoder = load_by_method(folder)
    return encoder


def _read_crystal_encoder(folder: Path) -> EncoderOfCrystals:
    manifest_of(folder)  # is this the catalog that goes by this name?
    with builders_needed():
        from builders.methods.crystal_transformer.encoder import read_crystal_encoder
    return read_crystal_encoder(folder)


def _composition_encoder(folder: Path, manifest: Manifest) -> CompositionEncoder:
    from embeddings.store.encoder_files import composition_encoder, needed

    return composition_encoder(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))


def _read_vector_file(path: Any) -> Catalog:
    from embeddings.search.encoding import encode
    from embeddings.vectors.context import read_context_catalog
    from embeddings.vectors.file import open_vectors
    from embeddings.vectors.sites import read_site_catalog
    from embeddings.vectors.structures import read_structure_catalog

    readers: dict[str, Callable[[Any], Catalog]] = {
        "element": read_context_catalog,
        "site": read_site_catalog,
        "structure": partial(read_structure_catalog, encode=encode),
    }
    return readers[open_vectors(path)[1].level](path)
