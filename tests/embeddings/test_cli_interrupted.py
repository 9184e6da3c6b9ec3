"""Ctrl-C, at whatever moment of a command: exit code 130, and a line on what becomes of the run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from embeddings.cli import main


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("command", "moment", "resumed"),
    [
        (["embed", "x.cif", "--catalog", "starter", "-o", "x.parquet"], "embed.require_builders", "run"),
        (["perturb", "x.cif", "--potential", "chgnet", "-o", "x.parquet"], "perturb.require_builders", "run"),
        (["build", "--source", "starter", "--recipe", "starter"], "build.require_builders", "run"),
        (["pull", "--source", "starter", "--out", "x"], "pull.require_builders", "pull"),
    ],
)
def test_before_the_work_begins(
    command: list[str], moment: str, resumed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.cif").write_text("data_x\n")
    monkeypatch.setattr(f"embeddings.cli.{moment}", interrupted)
    result = CliRunner().invoke(main, command)
    assert result.stderr == f"Interrupted. The same command resumes the {resumed}.\n"
    assert result.exit_code == 130


def test_a_command_that_has_nothing_to_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.store.roots.resolve", interrupted)
    result = CliRunner().invoke(main, ["show", "starter"])
    assert (result.stderr, result.exit_code) == ("Interrupted.\n", 130)


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C heard where the tests run in the background, and a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_python_itself_ignores(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finalized:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def work(*_: object) -> None:
        Finalized()
        for _step in range(500):
            time.sleep(0.01)

    monkeypatch.setattr("embeddings.store.roots.resolve", work)
    result = CliRunner().invoke(main, ["show", "starter"])
    assert (result.stderr, result.exit_code) == ("Interrupted.\n", 130)
