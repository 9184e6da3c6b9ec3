"""The table of features: one row per formula, and for every catalog and statistic one column per dimension."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from embeddings.errors import InputInvalid
from embeddings.formula import FractionMatrix
from embeddings.formula.bulk import read_column
from embeddings.pooling.missing import Covered, check_policy, cover
from embeddings.pooling.statistics import STATISTICS, Block, check_statistics

if TYPE_CHECKING:
    from embeddings.catalog import ElementCatalog

    Catalogs = ElementCatalog | Sequence[ElementCatalog]

_VALUES_PER_BLOCK = 1 << 17
_REPEATS_THAT_PAY = 4


def featurize_compositions(
    formulas: Iterable[Any],
    catalog: Catalogs,
    *,
    stats: str | Sequence[str] = ("mean",),
    missing: str = "raise",
    dtype: DTypeLike = np.float32,
    n_jobs: int = 1,
) -> np.ndarray:
    """Turn a column of formulas into composition vectors.

    Args:
        formulas: n formulas: a list, array, Series or Arrow array of strings, mappings or Compositions.
        catalog: one catalog, or several whose features are put side by side.
        stats: names out of :data:`embeddings.pooling.STATISTICS`.
        missing: what to do with an element that a catalog does not cover: ``"raise"``, ``"nan"``, ``"skip"``
            or ``"impute"``, as told in :data:`embeddings.pooling.POLICIES`.
        dtype: float32 or float64.
        n_jobs: threads, -1 for one per processor; they pay, if at all, for many rows and statistics.

    Returns:
        (n, d) array, its columns named by :func:`feature_names`. A formula of which nothing is covered is NaN
        under ``"skip"``.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: an unknown statistic or policy, or something that is no column or catalog.
    """
    column = read_column(formulas)
    column.raise_invalid()
    rows = column.codes
    return pool(column.distinct, catalog, rows=rows, stats=stats, missing=missing, dtype=dtype, n_jobs=n_jobs)


def feature_names(catalog: Catalogs, stats: str | Sequence[str] = ("mean",), *, missing: str = "raise") -> list[str]:
    """Return the names of the features, such as ``ct-multi_mean_000``, in the order of the columns.

    Under ``missing="skip"`` the last column of each catalog is its ``coverage``.

    Raises:
        InputInvalid: an unknown statistic or policy, or two catalogs of one name.
    """
    stats, skip = check_statistics(stats), check_policy(missing) == "skip"
    names = []
    for one in check_catalogs(catalog):
        names += [f"{one.name}_{stat}_{i:03d}" for stat in stats for i in range(one.dim)]
        names += [f"{one.name}_coverage"] * skip
    return names


def pool(
    matrix: FractionMatrix,
    catalog: Catalogs,
    *,
    rows: np.ndarray | None = None,
    stats: str | Sequence[str] = ("mean",),
    missing: str = "raise",
    dtype: DTypeLike = np.float32,
    n_jobs: int = 1,
) -> np.ndarray:
    """Turn element fractions into composition vectors; see :func:`featurize_compositions`.

    Args:
        matrix: element fractions, of distinct formulas where that is possible.
        catalog: one catalog or several.
        rows: (n,) the row of the matrix for each row of the result; all of them once if not given.
        stats: names of statistics.
        missing: policy for elements without a vector.
        dtype: float32 or float64.
        n_jobs: threads; -1 for one per processor.

    Returns:
        (n, d) array.

    Raises:
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: an unknown statistic or policy, or something that is no catalog.
    """
    names, catalogs = check_statistics(stats), check_catalogs(catalog)
    check_policy(missing)
    if rows is not None and len(matrix) * _REPEATS_THAT_PAY > len(rows):
        matrix, rows = _arranged(matrix, rows), None
    repeats = None if rows is None else np.bincount(rows, minlength=len(matrix))
    covered = [cover(matrix, one, missing, repeats=repeats) for one in catalogs]
    width = len(feature_names(catalogs, names, missing=missing))
    out = np.empty((len(matrix), width), dtype=_float_type(dtype))
    tasks, start = [], 0
    for one, part in zip(catalogs, covered, strict=True):
        stop = start + len(names) * one.dim
        tasks += list(_tasks(part, one.vectors.astype(out.dtype, copy=False), names, out[:, start:stop]))
        if missing == "skip":
            out[:, stop] = part.coverage
        start = stop + (missing == "skip")
    _run(tasks, n_jobs)
    return out if rows is None else out[rows]


def check_catalogs(catalog: Catalogs) -> tuple[ElementCatalog, ...]:
    """Return one catalog or several as a tuple, checked.

    Raises:
        InputInvalid: none at all, something that is no catalog, or two of one name.
    """
    catalogs = tuple(catalog) if isinstance(catalog, list | tuple) else (catalog,)
    for one in catalogs:
        if not hasattr(one, "vectors") or not hasattr(one, "atomic_numbers"):
            raise InputInvalid(f"{one!r} is not a catalog of element vectors; load one with load_uae.")
    names = [one.name for one in catalogs]
    if not names or len(set(names)) < len(names):
        raise InputInvalid(f"Catalogs must have different names, and be at least one; given: {names}.")
    return catalogs


def _tasks(part: Covered, vectors: np.ndarray, names: Sequence[str], out: np.ndarray) -> Iterator[partial[None]]:
    """Yield the pooling of rows of equal length, in blocks small enough for the processor's cache."""
    lengths = part.matrix.n_elements
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        if length == 0:
            out[rows] = np.nan
            continue
        step = max(1, _VALUES_PER_BLOCK // (length * vectors.shape[1]))
        for start in range(0, len(rows), step):
            yield partial(_pool_rows, part, rows[start : start + step], vectors, names, out)


def _pool_rows(part: Covered, rows: np.ndarray, vectors: np.ndarray, names: Sequence[str], out: np.ndarray) -> None:
    """Pool rows of equal length and write them into their place."""
    matrix, dim = part.matrix, vectors.shape[1]
    entries = matrix.offsets[rows] + np.arange(matrix.n_elements[rows[0]])[:, None]
    block = Block(vectors.take(part.vector_rows[entries], axis=0), matrix.amounts[entries])
    for i, name in enumerate(names):
        out[rows, i * dim : (i + 1) * dim] = STATISTICS[name](block)


def _arranged(matrix: FractionMatrix, rows: np.ndarray) -> FractionMatrix:
    """Return the rows of a matrix in an order, or the matrix itself where that is its own."""
    return matrix if np.array_equal(rows, np.arange(len(matrix))) else matrix.take(rows)


def _run(tasks: list[partial[None]], n_jobs: int) -> None:
    """Run the tasks, in threads if more than one is asked for."""
    if n_jobs < 1 and n_jobs != -1:
        raise InputInvalid(f"n_jobs={n_jobs} is neither a positive number nor -1.")
    if n_jobs == 1:
        for task in tasks:
            task()
        return
    with ThreadPoolExecutor(os.cpu_count() if n_jobs == -1 else n_jobs) as threads:
        for done in [threads.submit(task) for task in tasks]:
            done.result()


def _float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64, checked."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise InputInvalid(f"Features are float32 or float64, not {np.dtype(dtype)}.")
    return np.dtype(dtype)
