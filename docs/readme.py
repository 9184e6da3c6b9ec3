"""Fill what is generated: the catalogs of the README, and the tables of three pages in docs.

Run it with `make readme`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import cross_modal, downstream, speed
from benchmarks.harness import render_all
from embeddings.store import index
from embeddings.store.folders import write_text
from embeddings.store.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
DOWNSTREAM = ROOT / "docs" / "downstream.md"
CROSS_MODAL = ROOT / "docs" / "composition-encoders.md"
CATALOGS = ROOT / "catalogs"


def fill(text: str) -> str:
    """Return the README with its table of catalogs made anew."""
    return insert(text, "catalogs", catalogs())


def fill_benchmarks(text: str) -> str:
    """Return the page of benchmarks with its tables made anew."""
    return insert(text, "benchmarks", render_all(speed.SUITE))


def fill_downstream(text: str) -> str:
    """Return the page on downstream models with its tables made anew."""
    return insert(text, "results", render_all(downstream.SUITE))


def fill_cross_modal(text: str) -> str:
    """Return the page on composition encoders with its tables made anew."""
    return insert(text, "results", render_all(cross_modal.SUITE))


def insert(text: str, mark: str, content: str) -> str:
    """Put the content between ``<!-- mark:start -->`` and ``<!-- mark:end -->``."""
    start, end = f"<!-- {mark}:start -->", f"<!-- {mark}:end -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"The text lacks the marks {start} and {end}.")
    return f"{before}{start}\n{content.strip()}\n{end}{after}"


def catalogs() -> str:
    """Return a table of the packaged catalogs and their held-out errors, from the manifests."""
    manifests = [
        read_manifest(CATALOGS / name / index.default_version(CATALOGS, name)) for name in index.names(CATALOGS)
    ]
    lines = [
        "| catalog | vectors | trained on | held-out error (predicting the mean) | licence |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_row(manifest) for manifest in manifests])


def _row(manifest: Manifest) -> str:
    errors = (
        f"{target} {metric.mae:.3g} {metric.unit} ({metric.baseline_mae:.3g})"
        for target, metric in manifest.metrics.items()
    )
    cells = (
        f"`{manifest.name}@{manifest.version}`",
        f"{manifest.n_rows} x {manifest.dim}",
        f"{manifest.training.n_structures:,} structures, {manifest.training.source}",
        "<br>".join(errors),
        manifest.licence.spdx,
    )
    return f"| {' | '.join(cells)} |"


PAGES = {README: fill, BENCHMARKS: fill_benchmarks, DOWNSTREAM: fill_downstream, CROSS_MODAL: fill_cross_modal}
"""Page -> what makes its generated parts anew."""


if __name__ == "__main__":
    for page, filled in PAGES.items():
        write_text(page, filled(page.read_text(encoding="utf-8")))
