"""The overlap command: structures and formulas against others, and against what a catalog was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.structures.digest import structure_digest
from embeddings.cli import main
from embeddings.formula import formula_digest
from embeddings.store.tables import write_catalog
from testing.crystals import arrow_table, cscl, rocksalt, structure_table, supercell
from testing.toys import toy_provenance, toy_table, write_toy
from testing.vector_files import write_structures

TRAINED = [rocksalt(11, 17, 5.64), cscl(55, 17, 4.12)]
MINE = [
    supercell(TRAINED[0], (2, 1, 1)),
    rocksalt(12, 8, 4.21),
    rocksalt(55, 17, 6.9),
    (np.eye(3) * 2.5, np.array([26]), np.zeros((1, 3))),
]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "root"))
    for name, crystals in (("mine", MINE), ("train", TRAINED), ("other", TRAINED[1:])):
        pq.write_table(arrow_table(crystals), f"{name}.parquet")
    Path("formulas.csv").write_text("formula,x\nCl2Na2,1\nCoO,2\nNaCl,3\nFe,4\n", encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["overlap", *arguments])


def relations(result: Result) -> list[tuple[str, str, str | None]]:
    assert result.exit_code == 0, result.output
    return [(one["material_id"], one["relation"], one["other"]) for one in json.loads(result.stdout)["seen"]]


def test_structures_of_one_file_in_another() -> None:
    assert relations(run("mine.parquet", "train.parquet", "--json")) == [
        ("test-0", "structure", "test-0"),
        ("test-1", "prototype", "test-0"),
        ("test-2", "prototype", "test-0"),
    ]
    told = run("mine.parquet", "train.parquet").output.splitlines()
    assert told[:4] == [
        "3 of 4 structures of mine.parquet have a match in train.parquet.",
        "  1 the same structure",
        "  2 the same prototype with other elements",
        "material_id  formula  relation   other   other_formula  formula_seen  confirmed",
    ]
    alone = json.loads(run("mine.parquet", "train.parquet", "--no-confirm", "--json").stdout)
    assert [one["confirmed"] for one in alone["seen"]] == [False] * 3
    assert [one["formula_seen"] for one in alone["seen"]] == [True, False, True]
    assert relations(run("mine.parquet", "other.parquet", "--json")) == [("test-2", "formula", None)]


def test_a_folder_of_cif_files_and_a_table_of_what_was_found() -> None:
    from pymatgen.core import Structure

    Path("cifs").mkdir()
    lattice, numbers, coords = MINE[0]
    Structure(lattice, numbers.tolist(), coords).to("cifs/salt.cif")
    Path("cifs/broken.cif").write_text("data_\n", encoding="utf-8")
    result = run("cifs", "train.parquet", "-o", "seen.csv")
    assert (result.exit_code, "1 structure left out" in result.stderr) == (0, True)
    assert Path("seen.csv").read_text(encoding="utf-8").splitlines()[1].startswith("salt,NaCl,structure,test-0,NaCl")


def test_a_snapshot_and_a_name_that_is_also_a_folder(tmp_path: Path) -> None:
    pulled = CliRunner().invoke(
        main, ["pull", "--source", "table", "--path", "train.parquet", "--out", "snap", "--quiet"]
    )
    assert pulled.exit_code == 0, pulled.output
    assert relations(run("mine.parquet", "snap", "--json"))[0] == ("test-0", "structure", "test-0")
    write_toy(tmp_path / "root")
    Path("toy").mkdir()
    assert relations(run("mine.parquet", "toy", "--json")) == [("test-0", "formula", None)]


def test_the_training_of_a_catalog(tmp_path: Path) -> None:
    digest = structure_digest(structure_table(TRAINED))
    write_catalog(tmp_path / "root", toy_provenance(), toy_table(), structures=digest)
    result = run("mine.parquet", "toy", "--json")
    assert relations(result) == [(f"test-{row}", "prototype" if row else "structure", None) for row in range(3)]
    assert not any(one["confirmed"] for one in json.loads(result.stdout)["seen"])
    assert CliRunner().invoke(main, ["verify", "toy"]).exit_code == 0
    assert "training_structures" not in CliRunner().invoke(main, ["validate", str(tmp_path / "root")]).output
    place = tmp_path / "root" / "toy" / "0.1.0" / "training_structures.npy"
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    damaged = run("mine.parquet", "toy")
    assert (damaged.exit_code, damaged.stderr.count("\n")) == (1, 1)
    assert "training_structures.npy" in damaged.stderr


def test_a_catalog_from_before_says_that_it_knows_formulas_alone(tmp_path: Path) -> None:
    write_toy(tmp_path / "root")
    result = run("mine.parquet", "toy")
    assert result.exit_code == 0
    assert "toy@0.1.0 has no fingerprints of its training structures" in result.output
    assert "  1 the same formula\n" in result.stdout
    assert relations(run("mine.parquet", "toy", "--json")) == [("test-0", "formula", None)]


def test_formulas_are_looked_up_as_they_are(tmp_path: Path) -> None:
    write_toy(tmp_path / "root")
    assert relations(run("formulas.csv", "toy", "--json")) == [("Cl2Na2", "formula", None), ("CoO", "formula", None)]
    assert relations(run("formulas.csv", "train.parquet", "--json")) == [("Cl2Na2", "formula", None)]
    assert relations(run("train.parquet", "formulas.csv", "--json")) == [("NaCl", "formula", None)]
    assert relations(run("formulas.csv", "formulas.csv", "--formula", "formula", "--json"))


def test_rounded_formulas_are_looked_up_as_they_are_written(tmp_path: Path) -> None:
    """As `overlap` of the catalog does: of the reduced spelling, nobody could tell what was rounded."""
    Path("rounded.csv").write_text("formula\nFe0.176P0.118O0.706\nFe0.176P0.120O0.704\n", encoding="utf-8")
    Path("whole.csv").write_text("formula\nFe3P2O12\n", encoding="utf-8")
    write_catalog(tmp_path / "root", toy_provenance(), toy_table(training_formulas=formula_digest(["Fe3P2O12"])))
    for other in ("toy", "whole.csv"):
        assert relations(run("rounded.csv", other, "--json")) == [("Fe0.176P0.118O0.706", "formula", None)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.parquet", "train.parquet"), "nothing at none.parquet"),
        (("mine.parquet", "none"), 'No catalog "none"'),
        (("mine.parquet", "text.parquet"), "text.parquet"),
        (("text.parquet", "mine.parquet"), "text.parquet"),
        (("mine.parquet", "empty"), "empty"),
        (("mine.parquet", "train.parquet", "-o", "mine.parquet"), ".csv"),
        (("formulas.csv", "train.parquet", "-o", "formulas.csv"), "formulas.csv"),
        (("vectors.parquet", "wide.parquet"), "cannot be compared"),
        (("formulas.csv", "train.parquet", "--formula", "y"), 'no column "y"'),
    ],
)
def test_bad_input_is_named_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    Path("text.parquet").write_text("hello")
    Path("empty").mkdir()
    write_structures(Path("vectors.parquet"), ["a"], ["NaCl"], [(1, 2)])
    write_structures(Path("wide.parquet"), ["a"], ["NaCl"], [(1, 2, 3)])
    before = Path("formulas.csv").read_bytes()
    result = run(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.stderr
    assert message in result.stderr
    assert Path("formulas.csv").read_bytes() == before


def test_files_of_vectors_are_compared_by_these() -> None:
    write_structures(Path("v.parquet"), ["a", "b", "c"], ["NaCl", "NaCl", "FeO"], [(1, 2), (2, 1), (1, 1)])
    write_structures(Path("w.parquet"), ["x", "y"], ["KCl", "NaCl"], [(1, 2), (1, 2.001)])
    result = run("v.parquet", "w.parquet", "--json")
    assert relations(result) == [("a", "structure", "y"), ("b", "formula", None)]
    first = json.loads(result.stdout)["seen"][0]
    assert first["cosine"] == pytest.approx(1, abs=1e-6)
    assert not first["confirmed"]
    assert "vectors and no structures" in run("mine.parquet", "v.parquet").output


def test_an_option_that_would_do_nothing_is_refused() -> None:
    assert run("mine.parquet", "train.parquet", "--formula", "x").exit_code == 2


def test_a_folder_of_parquet_files_is_a_set_of_structures() -> None:
    Path("parts").mkdir()
    for name, crystals in (("one", MINE[:2]), ("two", MINE[2:])):
        table = arrow_table(crystals)
        ids = table.column("material_id").to_pylist()
        pq.write_table(
            table.set_column(0, "material_id", [[f"{name}-{each}" for each in ids]]), f"parts/{name}.parquet"
        )
    assert relations(run("parts", "train.parquet", "--json")) == [
        ("one-test-0", "structure", "test-0"),
        ("one-test-1", "prototype", "test-0"),
        ("two-test-0", "prototype", "test-0"),
    ]


@pytest.mark.parametrize("named", ["file:///x/train.parquet train.parquet", "mine.parquet file:///x/vectors/"])
def test_what_lies_elsewhere_is_refused(named: str) -> None:
    result = run(*named.split())
    assert result.exit_code == 1
    assert "is not on this machine" in result.output
    assert result.output.count("\n") == 1
