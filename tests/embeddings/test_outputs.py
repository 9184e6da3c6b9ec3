"""No command writes over, truncates or removes what it was given, however the two paths are spelled."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from embeddings.cli import COMMANDS, main
from embeddings.errors import OutputInvalid
from embeddings.store.outputs import Output, check_outputs, check_replaceable
from testing.crystals import write_sample
from testing.toys import write_toy

READ_ONLY_OPTIONS = {
    "file", "files", "path", "api_key_file", "key_file", "snapshot", "exclude_formulas", "table", "vectors",
}  # fmt: skip
"""Paths that commands read."""

TABLE = {
    "featurize": [
        "data.rejected.csv --catalog toy -o data.parquet",
        "data.csv --catalog toy -o data.csv",
        "data.csv --catalog toy -o ./deep/../data.csv",
        "data.csv --catalog toy -o soft.csv",
        "data.csv --catalog toy -o hard.csv",
        "soft.csv --catalog toy -o data.csv",
        "data.csv --catalog toy -o side.parquet",
        "data.csv --catalog toy -o mine.parquet",
        "data.csv --catalog toy -o pipe.csv",
        "data.csv --catalog toy -o catalogs/toy/0.1.0/data.csv",
        "data.csv --catalog catalogs/toy/0.1.0 -o linked/toy/0.1.0/vectors.parquet",
    ],
    "bench": [
        "data.csv --target formula --catalog toy -o catalogs/toy/0.1.0/a.html",
        "page.html --target formula -o ./deep/../page.html",
    ],
    "fit": [
        "data.csv --target formula --catalog toy -o catalogs/toy/0.1.0",
        "deep/data.csv --target formula -o deep --force",
        "data.csv --target formula -o data.csv --force",
    ],
    "predict": ["deep data.csv -o data.csv", "deep data.csv -o soft.csv", "deep data.csv -o deep/predicted.csv"],
    "explain": ["deep H2O -o deep/page.html"],
    "predict-structure": [
        "NaCl --templates t.parquet --catalog toy -o t.parquet --force",
        "NaCl --templates t.parquet --catalog toy -o soft.parquet",
        "--input data.csv --templates t.parquet --catalog toy -o catalogs/toy/0.1.0/c.parquet",
    ],
    "diff": ["toy toy -o catalogs/toy/0.1.0/a.html", "toy toy -o linked/toy/0.1.0/a.html"],
    "overlap": ["t.parquet toy -o catalogs/toy/0.1.0/a.csv", "data.csv t.parquet -o data.csv"],
    "import": [
        "catalogs/toy/0.1.0/vectors.npy --name toy --version 0.1.0 --licence MIT --citation 10.1000/x "
        "--out catalogs --force"
    ],
    "plot": ["toy --kind heatmap -o catalogs/toy/0.1.0/a.svg", "toy --kind heatmap -o pipe.svg"],
    "explore": ["toy -o catalogs/toy/0.1.0/a.html", "toy -o linked/toy/0.1.0/a.html"],
    "export": [
        "toy --to csv -o catalogs/toy/0.1.0/vectors.parquet",
        "toy --to json -o linked/toy/0.1.0/manifest.json",
        "toy --to json -o catalogs/index.json",
        "toy --to csv -o pipe.csv",
        "toy --to csv -o /",
        "toy --to csv -o .",
        "toy --to csv -o deep/..",
    ],
    "embed": [
        "--catalog toy --source table --path t.parquet -o t.parquet --force",
        "--catalog toy --source table --path t.parquet -o soft.parquet --force",
        "--catalog toy --source table --path soft.parquet -o deep/../t.parquet --force",
        "--catalog toy --source mp --api-key-file key.parquet -o key.parquet --force",
        "--catalog toy --snapshot snap -o snap/v.parquet --force",
        "--catalog toy --snapshot snap -o snap/part-00000.parquet --force",
        "--catalog toy --source table --path cache/embed/t.parquet -o v.parquet",
        "--catalog toy --source table --path t.parquet -o catalogs/toy/0.1.0/v.parquet",
    ],
    "perturb": [
        "--source table --path t.parquet -o t.parquet --force",
        "--source table --path soft.parquet -o deep/../t.parquet --force",
        "--snapshot snap -o snap/c.parquet",
    ],
    "pull": [
        "--source table --path snap/part-00000.parquet --out snap",
        "--source table --path t.parquet --out .",
        "--source table --path deep/soft.parquet --out deep",
        "--source table --path deep/soft.parquet --out deeplink",
        "--source local --path deep --out deep",
        "--source table --path t.parquet --out t.parquet/..",
        "--source table --path t.parquet --about deep/about.json --out deep",
        "--source mp --api-key-file .s.lock --out s",
        "--source table --path t.parquet --out /",
    ],
    "build": [
        "--source table --path catalogs/toy/0.1.0/vectors.parquet --name toy --version 0.1.0 --out catalogs --force",
        "--source table --path cache/runs/t.parquet --out other --restart",
        "--source table --path t.parquet --about catalogs/index.json --out linked",
        "--snapshot snap --out snap",
        "--source table --path t.parquet --recipe cromel-multi --teacher toy --name toy --version 0.1.0 "
        "--out catalogs --force",
    ],
}
"""For each command that writes, arguments with which it would harm an input, or something that is not its own."""


needs_links = pytest.mark.skipif(os.name == "nt", reason="links and pipes")
REASONS = (
    "would replace",
    "holds the input",
    "written into the input",
    "is in the way",
    "cannot be written",
    "name is taken",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_toy(tmp_path / "catalogs")
    for folder in ("deep", "snap", "cache/embed", "cache/runs", "other"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("data.csv", "data.rejected.csv", "page.html", "deep/data.csv"):
        (tmp_path / name).write_text("formula\nH2O\nbad!\n", encoding="utf-8")
    (tmp_path / "mine.rejected.csv").write_text("my own notes\n", encoding="utf-8")
    for name in (".s.lock", "key.parquet", "deep/about.json", "snap/plan.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    for name in ("t.parquet", "snap/part-00000.parquet", "cache/embed/t.parquet", "cache/runs/t.parquet"):
        write_sample(tmp_path / name, 3)
    links = {"soft.csv": "data.csv", "side.rejected.csv": "data.csv", "soft.parquet": "t.parquet"}
    for link, target in (links | {"deep/soft.parquet": "../t.parquet"}).items():
        (tmp_path / link).symlink_to(target)
    for link, target in {"linked": "catalogs", "deeplink": "deep"}.items():
        (tmp_path / link).symlink_to(target, target_is_directory=True)
    os.link(tmp_path / "data.csv", tmp_path / "hard.csv")
    for name in ("pipe.csv", "pipe.svg"):
        os.mkfifo(tmp_path / name)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state(folder: Path) -> dict[str, object]:
    """Return everything below a folder: contents of files, targets of links."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (kind, content, os.readlink(path) if path.is_symlink() else None)
    return found


