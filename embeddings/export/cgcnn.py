"""For CGCNN (Xie and Grossman, Phys. Rev. Lett. 120, 145301, 2018): the file of its atoms, and vectors for sites.

Its ``CIFData`` reads the vectors of the elements from ``atom_init.json`` in the folder of the data, takes any width,
and projects it; see https://github.com/txie-93/cgcnn. Vectors of sites replace them item by item.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid
from embeddings.export.output import numbers, save_json
from embeddings.export.rows import element_rows
from embeddings.export.sites import site_array

if TYPE_CHECKING:
    from embeddings.sites import SiteCatalog


def write_cgcnn(
    catalog: ElementCatalog,
    path: str | os.PathLike[str],
    *,
    missing: str = "raise",
    elements: Iterable[str | int] | None = None,
) -> None:
    """Write ``{"1": [...], "3": [...]}``, the ``atom_init.json`` of CGCNN.

    CGCNN stops at an element that is not in the file.

    Args:
        catalog: the element vectors.
        path: the file; CGCNN finds it as ``atom_init.json`` in the folder of the data.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    rows = element_rows(catalog, elements, missing=missing)
    save_json(path, {str(z): numbers(vector) for z, vector in zip(rows.atomic_numbers, rows.vectors, strict=True)})


class SiteDataset:
    """CGCNN's data set with a vector for each site in place of that of its element.

    It is indexed like ``CIFData`` and goes where that goes. The width is still ``dataset[0][0][0].shape[1]``.
    """

    def __init__(self, dataset: Sequence[Any], sites: Mapping[str, np.ndarray] | SiteCatalog) -> None:
        """Take a data set of CGCNN and the vectors of its crystals.

        Args:
            dataset: items ``((atom_fea, nbr_fea, nbr_fea_idx), target, cif_id)``.
            sites: ``cif_id`` -> (n_sites, dim) float32, the sites in the order of the CIF file; a catalog of sites
                is such a mapping.
        """
        self.dataset, self.sites = dataset, sites

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[tuple[Any, ...], Any, str]:
        """Return one item.

        Raises:
            InputInvalid: a crystal has no vectors, or not one for each site.
        """
        (atoms, *neighbors), target, cif_id = self.dataset[index]
        if cif_id not in self.sites:
            raise InputInvalid(f'No site vectors for "{cif_id}"; there are those of {len(self.sites)} other crystals.')
        vectors = atoms.new_tensor(site_array(self.sites[cif_id], len(atoms), cif_id))
        return (vectors, *neighbors), target, cif_id
