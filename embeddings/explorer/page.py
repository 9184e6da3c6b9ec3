"""The page: template, style, scripts and content put together into one file that loads nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from embeddings.analysis.rows import Elements
from embeddings.errors import OutputInvalid
from embeddings.explorer.content import Report, page_content
from embeddings.loaders import as_uae
from embeddings.store.folders import write_text
from embeddings.store.outputs import check_file

SCRIPTS = (
    *("dom", "colors", "legend", "table", "element", "map", "heatmap", "facts", "comparison"),
    *("export", "controls", "main"),
)
"""In the order in which they build on each other."""

ENDINGS = (".html", ".htm")


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
    _check_output(path)
    write_text(path, render_page(catalogs, seed=seed, report=report))


def _check_output(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f'{path} ends in "{path.suffix}"; the explorer is a page: name it {path.stem}.html.')
    check_file(path)


def _assemble(content: dict[str, Any]) -> str:
    style = _read("style.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_read(f"{name}.js") for name in SCRIPTS) + "})();\n"
    return Template(_read("page.html")).substitute(
        title=html.escape(f"{content['title']} \u00b7 explorer"),
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'",
        style=style,
        script=script,
        content=_as_json(content),
    )


def _read(name: str) -> str:
    return (files("embeddings.explorer") / "web" / name).read_text("utf-8")


def _source(text: str) -> str:
    """Return how a content-security policy names the one inline text that it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_json(content: dict[str, Any]) -> str:
    """Return JSON that no text in it can break out of: ASCII, and without the signs that HTML gives a meaning."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
