"""How alike two catalogs are, whatever the directions of their axes, and what else changed from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.analysis.alignment import padded, rotated_onto
from embeddings.analysis.changes import Changes, changes_between
from embeddings.analysis.frames import data_frame
from embeddings.catalog import ElementCatalog
from embeddings.display.html import html_table
from embeddings.display.numbers import counted
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid
from embeddings.loaders import as_catalog
from embeddings.protocols import CatalogLike
from embeddings.search.agreement import kept_neighbors
from embeddings.search.neighbors import Metric
from embeddings.search.ordering import ascending, descending

if TYPE_CHECKING:
    import pandas

_SHOWN = 12  # elements in a notebook


@dataclass(frozen=True, repr=False)
class Comparison:
    """How alike two catalogs are on the elements that they share, and what else changed from the first to the second.

    Rotating, reflecting or scaling one of them as a whole changes none of this; shifting it changes the cosines,
    hence the overlap, and nothing else.

    Attributes:
        n_shared: elements in both.
        procrustes: share of the spread that is left after the best rotation, shift and scale, 0 (the same shape)
            to 1 (nothing in common).
        overlap: mean share of the nearest neighbors that both agree on, 0 to 1.
        cka: linear centered kernel alignment, 0 to 1 (the same similarities).
        moved: symbol -> how far the element is from its counterpart once both catalogs have one center, one size
            and one direction, in root mean square distances from the center; the farthest first. Two encoders are
            compared on formulas, which then take the place of the symbols.
        kept: symbol -> share of its nearest neighbors that it has in both catalogs, the smallest first.
        changes: rows, training formulas, targets, accuracies and licenses of the two.
    """

    n_shared: int
    procrustes: float
    overlap: float
    cka: float
    moved: dict[str, float]
    kept: dict[str, float] = field(default_factory=dict)
    changes: Changes | None = None

    def to_frame(self) -> pandas.DataFrame:
        """Return how far each element moved, by symbol, the farthest first; the other numbers are in ``.attrs``.

        Raises:
            MissingExtra: pandas is not installed.
        """
        frame = data_frame({"moved": list(self.moved.values())}, list(self.moved), "symbol")
        frame.attrs.update({name: getattr(self, name) for name in ("n_shared", "procrustes", "overlap", "cka")})
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"changes": self.changes.to_dict() if self.changes else None}

    def to_text(self) -> str:
        """Return everything as text of several lines, for people."""
        from embeddings.analysis.comparison_report import text_of

        return text_of(self)

    def to_page(self) -> str:
        """Return everything as an HTML page that works from disk and fetches nothing."""
        from embeddings.analysis.comparison_report import page_of

        return page_of(self)

    def __repr__(self) -> str:
        return (
            f"Comparison({self.n_shared} shared elements: overlap {self.overlap:.2f}, CKA {self.cka:.2f}, "
            f"Procrustes {self.procrustes:.2f})"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        most = list(self.moved.items())[:_SHOWN]
        return html_table(repr(self), ("moved most", "distance"), [(name, f"{far:.2f}") for name, far in most])


def compare(
    a: CatalogLike,
    b: CatalogLike,
    k: int = 5,
    *,
    metric: Metric = "cosine",
    formulas: Sequence[str] | None = None,
) -> Comparison:
    """Compare two catalogs, of equal width or not, on the elements that they share; or two composition encoders.

    Args:
        a: one catalog or encoder, its name, or its path.
        b: the other, of the same kind. What changed is told from `a` to `b`.
        k: how many neighbors `Comparison.overlap` looks at.
        metric: how near neighbors are measured.
        formulas: that two encoders are compared on; the elements that both cover if None.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        InputInvalid: one is a catalog of elements and the other an encoder; fewer than two elements are shared, `k` is
            below 1, the metric is unknown, or the shared elements of a catalog all have the same vector.

    Example:
        >>> from embeddings.analysis import compare
        >>> compare("ct-ef-eg", "ct-multi").changes.targets_added  # doctest: +SKIP
        ('log10_g_vrh', 'log10_k_vrh', 'volume_per_atom')
    """
    a, b = as_catalog(a), as_catalog(b)
    keys, of_a, of_b = _rows(a, b, formulas)
    if len(keys) < 2:
        raise InputInvalid(
            f'"{a.name}" and "{b.name}" share {counted(len(keys), "element")}; neighbors need at least two in common.'
        )
    kept = kept_neighbors(of_a, of_b, k, metric=metric)
    in_a, in_b = _shape(of_a, f'"{a.name}"'), _shape(of_b, f'"{b.name}"')
    return Comparison(
        n_shared=len(keys),
        procrustes=procrustes_distance(in_a, in_b),
        overlap=float(kept.mean()),
        cka=linear_cka(in_a, in_b),
        moved=_moved(in_a, in_b, keys),
        kept={keys[row]: float(kept[row]) for row in ascending(kept)},
        changes=changes_between(a, b),
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


def _rows(
    a: ElementCatalog | CompositionEncoder, b: ElementCatalog | CompositionEncoder, formulas: Sequence[str] | None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return what both have a vector for, and the vectors."""
    if isinstance(a, CompositionEncoder) and isinstance(b, CompositionEncoder):
        keys = _shared(a.elements, b.elements) if formulas is None else list(dict.fromkeys(formulas))
        return keys, a.lookup(keys), b.lookup(keys)
    if isinstance(a, ElementCatalog) and isinstance(b, ElementCatalog):
        keys = _shared(a, b)
        return keys, a.lookup(keys), b.lookup(keys)
    kinds = " and ".join(f"{version.name}@{version.version} ({version.manifest.kind})" for version in (a, b))
    raise InputInvalid(f"{kinds} are of different kinds and cannot be compared. Give two of the same kind.")


def _shared(a: ElementCatalog, b: ElementCatalog) -> list[str]:
    return [name for name in a.symbols if name in b]


def _moved(a: np.ndarray, b: np.ndarray, keys: Sequence[str]) -> dict[str, float]:
    """Return how far each row is from its counterpart; `a` and `b` are shapes."""
    dim = max(a.shape[1], b.shape[1])
    a, b = padded(a, dim), padded(b, dim)
    distances = np.linalg.norm(a - rotated_onto(b, a), axis=1) * np.sqrt(len(a))
    order = descending(distances)
    return {keys[row]: float(distances[row]) for row in order}


def _shape(vectors: np.ndarray, whose: str) -> np.ndarray:
    """Return the rows from their center, their squares one in sum: (n, dim) float64."""
    rows = np.asarray(vectors, dtype=np.float64)
    rows = rows - rows.mean(axis=0)
    size = np.linalg.norm(rows)
    if not size > 0:
        raise InputInvalid(f"All rows of {whose} are the same vector, so there is nothing to compare.")
    return rows / size
