"""The examples of docs/use-in-*.md run against the real clients, and print what the pages say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.store.tables import write_catalog
from testing.toys import toy_provenance, toy_table

PAGES = {page.stem: page for page in (Path(__file__).parents[2] / "docs").glob("use-in-*.md")}
CLIENTS = {
    "use-in-alignn": ("alignn", "jarvis"),
    "use-in-cgcnn": ("cgcnn2", "torch_geometric"),
    "use-in-megnet": ("matgl",),
}
HOW = "pip install 'materials-embeddings[backends]'"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog and the files that the pages name: made-up vectors up to Am, without neon, and two crystals."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(95, 128))
    by_symbol = {name: vector for name, vector in zip(SYMBOLS, vectors, strict=False) if name != "Ne"}
    write_catalog(tmp_path, toy_provenance(name="ct-multi", version="99.0.0"), toy_table(by_symbol))
    core = pytest.importorskip("pymatgen.core", reason="needs the extra build")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "id_prop.csv").write_text("salt,-2.1\nrust,-1.4\n")
    for name, pair in (("salt", ["Na", "Cl"]), ("rust", ["Fe", "O"])):
        core.Structure(core.Lattice.cubic(3.5), pair, [[0, 0, 0], [0.5] * 3]).to(f"data/{name}.cif")


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page: str) -> None:
    for client in CLIENTS[page]:
        pytest.importorskip(client, reason=HOW)
    text = PAGES[page].read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, str(PAGES[page]), 0)
    assert len(test.examples) > 8
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    assert not report, "".join(report)
