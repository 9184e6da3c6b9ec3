"""Projections: distances that must stay, scikit-learn's components, repeatability, too little input."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from embeddings.analysis.projection import project
from embeddings.errors import InputInvalid
from embeddings.pooling import featurize_compositions
from testing.toys import toy_catalog

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


def test_near_rows_stay_near_and_seeds_repeat() -> None:
    check_that_near_rows_stay_near("tsne")


def check_that_near_rows_stay_near(method: Any) -> None:
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
        (ROWS[:4], {"method": "umap"}, "needs at least 5 rows, and has 4"),
        (ROWS[:1], {"method": "pca"}, "needs at least 2 rows, and has 1"),
        (ROWS[:4], {"method": "tsne", "dims": 3}, "needs at least 5 rows"),
        (ROWS * np.nan, {}, "40 of 40 rows hold NaN"),
    ],
)
def test_what_cannot_be_projected_is_named(rows: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        project(rows, **options)


DEGENERATE = """
import sys
import numpy as np
from embeddings.analysis.projection import project

rows = np.random.default_rng(0).normal(size=(20, 6))
kinds = {
    "all equal": np.full((20, 6), np.pi),
    "all zero": np.zeros((20, 6)),
    "equal but for rounding": 1 + 1e-16 * rows,
    "nearly equal": 1 + 1e-12 * rows,
    "nearly zero": 1e-200 * rows,
    "below single precision": 1e-60 * rows,
    "beyond single precision": 1e60 * rows,
    "one row apart": np.vstack([np.zeros((19, 6)), rows[:1]]),
    "two places": np.repeat(rows[:2], 10, axis=0),
    "on a line": rows[:, :1] * np.ones((1, 6)),
    "one column": rows[:, :1],
    "few": rows[:5],
    "few and equal": np.ones((5, 6)),
}
for name, kind in kinds.items():
    for dims in (2, 3) if "equal" in name else (2,):
        at = project(kind, sys.argv[1], dims=dims).at
        assert at.shape == (len(kind), dims) and np.isfinite(at).all(), name
        if "equal" in name and "nearly" not in name and sys.argv[1] == "tsne":
            assert not at.any(), name
"""


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_rows_that_hardly_differ_have_finite_places(method: str) -> None:
    run = subprocess.run([sys.executable, "-c", DEGENERATE, method], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stderr) == (0, "")


def test_polymorphs_of_one_formula_are_at_one_place() -> None:
    rows = featurize_compositions(["SiO2"] * 40, toy_catalog({"Si": (1, 2), "O": (3, 4)}))
    assert not project(rows, "tsne").at.any()


def test_numbers_whose_squares_are_infinite_are_refused() -> None:
    with pytest.raises(InputInvalid, match=r"at most 1e\+100"):
        project(ROWS * 1e200, "pca")
