"""The table of features: a row per formula, and named columns, from loaded catalogs and encoders or their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from embeddings.formula.bulk import read_column
from embeddings.loaders import as_catalogs
from embeddings.missing import Missing, check_policy
from embeddings.pooling.features import check_catalogs, names_of_features, pool
from embeddings.pooling.statistics import DEFAULT_STATS, check_statistics
from embeddings.protocols import CatalogLike


def featurize(
    formulas: Iterable[Any],
    catalog: CatalogLike | Sequence[CatalogLike],
    *,
    stats: str | Sequence[str] = DEFAULT_STATS,
    missing: Missing = "raise",
    dtype: DTypeLike = np.float32,
    n_jobs: int = 1,
) -> np.ndarray:
    """Turn a column of formulas into composition vectors.

    Args:
        formulas: n formulas: a list, array, Series or Arrow array of strings, mappings or Compositions.
        catalog: a catalog of elements or a composition encoder, loaded or by name, or several whose features are put
            side by side.
        stats: names out of :data:`embeddings.pooling.STATISTICS`; those of :data:`embeddings.pooling.DEFAULT_STATS` if
            not given. An encoder has its own.
        missing: what to do with an element that a catalog does not cover: ``"raise"``, ``"nan"``, ``"skip"``
            or ``"impute"``, as told in :data:`embeddings.missing.POLICIES`.
        dtype: float32 or float64.
        n_jobs: threads, -1 for one per processor; they pay, if at all, for many rows and statistics.

    Returns:
        (n, d) array, its columns named by :func:`feature_names`. A formula of which nothing is covered is NaN
        under ``"skip"``.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: an unknown statistic or policy, or something that is not a column or catalog.

    Example:
        >>> from embeddings import featurize
        >>> featurize(["Fe2O3", "NaCl"], "ct-multi", stats=("mean", "std")).shape  # doctest: +SKIP
        (2, 256)
    """
    column = read_column(formulas)
    column.raise_invalid()
    options: dict[str, Any] = {"stats": stats, "missing": missing, "dtype": dtype, "n_jobs": n_jobs}
    return pool(column.distinct, as_catalogs(catalog), rows=column.codes, **options)


def feature_names(
    catalog: CatalogLike | Sequence[CatalogLike],
    stats: str | Sequence[str] = DEFAULT_STATS,
    *,
    missing: Missing = "raise",
) -> list[str]:
    """Return the names of the features, such as ``ct-multi_mean_000`` or ``cromel-multi_000``, in their order.

    Under ``missing="skip"`` the last column of each catalog is its ``coverage``.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: an unknown statistic or policy, or two catalogs of one name.
    """
    catalogs = check_catalogs(as_catalogs(catalog))
    return names_of_features(catalogs, check_statistics(stats), check_policy(missing))
