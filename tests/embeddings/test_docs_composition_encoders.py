"""The examples of docs/composition-encoders.md run, section by section, and print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.store.tables import write_catalog
from testing.composition_encoders import STATISTICS, tensors, write_toy_encoder
from testing.toys import toy_provenance, toy_table

PAGE = Path(__file__).parents[2] / "docs" / "composition-encoders.md"


@pytest.fixture
def catalogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder and the catalog that the page names, untrained."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    sizes = {"statistics": STATISTICS, "activation": "silu", "dim": 128}
    settings = sizes | {"model": sizes | {"element_dim": 5, "hidden": (16,)}}
    write_toy_encoder(
        tmp_path, tensors(widths=(16, 128)), hyperparameters=settings, name="cromel-multi", version="99.0.0"
    )
    vectors = np.random.default_rng(0).normal(size=(90, 128))
    write_catalog(
        tmp_path,
        toy_provenance(name="ct-multi", version="99.0.0"),
        toy_table(dict(zip(SYMBOLS, vectors, strict=False))),
    )


@pytest.mark.usefixtures("catalogs")
def test_the_examples_of_the_page_run() -> None:
    pytest.importorskip("sklearn", reason="needs the extra sklearn")
    pytest.importorskip("torch", reason="needs the extra build")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if ">>>" in block]
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 10
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    assert not report, "".join(report)
