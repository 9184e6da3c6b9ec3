"""How alike two catalogs are, whatever the directions of their axes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.analysis.alignment import padded, rotated_onto
from embeddings.analysis.frames import data_frame
from embeddings.analysis.rows import Elements
from embeddings.display.html import html_table
from embeddings.elements import symbol
from embeddings.errors import InputInvalid
from embeddings.loaders import as_uae
from embeddings.search.agreement import neighbor_overlap
from embeddings.search.neighbors import Metric
from embeddings.search.ordering import descending

if TYPE_CHECKING:
    import pandas

_SHOWN = 12  # elements in a notebook


@dataclass(frozen=True, repr=False)
class Comparison:
    """How alike two catalogs are on the elements that they share.

    Rotating, reflecting or scaling one of them as a whole changes none of this; shifting it changes the cosines,
    hence the overlap, and nothing else.

    Attributes:
        n_shared: elements in both.
        procrustes: share of the spread that is left after the best rotation, shift and scale, 0 (the same shape)
            to 1 (nothing in common).
        overlap: mean share of the nearest neighbors that both agree on, 0 to 1.
        cka: linear centered kernel alignment, 0 to 1 (the same similarities).
        moved: symbol -> how far the element is from its counterpart once both catalogs have one center, one size
            and one direction, in root mean square distances from the center; the farthest first.
    """

    n_shared: int
    procrustes: float
    overlap: float
    cka: float
    moved: dict[str, float]

    def to_frame(self) -> pandas.DataFrame:
        """Return how far each element moved, by symbol, the farthest first; the other numbers are in ``.attrs``.

        Raises:
            MissingExtra: pandas is not installed.
        """
        frame = data_frame({"moved": list(self.moved.values())}, list(self.moved), "symbol")
        frame.attrs.update({name: value for name, value in asdict(self).items() if name != "moved"})
        return frame

    def __repr__(self) -> str:
        return (
            f"Comparison({self.n_shared} shared elements: overlap {self.overlap:.2f}, CKA {self.cka:.2f}, "
            f"Procrustes {self.procrustes:.2f})"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        most = list(self.moved.items())[:_SHOWN]
        return html_table(repr(self), ("moved most", "distance"), [(name, f"{far:.2f}") for name, far in most])


def compare(a: Elements, b: Elements, k: int = 5, *, metric: Metric = "cosine") -> Comparison:
    """Compare two catalogs, of equal width or not, on the elements that they share.

    Args:
        a: one catalog, or its name.
        b: the other.
        k: how many neighbors `Comparison.overlap` looks at.
        metric: how near neighbors are measured.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        InputInvalid: fewer than two elements are shared, `k` is below 1, the metric is unknown, or the shared
            elements of a catalog all have the same vector.
    """
    a, b = as_uae(a), as_uae(b)
    overlap = neighbor_overlap(a, b, k, metric=metric)
    shared = np.intersect1d(a.atomic_numbers, b.atomic_numbers)
    in_a, in_b = (_shape(c.vectors[np.isin(c.atomic_numbers, shared)], f'"{c.name}"') for c in (a, b))
    return Comparison(
        n_shared=len(shared),
        procrustes=procrustes_distance(in_a, in_b),
        overlap=overlap,
        cka=linear_cka(in_a, in_b),
        moved=_moved(in_a, in_b, shared),
    )


def procrustes_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the share of the spread that is left after the best rotation, shift and scale.

    Args:
        a: (n, dim_a) vectors.
        b: (n, dim_b) their counterparts, row by row; the narrower is filled up with zeros.

    Returns:
        0 (the same shape) to 1 (nothing in common), whichever is first.

    Raises:
        InputInvalid: all rows of one are the same.
    """
    singular = np.linalg.svd(_shape(a, "one").T @ _shape(b, "the other"), compute_uv=False)
    return float(np.clip(1 - singular.sum() ** 2, 0.0, 1.0))


def linear_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Return the linear centered kernel alignment of Kornblith et al., ICML 2019 (arXiv:1905.00414).

    It is the cosine of the two matrices of all inner products between rows, taken from the center.

    Args:
        a: (n, dim_a) vectors.
        b: (n, dim_b) their counterparts, row by row.

    Returns:
        0 to 1 (the same inner products but for a factor).

    Raises:
        InputInvalid: all rows of one are the same.
    """
    a, b = _shape(a, "one"), _shape(b, "the other")
    return float(np.square(a.T @ b).sum() / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)))


def _moved(a: np.ndarray, b: np.ndarray, atomic_numbers: np.ndarray) -> dict[str, float]:
    """Return how far each element is from its counterpart; `a` and `b` are shapes."""
    dim = max(a.shape[1], b.shape[1])
    a, b = padded(a, dim), padded(b, dim)
    distances = np.linalg.norm(a - rotated_onto(b, a), axis=1) * np.sqrt(len(a))
    order = descending(distances)
    return {symbol(int(atomic_numbers[row])): float(distances[row]) for row in order}


def _shape(vectors: np.ndarray, whose: str) -> np.ndarray:
    """Return the rows from their center, their squares one in sum: (n, dim) float64."""
    rows = np.asarray(vectors, dtype=np.float64)
    rows = rows - rows.mean(axis=0)
    size = np.linalg.norm(rows)
    if not size > 0:
        raise InputInvalid(f"All rows of {whose} are the same vector; there is no shape to compare.")
    return rows / size
