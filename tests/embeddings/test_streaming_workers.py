"""The featurize command with workers: the bytes of one process, and named errors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builders import engines
from builders import featurize as module
from builders.engines.base import Task
from embeddings.cli import main
from embeddings.streaming import job
from testing.engines import FakePool

LINES = ["id,formula", *(f"{k},Fe{k % 7 + 1}O{k % 5 + 1}" if k % 10 else f"{k},what" for k in range(40))]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty rows, four of which are no formulas; batches of four."""
    monkeypatch.setattr(job, "_MIN_ROWS", 4)
    monkeypatch.setattr(job, "_MAX_ROWS", 4)
    (tmp_path / "table.csv").write_text("\n".join(LINES) + "\n")
    return tmp_path / "table.csv"


def featurize(table: Path, out: Path, *more: str) -> Result:
    arguments = [
        "featurize",
        str(table),
        "--catalog",
        "starter",
        "--stats",
        "mean,max",
        "-o",
        str(out),
        "--json",
        *more,
    ]
    return CliRunner().invoke(main, arguments)


def written(out: Path) -> tuple[bytes, bytes]:
    return out.read_bytes(), (out.parent / f"{out.stem}.rejected.csv").read_bytes()


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_the_bytes_are_those_of_one_process(ending: str, table: Path, tmp_path: Path) -> None:
    one, two = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    assert featurize(table, one).exit_code == 0
    result = featurize(table, two, "--workers", "2")
    assert result.exit_code == 0, result.output
    assert written(two) == written(one)


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_and_after_losses(seed: int, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert featurize(table, tmp_path / "one.csv").exit_code == 0
    lost = set[int]()

    def loses(task: Task) -> bool:
        is_first = task.number not in lost
        lost.add(task.number)
        return is_first and task.number % 2 == 0

    monkeypatch.setattr(engines, "_pool", lambda engine, job: FakePool(job, 3, seed, loses=loses))
    assert featurize(table, tmp_path / "many.csv", "--workers", "3").exit_code == 0
    assert written(tmp_path / "many.csv") == written(tmp_path / "one.csv")
    assert lost == set(range(10))


def test_strict_names_the_first_line_whoever_finds_it(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_pool", lambda engine, job: FakePool(job, 3, 1))
    result = featurize(table, tmp_path / "out.csv", "--workers", "3", "--strict")
    assert (result.exit_code, "table.csv, line 2: " in result.stderr) == (1, True)
    assert not (tmp_path / "out.csv").exists()


def test_other_code_on_a_worker_is_refused(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fingerprints", lambda: {"code": "another", "numpy": "1.0"})
    result = featurize(table, tmp_path / "out.csv", "--workers", "2")
    assert (result.exit_code, "would write different bytes: code" in result.stderr) == (1, True)
    assert not list(tmp_path.glob("out*"))


def test_without_ray_the_extra_is_named(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = featurize(table, tmp_path / "out.csv", "--engine", "ray")
    assert (result.exit_code, "ray is not installed" in result.stderr) == (1, True)
    assert not list(tmp_path.glob("out*"))


def test_an_address_needs_a_cluster(table: Path, tmp_path: Path) -> None:
    result = featurize(table, tmp_path / "out.csv", "--address", "auto")
    assert (result.exit_code, "--engine ray" in result.stderr) == (1, True)
