"""Every command with every option and absurd values: one line that begins with Error, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from embeddings.cli import COMMANDS, main
from embeddings.cli.printing import print_json
from embeddings.cli.system import reason_of
from testing.crystals import write_sample
from testing.toys import write_toy
from testing.vector_files import write_structures

BASE: dict[str, list[str]] = {
    "list": [],
    "show": ["toy"],
    "verify": ["toy"],
    "neighbors": ["toy", "Fe"],
    "search": ["v.parquet", "--like", "mp-1", "--where", "formula contains O"],
    "featurize": ["data.csv", "--catalog", "toy", "-o", "out.csv"],
    "plot": ["toy", "--kind", "heatmap", "-o", "out.svg"],
    "explore": ["toy", "-o", "nowhere/out.html"],
    "bench": ["data.csv", "--target", "y", "--catalog", "toy", "--folds", "2", "--budget", "1s"],
    "transferability": ["data.csv", "--target", "y", "--encoder", "toy"],
    "fit": ["data.csv", "--target", "y", "--catalog", "toy", "--head", "ridge", "-o", "model"],
    "predict": ["catalogs", "data.csv", "-o", "out.csv"],
    "export": ["toy", "--to", "csv", "-o", "out.csv"],
    "embed": ["--catalog", "toy", "--source", "table", "--path", "t.parquet", "-o", "out.parquet"],
    "perturb": ["--source", "table", "--path", "t.parquet", "--copies", "1", "-o", "out.parquet"],
    "build": ["--source", "table", "--path", "t.parquet", "--targets", "none", "--epochs", "1", "--out", "root"],
    "pull": ["--source", "table", "--path", "t.parquet", "--out", "s"],
    "sources": [],
    "diff": ["toy", "toy"],
    "overlap": ["t.parquet", "t.parquet", "-o", "out.csv"],
    "explain": ["model", "Fe2O3"],
    "import": ["data.csv", "--name", "mine", "--licence", "MIT", "--citation", "10.1000/x"],
    "predict-structure": ["NaCl", "--templates", "t.parquet", "--catalog", "toy", "-o", "candidates"],
    "validate": ["catalogs/toy/0.1.0/vectors.parquet"],
    "push": ["toy", "registry"],
    "get": ["lab:toy"],
    "registry": ["list"],
    "cache": [],
}
"""For each command, arguments that mean something and cost little."""

TEXTS = [
    "",
    " ",
    "a" * 300,
    "9" * 5000,
    "../x",
    "\x1b[31mred\x07",
    "bad\udcffname",
    "[/b]",
    "%s{0}",
    "x,,y",
    "@",
    "~no/x",
]
PATHS = [*TEXTS, "/", ".", "..", "data.csv/x", "closed/x", "/dev/null", "nowhere/x/y.csv", "d.csv", "deep.json"]
NUMBERS = ["", "-1", "0", "1e5", "nan", "inf", "9" * 12, "9" * 30, "9" * 5000, "0x10", "1_0", "\u0663"]
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]")


def values_for(parameter: click.Parameter) -> list[str]:
    """Return absurd values for what a parameter takes."""
    if isinstance(parameter.type, click.Path):
        return PATHS
    return NUMBERS if isinstance(parameter.type, (click.IntRange, click.FloatRange)) else TEXTS


def command_of(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def parameters() -> Iterator[tuple[str, str]]:
    for name in COMMANDS:
        yield from ((name, str(parameter.name)) for parameter in command_of(name).params)


def arguments_with(name: str, parameter: click.Parameter, value: str) -> list[str]:
    """Return the base of a command with one parameter set to a value."""
    base = BASE[name]
    if isinstance(parameter, click.Option):
        if parameter.is_flag:
            return [*base, parameter.opts[0]]
        for option in parameter.opts:
            if option in base:
                index = base.index(option)
                return [*base[: index + 1], value, *base[index + 2 :]]
        return [*base, parameter.opts[0], value]
    positions = [argument.name for argument in command_of(name).params if isinstance(argument, click.Argument)]
    index = positions.index(parameter.name)
    return [*base[:index], "--", value] if not base[index + 1 :] else [*base[:index], value, *base[index + 1 :]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_toy(tmp_path / "catalogs")
    write_sample(tmp_path / "t.parquet", 3)
    write_structures(tmp_path / "v.parquet", ["mp-1", "mp-2"], ["NaCl", "Fe2O3"], [[1, 2], [2, 1]])
    rows = "".join(
        f"{formula},{index}\n" for index, formula in enumerate(["H2O", "NaCl", "Fe2O3", "Na2O", "CoO", "O2"])
    )
    (tmp_path / "data.csv").write_text("formula,y\n" + rows, encoding="utf-8")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    (tmp_path / "d.csv").mkdir()
    (tmp_path / "closed").mkdir(mode=0)
    if os.name != "nt":
        (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(result: Result) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    assert not CONTROLS.search(result.output)
    n_errors = sum(line.startswith("Error: ") for line in result.stderr.splitlines())
    assert n_errors == (result.exit_code != 0), result.stderr


def test_every_command_has_a_base() -> None:
    assert BASE.keys() == COMMANDS.keys()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("name", "parameter"), list(parameters()))
def test_absurd_values_are_named(name: str, parameter: str) -> None:
    meant = next(one for one in command_of(name).params if one.name == parameter)
    is_flag = isinstance(meant, click.Option) and meant.is_flag
    for value in ["on"] if is_flag else values_for(meant):
        check(CliRunner().invoke(main, [name, *arguments_with(name, meant, value)]))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOURCE_DATE_EPOCH", "abc"),
        ("SOURCE_DATE_EPOCH", "9" * 30),
        ("EMBEDDINGS_CATALOGS", "a" * 300 + os.pathsep + "loop" + os.pathsep + "data.csv"),
        ("EMBEDDINGS_CACHE", "data.csv"),
        ("EMBEDDINGS_CACHE", "a" * 300),
        ("EMBEDDINGS_CACHE", "loop"),
    ],
)
def test_an_absurd_environment_is_named(name: str, variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    check(CliRunner().invoke(main, [name, *BASE[name]]))


def test_json_says_the_same_without_steering_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"a": "\x1b[2J\x7f\x9b31m\u202eevil\u2028", "b": "plain \u00e9 \U0001f600\tand\nlines"}
    print_json(document)
    shown = capsys.readouterr().out
    assert json.loads(shown) == document
    assert not CONTROLS.search(shown)


@pytest.mark.parametrize("code", ["ENOSPC", "EROFS", "EACCES", "ENAMETOOLONG", "EMFILE", "ELOOP", "EIO", "EDQUOT"])
def test_errors_of_the_system_have_one_line(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from embeddings.store import locations

    def fail() -> None:
        raise OSError(getattr(errno, code), "said in C", "some/file")

    monkeypatch.setattr(locations, "locate_all", fail)
    result = CliRunner().invoke(main, ["list"])
    check(result)
    assert "some/file cannot be used" in result.stderr


@pytest.mark.parametrize("error", [FileNotFoundError(2, "no", "x"), ValueError("x"), OSError("no number"), KeyError(1)])
def test_a_bug_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    from embeddings.store import locations

    def fail() -> None:
        raise error

    assert reason_of(error) is None
    monkeypatch.setattr(locations, "locate_all", fail)
    assert CliRunner().invoke(main, ["list"]).exception is error


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = f"'{sys.executable}' -m embeddings"
    settings = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "80"} | environment
    command = command.replace("EMB", program)
    return subprocess.run(["bash", "-c", command], cwd=folder, env=settings, capture_output=True, text=True)


SHELL = [
    ("EMB list | head -c 1; exit ${PIPESTATUS[0]}", {}),
    ("EMB list --json | true; exit ${PIPESTATUS[0]}", {}),
    ("EMB list >&-", {}),
    ("EMB list 2>&-", {}),
    ("EMB list <&- >&- 2>&-", {}),
    ("EMB export starter --to csv -o out.csv >&- 2>&-", {}),
    ("EMB show starter", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    ("EMB show starter --json", {"PYTHONIOENCODING": "ascii"}),
    ("EMB show $'caf\\xe9'", {"PYTHONIOENCODING": "ascii"}),
    ("mkdir gone && cd gone && rmdir ../gone && EMB show ./x", {}),
    ("ulimit -n 16; EMB list", {}),
    ("ulimit -n 16; EMB export starter --to csv -o out.csv", {}),
    ("ulimit -n 8; EMB export starter --to csv -o out.csv", {}),
]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bash, and limits of Linux")
@pytest.mark.parametrize(("command", "environment"), SHELL)
def test_streams_and_limits_of_the_shell(command: str, environment: dict[str, str], tmp_path: Path) -> None:
    result = shell(command, tmp_path, **environment)
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert result.returncode in (0, 1, 2), result.stderr
    if "--json" in command and result.stdout:
        assert json.loads(result.stdout)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a system without it")
def test_output_that_cannot_be_printed_is_an_error(tmp_path: Path) -> None:
    result = shell("EMB list > /dev/full", tmp_path)
    assert (result.returncode, result.stderr) == (1, "Error: The system stopped this: the disk is full.\n")
