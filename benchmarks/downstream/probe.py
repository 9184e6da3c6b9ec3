"""What element vectors know about the elements: catalogs and published tables, ranked on the elements they share.

Each property of each element is predicted by ridge regression on all other elements; see `embeddings.analysis.probe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.downstream.vectors import load_catalogs, load_vectors
from benchmarks.harness import Request
from embeddings.analysis import PROPERTIES, mean_r2, rank

HAND_MADE = ("magpie", "magpie_sc", "oliynyk", "oliynyk_sc", "xenonpy")
"""Tables of ElementEmbeddings that are lists of such properties; the others were learned, or name the elements."""

QUICK_PROPERTIES = ("electronegativity", "melting_point")


def run(
    request: Request, *, catalogs: Sequence[str] = ("ct-multi",), published: Sequence[str] | None = None
) -> dict[str, Any]:
    """Rank catalogs among the published tables by how well elemental properties can be predicted from them.

    Args:
        request: of the harness; quick are two properties, against random rows alone.
        catalogs: names or paths of the catalogs to measure.
        published: tables of ElementEmbeddings to compare with; all that it has if not given.

    Returns:
        ``settings``, ``rows``: a score for each table and property; ``summary``: tables by descending
        mean R2; ``notes``.

    Raises:
        EmbeddingsError: a catalog cannot be read, or too few elements are shared.
    """
    names = () if request.quick else (published_names() if published is None else published)
    tables, notes = load_vectors(load_catalogs(catalogs), names)
    ranking = rank(
        {table.name: table for table in tables}, properties=QUICK_PROPERTIES if request.quick else tuple(PROPERTIES)
    )
    shared = set.intersection(*(set(table.atomic_numbers.tolist()) for table in tables))
    dims = {table.name: table.dim for table in tables}
    head = [{"features": name, "dim": dims[name], "hand_made": name in HAND_MADE} for name in ranking]
    return {
        "settings": {"catalogs": list(catalogs), "n_elements": len(shared)},
        "rows": [
            {"features": name, "property": prop} | asdict(score)
            for name, scores in ranking.items()
            for prop, score in scores.items()
        ],
        "summary": [row | {"mean_r2": mean_r2(ranking[row["features"]])} for row in head],
        "notes": notes,
    }


def published_names() -> tuple[str, ...]:
    """Return the names of all element tables that ElementEmbeddings has, or none where it is not installed."""
    try:
        from elementembeddings.core import DEFAULT_ELEMENT_EMBEDDINGS
    except ImportError:
        return ()
    return tuple(DEFAULT_ELEMENT_EMBEDDINGS)
