"""Homes, roots and systems as they come: what cannot be searched is named, and everything else goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest
from click.testing import CliRunner, Result
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from embeddings import list_catalogs, load_uae
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt, OutputInvalid
from embeddings.store import roots as store
from embeddings.store.home import cache_folder
from embeddings.store.locations import troubles
from testing.toys import write_toy

ROOT = Path(__file__).parents[2]
SOMEBODY = 12345


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packaged root, which holds the toy; nothing else is there, whatever the user at home has built."""
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("EMBEDDINGS_CACHE", "XDG_CACHE_HOME", "EMBEDDINGS_CATALOGS"):
        monkeypatch.delenv(name, raising=False)
    write_toy(tmp_path / "packaged")
    return tmp_path / "packaged"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="embeddings")


def no_home(*_: object, **__: object) -> str:
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("user_cache_dir", [no_home, lambda *_, **__: "~nosuchuser/.cache"], ids=["error", "tilde"])
def test_without_a_home_the_packaged_catalogs_are_there(
    user_cache_dir: Callable[..., str], packaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", user_cache_dir)
    assert list_catalogs() == ["toy"]
    assert load_uae("toy").dim == 2
    assert run("verify").exit_code == 0
    with pytest.raises(OutputInvalid, match="no home folder, so there is no place for a cache"):
        cache_folder()


def test_a_cache_of_nobody_is_named(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_CACHE", "~nosuchuser/x")
    assert list_catalogs() == ["toy"]
    with pytest.raises(OutputInvalid, match='EMBEDDINGS_CACHE is "~nosuchuser/x"'):
        store.user_root()


@pytest.mark.parametrize(
    ("system", "environment", "expected"),
    [
        (Unix, {"HOME": "/home/a"}, "/home/a/.cache/materials-embeddings"),
        (Unix, {"HOME": "/home/a", "XDG_CACHE_HOME": "/x"}, "/x/materials-embeddings"),
        (MacOS, {"HOME": "/Users/a"}, "/Users/a/Library/Caches/materials-embeddings"),
        (Windows, {"LOCALAPPDATA": "/Local"}, "/Local/materials-embeddings/Cache"),
        (MacOS, {"HOME": "/Users/a", "EMBEDDINGS_CACHE": "/chosen"}, "/chosen"),
    ],
)
def test_each_system_has_its_own_cache(
    system: type, environment: dict[str, str], expected: str, packaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", system)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda name: os.environ["LOCALAPPDATA"])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Path(os.path.normpath(str(cache_folder()).replace("\\", "/"))) == Path(expected)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{}/missing", "there is no such folder, though EMBEDDINGS_CATALOGS names it"),
        ("~nosuchuser/x", "there is no such folder, though EMBEDDINGS_CATALOGS names it"),
        ("{}/file", "this is not a folder, though EMBEDDINGS_CATALOGS names it"),
        ("{}/file/below", "there is no such folder"),
        ("{}/loop", "this cannot be followed"),
        ("{}/" + "x" * 300, "this cannot be followed"),
        ("{}/" + "x" * 300 + "/y" * 3000, "this cannot be followed"),
        ("", None),
        (".", None),
        (":::", None),
    ],
)
def test_a_root_that_is_none_is_told_and_stops_nothing(
    entry: str, expected: str | None, packaged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", entry.format(tmp_path))
    assert load_uae("toy").dim == 2
    assert list_catalogs() == ["toy"]
    result = run("list")
    assert (result.exit_code, "toy" in result.output) == (0, True)
    if expected:
        assert f"Warning: {entry.format(tmp_path)}: {expected}" in result.output
    assert json.loads(run("list", "--json").stdout)[0]["name"] == "toy"
    assert run("verify").exit_code == 0


def test_a_relative_root_is_one_of_the_working_directory(
    packaged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_toy(tmp_path / "mine", name="mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", f"mine{os.pathsep}{os.pathsep}mine")
    assert list_catalogs() == ["mine", "toy"]
    assert load_uae("mine").name == "mine"


def test_thousands_of_roots_are_searched_in_a_moment(
    packaged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", os.pathsep.join(f"{tmp_path}/r{i}" for i in range(3000)))
    assert list_catalogs() == ["toy"]
    assert len(troubles()) == 3000


def test_links_in_a_circle_are_no_catalogs(packaged: Path) -> None:
    (packaged / "around").symlink_to(packaged)
    (packaged / "toy" / "1.0.0").symlink_to(packaged / "toy")
    (packaged / "toy" / "2.0.0").symlink_to(packaged / "toy" / "2.0.0")
    (packaged / "nowhere").symlink_to(packaged / "gone")
    assert list_catalogs() == ["toy"]
    assert load_uae("toy").version == "0.1.0"
    assert run("verify").exit_code == 0


def as_somebody(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as a user who owns nothing and has no entry among the users; modules are loaded before."""
    head = (
        "import os, difflib, embeddings.store.audit\nfrom embeddings.cli import listing, neighbors, show, verify\n"
        "from embeddings import list_catalogs, load_uae, store\nfrom embeddings.errors import EmbeddingsError\n"
    )
    change = f"os.environ.clear(); os.environ.update({environment!r}); os.setgid({SOMEBODY}); os.setuid({SOMEBODY})\n"
    return subprocess.run(
        [sys.executable, "-c", head + change + code], cwd=ROOT, capture_output=True, text=True, check=False
    )


needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another")


@needs_root
def test_a_user_whom_the_system_does_not_know() -> None:
    for environment in ({}, {"HOME": "/root"}, {"HOME": "/nowhere"}):
        result = as_somebody("print(list_catalogs()); load_uae('starter')", **environment)
        assert (result.returncode, result.stderr) == (0, "")
        assert "'starter'" in result.stdout


@needs_root
def test_what_may_not_be_read_is_named_and_stops_nothing_else() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        root = Path(name)
        root.chmod(0o755)
        for catalog in ("closed", "half", "open"):
            write_toy(root / "root", name=catalog)
        (root / "root" / "closed").chmod(0o700)
        (root / "root" / "half" / "0.1.0").chmod(0o700)
        (root / "private").mkdir(mode=0o700)
        code = (
            "print(list_catalogs())\nprint([load_uae('open@0.1.0').name])\n"
            "for name in ('closed', 'half', 'starter'):\n"
            "    try: print(load_uae(name))\n"
            "    except EmbeddingsError as error: print(type(error).__name__, error)\n"
            "embeddings.cli.main(['list'])"
        )
        result = as_somebody(code, EMBEDDINGS_CATALOGS=str(root / "root"), HOME=name)
        lines = result.stdout.splitlines()
        assert result.returncode == 0, result.stderr
        assert "'half'" in lines[0]
        assert "'open'" in lines[0]
        assert lines[1] == "['open']"
        assert lines[2].startswith(f"CatalogCorrupt The folder {root}/root/closed cannot be read (Permission denied)")
        assert lines[3].startswith(
            f"CatalogCorrupt {root}/root/half/0.1.0/manifest.json cannot be read: Permission denied"
        )
        assert lines[4].startswith('ElementCatalog("starter@')
        assert sum(line.startswith("Warning: ") for line in lines) == 2
        result = as_somebody(
            "embeddings.cli.main(['show', 'starter'])", EMBEDDINGS_CATALOGS=f"{root}/private", HOME=name
        )
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: The folder {root}/private/starter cannot be read (Permission denied)")
        result = as_somebody("embeddings.cli.main(['list'])", EMBEDDINGS_CATALOGS=f"{root}/private", HOME=name)
        assert f"Warning: The folder {root}/private cannot be read" in result.stdout
        assert result.stdout.count("starter") >= 1


def test_too_few_descriptors_are_named(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("embeddings.store.reading.os.open", exhausted)
    with pytest.raises(CatalogCorrupt, match=r"manifest\.json cannot be read: Too many open files"):
        load_uae("toy@0.1.0")
    assert "Too many open files" in run("list").stdout
    monkeypatch.setattr("embeddings.store.index.os.scandir", exhausted)
    with pytest.raises(CatalogCorrupt, match="Too many open files"):
        load_uae("toy")
    assert run("verify").exit_code == 1


def test_a_root_whose_name_is_no_text_is_shown(packaged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\x1b[31m\n")
    shutil.copytree(packaged, odd)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", odd)
    for arguments in (("list",), ("list", "--json"), ("verify",), ("show", "toy"), ("show", "tyo")):
        result = run(*arguments)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert "\x1b" not in result.output
    assert r"caf\udce9\x1b[31m\n" in run("verify").stdout
    assert json.loads(run("list", "--json").stdout)[0]["root"] == odd
