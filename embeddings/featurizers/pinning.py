"""The catalogs and encoders of a featurizer: named by a parameter, loaded once, the same ones after pickling."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embeddings.catalog import ElementCatalog
from embeddings.encoder import CompositionEncoder
from embeddings.errors import CatalogCorrupt
from embeddings.loaders import as_catalog
from embeddings.protocols import CatalogLike
from embeddings.store.index import is_name


class Pin(NamedTuple):
    """What a pickle says of a catalog instead of holding its vectors."""

    source: str  # loads it again: "name@version", or a path
    sha256: str  # of its atomic numbers, vectors and weights


class PinnedCatalogs:
    """A mix-in for estimators with a parameter ``catalog``: a name, a path, a catalog or an encoder, or several.

    The catalogs are loaded when they are first needed, and again only when the parameter changes. A pickle holds
    name, version and hash in place of the vectors; unpickling loads that version and compares the hash.
    """

    catalog: CatalogLike | Sequence[CatalogLike]

    @property
    def catalogs(self) -> tuple[ElementCatalog | CompositionEncoder, ...]:
        """The catalogs and encoders that the parameter names, loaded.

        Raises:
            CatalogNotFound: no catalog goes by this name.
            CatalogCorrupt: a file of the catalog is missing or altered.
            InputInvalid: the parameter is not a name, path, catalog or encoder.
        """
        asked, loaded = _as_tuple(self.catalog), self._pinned()
        if loaded is None:
            loaded = tuple(map(as_catalog, asked))
            self._loaded = (asked, loaded)
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        state, loaded = vars(self).copy(), self._pinned()
        state.pop("_loaded", None)
        if loaded is not None:
            state["_pins"] = tuple(map(_pin, _as_tuple(self.catalog), loaded))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        pins = vars(self).pop("_pins", None)
        if pins is not None:
            asked = _as_tuple(self.catalog)
            self._loaded = (asked, tuple(map(_reload, asked, pins)))

    def _pinned(self) -> tuple[ElementCatalog | CompositionEncoder, ...] | None:
        """Return the catalogs, if they were loaded for the parameter as it is now."""
        asked, loaded = vars(self).get("_loaded", (None, None))
        return loaded if asked == _as_tuple(self.catalog) else None


def _as_tuple(catalog: CatalogLike | Sequence[CatalogLike]) -> tuple[CatalogLike, ...]:
    """Return one catalog or several as a tuple."""
    several = isinstance(catalog, Sequence) and not isinstance(catalog, str)
    return tuple(catalog) if several else (catalog,)  # type: ignore[arg-type, return-value]


def _pin(asked: CatalogLike, catalog: ElementCatalog | CompositionEncoder) -> Pin:
    """Return what a pickle says of a catalog."""
    source = f"{catalog.name}@{catalog.version}"
    if isinstance(asked, str | os.PathLike) and not is_name(os.fspath(asked).partition("@")[0]):
        source = str(Path(asked).expanduser().absolute())
    return Pin(source, sha256_of_vectors(catalog))


def _reload(asked: CatalogLike, pin: Pin) -> ElementCatalog | CompositionEncoder:
    """Load the catalog that a pickle speaks of; one that was given as an object came with the pickle.

    Raises:
        CatalogNotFound: this version is not here.
        CatalogCorrupt: its vectors differ.
    """
    catalog = as_catalog(pin.source if isinstance(asked, str | os.PathLike) else asked)
    found = sha256_of_vectors(catalog)
    if found != pin.sha256:
        raise CatalogCorrupt(
            f"This featurizer was pickled with {pin.source} and vectors of SHA-256 {pin.sha256}, but those here have "
            f"{found}. Install that version again, or fit again on these vectors."
        )
    return catalog


def sha256_of_vectors(catalog: ElementCatalog | CompositionEncoder) -> str:
    """Return the hash of the numbers alone, whatever file they came from."""
    if isinstance(catalog, CompositionEncoder):
        arrays = (catalog.atomic_numbers, catalog.elements.vectors, *catalog.network.arrays)
    else:
        arrays = (catalog.atomic_numbers, catalog.vectors)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
