"""The way that every benchmark takes: a case is measured, its rows are stored as they come, a table is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.harness import Case, Request, Store, Suite, command, measure, refuse_other_settings, render_all
from benchmarks.markdown import mean_and_std, table
from benchmarks.measure import at_least, at_most, in_turn, process_usage
from benchmarks.suites import SUITES
from embeddings.errors import InputInvalid, SourceError


def count_to_three(request: Request) -> Mapping[str, Any]:
    """A case of three rows, which is stopped after ``stop`` of them."""
    settings = {"unit": request.choices.get("unit", "one")}
    refuse_other_settings(request.known, settings)
    result = {"settings": settings, "rows": list(request.known["rows"]) if request.known else []}
    for k in range(len(result["rows"]), 3):
        if k == request.choices.get("stop"):
            raise SourceError("The counter is worn out.")
        result["rows"].append({"k": k, "data": str(request.data)})
        request.keep(result)
    return result


CASE = Case("count", "Counting", count_to_three)
SUITE = Suite(
    "toys",
    "Count.",
    [CASE, replace(CASE, name="recount")],
    table=lambda result: f"{result['title']}: {len(result['rows'])}",
    page=lambda results: "\n".join(result["name"] for result in results),
)


def rows_of(folder: Path, name: str = "count") -> list[int]:
    return [row["k"] for row in json.loads((folder / f"{name}.json").read_text())["rows"]]


def test_a_result_says_what_was_measured_when_and_on_what_machine(tmp_path: Path) -> None:
    document = measure(CASE, Store(tmp_path), quick=False)
    assert document == json.loads((tmp_path / "count.json").read_text())
    assert (document["name"], document["title"], document["quick"]) == ("count", "Counting", False)
    assert document["created"].endswith("Z")
    assert {"cpu", "n_cores", "load_average", "python", "packages"} <= set(document["environment"])


def test_a_run_that_was_stopped_goes_on_where_it_stood(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(SourceError):
        measure(CASE, store, quick=False, choices={"stop": 2})
    assert rows_of(tmp_path) == [0, 1]
    document = measure(CASE, store, quick=False, data=Path("other"))
    assert [row["data"] for row in document["rows"]] == [".", ".", "other"]
    again = measure(CASE, store, again=True, quick=False, data=Path("other"))
    assert [row["data"] for row in again["rows"]] == ["other"] * 3


def test_rows_of_other_settings_do_not_join_a_table(tmp_path: Path) -> None:
    measure(CASE, Store(tmp_path), quick=False)
    with pytest.raises(InputInvalid, match=r"other settings \(unit\).*--again"):
        measure(CASE, Store(tmp_path), quick=False, choices={"unit": "two"})
    assert rows_of(tmp_path) == [0, 1, 2]


def test_a_quick_result_never_takes_the_place_of_a_careful_one(tmp_path: Path) -> None:
    measure(CASE, Store(tmp_path), quick=True, data=Path("hasty"))
    careful = measure(CASE, Store(tmp_path), quick=False)
    assert {row["data"] for row in careful["rows"]} == {"."}
    with pytest.raises(InputInvalid, match="--out"):
        measure(CASE, Store(tmp_path), quick=True)


def test_quick_or_absent_results_are_not_published(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="python -m benchmarks toys"):
        render_all(SUITE, tmp_path / "nowhere")
    measure(SUITE.cases[1], Store(tmp_path), quick=False)
    measure(CASE, Store(tmp_path), quick=False)
    assert render_all(SUITE, tmp_path) == "count\nrecount"
    measure(CASE, Store(tmp_path / "quick"), quick=True)
    with pytest.raises(InputInvalid, match="count in"):
        render_all(SUITE, tmp_path / "quick")


def test_the_command_runs_the_named_cases_and_prints_their_tables(tmp_path: Path) -> None:
    toys = command(SUITE, click.Option(["--stop"], type=int))
    run = CliRunner().invoke(toys, ["recount", "--out", str(tmp_path), "--data", str(tmp_path)])
    assert (run.exit_code, run.output) == (0, "Counting: 3\n")
    assert [path.name for path in tmp_path.iterdir()] == ["recount.json"]
    stopped = CliRunner().invoke(toys, ["count", "--stop", "1", "--out", str(tmp_path)])
    assert (stopped.exit_code, stopped.output) == (1, "Error: The counter is worn out.\n")
    assert rows_of(tmp_path) == [0]
    assert CliRunner().invoke(toys, ["--quick"]).output == "Counting: 3\n" * 2


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_published_results_are_of_the_cases_that_there_are(suite: Suite) -> None:
    strangers = {path.stem for path in suite.results.glob("*.json")} - {*suite.names, "ablation"}
    assert strangers == set()
    page = render_all(suite)
    assert all(
        document["title"] in page or document["name"] in page for document in Store(suite.results).read_all(suite.names)
    )


def test_a_name_alone_finds_its_suite(tmp_path: Path) -> None:
    """The names of all suites differ, but for the sets that several of them measure: those are of the first."""
    names = [name for suite in SUITES.values() for name in suite.names]
    shared = {name for name in names if names.count(name) > 1}
    assert shared == {*SUITES["cross_modal"].names, "aflow"}
    found = {"cif": "--peers-python", "probe": "--catalog", "steels": "--teacher", "coverage": "--sets"}
    for name, option in found.items():
        assert option in CliRunner().invoke(main, [name, "--help"]).output


def test_one_command_has_all_suites() -> None:
    for suite in SUITES.values():
        name = suite.name.replace("_", "-")
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        assert name in CliRunner().invoke(main, ["--help"]).output
        assert "No such" not in shown.output
    refused = CliRunner().invoke(main, ["siv"])
    assert refused.exit_code == 2
    assert all(name in refused.output for name in SUITES["speed"].names)


@pytest.mark.parametrize(
    "module",
    ["benchmarks.downstream", "benchmarks.cross_modal", "benchmarks.bench", "benchmarks.imkt", "benchmarks.language"],
)
def test_a_suite_is_a_command_of_its_own_and_its_help_imports_nothing_heavy(module: str) -> None:
    code = f"""
import runpy, sys
sys.modules["torch"] = sys.modules["sklearn"] = None
runpy.run_module("{module}", run_name="__main__")
"""
    shown = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, env=os.environ)
    assert shown.returncode == 0, shown.stderr
    assert "[NAME]..." in shown.stdout


def test_the_memory_of_a_process_is_its_own() -> None:
    ballast = np.ones(200_000_000 // 8)
    assert process_usage([sys.executable, "-S", "-c", "pass"]).peak_mb < 100
    assert process_usage([sys.executable, "-S", "-c", "x = bytearray(200_000_000)"]).peak_mb > 200
    assert ballast.all()


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(ChildProcessError, match=r"code 1: (.|\n)*KeyError"):
        process_usage([sys.executable, "-c", "{}['x']"])


def test_cases_take_turns() -> None:
    order: list[str] = []
    in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b", "a", "b"]


def test_goals_are_met_on_their_own_side() -> None:
    assert [at_most("x", value, 2.0)["met"] for value in (1, 2, 3)] == [True, True, False]
    assert [at_least("x", value, 2.0)["met"] for value in (1, 2, 3)] == [False, True, True]


def test_a_table_in_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert mean_and_std(0.20521, 0.00362) == "0.2052 ± 0.0036"
