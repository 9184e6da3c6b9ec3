"""Structures of rows: joined by identifier, they tell what formulas do not; a row without one is named."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("skops", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")

from click.testing import CliRunner, Result

from embeddings import load_catalog, load_encoder
from embeddings.bench import compare
from embeddings.bench.joining import with_structures
from embeddings.bench.measurements import measurements
from embeddings.bench.model import PropertyModel, load_model
from embeddings.bench.structures import read_structures
from embeddings.cli import main
from embeddings.errors import CatalogNotFound, ColumnNotFound, InputInvalid, MaterialNotCovered
from testing.planted import formulas, learnable
from testing.vector_files import write_sites, write_structures

N = 60
FORMULAS = formulas(N)
IDS = [f"mp-{k}" for k in range(N)]
HIDDEN = np.random.default_rng(7).normal(size=(N, 4))
VALUES = HIDDEN[:, 0].round(6).tolist()
"""What no formula tells, and each structure does."""

QUICK: dict[str, Any] = {"catalogs": [], "heads": ("ridge",)}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Vectors of all structures, in a folder with the table of their values."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{one},{formula},{value}" for one, formula, value in zip(IDS, FORMULAS, VALUES, strict=True)]
    Path("data.csv").write_text("\n".join(["material_id,formula,y", *rows]) + "\n")
    return write_structures(Path("v.parquet"), IDS, FORMULAS, HIDDEN)


@pytest.fixture
def model(file: Path) -> PropertyModel:
    return PropertyModel(**QUICK, structures=file).fit(list(zip(FORMULAS, IDS, strict=True)), VALUES)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def data_of(ids: list[Any] | None = IDS) -> Any:
    return measurements(FORMULAS, VALUES, ids=ids)


def test_what_formulas_cannot_tell_structures_do(file: Path) -> None:
    report = compare(FORMULAS, VALUES, ids=IDS, structures=file, n_folds=3, **QUICK)
    frame = report.to_frame()
    assert frame.loc["structures", "mae"] < 0.1 < frame.loc["without vectors", "mae"]
    said = report.text()
    assert "structures helps: its error is" in said
    assert "4 numbers by toy@0.1.0 of structures, from v.parquet" in said
    assert "structures does not tell which formulas its training saw" in said
    assert "--structures v.parquet" in said


@pytest.mark.usefixtures("file")
def test_the_bench_finds_the_column_of_identifiers() -> None:
    result = run("bench", "data.csv", "--target", "y", "--structures", "v.parquet", "--folds", "2", "--budget", "0.01s")
    assert result.exit_code == 0, result.output
    assert 'Identifiers are read from "material_id"' in result.stdout


def test_a_row_without_a_structure_is_set_aside_and_named(file: Path) -> None:
    ids = ["none such", None, *IDS[2:]]
    data = with_structures(data_of(ids), read_structures(file))
    assert len(data) == N - 2
    np.testing.assert_array_equal(data.structures, HIDDEN[2:].astype(np.float32))
    assert [(row.line, row.reason) for row in data.set_aside] == [
        (1, "v.parquet has no structure of that name"),
        (2, "its structure is not named"),
    ]


def test_names_of_files_stand_for_structures(file: Path) -> None:
    ids = [f"folder/{one}.cif.gz" for one in IDS[:30]] + [f" {one} " for one in IDS[30:]]
    assert len(with_structures(data_of(ids), read_structures(file))) == N


def test_structures_of_other_formulas_are_pointed_at(file: Path) -> None:
    swapped = [IDS[1], IDS[0], *IDS[2:]]
    notes = with_structures(data_of(swapped), read_structures(file)).notes
    assert "In 2 of 60 rows the structure has another formula than the row (line 1, 2)" in notes[-1]


@pytest.mark.parametrize("ids", [None, ["x"] * N])
def test_rows_that_name_no_structure_are_refused(file: Path, ids: list[str] | None) -> None:
    with pytest.raises((ColumnNotFound, InputInvalid), match=r"mp-0|no structure of that name"):
        with_structures(data_of(ids), read_structures(file))


def test_sites_are_pooled_over_each_structure(tmp_path: Path) -> None:
    path = write_sites(tmp_path / "s.parquet", ["a", "b"], [[11, 17], [26, 8, 26, 8, 8]], np.arange(14.0).reshape(7, 2))
    read = read_structures(load_catalog(path))
    assert read.formulas == ("NaCl", "Fe2O3")
    np.testing.assert_allclose(read.vectors[0], [1, 2, 1, 1, 0, 1, 2, 3])
    np.testing.assert_allclose(read.vectors[1, [0, 4, 6]], [8, 4, 12])


def test_a_model_with_structures_says_that_it_needs_them(model: PropertyModel, file: Path) -> None:
    folder = model.save("model")
    pairs = list(zip(FORMULAS, IDS, strict=True))
    loaded = load_model(folder, structures=file)
    np.testing.assert_array_equal(loaded.predict(pairs), model.predict(pairs))
    assert loaded.score(pairs, VALUES) > 0.99
    with pytest.raises(InputInvalid, match="needs the structure of each row"):
        load_model(folder).predict(FORMULAS)
    with pytest.raises(MaterialNotCovered, match="no structure mp-99"):
        loaded.predict([(FORMULAS[0], "mp-99")])
    with pytest.raises(InputInvalid, match="a formula and the identifier"):
        loaded.predict(FORMULAS)
    assert "the structure of each row" in Path("model/CARD.md").read_text()


def test_a_model_takes_no_other_vectors(model: PropertyModel) -> None:
    write_structures(Path("other.parquet"), IDS, FORMULAS, HIDDEN[:, :3])
    needed = (
        r"other.parquet holds 3 numbers by toy@0.1.0 .* needs 4 numbers .* embed STRUCTURES --catalog toy@0.1.0 --lev"
    )
    with pytest.raises(InputInvalid, match=needed):
        load_model(model.save("model"), structures="other.parquet").predict([(FORMULAS[0], IDS[0])])


def test_vectors_by_a_potential_of_others_are_asked_for_by_the_name_that_embed_takes(file: Path) -> None:
    from builders.others.chgnet import ABOUT
    from builders.others.manifest import manifest_of

    manifest = manifest_of(ABOUT)
    write_structures(file, IDS, FORMULAS, HIDDEN, encoder=manifest)
    fit = ("fit", "data.csv", "--target", "y", "--catalog", "ct-multi", "--head", "ridge", "--structures", "v.parquet")
    assert run(*fit, "-o", "model").exit_code == 0
    write_structures(Path("other.parquet"), IDS, FORMULAS, HIDDEN[:, :3])
    result = run("predict", "model", "data.csv", "--structures", "other.parquet", "-o", "out.csv")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "needs 4 numbers by chgnet@0.3.0 of structures" in result.stderr
    assert result.stderr.endswith("embeddings embed STRUCTURES --encoder chgnet --level structure -o vectors.parquet\n")


def test_structure_files_are_not_encoded_by_another_version_of_a_potential(file: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra build")
    use = replace(read_structures(file).use, encoder="chgnet@0.3.0")
    with pytest.raises(
        InputInvalid,
        match=r"another version of it, or of its package, .* embed STRUCTURES --encoder chgnet --level stru",
    ):
        read_structures(file.parent, like=use)


def test_a_model_that_chose_no_structures_needs_none(file: Path) -> None:
    write_structures(file, IDS, FORMULAS, np.ones((N, 4)))
    model = PropertyModel(**QUICK, structures=file).fit(list(zip(FORMULAS, IDS, strict=True)), learnable(FORMULAS))
    assert model.learned_.structures is None
    assert load_model(model.save("model")).predict(FORMULAS[:2]).shape == (2,)


@pytest.mark.usefixtures("file")
def test_fit_and_predict_take_structures() -> None:
    fit = ("fit", "data.csv", "--target", "y", "--catalog", "ct-multi", "--head", "ridge", "--structures", "v.parquet")
    made = run(*fit, "-o", "model", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["members"][0]["features"].endswith("structures")
    again = run(*fit, "-o", "model")
    assert "holds the model of this very fit already" in again.stderr
    Path("new.csv").write_text(
        f"name,formula\n{IDS[3]},{FORMULAS[3]}\nunknown,{FORMULAS[4]}\n{IDS[5]},nonsense\n,CaO\n"
    )
    without = run("predict", "model", "new.csv", "-o", "out.csv")
    assert (without.exit_code, "predict --structures" in without.stderr) == (1, True)
    result = run("predict", "model", "new.csv", "--structures", "v.parquet", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    assert "out.csv: 1 of 4 rows predicted" in result.stderr
    with open("out.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert float(rows[0]["prediction"]) == pytest.approx(VALUES[3], abs=0.2)
    assert [row["prediction"] == "" for row in rows] == [False, True, True, True]
    assert rows[1]["note"] == "v.parquet has no structure of that name"
    assert rows[3]["note"] == "its structure is not named"


@pytest.mark.parametrize(
    ("structures", "said"),
    [
        ("nowhere", "There is no file or folder nowhere"),
        ("empty", "No .cif, .vasp or POSCAR file in empty"),
    ],
)
@pytest.mark.usefixtures("file")
def test_what_holds_no_structures_is_refused(structures: str, said: str) -> None:
    Path("empty").mkdir()
    result = run("bench", "data.csv", "--target", "y", "--structures", structures)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_of_structure_files_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs the extra build")
    from pymatgen.core import Structure

    monkeypatch.chdir(tmp_path)
    cell = "{0}\n1\n{1} 0 0\n0 {1} 0\n0 0 {1}\n{2}\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
    crystals = {"salt": cell.format("salt", 3.4, "Na Cl"), "lime": cell.format("lime", 2.9, "Ca O")}
    Path("cells").mkdir()
    for name, text in crystals.items():
        Path(f"cells/{name}.vasp").write_text(text)
    Path("cells/broken.cif").write_text("nothing")
    read = read_structures("cells")
    assert read.formulas[int(read.places(["salt.vasp"])[0])] == "NaCl"
    expected = load_encoder("ct-multi").encode([Structure.from_str(text, fmt="poscar") for text in crystals.values()])
    np.testing.assert_allclose(read.vectors[read.places(crystals)], expected, atol=1e-4)
    assert read.overlap(["NaCl"]) == load_catalog("ct-multi").overlap(["NaCl"])
    assert read.use.encoder.startswith("ct-multi@")


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(CatalogNotFound, match="no file or folder"):
        compare(FORMULAS, VALUES, ids=IDS, structures="nowhere", **QUICK)
