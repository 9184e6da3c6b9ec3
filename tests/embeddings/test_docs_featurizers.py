"""The examples of docs/featurizers.md run, section by section, and print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.store.tables import write_catalog
from testing.toys import toy_provenance, toy_table

PAGE = Path(__file__).parents[2] / "docs" / "featurizers.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
PACKAGES = {"pandas", "polars", "sklearn", "matminer", "torch", "scipy"}


@pytest.fixture
def catalogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogs that the page names, with made-up vectors for the first 94 elements."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    for seed, name in enumerate(("ct-multi", "starter")):
        vectors = np.random.default_rng(seed).normal(size=(94, 128))
        write_catalog(tmp_path, toy_provenance(name=name), toy_table(dict(zip(SYMBOLS, vectors, strict=False))))


@pytest.mark.usefixtures("catalogs")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_a_section_run(section: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL)
    for package in sorted(PACKAGES & set(re.findall(r"\w+", SECTIONS[section]))):
        pytest.importorskip(package)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, section, str(PAGE), 0)
    assert test.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


def test_every_framework_has_its_section() -> None:
    assert list(SECTIONS)[:5] == ["pandas", "polars", "scikit-learn", "matminer", "torch"]
