"""Hints that work: each names what was installed from, and the one extra that suffices."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from embeddings import installation
from embeddings.cli import main
from embeddings.errors import MissingExtra, needs
from embeddings.installation import install_hint

Install = Callable[[dict[str, Any] | None], None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what makes this library one that pip installed, from what its metadata says."""

    def install(origin: dict[str, Any] | None) -> None:
        about = tmp_path / "materials_embeddings-1.0.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: materials-embeddings\nVersion: 1.0.0\n")
        if origin is not None:
            (about / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.setattr(installation, "_PACKAGE", tmp_path / "embeddings")
        monkeypatch.setattr(metadata, "distribution", lambda name: metadata.PathDistribution(about))

    return install


def test_a_clone_names_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    monkeypatch.setattr(installation, "_PACKAGE", clone / "embeddings")
    assert install_hint("plot") == f"pip install -e '{clone}[plot]'"


ORIGINS = {
    "a wheel": ({"url": "file:///w/m.whl", "archive_info": {}}, " @ file:///w/m.whl"),
    "a repository": (
        {"url": "https://h/m.git", "vcs_info": {"vcs": "git", "commit_id": "1ab2"}},
        " @ git+https://h/m.git@1ab2",
    ),
    "an index": (None, ""),
    "metadata of another form": ({"vcs_info": 3}, ""),
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_installation_names_where_it_came_from(origin: str, installed: Install) -> None:
    document, address = ORIGINS[origin]
    installed(document)
    assert install_hint("plot") == f"pip install 'materials-embeddings[plot]{address}'"


@pytest.mark.parametrize(("extra", "warns"), [("build", True), ("mp", True), ("plot", False), ("hdf5", False)])
def test_what_brings_torch_says_how_to_do_without_cuda(
    extra: str, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert ("--index-url https://download.pytorch.org/whl/cpu" in install_hint(extra)) == warns


def test_torch_that_is_there_needs_no_advice() -> None:
    pytest.importorskip("torch")
    assert "torch" not in install_hint("build")


@pytest.mark.parametrize("command", ["plot", "explore"])
def test_what_draws_names_the_extra_that_covers_all_of_it(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> None:
        raise MissingExtra.of("scikit-learn", "sklearn")

    monkeypatch.setattr(f"embeddings.cli.{command}.load_uae", load)
    result = CliRunner().invoke(main, [command, "starter", "-o", "x.html"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: scikit-learn is not installed. Install it with: pip install ")
    assert "[plot]" in result.stderr


@pytest.mark.parametrize(
    ("source", "extra"), [("mp", "mp"), ("optimade", "sources"), ("table", "build"), ("nonsense", "build")]
)
@pytest.mark.parametrize("command", [["pull", "--out", "s"], ["embed", "--catalog", "starter", "-o", "x.parquet"]])
def test_what_reads_structures_names_the_extra_that_covers_the_source(
    command: list[str], source: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        raise ModuleNotFoundError("No module named 'rich'", name="rich")

    monkeypatch.setattr("embeddings.cli.source_options.import_module", load)
    result = CliRunner().invoke(main, [*command, "--source", source])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: rich is not installed. Install it with: pip install ")
    assert f"[{extra}]" in result.stderr


@pytest.mark.parametrize(
    "code",
    [
        "from embeddings import PropertyModel",
        "from embeddings import load_model",
        "from embeddings.bench import compare",
        "import embeddings.bench.model",
        "import embeddings.bench.folder",
        "import embeddings.bench.scores",
    ],
)
@pytest.mark.parametrize("missing", ["sklearn", "lightgbm"])
def test_the_bench_names_its_extra_whatever_is_missing(code: str, missing: str) -> None:
    bare = f"import sys; sys.modules.update(dict.fromkeys({(missing, 'joblib', 'skops')!r})); {code}"
    result = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=False)
    said = result.stderr.splitlines()[-1]
    assert said.startswith("embeddings.errors.MissingExtra: ")
    assert "[bench]" in said


@pytest.mark.parametrize(
    "arguments", [["bench", "t.csv"], ["fit", "t.csv", "-o", "made"], ["predict", "made", "t.csv", "-o", "p.csv"]]
)
def test_commands_of_the_bench_name_its_extra(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("formula,gap\nLiF,13.6\n")
    target = [] if arguments[0] == "predict" else ["--target", "gap"]
    bare = (
        "import sys; sys.modules.update(dict.fromkeys(['sklearn', 'joblib', 'scipy', 'lightgbm', 'skops', 'pandas']));"
        f"from embeddings.cli import main; main({[*arguments, *target]!r})"
    )
    result = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert "[bench]" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_error_knows_what_is_missing() -> None:
    error = MissingExtra.of("umap-learn", "plot")
    assert (error.package, error.extra) == ("umap-learn", "plot")
    assert str(error).startswith("umap-learn is not installed. Install it with: pip install ")


def test_a_package_that_is_broken_is_not_called_missing() -> None:
    with pytest.raises(MissingExtra, match=r"^pandas is not installed\. Install it with: "), needs("pandas", "sklearn"):
        raise ModuleNotFoundError("No module named 'pandas'")
    with (
        pytest.raises(MissingExtra, match=r"^pandas is installed but cannot be imported \(no GLIBC\)\. "),
        needs("pandas", "sklearn"),
    ):
        raise ImportError("no GLIBC")
    inner = MissingExtra.of("torch", "torch")
    with pytest.raises(MissingExtra) as raised, needs("pandas", "sklearn"):
        raise inner
    assert raised.value is inner