def paths_of(command: click.Command) -> set[str]:
    return {str(parameter.name) for parameter in command.params if isinstance(parameter.type, click.Path)}


def test_every_command_that_writes_is_in_the_table() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in COMMANDS}
    writing = {name for name, command in commands.items() if command and paths_of(command) - READ_ONLY_OPTIONS}
    assert writing == set(TABLE)


@needs_links
@pytest.mark.parametrize(("command", "arguments"), [(name, case) for name, cases in TABLE.items() for case in cases])
def test_a_command_that_would_harm_its_input_stops_before_it_begins(command: str, arguments: str, place: Path) -> None:
    before = state(place)
    result = CliRunner().invoke(main, [command, *shlex.split(arguments)])
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert any(reason in result.stderr for reason in REASONS)
    assert state(place) == before


@needs_links
@pytest.mark.parametrize("command", [*TABLE, "push"])
def test_no_command_writes_to_the_memory_of_its_process(command: str, place: Path) -> None:
    before, case = state(place), TABLE.get(command, ["toy -o x"])[0]
    words = shlex.split(case.replace("--name toy", "--name new"))
    at = next(k for k, word in enumerate(words) if word in ("-o", "--out")) + 1
    address = f"memory://some/where{Path(words[at]).suffix}"
    words = ["toy", address] if command == "push" else [*words[:at], address, *words[at + 1 :]]
    result = CliRunner().invoke(main, [command, *words])
    assert (result.exit_code, result.stderr.startswith(f"Error: {address}")) == (1, True), result.output
    assert "cannot be written: " in result.stderr
    assert state(place) == before


