"""How near compositions are to each other: the nearest among many, and the distance of two.

A composition stands at the mean of its elements' vectors. The element mover's distance looks closer: it is the
least work that turns one composition into the other, where moving an atomic fraction from one element to another
costs the distance of their vectors. It is the earth mover's distance of Rubner et al., Int. J. Comput. Vis. 40, 99
(2000), which Hargreaves et al., Chem. Mater. 32, 10610 (2020), brought to compositions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

import numpy as np

from embeddings.errors import InputInvalid, needs
from embeddings.formula import FractionMatrix, fraction_matrix
from embeddings.formula.bulk import read_column
from embeddings.formula.column import formula_column
from embeddings.loaders import as_catalog, as_uae
from embeddings.missing import Missing
from embeddings.pooling import pool
from embeddings.pooling.coverage import cover
from embeddings.protocols import CatalogLike
from embeddings.search.neighbors import Metric
from embeddings.search.ordering import ascending, descending

Distance = Literal["euclidean", "cosine", "element-mover"]

_SCORES_PER_BLOCK = 1 << 25
_ROUNDING = 1e-5  # of a score, relative to the lengths of the vectors


def nearest_compositions(
    query: Any, formulas: Iterable[Any], catalog: CatalogLike, k: int = 5, *, metric: Metric = "cosine"
) -> list[tuple[Any, float]]:
    """Return the formulas nearest to one, nearest first, as ``[("CoO", 0.98), ...]``.

    For more than one query make a :class:`CompositionIndex`, which reads the formulas once.

    Args:
        query: one formula.
        formulas: a column of formulas to choose from; repeated ones count once.
        catalog: a catalog of elements or a composition encoder, loaded or by name.
        k: how many; all where there are fewer.
        metric: ``"cosine"`` similarity, descending, or ``"euclidean"`` distance, ascending; ties keep the order of
            the formulas.

    Raises:
        FormulaInvalid: a formula cannot be read.
        ElementNotCovered: an element has no vector.
        InputInvalid: `k` is below 1, the metric is unknown, or `formulas` is not a column.
    """
    return CompositionIndex(formulas, catalog, metric=metric).nearest(query, k)


class CompositionIndex:
    """Formulas to search in, held as float32 vectors: 4 bytes for each distinct formula and dimension.

    The search is exact: a matrix product in float32 finds all that may be among the nearest, and float64 ranks them.

    Attributes:
        formulas: the distinct formulas, in order of first appearance.

    Args:
        formulas: a column of formulas; repeated ones count once.
        catalog: a catalog of elements or a composition encoder, loaded or by name.
        metric: ``"cosine"`` similarity or ``"euclidean"`` distance.
        missing: what to do with an element that the catalog does not cover, as told in
            `embeddings.missing.POLICIES`. A formula whose vector is NaN is never found.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        ElementNotCovered: an element has no vector and `missing` is ``"raise"``.
        InputInvalid: an unknown metric or policy, or `formulas` is not a column.

    Example:
        >>> from embeddings import CompositionIndex
        >>> index = CompositionIndex(["CoO", "NaCl", "Fe2O3"], "starter")  # doctest: +SKIP
        >>> index.nearest("FeO", k=2)  # doctest: +SKIP
    """

    def __init__(
        self, formulas: Iterable[Any], catalog: CatalogLike, *, metric: Metric = "cosine", missing: Missing = "raise"
    ) -> None:
        self._catalog, self._metric, self._missing = as_catalog(catalog), _check(metric, Metric), missing
        column = list(formulas) if isinstance(formulas, Iterator) else formula_column(formulas)
        read = read_column(column)
        read.raise_invalid()
        self.formulas = _distinct(column, read.codes)
        self._matrix = read.distinct
        self._points, self._handicap = self._prepared(pool(self._matrix, self._catalog, stats="mean", missing=missing))
        self._longest = np.sqrt(np.einsum("ij,ij->i", self._points, self._points).max(initial=0))

    def __len__(self) -> int:
        return len(self.formulas)

    def nearest(self, query: Any, k: int = 5) -> list[tuple[Any, float]]:
        """Return the `k` formulas nearest to one, nearest first, with their similarity or distance.

        Raises:
            FormulaInvalid: the query cannot be read.
            ElementNotCovered: the query has no vector.
            InputInvalid: `k` is below 1.
        """
        return self.nearest_many([query], k)[0]

    def nearest_many(self, queries: Iterable[Any], k: int = 5) -> list[list[tuple[Any, float]]]:
        """Return what :meth:`nearest` does for each query; together they take much less time than one by one.

        Raises:
            FormulaInvalid: a query cannot be read; the message names the first row, counted from 0.
            ElementNotCovered: a query has no vector.
            InputInvalid: `k` is below 1, or `queries` is not a column.
        """
        if k < 1:
            raise InputInvalid(f"k={k} must be at least 1.")
        points = self._means(fraction_matrix(queries))
        points = _directions(points) if self._metric == "cosine" else points
        n_at_once = max(1, _SCORES_PER_BLOCK // max(1, len(self)))
        found = []
        for start in range(0, len(points), n_at_once):
            block = points[start : start + n_at_once]
            scores = block.astype(np.float32) @ self._points.T - self._handicap  # (n_queries, n_formulas)
            found += [self._ranked(*one, k) for one in zip(block, scores, strict=True)]
        return found

    def _prepared(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what makes ``points @ query - handicap`` larger for what is nearer: (n, dim) and (n,) float32."""
        points = vectors[:, : self._catalog.dim]
        unknown = np.isnan(points).any(axis=1)
        points[unknown] = 0
        squares = np.einsum("ij,ij->i", points, points)
        if self._metric == "cosine":
            points /= np.sqrt(np.where(squares > 0, squares, 1))[:, None]
        handicap = np.zeros_like(squares) if self._metric == "cosine" else squares / 2
        handicap[unknown] = np.inf
        return points, handicap

    def _means(self, matrix: FractionMatrix) -> np.ndarray:
        """Return the vectors of formulas as exactly as they can be: (n, dim) float64."""
        points = pool(matrix, self._catalog, stats="mean", missing=self._missing, dtype=np.float64)[
            :, : self._catalog.dim
        ]
        if np.isnan(points).any():
            pool(matrix, self._catalog, stats="mean", missing="raise")
        return points

    def _ranked(self, point: np.ndarray, scores: np.ndarray, k: int) -> list[tuple[Any, float]]:
        """Return the best by their exact vectors, out of all whose score may be among the best but for rounding."""
        k = min(k, int(np.isfinite(scores).sum()))
        if k == 0:
            return []
        margin = _ROUNDING * self._longest * (self._longest + np.linalg.norm(point))
        near = np.flatnonzero(scores >= np.partition(scores, -k)[-k] - margin)
        distances = _distances(point[None], self._means(self._matrix.take(near)), self._metric)[0]
        values = 1 - distances if self._metric == "cosine" else distances
        best = (descending(values) if self._metric == "cosine" else ascending(distances))[:k]
        return [(self.formulas[near[i]], float(values[i])) for i in best]


