"""Fill what is generated: the catalogs of the README, and the tables of pages in docs.

Run it with `make readme`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    adopted,
    bench,
    cross_modal,
    downstream,
    explicit,
    imkt,
    language,
    markdown,
    own_data,
    pooling,
    readouts,
    search,
    speed,
    structure_vectors,
    teachers,
    unlike,
)
from benchmarks.harness import render_all
from embeddings.store import index
from embeddings.store.card import trained_on
from embeddings.store.folders import write_text
from embeddings.store.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[1]
CATALOGS = ROOT / "catalogs"


def filled(page: str) -> str:
    """Return the text of a page with its generated parts made anew.

    Args:
        page: a key of `PAGES`.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    for mark, make in PAGES[page].items():
        text = insert(text, mark, make())
    return text


def insert(text: str, mark: str, content: str) -> str:
    """Put the content between ``<!-- mark:start -->`` and ``<!-- mark:end -->``."""
    start, end = f"<!-- {mark}:start -->", f"<!-- {mark}:end -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"The text lacks the marks {start} and {end}.")
    return f"{before}{start}\n{content.strip()}\n{end}{after}"


def packaged_manifests() -> list[Manifest]:
    """Return the manifests of the packaged catalogs, each in its default version."""
    return [read_manifest(CATALOGS / name / index.default_version(CATALOGS, name)) for name in index.names(CATALOGS)]


def catalogs() -> str:
    """Return the narrow table of the README: each packaged catalog with the error of its first target."""
    columns = ["catalog", "gives a vector to", "learned from", "held-out error (predicting the mean)"]
    return markdown.table(columns, map(_narrow_row, packaged_manifests()))


def _narrow_row(manifest: Manifest) -> list[str]:
    first, *others = _errors(manifest) or ["none: nothing was trained"]
    more = f", and {len(others)} more" if others else ""
    elements = f"{manifest.n_rows} elements" + ("; crystals and their atoms" if manifest.table is None else "")
    gives = elements if manifest.kind == "element" else "any formula"
    card = f"catalogs/{manifest.name}/{manifest.version}/CARD.md"
    return [f"[`{manifest.name}`]({card})", gives, trained_on(manifest), first + more]


def catalog_table(manifests: list[Manifest]) -> str:
    """Return the wide table of catalogs: size, source, every held-out error, license."""
    columns = ["catalog", "vectors", "trained on", "held-out error (predicting the mean)", "license"]
    return markdown.table(columns, map(_row, manifests))


def _row(manifest: Manifest) -> list[str]:
    return [
        f"`{manifest.name}@{manifest.version}`",
        f"{manifest.n_rows} x {manifest.dim}",
        trained_on(manifest),
        "<br>".join(_errors(manifest)),
        manifest.licence.spdx,
    ]


def _errors(manifest: Manifest) -> list[str]:
    return [
        f"{target} {metric.mae:.3g} {metric.unit} ({metric.baseline_mae:.3g})"
        for target, metric in manifest.metrics.items()
    ]


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"catalogs": catalogs},
    "docs/site-vectors.md": {"unlike": partial(render_all, unlike.SUITE)},
    "docs/formulas.md": {"pooling": partial(render_all, pooling.SUITE)},
    "docs/benchmarks.md": {
        "benchmarks": partial(render_all, speed.SUITE),
        "search": partial(render_all, search.SUITE),
    },
    "docs/downstream.md": {
        "results": partial(render_all, downstream.SUITE),
        "readouts": partial(render_all, readouts.SUITE),
        "structure_vectors": partial(render_all, structure_vectors.SUITE),
    },
    "docs/composition-encoders.md": {"results": partial(render_all, cross_modal.SUITE)},
    "docs/bench-results.md": {"results": partial(render_all, bench.SUITE)},
    "docs/imkt-results.md": {"results": partial(render_all, imkt.SUITE)},
    "docs/language-model.md": {"results": partial(render_all, language.SUITE)},
    "docs/structures-for-formulas.md": {"results": partial(render_all, explicit.SUITE)},
    "docs/crystal-transformer.md": {"own-data": partial(render_all, own_data.SUITE)},
    "docs/adopt.md": {"ranked": partial(render_all, adopted.SUITE)},
    "docs/teachers.md": {"results": partial(render_all, teachers.SUITE)},
}
"""Page -> mark in it -> what makes the text there."""


if __name__ == "__main__":
    for page in PAGES:
        write_text(ROOT / page, filled(page))
