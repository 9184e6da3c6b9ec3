"""What the explorer shows, as plain JSON values: elements, their properties, catalogs and how alike two of them are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embeddings.analysis.clusters import MAX_AUTO_K, Clustering, cluster
from embeddings.analysis.comparison import compare
from embeddings.analysis.projection import Method, project
from embeddings.analysis.properties import PROPERTIES, property_values
from embeddings.catalog import ElementCatalog
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS, block, group, period
from embeddings.errors import InputInvalid, needs
from embeddings.explorer.facts import list_facts, list_metrics, list_terms, name_catalogs, summarize
from embeddings.plots.palette import DIVERGING, DIVERGING_ON_DARK, SEQUENTIAL, class_colors
from embeddings.search.neighbors import cosine_similarity

PROJECTIONS: tuple[Method, ...] = ("umap", "pca")
N_NEIGHBORS = 10
N_OVERLAP = 5
N_MOVED = 12
DIGITS = 4


Report = Callable[[str], None]
"""Called with what comes next."""

Clusterings = dict[str, Clustering]
"""By number of clusters, and one called "best"."""

_BEST = "best"


def count_steps(n_catalogs: int) -> int:
    """Return how often `page_content` reports."""
    return n_catalogs * (1 + len(PROJECTIONS)) + (n_catalogs == 2)


def page_content(
    catalogs: Sequence[ElementCatalog], *, seed: int = 0, report: Report = lambda text: None
) -> dict[str, Any]:
    """Gather all that the page shows.

    What a small catalog does not allow (clusters, a map, a comparison) is left out, and the reason is shown instead.
    The clusters of a second catalog have the numbers, hence the colors, of those of the first that they are most like.

    Args:
        catalogs: one, or two to show side by side.
        seed: of clusters and maps.
        report: told what is computed next, `count_steps` times.

    Returns:
        Values that JSON can hold, the same for the same catalogs and seed.

    Raises:
        InputInvalid: neither one nor two catalogs.
        MissingExtra: umap-learn, scikit-learn or pymatgen is not installed.
    """
    if not 1 <= len(catalogs) <= 2:
        raise InputInvalid(f"The explorer shows one catalog, or two side by side, but {len(catalogs)} were given.")
    titles = name_catalogs(catalogs)
    shown, first = [], None
    for catalog, title in zip(catalogs, titles, strict=True):
        maps = _maps(catalog, title, seed, report)  # first: they need the extra "plot", which brings all others
        report(f"{title}: clusters")
        found = _matched(_clusterings(catalog, seed), first)
        first = first or found
        shown.append(_catalog(catalog, title, found) | maps)
    return {
        "title": " and ".join(titles),
        "subtitle": summarize(catalogs),
        "palette": _palette(),
        "elements": _elements(),
        "properties": _properties(),
        "projections": list(PROJECTIONS),
        "catalogs": shown,
        "comparison": _comparison(catalogs[0], catalogs[1], report) if len(catalogs) == 2 else None,
    }


def _palette() -> dict[str, Any]:
    """Return the colors of the static figures, and those of a dark page."""
    return {
        "classes": [fill for fill, _ in class_colors(2 * MAX_AUTO_K)],
        "light": {"rising": SEQUENTIAL, "diverging": DIVERGING},
        "dark": {"rising": SEQUENTIAL, "diverging": DIVERGING_ON_DARK},
    }


def _elements() -> list[dict[str, Any]]:
    with needs("pymatgen", "plot"):
        from pymatgen.core import Element
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
    """Return the column that an element is drawn in; the f block is below, from the third column on."""
    return group(z) or 3 + z - (57 if period(z) == 6 else 89)


def _properties() -> dict[str, Any]:
    return {
        name: {"label": about.label, "unit": about.unit, "values": _numbers(property_values(name))}
        for name, about in PROPERTIES.items()
    }


def _catalog(catalog: ElementCatalog, title: str, found: Clusterings | str) -> dict[str, Any]:
    return {
        "title": title,
        "facts": list_facts(catalog.manifest),
        "terms": list_terms(catalog.manifest),
        "limits": list(catalog.manifest.limits),
        "metrics": list_metrics(catalog.manifest),
        "atomic_numbers": catalog.atomic_numbers.tolist(),
        "n_structures": list(catalog.n_structures.values()),
        "neighbors": [_neighbors(catalog, symbol) for symbol in catalog.symbols],
        "similarity": [_numbers(row) for row in cosine_similarity(catalog.vectors)],
        "clusters": {"note": found} if isinstance(found, str) else _choices(found),
    }


def _neighbors(catalog: ElementCatalog, symbol: str) -> list[tuple[int, float]]:
    found = catalog.neighbors(symbol, N_NEIGHBORS)
    return [(ATOMIC_NUMBERS[other], round(similarity, DIGITS)) for other, similarity in found]


def _clusterings(catalog: ElementCatalog, seed: int) -> Clusterings | str:
    """Return a clustering for each number of clusters and for the best one, or why there are none."""
    try:
        best = cluster(catalog, seed=seed)
    except InputInvalid as error:
        return str(error)
    numbers = best.scores.k.tolist()
    return {_BEST: best} | {str(k): cluster(catalog, k=k, seed=seed, n_seeds=1) for k in numbers}


def _matched(found: Clusterings | str, first: Clusterings | str | None) -> Clusterings | str:
    """Return clusterings with the numbers of those of the first catalog that are shown beside them, if any."""
    if isinstance(found, str) or not isinstance(first, dict):
        return found
    return {k: each.matched(first.get(k, first[_BEST])) for k, each in found.items()}


def _choices(found: Clusterings) -> dict[str, Any]:
    scores = found[_BEST].scores
    silhouette = dict(zip(scores.k.tolist(), _numbers(scores.silhouette.mean(axis=1)), strict=True))
    choices = {
        name: {"k": each.k, "labels": each.labels.tolist(), "silhouette": silhouette[each.k]}
        for name, each in found.items()
    }
    return {"best": found[_BEST].k, "choices": choices}


def _maps(catalog: ElementCatalog, title: str, seed: int, report: Report) -> dict[str, Any]:
    maps: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for method in PROJECTIONS:
        report(f"{title}: map by {method.upper()}")
        try:
            maps[method] = [_numbers(point) for point in project(catalog, method, seed=seed).at]
        except InputInvalid as error:
            maps[method], notes[method] = None, str(error)
    return {"maps": maps, "map_notes": notes}


def _comparison(a: ElementCatalog, b: ElementCatalog, report: Report) -> dict[str, Any]:
    report("comparison")
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