def composition_distance(
    a: Any, b: Any, catalog: CatalogLike, *, metric: Distance = "euclidean", ground: Metric = "euclidean"
) -> float:
    """Return how far two compositions are from each other, 0 for the same composition.

    Args:
        a: a formula.
        b: another.
        catalog: a catalog of elements or a composition encoder, loaded or by name.
        metric: ``"euclidean"`` or ``"cosine"`` distance (one less the cosine) of the mean vectors, or
            ``"element-mover"``, which also tells compositions of equal mean apart; it needs scipy and a catalog of
            elements.
        ground: for ``"element-mover"``, the distance of two elements. With ``"euclidean"`` the element mover's
            distance is a metric and never below the Euclidean distance of the means.

    Raises:
        FormulaInvalid: a formula cannot be read.
        ElementNotCovered: an element has no vector.
        InputInvalid: no such metric.
        MissingExtra: scipy is not installed.

    Example:
        >>> from embeddings import composition_distance
        >>> composition_distance("FeO", "CoO", "starter", metric="element-mover")  # doctest: +SKIP
    """
    _check(metric, Distance)
    _check(ground, Metric)
    matrix = fraction_matrix([a, b])
    if metric != "element-mover":
        means = pool(matrix, as_catalog(catalog), stats="mean", dtype=np.float64)
        return float(_distances(means[:1], means[1:], metric)[0, 0])
    uae = as_uae(catalog)
    covered = cover(matrix, uae, "raise")
    vectors, edge = uae.vectors[covered.vector_rows], matrix.offsets[1]
    work = _distances(vectors[:edge], vectors[edge:], ground)
    return _least_work(work, matrix.fractions[:edge], matrix.fractions[edge:])


def _least_work(work: np.ndarray, supply: np.ndarray, demand: np.ndarray) -> float:
    """Return the cost of the best transport: work (n, m) per fraction moved, from supply (n,) to demand (m,)."""
    with needs("scipy", "sklearn"):
        from scipy.optimize import linprog
    n, m = work.shape
    leaves = np.kron(np.eye(n), np.ones(m))  # (n, n * m): what each element of the first gives away
    arrives = np.kron(np.ones(n), np.eye(m))  # (m, n * m): what each element of the second gets
    moves, amounts = np.vstack([leaves, arrives]), np.concatenate([supply, demand])
    # The last constraint follows from the others, and rounding must not make it contradict them.
    return float(linprog(work.ravel(), A_eq=moves[:-1], b_eq=amounts[:-1]).fun)


def _distances(a: np.ndarray, b: np.ndarray, metric: str) -> np.ndarray:
    """Return the distance of every row of one to every row of the other: (n_a, n_b) float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    if metric == "cosine":
        return np.clip(1 - _directions(a) @ _directions(b).T, 0, 2)
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def _directions(rows: np.ndarray) -> np.ndarray:
    """Return the rows at unit length; a row of zeros stays what it is."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _distinct(column: Any, codes: np.ndarray) -> list[Any]:
    """Return the entries of a column where each first appears."""
    items = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    return [items[row] for row in np.unique(codes, return_index=True)[1]]


def _check(name: str, known: Any) -> Any:
    """Return the name of a metric, checked against a Literal."""
    if name not in get_args(known):
        raise InputInvalid(f'Metric "{name}" is not known; use {" or ".join(map(repr, get_args(known)))}.')
    return name