@pytest.mark.parametrize("kind", ["file", "folder", "scratch"])
def test_the_check_is_by_identity_and_lets_strangers_pass(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "in.csv").touch()
    check_outputs([Output(tmp_path / "out.csv", kind=kind)], inputs=[tmp_path / "in.csv", None, tmp_path / "not-there"])
    with pytest.raises(OutputInvalid, match="would replace the input"):
        check_outputs([Output(tmp_path / "a" / ".." / "in.csv", kind="scratch")], inputs=[tmp_path / "in.csv"])


@needs_links
@pytest.mark.parametrize(
    "command",
    [
        "fit data.csv --target formula --catalog toy -o closed/in/model",
        "embed t.parquet --source table --catalog toy -o closed/vectors/",
        "pull t.parquet --source table --out closed/snapshot",
        "push toy closed/registry",
    ],
)
def test_a_folder_in_a_read_only_place_is_refused_before_any_work(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "closed").mkdir()
    before, access = state(place), os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **more: Path(path).name != "closed" and access(path, mode, **more)
    )
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.exit_code == 1
    assert "closed is read-only for you" in result.stderr
    assert state(place) == before


def test_names_that_differ_only_in_how_unicode_composes_them_are_one(tmp_path: Path) -> None:
    (tmp_path / "caf\u00e9.csv").touch()
    with pytest.raises(OutputInvalid, match="would replace the input"):
        check_outputs([Output(tmp_path / "cafe\u0301.csv")], inputs=[tmp_path / "caf\u00e9.csv"])


def test_a_file_system_that_does_not_tell_cases_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.csv").touch()
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: stat(str(path).replace("DATA", "data"), **options))
    with pytest.raises(OutputInvalid, match="would replace the input"):
        check_outputs([Output(tmp_path / "DATA.csv")], inputs=[tmp_path / "data.csv"])


@needs_links
@pytest.mark.parametrize("registry", ["catalogs", ".", "catalogs/toy/0.1.0/x", "linked", "data.csv"])
@pytest.mark.parametrize("more", [(), ("--zenodo", "--creator", "Doe, Jane")])
def test_a_catalog_is_not_published_into_itself(registry: str, more: tuple[str, ...], place: Path) -> None:
    before = state(place)
    result = CliRunner().invoke(main, ["push", "toy", registry, *more])
    assert result.exit_code == 1, result.output
    assert any(reason in result.stderr for reason in REASONS), result.stderr
    assert state(place) == before


@needs_links
def test_what_a_command_may_have_beside_its_output(place: Path) -> None:
    """A root of catalogs gets a new version beside the teacher, and a folder of structures a table of vectors."""
    beside = Output(Path("catalogs/toy/0.2.0"), kind="folder")
    check_outputs([beside, Output(Path("deep/v.parquet"))], inputs=["deep"], sealed=[Path("catalogs/toy/0.1.0")])
    teacher = "--recipe cromel-multi --teacher toy --name toy --version 0.2.0 --out catalogs".split()
    result = CliRunner().invoke(main, ["build", "--source", "table", "--path", "t.parquet", *teacher])
    assert not any(reason in result.stderr for reason in REASONS), result.stderr
    assert result.exit_code == 1  # the toy has no network to teach with


@pytest.mark.parametrize("spelled", [".", "..", "../here", "link"])
def test_the_folder_that_one_is_in_is_not_replaced(
    spelled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    if spelled == "link":
        Path("link").symlink_to(tmp_path / "here")
    with pytest.raises(OutputInvalid, match="cannot be replaced: it is the current folder"):
        check_replaceable(Path(spelled))
    check_replaceable(Path("beneath"))
    check_replaceable(Path("../beside"))
