"""What UMAP draws. It takes 15 seconds to compile in each process that uses it, so that nothing else here does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from embeddings import load_uae
from embeddings.analysis.projection import project
from embeddings.cli import main
from embeddings.explorer.atlas import places
from embeddings.explorer.atlas.nearest import nearest_rows
from tests.embeddings.test_explorer import content_of
from tests.embeddings.test_projection import check_that_near_rows_stay_near

pytest.importorskip("umap", reason="umap-learn is not installed")

pytestmark = pytest.mark.slow


def test_near_rows_stay_near_and_seeds_repeat() -> None:
    check_that_near_rows_stay_near("umap")


def test_the_explorer_is_one_small_file_with_everything_in_it(tmp_path: Path) -> None:
    out, ct_multi = tmp_path / "explorer.html", load_uae("ct-multi")
    result = CliRunner().invoke(main, ["explore", "ct-multi", "-o", str(out)])
    assert result.exit_code == 0, result.output
    page = out.read_text()
    assert len(page) < 1_000_000
    (shown,) = content_of(page)["catalogs"]
    assert shown["maps"]["umap"] == project(ct_multi, "umap").at.round(4).tolist()
    assert shown["maps"]["pca"] == project(ct_multi, "pca").at.round(4).tolist()


def test_many_structures_are_placed_from_their_exact_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MANY_ROWS", 4096)
    random = np.random.default_rng(0)
    middles = random.normal(size=(5, 8)) * 3
    group = random.integers(5, size=4200)
    vectors = (middles[group] + random.normal(size=(4200, 8))).astype(np.float32)
    near = nearest_rows(vectors, places.neighbors_needed(len(vectors), "umap"))
    first, second = (places.places_of(vectors, near, "umap", seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.at, second.at)
    assert first.axes == ("UMAP 1", "UMAP 2")
    of_map = nearest_rows(np.column_stack([first.at, np.full(4200, 100, np.float32)]), 10).rows
    assert (group[of_map] == group[:, None]).mean() > 0.8
