"""The page: template, style, scripts and content put together into one file that loads nothing else."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from embeddings.analysis.rows import Elements
from embeddings.display.pages import check_page, content_policy, embedded_json, page_style, read_part
from embeddings.explorer.content import Report, page_content
from embeddings.loaders import as_uae
from embeddings.store.folders import write_text

SCRIPTS = (
    *("dom", "colors", "legend", "table", "element", "map", "heatmap", "facts", "comparison"),
    *("export", "controls", "main"),
)
"""In the order in which they build on each other."""

PACKAGE = "embeddings.explorer"


def render_page(catalogs: Sequence[Elements], *, seed: int = 0, report: Report = lambda text: None) -> str:
    """Return the explorer of one catalog, or of two side by side, as HTML that works offline and from disk.

    The same catalogs and seed give the same text. Nothing in it is fetched, and its content-security policy runs no
    script but its own.

    Args:
        catalogs: one or two, or their names.
        seed: of clusters and maps.
        report: called with what is computed next.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        InputInvalid: neither one nor two catalogs.
        MissingExtra: umap-learn, scikit-learn or pymatgen is not installed.

    Example:
        >>> page = render_page(["ct-multi"])  # doctest: +SKIP
    """
    return _assemble(page_content([as_uae(each) for each in catalogs], seed=seed, report=report))


def write_page(
    path: str | os.PathLike[str],
    catalogs: Sequence[Elements],
    *,
    seed: int = 0,
    report: Report = lambda text: None,
) -> None:
    """Write the explorer of one catalog, or of two side by side, to a file.

    Args:
        path: ends in .html; replaced if it is there.
        catalogs: one or two, or their names.
        seed: of clusters and maps.
        report: called with what is computed next.

    Raises:
        OutputInvalid: another ending, no such folder, or a place that cannot be written to; found before any work.
        CatalogNotFound: no catalog goes by a name.
        InputInvalid: neither one nor two catalogs.
        MissingExtra: umap-learn, scikit-learn or pymatgen is not installed.
    """
    path = Path(path)
    check_page(path, "the explorer")
    write_text(path, render_page(catalogs, seed=seed, report=report))


def _assemble(content: dict[str, Any]) -> str:
    style = page_style(PACKAGE)
    script = '"use strict";\n(() => {\n' + "\n".join(read_part(PACKAGE, f"{name}.js") for name in SCRIPTS) + "})();\n"
    return Template(read_part(PACKAGE, "page.html")).substitute(
        title=html.escape(f"{content['title']} \u00b7 explorer"),
        policy=content_policy(style, script),
        style=style,
        script=script,
        content=embedded_json(content),
    )
