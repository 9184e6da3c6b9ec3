"""What the results of an analysis look like: short in a prompt, a table in a notebook, a frame in pandas."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.analysis import Comparison, Ranking, TransferScore, cluster, compare, probe, project, rank
from embeddings.errors import CatalogNotFound, InputInvalid, MissingExtra
from embeddings.pooling import DEFAULT_STATS
from testing.toys import TOY_VECTORS, toy_catalog, write_toy

COMPARISON = Comparison(3, procrustes=0.25, overlap=0.5, cka=0.75, moved={"Fe": 0.9, "O": 0.2, "H": 0.1})
RANKING = Ranking(
    10, 8, 8, 1.5, {"<b>one</b>": TransferScore(0.5, 0.9, 3, 0), "other": TransferScore(0.75, 0.5, None, 2)}
)


def test_a_comparison_becomes_a_frame() -> None:
    pytest.importorskip("pandas")
    frame = COMPARISON.to_frame()
    assert frame["moved"].to_dict() == COMPARISON.moved
    assert frame.index.name == "symbol"
    assert frame.attrs == {"n_shared": 3, "procrustes": 0.25, "overlap": 0.5, "cka": 0.75}


def test_a_ranking_becomes_a_frame() -> None:
    pytest.importorskip("pandas")
    frame = RANKING.to_frame()
    assert frame.index.tolist() == ["<b>one</b>", "other"]
    assert frame["mae"].tolist() == [0.5, 0.75]
    assert frame["n_seen"].isna().tolist() == [False, True]
    assert frame.attrs == {
        "n_rows": 10,
        "n_formulas": 8,
        "n_used": 8,
        "baseline_mae": 1.5,
        "stats": DEFAULT_STATS,
        "notes": (),
    }


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for result in (COMPARISON, RANKING):
        with pytest.raises(MissingExtra, match="pandas"):
            result.to_frame()


def test_a_notebook_shows_tables_in_which_text_stays_text() -> None:
    shown = RANKING._repr_html_()
    assert "&lt;b&gt;one&lt;/b&gt;" in shown
    assert "<b>one" not in shown
    assert "<td>(the mean)</td><td>1.5</td>" in shown
    assert "<td>Fe</td><td>0.90</td>" in COMPARISON._repr_html_()


def test_a_notebook_shows_who_is_in_which_cluster() -> None:
    found = cluster(toy_catalog(), k=2)
    for label, symbols in found.members().items():
        assert f"<td>{label}</td><td>{len(symbols)}</td><td>{' '.join(symbols)}</td>" in found._repr_html_()


def test_noise_comes_last() -> None:
    found = cluster(np.eye(6), "hdbscan")
    assert found.members() == {-1: ["0", "1", "2", "3", "4", "5"]}
    assert "<td>noise</td>" in found._repr_html_()


def test_results_are_short_in_a_prompt() -> None:
    catalog = toy_catalog()
    found = cluster(catalog, k=3)
    assert repr(found) == "Clustering(6 rows in 3 clusters by kmeans)"
    assert repr(found.scores) == "Scores(k=[3], n_seeds=5)"
    assert repr(project(catalog, "pca")) == "Projection(6 rows on PC 1 (62%), PC 2 (38%))"
    assert repr(COMPARISON) == "Comparison(3 shared elements: overlap 0.50, CKA 0.75, Procrustes 0.25)"
    assert repr(RANKING) == "Ranking(<b>one</b> 0.5, other 0.75)"


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A catalog that goes by a name."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    write_toy(tmp_path)
    return "toy"


def test_a_name_stands_for_its_catalog(named: str) -> None:
    catalog = toy_catalog()
    assert cluster(named, k=3).to_dict() == cluster(catalog, k=3).to_dict()
    assert np.array_equal(project(named, "pca").at, project(catalog, "pca").at)
    assert compare(named, catalog).overlap == 1
    assert cluster(named).symbols == catalog.symbols


def test_a_name_stands_for_its_catalog_in_probes() -> None:
    assert probe("ct-multi", properties=["period"]) == rank({"a": "ct-multi"}, properties=["period"])["a"]


def test_what_is_no_catalog_is_named() -> None:
    with pytest.raises(CatalogNotFound, match='"ct-mutli"'):
        project("ct-mutli")
    with pytest.raises(InputInvalid, match="not a catalog of elements"):
        compare(TOY_VECTORS, TOY_VECTORS)  # type: ignore[arg-type]
