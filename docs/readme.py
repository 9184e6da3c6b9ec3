"""Fill what is generated: the catalogs of the README, and the tables of pages in docs.

Run it with `make readme`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import markdown
from benchmarks.harness import render_all
from benchmarks.suites import SUITES
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


def _suite(name: str) -> Callable[[], str]:
    return partial(render_all, SUITES[name])


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"catalogs": catalogs},
    "docs/site-vectors.md": {"unlike": _suite("unlike")},
    "docs/formulas.md": {"pooling": _suite("pooling")},
    "docs/benchmarks.md": {
        "benchmarks": _suite("speed"),
        "search": _suite("search"),
    },
    "docs/downstream.md": {
        "results": _suite("downstream"),
        "readouts": _suite("readouts"),
        "structure_vectors": _suite("structure_vectors"),
    },
    "docs/composition-encoders.md": {"results": _suite("cross_modal")},
    "docs/bench-results.md": {"results": _suite("bench")},
    "docs/imkt-results.md": {"results": _suite("imkt")},
    "docs/language-model.md": {"results": _suite("language")},
    "docs/structures-for-formulas.md": {"results": _suite("explicit")},
    "docs/crystal-transformer.md": {"own-data": _suite("own_data")},
    "docs/adopt.md": {"ranked": _suite("adopted")},
    "docs/teachers.md": {"results": _suite("teachers")},
}
"""Page -> mark in it -> what makes the text there."""


if __name__ == "__main__":
    for page in PAGES:
        write_text(ROOT / page, filled(page))
