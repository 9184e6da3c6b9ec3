"""The commands that look at catalogs: output, JSON, exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from embeddings._version import __version__
from embeddings.cli import COMMANDS, main
from embeddings.store import locations
from embeddings.store import roots as store
from testing.toys import write_toy
from testing.vector_files import write_sites, write_structures


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root of catalogs, holding the toy."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    write_toy(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="embeddings")


def damage(root: Path) -> None:
    path = root / "toy" / "0.1.0" / "vectors.h5"
    path.write_bytes(path.read_bytes()[:-1])


def test_version() -> None:
    assert run("--version").output == f"embeddings, version {__version__}\n"


@pytest.mark.parametrize("command", ["list", "show", "verify", "neighbors"])
def test_help_shows_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    embeddings {command}" in result.output
    assert "--json" in result.output


def test_list_is_aligned(root: Path) -> None:
    write_toy(root, name="much-longer-name")
    lines = run("list").output.splitlines()
    assert [line.index("0.1.0") for line in lines[1:]] == [lines[0].index("version")] * 2
    assert lines[2].split() == ["toy", "0.1.0", "element", "6", "2", "CC-BY-4.0", str(root), "default"]


def test_list_shows_shadows_and_broken_manifests(root: Path) -> None:
    write_toy(store.user_root())
    (root / "toy" / "0.1.0" / "manifest.json").write_text("{}")
    output = run("list").output
    assert "corrupt: run embeddings verify" in output
    assert f"shadowed by {root}" in output


def test_list_json(root: Path) -> None:
    (entry,) = json.loads(run("list", "--json").output)
    assert entry["name"] == "toy"
    assert entry["default"] is True
    assert entry["root"] == str(root)
    assert entry["error"] is None


def test_list_of_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "empty"))
    result = run("list", "--json")
    assert run("list").stdout.startswith("No catalogs in ")
    assert json.loads(result.stdout) == []


def test_every_command_says_which_root_is_missing(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", f"{root}{os.pathsep}{root / 'nowhere'}")
    for command in (["list"], ["show", "toy"], ["sources"]):
        result = run(*command)
        assert result.exit_code == 0
        assert result.stderr == (
            f"Warning: {root / 'nowhere'}: there is no such folder, though EMBEDDINGS_CATALOGS names it.\n"
        )
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    assert run("list").stderr == ""


def test_show(root: Path) -> None:
    output = run("show", "toy").output
    assert "limits" in output
    for part in ("toy@0.1.0", "6 x 2 float32", "CC-BY-4.0", "energy  0.25  0.75", str(root)):
        assert part in output
    assert max(map(len, output.splitlines())) <= 100 or len(str(root)) > 80


def test_show_json_is_the_manifest(root: Path) -> None:
    on_disk = json.loads((root / "toy" / "0.1.0" / "manifest.json").read_text())
    assert json.loads(run("show", "toy", "--json").output) == on_disk


def test_neighbors() -> None:
    assert run("neighbors", "toy", "Fe", "-k", "2").output == "Co  +0.960\nO   +0.800\n"
    assert run("neighbors", "toy", "26", "-k", "1").output == "Co  +0.960\n"
    (entry,) = json.loads(run("neighbors", "toy", "Fe", "-k", "1", "--json").output)
    assert entry == {"symbol": "Co", "similarity": pytest.approx(0.96)}


@pytest.fixture
def file(root: Path) -> str:
    """A file of structure vectors."""
    return str(
        write_structures(root / "v.parquet", ["a", "b", "c"], ["NaCl", "NaCl", "Fe2O3"], [[1, 0], [3, 4], [0, 1]])
    )


def test_neighbors_in_a_file_of_vectors_come_with_formulas(file: str) -> None:
    assert run("neighbors", file, "a", "-k", "2").output == "b  NaCl   +0.600\nc  Fe2O3  +0.000\n"
    (entry,) = json.loads(run("neighbors", file, "NaCl", "--json").output)
    assert entry == {"id": "c", "formula": "Fe2O3", "similarity": pytest.approx(0.8)}
    assert "no structure is guessed" in run("neighbors", file, "KCl").stderr


def test_files_of_vectors_are_shown_and_listed(file: str, root: Path) -> None:
    shown = run("show", file).output
    for part in ("3 x 2 float32, one for each structure", "toy@0.1.0", "CC0-1.0 AND CC-BY-4.0", "toys"):
        assert part in shown
    assert json.loads(run("show", file, "--json").output)["catalog"]["name"] == "toy"
    sites = write_sites(root / "s.parquet", ["a"], [[1, 8]], [[1, 2], [3, 4]])
    lines = run("list", "--file", file, "--file", str(sites)).output.splitlines()
    assert [line.split()[1:5] for line in lines] == [
        ["level", "n_rows", "dim", "encoder"], ["structure", "3", "2", "toy@0.1.0"], ["site", "2", "2", "toy@0.1.0"],
    ]  # fmt: skip
    assert json.loads(run("list", "--file", file, "--json").output)[0]["n_rows"] == 3
    for arguments in (("show", "none.parquet"), ("list", "--file", "none.parquet"), ("neighbors", "none.parquet", "a")):
        result = run(*arguments)
        assert (result.exit_code, "There is no file none.parquet" in result.stderr) == (1, True)
    assert "structures are searched for among vectors of structures" in run("neighbors", str(sites), "a").stderr
    assert run("list", "--file", file, "--from", "x").exit_code == 2


def test_verify(root: Path) -> None:
    write_toy(root, name="zoo")
    assert run("verify", "toy").exit_code == 0
    assert run("verify").output.count("ok ") == 2
    damage(root)
    result = run("verify")
    assert result.exit_code == 1
    assert result.stdout.split() == ["FAILED", str(root / "toy/0.1.0"), "ok", str(root / "zoo/0.1.0")]
    assert result.stderr.startswith("Error: 1 of 2 failed. ")
    assert "vectors.h5" in result.stderr
    assert run("verify", "zoo").exit_code == 0


def test_verify_json(root: Path) -> None:
    damage(root)
    result = run("verify", "--json")
    (entry,) = json.loads(result.stdout)
    assert (result.exit_code, entry["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("show", "tyo"), 'Did you mean "toy"?'),
        (("neighbors", "toy", "fe"), 'Did you mean "Fe"?'),
        (("neighbors", "toy", "Og"), "Og has no vector"),
        (("neighbors", "toy", "0"), "0 is not an atomic number"),
        (("verify", "./nowhere"), "no manifest.json"),
    ],
)
def test_named_errors_take_one_line_and_exit_1(arguments: tuple[str, ...], part: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert part in result.stderr


@pytest.mark.parametrize("arguments", [("nonsense",), ("show",), ("neighbors", "toy", "Fe", "-k", "0"), ("list", "x")])
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_misspelled_command_is_guessed() -> None:
    result = run("lisst")
    assert result.exit_code == 2
    assert 'No such command "lisst". Did you mean "list"?' in result.stderr


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(locations, "locate_all", bug)
    assert isinstance(run("list").exception, RuntimeError)


def test_every_command_exists_and_has_help() -> None:
    output = run("--help").output
    for command in COMMANDS:
        assert f"  {command} " in output


def test_list_and_verify_name_what_is_broken_and_show_the_rest(root: Path) -> None:
    write_toy(root, name="zoo")
    (root / "toy" / "0.1.0" / "manifest.json").write_text("{}")
    (root / "zoo" / "9.9.9").symlink_to(root / "zoo" / "0.1.0")
    lines = run("list").output.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["toy", "0.1.0"], ["zoo", "0.1.0"], ["zoo", "9.9.9"]]
    assert lines[4].startswith(f"Warning: {root}/toy/0.1.0/manifest.json: name: this field is missing")
    assert lines[5].startswith(f"Warning: {root}/zoo/9.9.9 is where zoo@9.9.9 belongs")
    result = run("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 2 of 3 failed. ")
    assert "zoo@9.9.9" in result.stderr
    assert "this field is missing" in result.stderr


def test_verify_says_what_it_checked() -> None:
    assert run("verify").output.splitlines()[-1] == (
        "Intact: 1 of 1, by manifest, place, SHA-256 of every file, and content."
    )
