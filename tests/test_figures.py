"""Sentences that quote measurements say what the stored results say: they stand here with their numbers computed.

Tables between the marks of `docs.readme` are generated, and need no test of this kind.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
OWN, ELEMENTS, SITES, CELL = "atom_init", "ct-multi frozen", "ct-multi sites", "formation_energy_per_cell"
FOUNDATION, CHGNET, JOINED = "ct-foundation", "CHGNet 0.4.2, cell", "ct-foundation and CHGNet 0.4.2"


def result(name: str) -> dict[str, Any]:
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def value(name: str, column: str = "mae", part: str = "rows", **where: Any) -> float:
    """Return the mean of a column of a result over the rows that have these values."""
    rows = [row for row in result(name)[part] if all(row.get(key) == wanted for key, wanted in where.items())]
    return float(np.mean([row[column] for row in rows]))


def change(new: float, old: float) -> float:
    return 100 * (new / old - 1)


def network(case: str, features: str, target: str | None = None) -> float:
    """Return the change of the error of CGCNN or ALIGNN by these features in place of its own, in percent."""
    where = {"target": target} if target else {}
    return change(*(value(f"downstream/{case}", features=one, **where) for one in (features, OWN)))


def cells(case: str, digits: int = 3, **where: Any) -> str:
    """Return three cells of the tutorial's table: errors with a network's own features, elements and sites."""
    own, *others = (value(f"downstream/{case}", features=one, **where) for one in (OWN, ELEMENTS, SITES))
    return " | ".join([f"{own:.{digits}f}", *(f"{one:.{digits}f} ({change(one, own):+.0f}%)" for one in others)])


def heads(case: str, new: str, old: str, column: str = "mae", **where: Any) -> float:
    """Return the change of the error of simple heads from some vectors of structures to others, in percent."""
    name = f"structure_vectors/vectors-{case}"
    return change(*(value(name, column, "summary", vectors=one, **where) for one in (new, old)))


def transfer(case: str, source: str = "without any formula of its kind of set") -> float:
    """Return the change of the error of a composition network by starting from an encoder, in percent."""
    learned = value(f"cross_modal/{case}", "score", model="c+d: contrast and labels", source=source)
    return change(learned, value(f"cross_modal/{case}", "score", model="e: nothing"))


def gaps(model: str, encoder: str) -> float:
    return value("imkt/expt_gap", model=model, encoder=encoder)


def candidates(target: str) -> float:
    """Return the change of the error by candidate structures, beside the composition alone, in percent."""
    row = next(row for row in result(f"explicit/{target}")["rows"] if row["way"].endswith("(exKT)"))
    return change(*(float(np.mean(row[f"{one}_errors"])) for one in ("tested", "composition")))


def built(library: str) -> float:
    """Return the seconds that an index of 100,000 rows took."""
    rows = result("search/index-libraries")["rows"]
    return next(row["build_s"] for row in rows if row["library"].startswith(library) and row["rows"] == 100_000)


def megabytes(folder: str) -> list[float]:
    """Return the sizes of all versions in a root of catalogs."""
    versions = {path.parent for path in (ROOT / folder).rglob("manifest.json")}
    return [sum(file.stat().st_size for file in version.iterdir()) / 1e6 for version in versions]


AFLOW = ("bulk_modulus", "shear_modulus", "debye_temperature", "thermal_conductivity_300k")
BULK, SHEAR, DEBYE, HEAT = (heads("aflow", FOUNDATION, CHGNET, target=target) for target in AFLOW)
PHONONS, UNSEEN = (heads("phonons", FOUNDATION, CHGNET, column) for column in ("mae", "mae_unseen"))
BULK_IN, SHEAR_IN, DEBYE_IN, CELL_IN = (
    network("cgcnn-foundation", "ct-foundation sites and fine-tuned elements", target)
    for target in ("log10_bulk_modulus", "log10_shear_modulus", "debye_temperature", CELL)
)
IMKT, EFE = "imkt-multi-unseen-experiments", "without the set's formulas"
RATE = value("speed/encode", "formulas_per_s", what="by a language model, from element fractions")
STAGES = result("many/1000000")["stages"]
LISTS, GRAPHS, USEARCH, LANCE = map(built, ("faiss, lists of float16", "faiss, HNSW", "usearch", "LanceDB"))
MOMENT = "total_magnetization"
README, WHICH, TUTORIAL = "README.md", "docs/which-vectors.md", "docs/tutorials/graph-networks.md"

SENTENCES = [
    (README, f"with {-network('cgcnn-ef-1000', ELEMENTS):.0f}% less error with the element vectors"),
    (README, f"with {-network('cgcnn-ef-1000', SITES):.0f}% less with its site vectors"),
    (README, f"| {len(list((ROOT / 'catalogs').glob('*/*/vectors.npy')))} sets of its own |"),
    (WHICH, f"{-transfer('dielectric'):.0f} to {-transfer('efe', EFE):.0f}% less error"),
    (WHICH, f"{gaps('fine-tuned', IMKT):.3f} eV, and {gaps('blend', IMKT):.3f} in a blend"),
    (WHICH, f"{gaps('scratch', 'transformer, 192 wide'):.3f} without transfer"),
    (WHICH, f"{-candidates('formation_energy_per_atom'):.0f}% less error on calculated energies"),
    (WHICH, f"{-candidates('band_gap'):.0f}% on gaps"),
    (WHICH, f"moduli {BULK:.0f}% and {SHEAR:.0f}%, Debye temperature {DEBYE:.0f}%, conductivity {HEAT:.0f}%"),
    (WHICH, f"phonons {PHONONS:.0f}% ({UNSEEN:.0f}% on formulas that it has not seen)"),
    (WHICH, f"energies of perovskites {heads('perovskites', FOUNDATION, CHGNET, target=CELL):.0f}% (["),
    (WHICH, f"both joined are {-heads('perovskites', JOINED, FOUNDATION, target=MOMENT):.0f}% better there"),
    (WHICH, f"moduli {BULK_IN:.0f}% and {SHEAR_IN:.0f}%, Debye temperature {DEBYE_IN:.0f}%, energies of"),
    (WHICH, f"energies of perovskites {CELL_IN:.0f}%; it learned"),
    (TUTORIAL, f"| CGCNN | formation energy, eV/atom | 1,000 | {cells('cgcnn-ef-1000')} |"),
    (TUTORIAL, f"| CGCNN | formation energy, eV/atom | 20,000 | {cells('cgcnn-ef-20000')} |"),
    (TUTORIAL, f"| CGCNN | band gap, eV | 5,000 | {cells('cgcnn-eg-5000')} |"),
    (TUTORIAL, f"| ALIGNN, small | formation energy, eV/atom | 5,000 | {cells('alignn-ef-5000')} |"),
    (TUTORIAL, f"| 2,983 | {cells('cgcnn-transfer', 4, target='log10_bulk_modulus')} |"),
    (TUTORIAL, f"| 1,000 | {cells('cgcnn-transfer', target=CELL)} |"),
    ("docs/search.md", f"lists are built in {LISTS:.0f} s, graphs (HNSW) of faiss in {GRAPHS:.0f} s"),
    ("docs/search.md", f"those of usearch in {USEARCH:.0f} s and the index of LanceDB in {LANCE:.0f} s"),
    ("docs/cluster.md", "{:.0f}, {:,.0f} and {:.0f} seconds of CPU".format(*(stage["cpu_s"] for stage in STAGES))),
    ("docs/cluster.md", "{:.2f}, {:.2f} and {:.2f} GB".format(*(stage["peak_mb"] / 1000 for stage in STAGES))),
    ("docs/language-model.md", f"encoded {RATE / 1000:.0f},000 formulas per second"),
    ("docs/design.md", f"| {min(megabytes('catalogs')):.1f} to {max(megabytes('catalogs')):.0f} MB a version |"),
    ("docs/new-versions.md", f"`released/` beside it, {sum(megabytes('released')):.0f} MB."),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_a_page_quotes_what_was_measured(page: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / page).read_text(encoding="utf-8").split())
