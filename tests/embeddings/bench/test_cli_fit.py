"""The commands fit and predict: a table becomes a model, and another table becomes predictions, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from click.testing import CliRunner, Result

from embeddings.bench.model import PropertyModel, load_model
from embeddings.cli import main
from testing.measured import FORMULAS, VALUES

FIT = ("--target", "y", "--catalog", "knowing", "--head", "ridge", "--quiet")
Run = Callable[..., Result]


@pytest.fixture
def run(knowing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with a table of measurements and a table of new formulas."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{formula},{value}" for formula, value in zip(FORMULAS, VALUES, strict=True)]
    Path("data.csv").write_text("\n".join(["formula,y (eV)", *rows, "nonsense,1", "Fe2O3,"]) + "\n")
    Path("new.csv").write_text(f'id,formula\n7,{FORMULAS[0]}\n8,nonsense\n"a,b",UO2\n9,x,y\n\n10,\n11,MgO\n')
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


@pytest.fixture
def saved(run: Run, model: PropertyModel) -> Path:
    """A saved model."""
    return model.save(Path("saved"))


def predicted(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_becomes_a_model(run: Run) -> None:
    result = run("fit", "data.csv", *FIT, "-o", "made")
    assert result.exit_code == 0, result.output
    assert f"made: a model of y, {len(FORMULAS)} rows, {len(FORMULAS)} formulas" in result.stdout
    assert "on new formulas: mean absolute error" in result.stdout
    assert "eV (the median: " in result.stdout
    assert '2 rows set aside: line 86: Formula "nonsense" cannot be read' in result.stderr
    assert "; line 87: the value is blank." in result.stderr
    assert load_model("made").score(FORMULAS, VALUES) > 0.99
    assert "# A model of y (eV)" in Path("made/CARD.md").read_text()


def test_a_model_is_told_as_json_and_replaced_only_by_force(run: Run) -> None:
    first = run("fit", "data.csv", *FIT, "-o", "made", "--json")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert told["training"]["n_rows"] == len(FORMULAS)
    assert told["error"]["metrics"]["mae"] < told["error"]["metrics"]["baseline_mae"]
    assert [row["line"] for row in told["set_aside"]] == [86, 87]
    again = run("fit", "data.csv", *FIT, "-o", "made")
    assert (again.exit_code, "holds the model of this very fit already" in again.stderr) == (0, True)
    other = run("fit", "data.csv", *FIT, "--seed", "1", "-o", "made")
    assert (other.exit_code, "holds a model" in other.stderr) == (1, True)
    forced = run("fit", "data.csv", *FIT, "-o", "made", "--force", "--budget", "0.001s")
    assert forced.exit_code == 0, forced.output
    assert "The budget left out " in forced.stderr


@pytest.mark.usefixtures("saved")
def test_every_row_stays_a_row(run: Run, model: PropertyModel) -> None:
    result = run("predict", "saved", "new.csv", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "out.csv: 3 of 7 rows predicted in " in result.stderr
    assert "4 cannot be read, the first is line 3: " in result.stderr
    assert "with elements that the training lacks" in result.stderr
    rows = predicted("out.csv")
    assert list(rows[0]) == "id formula prediction lower upper unlike unseen_elements note".split()
    assert [row["id"] for row in rows] == ["7", "8", "a,b", "", "", "10", "11"]
    assert float(rows[0]["prediction"]) == pytest.approx(model.predict([FORMULAS[0]])[0])
    assert float(rows[0]["lower"]) < float(rows[0]["prediction"]) < float(rows[0]["upper"])
    assert (rows[0]["unlike"], rows[0]["note"]) == ("0", "")
    assert (rows[2]["unseen_elements"], rows[2]["note"]) == ("U", "unlike the training")
    assert [bool(row["note"]) for row in rows] == [False, True, True, True, True, True, bool(rows[6]["note"])]
    assert [row["prediction"] == "" for row in rows] == [False, True, False, True, True, True, False]
    assert "3 cells" in rows[3]["note"]
    assert rows[5]["note"] == "the formula is blank"


@pytest.mark.usefixtures("saved")
def test_tables_of_other_kinds_are_read_and_written(run: Run) -> None:
    Path("new.jsonl").write_text('{"material": "MgO", "n": 1}\n{"material": "FeO", "n": 2}\n')
    result = run("predict", "saved", "new.jsonl", "--formula", "material", "-o", "out.parquet", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["predicted"] == 2
    table = pq.read_table("out.parquet")
    assert table["n"].to_pylist() == [1, 2]
    assert table.schema.field("prediction").type == "double"
    assert run("predict", "saved", "out.parquet", "--formula", "material", "-o", "x.csv").exit_code == 1


def test_classes_have_probabilities(run: Run) -> None:
    rows = [
        f"{formula},{'metal' if value > 0 else 'insulator'}" for formula, value in zip(FORMULAS, VALUES, strict=True)
    ]
    Path("classes.csv").write_text("\n".join(["formula,y", *rows]) + "\n")
    made = run("fit", "classes.csv", *FIT, "-o", "made")
    assert made.exit_code == 0, made.output
    assert "on new formulas: accuracy " in made.stdout
    assert run("predict", "made", "new.csv", "-o", "out.csv").exit_code == 0
    row = predicted("out.csv")[0]
    assert row["prediction"] in ("metal", "insulator")
    assert float(row["p_metal"]) + float(row["p_insulator"]) == pytest.approx(1)
    assert "lower" not in row


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["predict", "saved", "new.csv", "-o", "new.csv"], 1, "would replace the input"),
        (["predict", "saved", "new.csv", "-o", "saved/out.csv"], 1, "written into the input"),
        (["predict", "saved", "new.csv", "-o", "out.txt"], 1, ".parquet or .csv"),
        (["predict", "saved", "none.csv", "-o", "out.csv"], 1, "There is no file"),
        (["predict", "saved", "new.csv", "--formula", "formla", "-o", "out.csv"], 1, 'Did you mean "formula"'),
        (["predict", "data.csv", "new.csv", "-o", "out.csv"], 1, "is not a saved model"),
        (["predict", "none", "new.csv", "-o", "out.csv"], 1, "no such folder"),
        (["fit", "data.csv", *FIT, "-o", "data.csv"], 1, "data.csv"),
        (["fit", "data.csv", *FIT, "-o", "."], 1, "holds the input"),
        (["fit", "data.csv", *FIT, "-o", "mine", "--force"], 1, "is not a model"),
        (["fit", "data.csv", *FIT, "--head", "rigde", "-o", "made"], 1, 'Did you mean "ridge"'),
        (["fit", "data.csv", *FIT, "--catalog", "unheard", "-o", "made"], 1, "unheard"),
        (["fit", "data.csv", *FIT, "--budget", "soon", "-o", "made"], 2, "is not a duration"),
        (["fit", "data.csv", *FIT, "--coverage", "1", "-o", "made"], 2, "coverage"),
        (["fit", "data.csv", "--target", "z", "-o", "made"], 1, 'no column "z"'),
    ],
)
@pytest.mark.usefixtures("saved")
def test_what_goes_wrong_is_one_line_and_changes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert code == 2 or len(result.stderr.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5 h", 5400), (".5m", 30)])
def test_durations(text: str, seconds: float) -> None:
    from embeddings.cli.duration import Duration

    assert Duration().convert(text, None, None) == seconds


@pytest.mark.usefixtures("saved")
def test_ctrl_c_says_what_became_of_the_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    card = Path("saved/CARD.md").read_bytes()
    for name in ("embeddings.bench.model.learn", "embeddings.bench.predicting.predict_file"):
        monkeypatch.setattr(name, press)
    new = run("fit", "data.csv", *FIT, "-o", "made")
    assert (new.exit_code, new.stdout) == (130, "")
    assert new.stderr == "Interrupted: made was not written. The same command resumes.\n"
    again = run("fit", "data.csv", *FIT, "--seed", "1", "-o", "saved", "--force")
    assert (again.exit_code, "saved is what it was before" in again.stderr) == (130, True)
    assert Path("saved/CARD.md").read_bytes() == card
    made = run("predict", "saved", "new.csv", "-o", "out.csv")
    assert (made.exit_code, "out.csv was not written" in made.stderr) == (130, True)
    assert sorted(path.name for path in Path().iterdir() if path.name != "cache") == ["data.csv", "new.csv", "saved"]


def test_what_makes_a_model_worse_is_said(run: Run) -> None:
    rows = [f"{one},{(k % 9 + 1) * (1000 if k % 20 == 0 else 1)}" for k, one in enumerate(FORMULAS)]
    Path("data.csv").write_text("\n".join(["formula,y", *rows]) + "\n")
    result = run("fit", "data.csv", *FIT, "-o", "made", "--budget", "0.001s")
    assert result.exit_code == 0, result.output
    assert "Values off by a factor of about 1,000, perhaps in another unit: lines 2, 22, 42" in result.stderr
    assert "There was no time for a model that learns: the model is the baseline" in result.stderr


def test_a_model_that_is_worse_than_the_median_is_said_to_be(run: Run) -> None:
    rows = [f"{formula},{(k * 7919) % 83}" for k, formula in enumerate(FORMULAS)]
    Path("noise.csv").write_text("\n".join(["formula,y", *rows]) + "\n")
    told = json.loads(run("fit", "noise.csv", *FIT, "-o", "noise", "--json").stdout)
    assert told["error"]["metrics"]["mae"] > told["error"]["metrics"]["baseline_mae"]
    assert "On new formulas its error is larger than that of the median" in " ".join(told["notes"])
    good = json.loads(run("fit", "data.csv", *FIT, "-o", "made", "--json").stdout)
    assert "larger than that of the median" not in " ".join(good["notes"])
