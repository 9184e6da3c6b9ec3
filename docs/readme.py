"""Fill what is generated: the catalogs of the README, and the tables of pages in docs.

Run it with `make readme`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import (
    adopted,
    bench,
    cross_modal,
    downstream,
    explicit,
    imkt,
    language,
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
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
DOWNSTREAM = ROOT / "docs" / "downstream.md"
CROSS_MODAL = ROOT / "docs" / "composition-encoders.md"
BENCH = ROOT / "docs" / "bench-results.md"
IMKT = ROOT / "docs" / "imkt-results.md"
LANGUAGE = ROOT / "docs" / "language-model.md"
OWN_DATA = ROOT / "docs" / "crystal-transformer.md"
EXPLICIT = ROOT / "docs" / "structures-for-formulas.md"
ADOPTED = ROOT / "docs" / "adopt.md"
TEACHERS = ROOT / "docs" / "teachers.md"
SITES = ROOT / "docs" / "site-vectors.md"
FORMULAS = ROOT / "docs" / "formulas.md"
CATALOGS = ROOT / "catalogs"


def fill(text: str) -> str:
    """Return the README with its table of catalogs made anew."""
    return insert(text, "catalogs", catalogs())


def fill_benchmarks(text: str) -> str:
    """Return the page of benchmarks with its tables made anew."""
    return insert(insert(text, "benchmarks", render_all(speed.SUITE)), "search", render_all(search.SUITE))


def fill_downstream(text: str) -> str:
    """Return the page on downstream models with its tables made anew."""
    filled = insert(text, "results", render_all(downstream.SUITE))
    filled = insert(filled, "readouts", render_all(readouts.SUITE))
    return insert(filled, "structure_vectors", render_all(structure_vectors.SUITE))


def fill_cross_modal(text: str) -> str:
    """Return the page on composition encoders with its tables made anew."""
    return insert(text, "results", render_all(cross_modal.SUITE))


def fill_bench(text: str) -> str:
    """Return the page on what the bench finds with its tables made anew."""
    return insert(text, "results", render_all(bench.SUITE))


def fill_imkt(text: str) -> str:
    """Return the page on what transfer is worth with its tables made anew."""
    return insert(text, "results", render_all(imkt.SUITE))


def fill_language(text: str) -> str:
    """Return the page on the language model with the tables of its parts made anew."""
    return insert(text, "results", render_all(language.SUITE))


def fill_explicit(text: str) -> str:
    """Return the page on structures for formulas with its tables made anew."""
    return insert(text, "results", render_all(explicit.SUITE))


def fill_own_data(text: str) -> str:
    """Return the page on the network of crystals with the tables on one's own data made anew."""
    return insert(text, "own-data", render_all(own_data.SUITE))


def fill_adopted(text: str) -> str:
    """Return the page on tables of others with their ranking made anew."""
    return insert(text, "ranked", render_all(adopted.SUITE))


def fill_teachers(text: str) -> str:
    """Return the page on teachers with what one is worth made anew."""
    return insert(text, "results", render_all(teachers.SUITE))


def fill_sites(text: str) -> str:
    """Return the page on vectors of sites and structures with what distances to the training tell made anew."""
    return insert(text, "unlike", render_all(unlike.SUITE))


def fill_formulas(text: str) -> str:
    """Return the page on formulas with what statistics are worth made anew."""
    return insert(text, "pooling", render_all(pooling.SUITE))


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
    head = [
        "| catalog | gives a vector to | learned from | held-out error (predicting the mean) |",
        "|---|---|---|---|",
    ]
    return "\n".join(head + [_narrow_row(manifest) for manifest in packaged_manifests()])


def _narrow_row(manifest: Manifest) -> str:
    first, *others = _errors(manifest) or ["none: nothing was trained"]
    more = f", and {len(others)} more" if others else ""
    elements = f"{manifest.n_rows} elements" + ("; crystals and their atoms" if manifest.table is None else "")
    gives = elements if manifest.kind == "element" else "any formula"
    cells = (
        f"[`{manifest.name}`](catalogs/{manifest.name}/{manifest.version}/CARD.md)",
        gives,
        trained_on(manifest),
        first + more,
    )
    return f"| {' | '.join(cells)} |"


def catalog_table(manifests: list[Manifest]) -> str:
    """Return the wide table of catalogs: size, source, every held-out error, license."""
    head = [
        "| catalog | vectors | trained on | held-out error (predicting the mean) | license |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(head + [_row(manifest) for manifest in manifests])


def _row(manifest: Manifest) -> str:
    cells = (
        f"`{manifest.name}@{manifest.version}`",
        f"{manifest.n_rows} x {manifest.dim}",
        trained_on(manifest),
        "<br>".join(_errors(manifest)),
        manifest.licence.spdx,
    )
    return f"| {' | '.join(cells)} |"


def _errors(manifest: Manifest) -> list[str]:
    return [
        f"{target} {metric.mae:.3g} {metric.unit} ({metric.baseline_mae:.3g})"
        for target, metric in manifest.metrics.items()
    ]


PAGES = {
    README: fill,
    SITES: fill_sites,
    FORMULAS: fill_formulas,
    BENCHMARKS: fill_benchmarks,
    DOWNSTREAM: fill_downstream,
    CROSS_MODAL: fill_cross_modal,
    BENCH: fill_bench,
    IMKT: fill_imkt,
    LANGUAGE: fill_language,
    EXPLICIT: fill_explicit,
    OWN_DATA: fill_own_data,
    ADOPTED: fill_adopted,
    TEACHERS: fill_teachers,
}
"""Page -> what makes its generated parts anew."""


if __name__ == "__main__":
    for page, filled in PAGES.items():
        write_text(page, filled(page.read_text(encoding="utf-8")))
