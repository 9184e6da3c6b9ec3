"""What changed from one version to another: rows, vectors, formulas, targets, accuracies, and the number it needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings.analysis import compare
from embeddings.analysis.changes import FormulaCounts
from embeddings.catalog import ElementCatalog
from embeddings.cli import main
from embeddings.errors import InputInvalid
from embeddings.formula import formula_digest
from embeddings.store import roots as store
from embeddings.store.manifest import Licence, Metric
from embeddings.store.tables import measure, write_catalog
from testing.composition_encoders import tensors, write_toy_encoder
from testing.toys import TOY_FORMULAS, TOY_VECTORS, toy_provenance, toy_table, write_toy

TRAINING = toy_provenance().training
METRIC = Metric(mae=0.5, r2=0.1, n=3, baseline_mae=1.0, unit="GPa")


def version_of(vectors: dict[str, Any], version: str = "0.1.0", formulas: Any = TOY_FORMULAS, **changes: Any) -> Any:
    table = toy_table(vectors, training_formulas=None if formulas is None else formula_digest(formulas))
    return ElementCatalog(measure(toy_provenance(version=version, **changes), table), table)


OLD = version_of(TOY_VECTORS)


def test_rows_and_formulas_that_came_and_went() -> None:
    vectors = {"He": (9.0, 9.0), **{name: row for name, row in TOY_VECTORS.items() if name != "H"}}
    new = version_of(vectors, "0.2.0", formulas=("NaCl", "Na2O", "Fe2O3", "CoO", "FeCo", "He2O"))
    found = compare(OLD, new).changes
    assert found is not None
    assert (found.added, found.lost, found.n_identical) == (("He",), ("H",), 5)
    assert found.formulas == FormulaCounts(shared=5, added=1, lost=1)


def test_formulas_of_a_table_without_a_digest_are_unknown() -> None:
    comparison = compare(OLD, version_of(TOY_VECTORS, formulas=None))
    assert comparison.changes is not None
    assert comparison.changes.formulas is None
    assert "no digest" in comparison.to_text()


def test_targets_accuracies_and_license() -> None:
    new = version_of(
        TOY_VECTORS,
        training=replace(TRAINING, targets={"modulus": "GPa"}),
        metrics={"modulus": METRIC},
        licence=Licence(spdx="CC-BY-NC-4.0", attribution="Somebody."),
    )
    found = compare(OLD, new).changes
    assert found is not None
    assert (found.targets_added, found.targets_lost) == (("modulus",), ("energy",))
    assert found.metrics == {"energy": (OLD.manifest.metrics["energy"], None), "modulus": (None, METRIC)}
    assert set(found.changed) == {"license", "attribution"}
    assert found.changed["license"] == ("CC-BY-4.0", "CC-BY-NC-4.0")


def test_neighbors_that_changed_come_first() -> None:
    moved = TOY_VECTORS | {"Fe": (-3.0, -4.0)}
    found = compare(OLD, version_of(moved), k=2)
    assert list(found.kept.values()) == sorted(found.kept.values())
    assert found.kept["Fe"] == 0
    assert found.overlap == pytest.approx(np.mean(list(found.kept.values())))
    assert next(iter(found.moved)) == "Fe"


MORE = {"He": (9.0, 9.0), **TOY_VECTORS}
MOVED = TOY_VECTORS | {"Fe": (3.0, 4.5)}


@pytest.mark.parametrize(
    ("vectors", "step", "version", "is_wrong"),
    [
        (TOY_VECTORS, "patch", "1.0.1", False),
        (MORE, "minor", "1.1.0", False),
        (MORE, "minor", "1.0.1", True),
        (MOVED, "major", "2.0.0", False),
        (MOVED, "major", "1.1.0", True),
        ({name: row for name, row in TOY_VECTORS.items() if name != "Co"}, "major", "1.0.1", True),
        (TOY_VECTORS, "patch", "1.0.0", False),
        (MOVED, "major", "0.9.0", False),
    ],
)
def test_which_number_a_change_raises(vectors: dict[str, Any], step: str, version: str, is_wrong: bool) -> None:
    found = compare(version_of(TOY_VECTORS, "1.0.0"), version_of(vectors, version)).changes
    assert found is not None
    assert (found.step, found.verdict is not None) == (step, is_wrong)


def test_before_version_1_vectors_may_change_with_a_minor_number() -> None:
    changes = [compare(OLD, version_of(MOVED, version)).changes for version in ("0.2.0", "0.1.1")]
    assert [found.verdict for found in changes if found] == [
        None,
        "toy@0.1.1 raises the patch number of toy@0.1.0, and what changed needs a new major one.",
    ]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root of catalogs, with two versions of each kind."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    write_toy(tmp_path)
    write_catalog(tmp_path, toy_provenance(version="0.1.1", description="<b>& more"), toy_table(MOVED))
    write_toy_encoder(tmp_path)
    write_toy_encoder(tmp_path, tensors(seed=1), version="0.2.0")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="embeddings")


def test_command(root: Path) -> None:
    result = run("diff", "toy@0.1.0", str(root / "toy" / "0.1.1"), "-o", str(root / "diff.html"))
    assert result.exit_code == 0
    for part in (
        "From toy@0.1.0 to toy@0.1.1",
        "needs a new major one",
        "Rows that are the same to the bit: 5.",
        "6 in both, 0 added, 0 lost.",
        "energy  0.25 (n=2)",
    ):
        assert part in result.output
    page = (root / "diff.html").read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "needs a new major one" in page


def test_json(root: Path) -> None:
    found = json.loads(run("diff", "toy@0.1.0", "toy@0.1.1", "--json").output)
    assert found["n_shared"] == 6
    assert found["changes"]["step"] == "major"
    assert found["changes"]["metrics"]["energy"][0]["mae"] == 0.25
    assert next(iter(found["moved"])) in TOY_VECTORS


def test_encoders_are_compared_on_formulas_that_both_were_trained_on(root: Path) -> None:
    found = json.loads(run("diff", "toy-encoder@0.1.0", "toy-encoder@0.2.0", "--json").output)
    assert set(found["moved"]) == {"Fe2O3", "FeO", "NaCl", "H2O"}
    assert found["changes"]["n_identical"] is None
    assert found["changes"]["step"] == "major"
    same = json.loads(run("diff", "toy-encoder@0.1.0", "toy-encoder@0.1.0", "--json").output)
    assert (same["changes"]["step"], same["procrustes"]) == ("patch", pytest.approx(0, abs=1e-9))
    assert compare("toy-encoder@0.1.0", "toy-encoder@0.2.0").n_shared == 90


def test_kinds_are_not_mixed(root: Path) -> None:
    with pytest.raises(InputInvalid, match=r"toy@0\.1\.1 \(element\) and toy-encoder@0\.2\.0 .* different kinds"):
        compare("toy", "toy-encoder")
    assert run("diff", "toy", "toy-encoder").exit_code == 1


def test_page_may_not_replace_a_catalog(root: Path) -> None:
    result = run("diff", "toy@0.1.0", "toy@0.1.1", "-o", str(root / "toy" / "0.1.0" / "diff.html"))
    assert (result.exit_code, "stays as it is" in result.stderr) == (1, True)
    assert run("diff", "toy@0.1.0", "toy@0.1.1", "-o", str(root / "diff.txt")).exit_code == 1
