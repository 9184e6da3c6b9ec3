"""What the featurizers need: nothing until one is imported, and then a named extra."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from embeddings.errors import MissingExtra
from embeddings.search.compositions import composition_distance
from testing.toys import toy_catalog

ROOT = Path(__file__).parents[2]


def test_the_package_imports_no_framework() -> None:
    probe = "import sys, embeddings.featurizers, embeddings.search.compositions; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"sklearn", "matminer", "torch", "pandas", "scipy", "pyarrow"}.isdisjoint(loaded.split())


@pytest.mark.parametrize("framework", ["sklearn", "matminer", "torch"])
def test_a_missing_framework_names_its_extra(framework: str) -> None:
    code = f"import sys; sys.modules['{framework}'] = None; import embeddings.featurizers.{framework}"
    failed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert re.search(rf"MissingExtra: .* is not installed.*pip install .*\[{framework}\]", failed.stderr)


def test_the_element_mover_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtra, match=r"scipy is not installed.*\[sklearn\]"):
        composition_distance("FeO", "CoO", toy_catalog(), metric="element-mover")
