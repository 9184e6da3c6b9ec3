"""What encoders of crystals share, whatever network is behind them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from builders.structures.cleaning import MAX_SITES
from builders.structures.counts import made_of
from builders.structures.encodable import table_of
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Versioned

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from builders.structures.encodable import Structures


class EncodesCrystals(Versioned, ABC):
    """Crystals in, vectors out.

    Attributes:
        atomic_numbers: (n_elements,) those that the encoder was trained on, ascending.
        max_sites: crystals of more atoms are refused.
    """

    atomic_numbers: np.ndarray
    max_sites: int = MAX_SITES

    @abstractmethod
    def encode(self, structures: Structures) -> np.ndarray:
        """Return one vector for each crystal, (n, dim) float32."""

    def covers(self, structures: Structures) -> np.ndarray:
        """Return which crystals consist of elements that the encoder was trained on, (n,) bool.

        Raises:
            InputInvalid: a structure is not one.
        """
        return made_of(table_of(structures), self.atomic_numbers)

    def lookup(self, structures: Structures) -> np.ndarray:
        """Return one vector for each crystal, (n, dim) float32: `encode`, under the name that catalogs have for it.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        return self.encode(structures)

    def __getitem__(self, structure: Structure | Atoms) -> np.ndarray:
        """Return the vector of one crystal, (dim,) float32.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        return self.encode([structure])[0]


@contextmanager
def memory_named(n_sites: np.ndarray) -> Iterator[None]:
    """Turn a lack of memory while a network looks at crystals of so many sites, (n,), into `InputInvalid`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise InputInvalid(
            "Not enough memory for all pairs of atoms of the largest structure, which has "
            f"{counted(n_sites.max(), 'atom')}. Choose a smaller --max-sites."
        ) from error
