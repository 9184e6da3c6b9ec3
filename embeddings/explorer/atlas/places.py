"""Where each structure is drawn: UMAP from neighbors that are known already, or principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TextIO

import numpy as np

from embeddings.analysis.projection import LEAST_ROWS, MANY_ROWS, N_NEIGHBORS, Projection, project, project_neighbors
from embeddings.explorer.atlas.nearest import Nearest
from embeddings.search.exact import unit_rows

Method = Literal["umap", "pca"]


@dataclass(frozen=True, eq=False)
class Places:
    """Where the rows are.

    Attributes:
        at: (n, 2) float32.
        axes: what each axis is.
        note: why it was not done as asked; nothing if it was.
    """

    at: np.ndarray
    axes: tuple[str, ...]
    note: str = ""

    @property
    def is_umap(self) -> bool:
        """Whether UMAP placed them."""
        return self.axes[0].startswith("UMAP")


def neighbors_needed(n: int, method: Method) -> int:
    """Return how many neighbors of each row `places_of` needs."""
    return N_NEIGHBORS - 1 if method == "umap" and n > MANY_ROWS else 0


def places_of(
    vectors: np.ndarray, nearest: Nearest | None, method: Method, *, seed: int = 0, show: TextIO | None = None
) -> Places:
    """Bring vectors at unit length to a plane; the same seed gives the same places.

    Up to 10,000 rows it does what `embeddings.analysis.project` does. Beyond, UMAP takes the exact neighbors that the
    atlas shows instead of looking for some.

    Args:
        vectors: (n, dim) float32.
        nearest: at least `neighbors_needed` neighbors of each row.
        method: ``"umap"`` or ``"pca"``; where there are too few rows for UMAP, principal components take its place.
        seed: of UMAP.
        show: where a bar of progress is drawn; nowhere if None.

    Raises:
        MissingExtra: umap-learn or scikit-learn is not installed.
    """
    n, rows = len(vectors), unit_rows(vectors)
    if n < LEAST_ROWS["pca"]:
        return Places(np.zeros((n, 2), np.float32), ("x", "y"))
    if method == "umap" and n < LEAST_ROWS["umap"]:
        note = f"UMAP needs {LEAST_ROWS['umap']} structures: these are placed by principal components"
        return _single(project(rows, "pca"), note)
    if method == "umap" and n > MANY_ROWS and nearest is not None:
        return _single(project_neighbors(rows, nearest.rows, nearest.cosines, seed=seed, show=show))
    return _single(project(rows, method, seed=seed))


def _single(found: Projection, note: str = "") -> Places:
    return Places(found.at.astype(np.float32), found.axes, note)
