"""What the explorer shows, as plain JSON values: elements, their properties, catalogs and how alike two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.analysis.clusters import cluster
from embeddings.analysis.comparison import compare
from embeddings.analysis.projection import Method, project
from embeddings.analysis.properties import PROPERTIES, property_values
from embeddings.catalog import ElementCatalog
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS, block, group, period
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.explorer.facts import list_facts, list_metrics, list_terms, name_catalogs, summarize
from embeddings.search.neighbors import cosine_similarity

PROJECTIONS: tuple[Method, ...] = ("umap", "pca")
N_NEIGHBORS = 10
N_OVERLAP = 5
N_MOVED = 12
DIGITS = 4


def page_content(catalogs: Sequence[ElementCatalog], *, seed: int = 0) -> dict[str, Any]:
    """Gather all that the page shows.

    What a small catalog does not allow (clusters, a map, a comparison) is left out, and the reason stands for it.

    Args:
        catalogs: one, or two to stand side by side.
        seed: of clusters and maps.

    Returns:
        Values that JSON can hold, the same for the same catalogs and seed.

    Raises:
        InputInvalid: neither one nor two catalogs.
        MissingExtra: umap-learn, scikit-learn or pymatgen is not installed.
    """
    if not 1 <= len(catalogs) <= 2:
        raise InputInvalid(f"The explorer shows one catalog, or two side by side, but {len(catalogs)} were given.")
    titles = name_catalogs(catalogs)
    return {
        "title": " and ".join(titles),
        "subtitle": summarize(catalogs),
        "elements": _elements(),
        "properties": _properties(),
        "projections": list(PROJECTIONS),
        "catalogs": [_catalog(each, title, seed) for each, title in zip(catalogs, titles, strict=True)],
        "comparison": _comparison(*catalogs) if len(catalogs) == 2 else None,
    }


def _elements() -> list[dict[str, Any]]:
    try:
        from pymatgen.core import Element
    except ImportError as error:
        raise MissingExtra.of("pymatgen", "plot") from error
    return [
        {
            "z": z,
            "symbol": symbol,
            "name": Element(symbol).long_name,
            "period": period(z),
            "group": group(z),
            "block": block(z),
            "column": _column(z),
            "row": period(z) if group(z) else period(z) + 3,
        }
        for z, symbol in enumerate(SYMBOLS, start=1)
    ]


def _column(z: int) -> int:
    """Return the column that an element is drawn in; the f block stands below, from the third column on."""
    return group(z) or 3 + z - (57 if period(z) == 6 else 89)


def _properties() -> dict[str, Any]:
    return {
        name: {"label": about.label, "unit": about.unit, "values": _numbers(property_values(name))}
        for name, about in PROPERTIES.items()
    }


def _catalog(catalog: ElementCatalog, title: str, seed: int) -> dict[str, Any]:
    maps, notes = _maps(catalog, seed)
    return {
        "title": title,
        "facts": list_facts(catalog.manifest),
        "terms": list_terms(catalog.manifest),
        "limits": list(catalog.manifest.limits),
        "metrics": list_metrics(catalog.manifest),
        "atomic_numbers": catalog.atomic_numbers.tolist(),
        "n_structures": catalog.table.n_structures.tolist(),
        "neighbors": [_neighbors(catalog, symbol) for symbol in catalog.symbols],
        "similarity": [_numbers(row) for row in cosine_similarity(catalog.vectors)],
        "clusters": _clusters(catalog, seed),
        "maps": maps,
        "map_notes": notes,
    }


def _neighbors(catalog: ElementCatalog, symbol: str) -> list[tuple[int, float]]:
    found = catalog.neighbors(symbol, N_NEIGHBORS)
    return [(ATOMIC_NUMBERS[other], round(similarity, DIGITS)) for other, similarity in found]


def _clusters(catalog: ElementCatalog, seed: int) -> dict[str, Any]:
    try:
        found = cluster(catalog, seed=seed)
    except InputInvalid as error:
        return {"note": str(error)}
    silhouettes = _numbers(found.scores.silhouette.mean(axis=1))
    choices = {
        k: {"labels": cluster(catalog, k=k, seed=seed, n_seeds=1).labels.tolist(), "silhouette": silhouette}
        for k, silhouette in zip(found.scores.k.tolist(), silhouettes, strict=True)
    }
    return {"best": found.k, "choices": choices}


def _maps(catalog: ElementCatalog, seed: int) -> tuple[dict[str, Any], dict[str, str]]:
    maps: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for method in PROJECTIONS:
        try:
            maps[method] = [_numbers(point) for point in project(catalog, method, seed=seed).at]
        except InputInvalid as error:
            maps[method], notes[method] = None, str(error)
    return maps, notes


def _comparison(a: ElementCatalog, b: ElementCatalog) -> dict[str, Any]:
    try:
        found = compare(a, b, N_OVERLAP)
    except InputInvalid as error:
        return {"note": str(error)}
    moved = {ATOMIC_NUMBERS[symbol]: round(distance, DIGITS) for symbol, distance in found.moved.items()}
    return {
        "n_shared": found.n_shared,
        "k": min(N_OVERLAP, found.n_shared - 1),
        "overlap": round(found.overlap, DIGITS),
        "cka": round(found.cka, DIGITS),
        "procrustes": round(found.procrustes, DIGITS),
        "moved": moved,
        "most": list(moved)[:N_MOVED],
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    """Return rounded numbers, None for NaN."""
    return [None if np.isnan(value) else round(float(value), DIGITS) for value in values]
