"""For CGCNN (Xie and Grossman, Phys. Rev. Lett. 120, 145301, 2018): the file of its atoms, and vectors for sites.

Its ``CIFData`` reads the vectors of the elements from ``atom_init.json`` in the folder of the data, takes any width,
and projects it; see https://github.com/txie-93/cgcnn. Vectors of sites replace them item by item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.export.files import json_content, numbers
from embeddings.export.rows import Elements, element_rows
from embeddings.export.sites import site_array
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.vectors.sites import SiteCatalog, Sites


def cgcnn_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{"1": [...], "3": [...]}``, the ``atom_init.json`` of CGCNN, which it finds in the folder of the data.

    CGCNN stops at an element that is not in the file.
    """
    rows = element_rows(catalog, elements, missing=missing)
    return json_content({str(z): numbers(vector) for z, vector in zip(rows.atomic_numbers, rows.vectors, strict=True)})


class SiteDataset:
    """CGCNN's data set with a vector for each site in place of that of its element.

    It is indexed like ``CIFData`` and goes where that goes. The width is still ``dataset[0][0][0].shape[1]``. A vector
    of another element than the graph has in that place is refused.
    """

    def __init__(
        self,
        dataset: Sequence[Any],
        sites: Mapping[str, Sites | tuple[np.ndarray, np.ndarray]] | SiteCatalog,
        *,
        features: Mapping[int, Any] | None = None,
    ) -> None:
        """Take a data set of CGCNN and the vectors of its crystals.

        Args:
            dataset: items ``((atom_fea, nbr_fea, nbr_fea_idx), target, cif_id)``.
            sites: a catalog of sites, or ``cif_id`` -> vectors (n_sites, dim) and atomic numbers (n_sites,), in the
                order in which the data set has the atoms: that of pymatgen's ``Structure.from_file``.
            features: atomic number -> the features that the data set has for an element; those of ``dataset.ari``, the
                content of ``atom_init.json``, if None.

        Raises:
            InputInvalid: the data set does not say what its features are.
        """
        self.dataset, self.sites = dataset, sites
        self._numbers: dict[bytes, tuple[int, ...]] = {}
        for number, row in (_features_of(dataset) if features is None else features).items():
            key = _key(row)
            self._numbers[key] = (*self._numbers.get(key, ()), int(number))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[tuple[Any, ...], Any, str]:
        """Return one item.

        Raises:
            InputInvalid: a crystal has no vectors, not one for each site, or one for another element.
        """
        (atoms, *neighbors), target, cif_id = self.dataset[index]
        if cif_id not in self.sites:
            raise InputInvalid(
                f'No site vectors for "{cif_id}"; there are those of {counted(len(self.sites), "other crystal")}.'
            )
        sites = self.sites.sites(cif_id) if isinstance(self.sites, SiteCatalog) else self.sites[cif_id]
        vectors = atoms.new_tensor(site_array(sites, self._elements(atoms, sites, cif_id), cif_id))
        return (vectors, *neighbors), target, cif_id

    def _elements(self, atoms: Any, sites: Any, cif_id: str) -> list[int]:
        """Return the atomic numbers of a graph's atoms, found by their features."""
        stated = set(np.asarray(sites[1]).ravel().tolist()) if isinstance(sites, tuple) else set()
        elements = []
        for row in atoms.tolist():
            alike = self._numbers.get(_key(row))
            if alike is None:
                raise InputInvalid(f"An atom of {cif_id} has features that belong to none of the data set's elements.")
            meant = stated.intersection(alike)
            if len(meant) > 1:
                names = " and ".join(SYMBOLS[z - 1] for z in sorted(meant))
                raise InputInvalid(
                    f"The features of {names} are the same in this data set, so their sites in {cif_id} cannot be told "
                    "apart. Give each element features of its own in atom_init.json."
                )
            elements.append(meant.pop() if meant else alike[0])
        return elements


def _key(features: Any) -> bytes:
    return np.asarray(features, dtype=np.float32).tobytes()


def _features_of(dataset: Any) -> Mapping[int, Any]:
    """Return the features of the elements in a data set of CGCNN, or in the one that it is a part of."""
    while not hasattr(dataset, "ari") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    if not hasattr(dataset, "ari"):
        raise InputInvalid(
            f"{type(dataset).__name__} does not hold CGCNN's features of the elements (dataset.ari), by which the "
            "elements of its sites are known. Give them as features={atomic number: features}."
        )
    features: Mapping[int, Any] = dataset.ari.state_dict()
    return features
