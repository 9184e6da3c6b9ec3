"""Element fractions into features: a column per dimension of each catalog's statistics, or of each encoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

import numpy as np
from numpy.typing import DTypeLike

from embeddings.errors import InputInvalid
from embeddings.formula import FractionMatrix
from embeddings.missing import Missing, check_policy
from embeddings.pooling.coverage import Covered, cover
from embeddings.pooling.statistics import DEFAULT_STATS, STATISTICS, Block, check_statistics

if TYPE_CHECKING:
    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder

    Features: TypeAlias = ElementCatalog | CompositionEncoder
    Catalogs: TypeAlias = Features | Sequence[Features]

Work = Callable[[Block], Iterable[np.ndarray]]

_VALUES_PER_BLOCK = 1 << 17
_ROWS_PER_BLOCK = 1 << 10
_REPEATS_THAT_PAY = 4


def pool(
    matrix: FractionMatrix,
    catalog: Catalogs,
    *,
    rows: np.ndarray | None = None,
    stats: str | Sequence[str] = DEFAULT_STATS,
    missing: Missing = "raise",
    dtype: DTypeLike = np.float32,
    n_jobs: int = 1,
) -> np.ndarray:
    """Turn element fractions into composition vectors; `embeddings.featurize` does it from formulas and names.

    Args:
        matrix: element fractions, of distinct formulas where that is possible.
        catalog: one loaded catalog or composition encoder, or several.
        rows: (n,) the row of the matrix for each row of the result; all of them once if not given.
        stats: names of statistics; those of :data:`embeddings.pooling.DEFAULT_STATS` if not given.
        missing: policy for elements without a vector.
        dtype: float32 or float64, of the result and of all that is computed.
        n_jobs: threads; -1 for one per processor.

    Returns:
        (n, d) array.

    Raises:
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: an unknown statistic or policy, or something that is not a catalog.
    """
    names, catalogs = check_statistics(stats), check_catalogs(catalog)
    missing = check_policy(missing)
    if rows is not None and len(matrix) * _REPEATS_THAT_PAY > len(rows):
        matrix, rows = _arranged(matrix, rows), None
    repeats = None if rows is None else np.bincount(rows, minlength=len(matrix))
    covered = [cover(matrix, _elements(one), missing, repeats=repeats) for one in catalogs]
    width = len(names_of_features(catalogs, names, missing))
    out = np.empty((len(matrix), width), dtype=_float_type(dtype))
    tasks, start = [], 0
    for one, part in zip(catalogs, covered, strict=True):
        stop = start + one.dim * (1 if _is_encoder(one) else len(names))
        tasks += list(_tasks(part, *_vectors_and_work(one, names, out.dtype), out[:, start:stop]))
        if missing == "skip":
            out[:, stop] = part.coverage
        start = stop + (missing == "skip")
    _run(tasks, n_jobs)
    return out if rows is None else out[rows]


def names_of_features(catalogs: Sequence[Features], stats: Sequence[str], missing: Missing) -> list[str]:
    """Return the names of the columns that `pool` makes, in their order; nothing is checked."""
    names = []
    for one in catalogs:
        kinds = [one.name] if _is_encoder(one) else [f"{one.name}_{stat}" for stat in stats]
        names += [f"{kind}_{i:03d}" for kind in kinds for i in range(one.dim)]
        names += [f"{one.name}_coverage"] * (missing == "skip")
    return names


def check_catalogs(catalog: Catalogs) -> tuple[Features, ...]:
    """Return one catalog or encoder, or several, as a tuple, checked.

    Raises:
        InputInvalid: none at all, something that is neither, or two of one name.
    """
    catalogs = tuple(map(check_catalog, catalog if isinstance(catalog, list | tuple) else (catalog,)))
    names = [one.name for one in catalogs]
    if not names or len(set(names)) < len(names):
        raise InputInvalid(f"Give at least one catalog, and several with different names; given: {names}.")
    return catalogs


def check_catalog(one: Any) -> Features:
    """Return a loaded catalog of elements or composition encoder, checked by what pooling needs of it.

    Raises:
        InputInvalid: something else.
    """
    elements = getattr(one, "elements", one)
    if not hasattr(elements, "vectors") or not hasattr(elements, "atomic_numbers"):
        raise InputInvalid(
            f"{one!r} is not a catalog of elements or a composition encoder. Give a name, a path, or what load_uae or "
            "load_composition_encoder returns."
        )
    return cast("Features", one)


def is_pooled(one: Features) -> bool:
    """Whether statistics are made of element vectors; an encoder has its own way."""
    return not _is_encoder(one)


def _is_encoder(one: Features) -> TypeGuard[CompositionEncoder]:
    return hasattr(one, "network")


def _elements(one: Features) -> ElementCatalog:
    """Return the element vectors that are pooled: the catalog itself, or those inside an encoder."""
    return one.elements if _is_encoder(one) else cast("ElementCatalog", one)


def _vectors_and_work(one: Features, names: Sequence[str], dtype: np.dtype[Any]) -> tuple[np.ndarray, Work]:
    """Return element vectors, and what is to be made of them: statistics, or what an encoder makes of its own."""
    vectors = _elements(one).vectors.astype(dtype, copy=False)
    if _is_encoder(one):
        return vectors, lambda block: [one.network(block)]
    return vectors, lambda block: (STATISTICS[name](block) for name in names)


def _tasks(part: Covered, vectors: np.ndarray, work: Work, out: np.ndarray) -> Iterator[partial[None]]:
    """Yield the pooling of rows of equal length, in blocks small enough for the processor's cache."""
    lengths = part.matrix.n_elements
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        if length == 0:
            out[rows] = np.nan
            continue
        step = min(_ROWS_PER_BLOCK, max(1, _VALUES_PER_BLOCK // (length * vectors.shape[1])))
        for start in range(0, len(rows), step):
            yield partial(_pool_rows, part, rows[start : start + step], vectors, work, out)


def _pool_rows(part: Covered, rows: np.ndarray, vectors: np.ndarray, work: Work, out: np.ndarray) -> None:
    """Work on rows of equal length and write the results into their place, side by side."""
    matrix, start = part.matrix, 0
    entries = matrix.offsets[rows] + np.arange(matrix.n_elements[rows[0]])[:, None]
    for values in work(Block(vectors.take(part.vector_rows[entries], axis=0), matrix.amounts[entries])):
        out[rows, start : start + values.shape[1]] = values
        start += values.shape[1]


def _arranged(matrix: FractionMatrix, rows: np.ndarray) -> FractionMatrix:
    """Return the rows of a matrix in an order, or the matrix itself where that is its own."""
    return matrix if np.array_equal(rows, np.arange(len(matrix))) else matrix.take(rows)


def _run(tasks: list[partial[None]], n_jobs: int) -> None:
    """Run the tasks, in threads if `n_jobs` is more than one."""
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
