"""What every catalog and every encoder offers, whatever its kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from embeddings.store.manifest import Manifest


@runtime_checkable
class Catalog(Protocol):
    """A named, versioned set of vectors: one key in, its vector out.

    The keys are elements, formulas, crystals, or identifiers of crystals; each class says which.
    """

    @property
    def name(self) -> str:
        """Name of the catalog; for vectors in a file, of the catalog whose encoder made them."""

    @property
    def version(self) -> str:
        """Semantic version."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    def __getitem__(self, key: Any, /) -> np.ndarray:
        """Return the vector of one key, (dim,) float32; of a catalog of sites, (n_sites, dim)."""

    def lookup(self, keys: Any, /) -> Any:
        """Return the vectors of many keys, (n, dim) float32; of a catalog of sites, all rows and their offsets."""


@runtime_checkable
class Encoder(Catalog, Protocol):
    """A network that makes vectors: of any formula, or of any crystal."""

    def encode(self, things: Any, /) -> np.ndarray:
        """Return one vector for each formula or crystal of a list, (n, dim) float32."""


class EncoderOfCrystals(Encoder, Protocol):
    """A network that makes vectors of crystals and of their atoms, which needs torch."""

    max_sites: int
    """Crystals of more atoms are refused."""

    @property
    def manifest(self) -> Manifest:
        """Of the catalog that it comes from, or of a third-party potential."""

    @property
    def sha256(self) -> str:
        """Hash of its network."""

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers that it was trained on, (n_elements,), ascending."""

    @property
    def site_dim(self) -> int:
        """Width of the vector of an atom."""

    def to(self, device: Any, /) -> Any:
        """Move the network to a device and return the encoder."""

    def covers(self, structures: Any, /) -> np.ndarray:
        """Return which structures consist of elements that it was trained on, (n,) bool."""

    def encode_sites(self, structures: Any, /) -> tuple[np.ndarray, np.ndarray]:
        """Return a vector for each atom, (n_atoms, site_dim) float32, and the offsets of crystals, (n + 1,) int64."""


CatalogLike: TypeAlias = str | os.PathLike[str] | Catalog
"""A catalog or encoder, its name, or the path of a version's folder."""


def is_structure(thing: object) -> bool:
    """True for a pymatgen structure or ASE atoms, told by what their class offers so that neither is imported."""
    offered = type(thing)
    return hasattr(offered, "get_scaled_positions") or (hasattr(offered, "lattice") and hasattr(offered, "frac_coords"))
