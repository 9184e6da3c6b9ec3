"""What is to know about an atlas: facts for programs, and a text for whoever looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.display.numbers import counted
from embeddings.explorer.atlas.columns import Columns
from embeddings.explorer.atlas.places import Places

if TYPE_CHECKING:
    from embeddings.vectors.structures import StructureCatalog

FORM = "materials-embeddings atlas 1"
"""By which the folder of an atlas is known."""

_SIGNS = frozenset("\\`*_{}[]<>()#+!|~@")


def facts_of(
    catalog: StructureCatalog, columns: Columns, places: Places, *, k: int, seed: int, viewer: str
) -> dict[str, Any]:
    """Return what is to know about an atlas as values that JSON can hold.

    Args:
        catalog: the structures.
        columns: what is told of them.
        places: where they are drawn.
        k: how many neighbors of each are kept.
        seed: of the map.
        viewer: name and version of what draws it.
    """
    footer = catalog.footer
    return {
        "form": FORM,
        "title": f"{counted(len(catalog), 'structure')} of {footer.source}",
        "n_structures": len(catalog),
        "encoder": footer.encoder,
        "source": footer.source,
        "synthetic": footer.synthetic,
        "licenses": {licence.spdx: licence.attribution for licence in (footer.licence, footer.catalog.licence)},
        "axes": list(places.axes),
        "seed": seed if places.is_umap else None,
        "n_neighbors": k,
        "columns": columns.shown,
        "viewer": viewer,
    }


def about(facts: dict[str, Any]) -> str:
    """Return what is to know about a map and how to use it, in Markdown."""
    how = f"by {_plain(', '.join(facts['axes']))}"
    if facts["seed"] is not None:
        how = f"by UMAP (seed {facts['seed']}): near means similar, directions and gaps mean nothing"
    neighbors = (
        f"Its button *Nearest Neighbors* lists the {facts['n_neighbors']} of the largest cosine, which are exact; the "
        "distance is 1 minus the cosine. "
    )
    licenses = " ".join(f"{name}: {text}" for name, text in facts["licenses"].items())
    return "\n\n".join(
        (
            f"**{_plain(facts['title'])}**, vectors by {_plain(facts['encoder'])}, placed {how}.",
            "Click a point, or a row of the table, for what is known of a structure and for its entry. "
            f"{neighbors if facts['n_neighbors'] else ''}Rectangle and lasso are at the lower right of the map; a "
            "click on a bar below selects too. The arrow above saves the selection as a table.",
            f"Licenses: {_plain(licenses)} The map is drawn by Embedding Atlas (Apple, MIT).",
        )
    )


def _plain(text: str) -> str:
    """Return text in one line and without a meaning in Markdown."""
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in " ".join(text.split()))
