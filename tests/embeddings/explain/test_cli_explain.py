"""The command explain: a saved model and formulas in, words, JSON and a page out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from click.testing import CliRunner, Result

from embeddings.bench.learned import Learned
from embeddings.bench.model import load_model
from embeddings.cli import main
from testing.browser import chromium
from testing.measured import FORMULAS

BACKGROUND = ("--background", "table.csv", "--draws", "4")


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def test_a_prediction_is_divided_among_elements_and_pairs(saved: Path) -> None:
    result = run(saved, FORMULAS[0], *BACKGROUND)
    assert result.exit_code == 0, result.output
    assert (
        "Absent elements are replaced by other formulas, and the value averaged over 4 of the 6 formulas of"
        in result.stdout
    )
    assert "base and k-SII give the prediction" in result.stdout
    assert "table.csv: 1 row without a formula that can be read, left out; the first is line 8" in result.stderr


def test_as_json_the_values_add_up_to_what_the_model_predicts(saved: Path) -> None:
    result = run(saved, *FORMULAS[:3], *BACKGROUND, "--json", "--amounts")
    said = json.loads(result.stdout)
    for one, predicted in zip(said["formulas"], load_model(saved).predict(FORMULAS[:3]), strict=True):
        assert one["prediction"] == pytest.approx(predicted)
        assert one["base"] + sum(entry["value"] for entry in one["interactions"]) == pytest.approx(predicted, abs=1e-6)
        assert len(one["amounts"]) == 2
    assert said["absent"] == "background"
    assert len(said["background"]) == 4


def test_a_table_is_explained_too_and_drawn_from_where_it_is_long(saved: Path) -> None:
    result = run(saved, "--input", "table.csv", "--limit", 5, "--absent", "reference:Fe", "--json")
    assert "table.csv: 5 of 6 formulas are drawn (--limit, seed 0)" in result.stderr
    said = json.loads(result.stdout)
    assert len(said["formulas"]) == 5
    assert said["absent_words"] == "replaced by Fe"


def test_formulas_of_a_table_are_taken_as_they_are_written(saved: Path) -> None:
    Path("table.csv").write_text("formula\nMg0.5O0.5\nMg4O4\n")
    said = json.loads(run(saved, "--input", "table.csv", "--absent", "reference:Fe", "--json").stdout)
    assert [one["formula"] for one in said["formulas"]] == ["Mg0.5O0.5"]


def test_without_a_background_formulas_of_the_packaged_encoder_serve(saved: Path) -> None:
    assert "formulas of cromel-multi whose elements the model was trained on (seed 0)" in run(saved, FORMULAS[0]).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Give formulas, or a table of them with --input."),
        (("nonsense",), 1, "cannot be read"),
        (("Fe", "--absent", "reference:Fe"), 1, "Fe is both the only element of the formula and the reference"),
        (("Fe2O3", "--absent", "gone"), 1, 'No choice "gone" for absent elements.'),
        (("Fe2O3", "--class", "a"), 1, "This model predicts numbers; there is no class"),
        (("Fe2O3", "--background", "nowhere.csv"), 1, "nowhere.csv"),
        (("Fe2O3", "-o", "page.txt"), 1, "the explanation is an .html page: name it page.html."),
        (("Fe2O3", "--background", "table.csv", "-o", "table.html"), 0, "1 formula explained"),
        (
            ("".join(["LiBeBCNOF", "NaMgAlSiPSCl"]), "--index", "fsii"),
            1,
            "has 14 elements. Triples and FSII need every",
        ),
    ],
)
def test_each_slip_is_one_line(saved: Path, arguments: Any, code: int, said: str) -> None:
    result = run(saved, *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr


def test_what_it_reads_stays_as_it_is(saved: Path) -> None:
    Path("table.html").write_text("formula\nNaCl\n")
    result = run(saved, "NaCl", "--input", "table.html", "-o", "table.html")
    assert (result.exit_code, Path("table.html").read_text()) == (1, "formula\nNaCl\n")
    assert run(saved, "NaCl", "-o", saved / "page.html").exit_code == 1
    assert not (saved / "page.html").exists()


def test_a_model_of_nan_is_one_line_and_leaves_the_page(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("page.html").write_text("earlier")
    loaded = load_model(saved)
    monkeypatch.setattr(Learned, "predict", lambda self, matrix: np.full((len(matrix), 1), np.nan))
    monkeypatch.setattr("embeddings.bench.model.load_model", lambda path: loaded)
    result = run(saved, FORMULAS[0], *BACKGROUND, "-o", "page.html")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: The model returned nan for" in result.stderr
    assert Path("page.html").read_text() == "earlier"


def test_another_folder_is_no_model(saved: Path) -> None:
    assert "is not a saved model" in run(".", "NaCl").stderr


def test_the_page_opens_from_disk_without_a_network(saved: Path) -> None:
    result = run(saved, "--input", "table.csv", *BACKGROUND, "--amounts", "-o", "page.html")
    assert result.exit_code == 0, result.output
    text = Path("page.html").read_text(encoding="utf-8")
    assert "http" not in text.replace("http-equiv", "")
    with chromium() as browser:
        for width in (1280, 390):
            metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            browser.get(Path("page.html").resolve().as_uri())
            assert browser.get_log("browser") == []
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script("return document.querySelectorAll('svg').length") == 2 + 3 * 6
