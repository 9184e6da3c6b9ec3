"""For ALIGNN (Choudhary and DeCost, npj Comput. Mater. 7, 185, 2021): its atom features, and vectors for sites.

ALIGNN asks jarvis-tools for the features ``"cgcnn"`` of an element, and jarvis-tools reads them from the file that
``jarvis.core.specie.cgcnn_feature_json`` names, once for each element. An element that is not in the file gets the
features of number 100 there, so the files written here have all elements that jarvis-tools knows: one without a vector
is NaN in place of a list, and building a graph with it fails. See https://github.com/usnistgov/alignn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import nan
from typing import Any

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS, symbol
from embeddings.errors import ElementUnknown, InputInvalid, needs
from embeddings.export.files import json_content, numbers
from embeddings.export.rows import Elements, table_by_number
from embeddings.export.sites import site_array
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.store.scratch import scratch_folder
from embeddings.vectors.sites import Sites

KNOWN = SYMBOLS[:103]
"""The elements of jarvis-tools; whatever comes after lawrencium gets the features of fermium, number 100."""


def alignn_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{"1": [...], "2": NaN, ...}`` for ``jarvis.core.specie.cgcnn_feature_json``.

    By default it has the elements of the catalog, and all 103 that jarvis-tools knows with a policy that fills in.

    Raises:
        ElementUnknown: an element beyond lawrencium, which ALIGNN cannot take.
    """
    uae = as_uae(catalog)
    table = table_by_number(uae, _known(uae, elements, missing), missing=missing)[1 : len(KNOWN) + 1]
    features = {str(z): nan if np.isnan(vector).any() else numbers(vector) for z, vector in enumerate(table, start=1)}
    return json_content(features)


@contextmanager
def jarvis_features(catalog: CatalogLike, *, missing: Missing = "raise", elements: Elements = None) -> Iterator[None]:
    """Let ALIGNN build its graphs with a catalog, within a ``with`` block.

    Keep ``atom_features="cgcnn"``, and give the model ``atom_input_features=catalog.dim``.

    Args:
        catalog: the element vectors, loaded or by name.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see :func:`alignn_file`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        ElementUnknown: an element beyond lawrencium, which ALIGNN cannot take.
        MissingExtra: jarvis-tools is not installed.
    """
    with needs("jarvis-tools", "backends"):
        from jarvis.core import specie
    usual = specie.cgcnn_feature_json
    with scratch_folder() as folder:
        path = folder / "atom_init.json"
        path.write_bytes(alignn_file(catalog, missing=missing, elements=elements))
        try:
            specie.cgcnn_feature_json = str(path)
            specie.get_node_attributes.cache_clear()
            yield
        finally:
            specie.cgcnn_feature_json = usual
            specie.get_node_attributes.cache_clear()


def fill_species_table(
    model: Any, catalog: CatalogLike, *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Fill the table by which a pure-torch ALIGNN finds features from atomic numbers (LAMMPS, TorchScript).

    In place of ``model.register_species_table``, which leaves zeros where a width does not fit.

    Args:
        model: one with a ``_species_table``.
        catalog: the element vectors, loaded or by name.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`. Any other is NaN.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        InputInvalid: not such a model, or it takes another width.
    """
    uae, species = as_uae(catalog), getattr(model, "_species_table", None)
    if species is None:
        raise InputInvalid(f"{type(model).__name__} has no species table; it is for ALIGNN's pure-torch models.")
    if species.shape[1] != uae.dim:
        raise InputInvalid(
            f"This model takes {species.shape[1]} features for each atom, but {uae!r} has {uae.dim}. Build it "
            f"with atom_input_features={uae.dim}."
        )
    table = table_by_number(uae, elements, missing=missing)
    species.fill_(np.nan)
    species[: len(table)] = species.new_tensor(table)


def set_site_vectors(graph: Any, sites: Sites | tuple[np.ndarray, np.ndarray], *, name: str = "the crystal") -> None:
    """Put the vectors of the sites of one crystal into its ALIGNN graph, in place of the features of their elements.

    Args:
        graph: the atomistic graph, the first of the pair that ALIGNN builds.
        sites: vectors (n_sites, dim) and atomic numbers (n_sites,), in the order of the atoms; the model takes
            ``atom_input_features=dim``.
        name: of the crystal, for messages.

    Raises:
        InputInvalid: not one finite vector for each site, one for another element than the graph has in that place, or
            a graph without the atomic numbers ``Z``.
    """
    features = graph.ndata["atom_features"]
    if "Z" not in graph.ndata:
        raise InputInvalid(f'The graph of {name} holds no atomic numbers: put them into graph.ndata["Z"].')
    elements = graph.ndata["Z"].ravel().tolist()
    graph.ndata["atom_features"] = features.new_tensor(site_array(sites, elements, name))


def _known(uae: ElementCatalog, elements: Elements, missing: str) -> list[str]:
    """Return the elements to write, none of them beyond what jarvis-tools knows."""
    if elements is None:
        elements = uae.symbols if missing == "raise" else KNOWN
    symbols = [symbol(element) for element in elements]
    unknown = [name for name in symbols if name not in KNOWN]
    if unknown:
        raise ElementUnknown(
            f"ALIGNN gives every element beyond {KNOWN[-1]} the features of {KNOWN[99]}, so it cannot take "
            f"{', '.join(unknown)}. Leave them out of the elements."
        )
    return symbols
