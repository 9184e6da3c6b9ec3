"""Names that packages export: none hides a module, and each stays what it is whatever was imported before."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, walk_packages
from types import ModuleType

import pytest

import builders
import embeddings

ROOT = Path(__file__).parents[1]
PACKAGES = [
    *("builders", *(info.name for info in walk_packages(builders.__path__, "builders.") if info.ispkg)),
    *("embeddings", *(info.name for info in walk_packages(embeddings.__path__, "embeddings.") if info.ispkg)),
]


def exported(package: ModuleType) -> set[str]:
    """Return the public names of a package that are not modules."""
    own = {name for name, value in vars(package).items() if not isinstance(value, ModuleType)}
    return {name for name in own | set(getattr(package, "__all__", ())) if not name.startswith("_")}


@pytest.mark.parametrize("name", PACKAGES)
def test_no_exported_name_hides_a_module(name: str) -> None:
    package = import_module(name)
    modules = {info.name for info in iter_modules(package.__path__)}
    assert exported(package) & modules == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_every_promised_name_is_there(name: str) -> None:
    package = import_module(name)
    assert [each for each in getattr(package, "__all__", ()) if not hasattr(package, each)] == []


def test_functions_stay_functions_whatever_was_imported_before() -> None:
    code = (
        "import embeddings.analysis.clusters, embeddings.plots.table, embeddings\n"
        "from embeddings.analysis import cluster, compare, transferability\n"
        "from embeddings.plots import periodic_table\n"
        "assert embeddings.analysis.cluster is cluster and embeddings.plots.periodic_table is periodic_table\n"
        "print(*(f.__name__ for f in (cluster, compare, transferability, periodic_table)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["cluster", "compare", "transferability", "periodic_table"]
