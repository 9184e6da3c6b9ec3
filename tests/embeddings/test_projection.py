"""Projections: distances that must stay, scikit-learn's components, repeatability, too little input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from embeddings.analysis.projection import project
from embeddings.errors import InputInvalid
from tests.toys import toy_catalog

ROWS = np.random.default_rng(0).normal(size=(40, 6)) * [5.0, 3.0, 1.0, 1.0, 1.0, 0.5]


def test_principal_components_agree_with_scikit_learn() -> None:
    reference = PCA(3).fit(ROWS)
    found = project(ROWS, "pca", dims=3)
    assert np.allclose(np.abs(found.at), np.abs(reference.transform(ROWS)))
    assert found.axes[0] == f"PC 1 ({reference.explained_variance_ratio_[0]:.0%})"


def test_principal_components_of_a_plane_keep_all_distances() -> None:
    assert np.allclose(pdist(project(ROWS[:, :2], "pca").at), pdist(ROWS[:, :2]))


def test_one_dimension_lies_on_a_line() -> None:
    at = project(ROWS[:, :1], "pca").at
    assert np.allclose(at[:, 1], 0.0)
    assert np.allclose(pdist(at), pdist(ROWS[:, :1]))


def test_a_catalog_is_projected_by_direction() -> None:
    catalog = toy_catalog({"H": (1, 0), "He": (7, 0), "Li": (0, 1), "Be": (0, 4)})
    at = project(catalog, "pca").at
    assert np.allclose(at[0], at[1])
    assert np.allclose(at[2], at[3])


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_near_rows_stay_near_and_seeds_repeat(method: Any) -> None:
    if method == "umap":
        pytest.importorskip("umap", reason="umap-learn is not installed")
    rows = np.vstack([ROWS[:20], ROWS[:20] + 100.0])
    first, second = project(rows, method, seed=5), project(rows, method, seed=5)
    assert np.array_equal(first.at, second.at)
    assert first.at.shape == (40, 2)
    assert first.at[:, 0].std() > first.at[:, 1].std()  # the longer side lies across the page
    centers = first.at[:20].mean(axis=0), first.at[20:].mean(axis=0)
    to_own, to_other = (np.linalg.norm(first.at[:20] - center, axis=1) for center in centers)
    assert (to_own < to_other).all()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"method": "umapp"}, 'Did you mean "umap"'),
        (ROWS, {"dims": 4}, "2 or 3 dimensions, not 4"),
        (ROWS[:4], {"method": "umap"}, "needs at least 5 rows, but there are 4"),
        (ROWS[:1], {"method": "pca"}, "needs at least 2 rows, but there are 1"),
        (ROWS[:4], {"method": "tsne", "dims": 3}, "needs at least 5 rows"),
        (ROWS * np.nan, {}, "40 of 40 rows hold NaN"),
    ],
)
def test_what_cannot_be_projected_is_named(rows: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        project(rows, **options)
