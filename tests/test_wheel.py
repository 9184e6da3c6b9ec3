"""The light install: the wheel alone, with NumPy, PyArrow and click, must load and use a catalog."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAVY = ("torch", "pymatgen", "vesin", "h5py", "rich", "pandas", "sklearn", "scipy", "matminer")

USE = """
import sys
for name in {heavy!r}:
    sys.modules[name] = None  # an import of it now raises ImportError
import embeddings, builders
from pathlib import Path
assert Path(embeddings.__file__).is_relative_to({target!r}), embeddings.__file__
from embeddings import list_catalogs, load_catalog
from embeddings.pooling import featurize_compositions
for name in list_catalogs():
    catalog = load_catalog(name)
    assert featurize_compositions(["Fe2O3", "NaCl"], catalog, stats="mean").shape == (2, catalog.dim)
print(" ".join(list_catalogs()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True)
    return next(folder.glob("materials_embeddings-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel]
    subprocess.run(command, check=True)
    return target


def test_the_wheel_holds_the_catalogs_and_no_python_among_them(wheel: Path) -> None:
    files = zipfile.ZipFile(wheel).namelist()
    catalogs = [name for name in files if name.startswith("embeddings/_catalogs/")]
    packaged = [path.relative_to(ROOT / "catalogs") for path in (ROOT / "catalogs").rglob("*") if path.is_file()]
    assert {f"embeddings/_catalogs/{path.as_posix()}" for path in packaged} == set(catalogs)
    assert not [name for name in catalogs if name.endswith(".py")]
    assert {"embeddings/py.typed", "builders/py.typed", "builders/sources/starter/starter.parquet"} <= set(files)
    assert not [name for name in files if name.startswith(("tests/", "testing/", "tools/", "docs/", "benchmarks/"))]


def run_light(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(target)}
    return subprocess.run([sys.executable, *arguments], cwd=target, env=environment, capture_output=True, text=True)


def test_the_light_install_loads_and_featurizes(installed: Path) -> None:
    result = run_light(installed, "-c", USE.format(heavy=HEAVY, target=str(installed)))
    assert result.returncode == 0, result.stderr
    assert "starter" in result.stdout.split()


def run_command(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    block = f"import sys\nfor name in {HEAVY!r}: sys.modules[name] = None\n"
    return run_light(target, "-c", f"{block}from embeddings.cli import main\nmain({list(arguments)!r})")


def test_a_build_without_the_build_extra_names_the_wheel_with_the_extra(wheel: Path, installed: Path) -> None:
    result = run_command(installed, "build", "--source", "starter")
    assert result.returncode == 1
    assert f"pip install 'materials-embeddings[build] @ {wheel.as_uri()}'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_list_of_sources_needs_no_extra(installed: Path) -> None:
    result = run_command(installed, "sources")
    assert result.returncode == 0, result.stderr
    assert "optimade: " in result.stdout


def test_a_namesake_that_replaced_files_is_named(wheel: Path, installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "embeddings" / "__init__.py").write_text("__version__ = '0.0.6'\n")
    about = tmp_path / "embeddings-0.0.8.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: embeddings\nVersion: 0.0.8\n")
    result = run_light(tmp_path, "-m", "embeddings", "list")
    assert result.returncode == 1
    assert re.match(
        r"Error: embeddings 0\.0\.8 and materials-embeddings are both installed in .*--force-reinstall", result.stderr
    )
    assert result.stdout == ""
