"""The bench command: a verdict on standard output, a page, JSON; nothing that it reads is written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("lightgbm", reason="needs the extra bench")

from embeddings.bench import front
from embeddings.bench.heads import HEADS
from embeddings.cli import main
from embeddings.cli.duration import Duration
from testing.planted import formulas, learnable

N = 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, no catalogs, and one cheap head."""
    for dear in set(HEADS) - {"mean", "ridge"}:
        monkeypatch.delitem(HEADS, dear)
    monkeypatch.setattr(front, "DEFAULT_CATALOGS", ())
    monkeypatch.chdir(tmp_path)
    rows = [f"{formula},{value}" for formula, value in zip(formulas(N), learnable(formulas(N)), strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["composition,energy", *rows, "Fe2O3,"]) + "\n")
    return tmp_path


def run(*arguments: str) -> Result:
    table = ("bench", "data.csv", "--formula", "composition", "--target", "energy", "--folds", "2")
    return CliRunner().invoke(main, [*table, *arguments])


def test_it_says_its_verdict_and_writes_a_page(folder: Path) -> None:
    result = run("-o", "report.html")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("energy: 60 rows, 2 of 2 folds")
    assert "1 row set aside: line 62: the value is blank" in result.stdout
    assert "embeddings fit data.csv --target energy" in result.stdout
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["bench", "fit", "transferability"])
def test_without_a_target_the_columns_are_listed(command: str) -> None:
    result = CliRunner().invoke(main, [command, "data.csv"])
    assert result.exit_code == 2
    assert "Missing option '--target'. Name a column of data.csv. It has: composition, energy." in result.stderr


def test_a_table_without_rows_is_told_so(folder: Path) -> None:
    (folder / "header.csv").write_text("formula,y\n")
    result = CliRunner().invoke(main, ["bench", "header.csv", "--target", "y"])
    assert result.exit_code == 1
    assert "header.csv has no rows below the names of its columns." in result.stderr


@pytest.mark.usefixtures("folder")
def test_json_is_all_that_is_on_standard_output() -> None:
    content = json.loads(run("--json", "--budget", "1h").stdout)
    assert (content["target"], content["n_folds_done"], content["plan"]["budget"]) == ("energy", 2, 3600)
    assert content["code"]["shell"][0].endswith(" --budget 3600 -o model/")
    assert "budget=3600" in content["code"]["python"][1]


def test_ctrl_c_writes_the_partial_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = front.hold_contest

    def stopped(*arguments: Any, advance: Any, **options: Any) -> Any:
        def press(done: float) -> None:
            if done > 1:
                raise KeyboardInterrupt

        return hold(*arguments, advance=press, **options)

    monkeypatch.setattr(front, "hold_contest", stopped)
    result = run("-o", "report.html")
    assert result.exit_code == 130
    assert "It was stopped: this holds 1 of 2 folds" in result.stdout
    assert "Interrupted: the report holds 1 of 2 folds" in result.stderr
    assert "It was stopped" in (folder / "report.html").read_text()


def test_ctrl_c_before_the_first_fold_keeps_an_earlier_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = front.hold_contest

    def stopped(*arguments: Any, advance: Any, **options: Any) -> Any:
        def press(done: float) -> None:
            raise KeyboardInterrupt

        return hold(*arguments, advance=press, **options)

    monkeypatch.setattr(front, "hold_contest", stopped)
    (folder / "report.html").write_text("earlier")
    result = run("-o", "report.html")
    assert (result.exit_code, result.stdout) == (130, "")
    assert (folder / "report.html").read_text() == "earlier"


def test_ctrl_c_before_anything_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embeddings.cli.bench.read_measurements", press)
    result = run("-o", "report.html")
    assert (result.exit_code, result.stdout) == (130, "")
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "data.csv"), 'ends in ".csv"; the report is an .html page'),
        (("-o", "nowhere/report.html"), "nowhere"),
        (("--catalog", "nothing"), 'No catalog "nothing"'),
        (("--target", "enrgy"), 'Did you mean "energy"'),
        (("--split", "time"), "column of times"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_is_named_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_table_is_not_written_over(folder: Path) -> None:
    (folder / "data.csv").rename(folder / "table.html")
    arguments = ["bench", "table.html", "--formula", "composition", "--target", "energy", "-o", "table.html"]
    before = (folder / "table.html").read_text()
    assert CliRunner().invoke(main, arguments).exit_code == 1
    assert (folder / "table.html").read_text() == before


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("45", 45), ("2 m", 120)])
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-5m", "soon", "nan", "1d", "1e3", "٣m"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"write it like 90s, 10m or 1\.5h"):
        Duration().convert(text, None, None)
