"""What vectors know of the elements: elemental properties predicted from them, one element left out at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from embeddings.analysis.properties import PROPERTIES, property_values
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid, needs
from embeddings.loaders import as_uae
from embeddings.search.ordering import DIGITS

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-3, 6, 19))
"""Strengths of the ridge penalty to choose from, for features of unit variance."""

MIN_ELEMENTS = 10


class ElementVectors(Protocol):
    """Vectors of elements: a catalog, or any table with these two arrays."""

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers of the rows, (n_elements,), without repeats."""

    @property
    def vectors(self) -> np.ndarray:
        """The rows, (n_elements, dim), finite."""


TableLike = ElementVectors | str | os.PathLike[str]
"""Vectors of elements, or the name or path of a catalog."""


@dataclass(frozen=True)
class ProbeScore:
    """How well one property is predicted for elements left out.

    Attributes:
        r2: coefficient of determination; 0 or a little less is what the mean of the other elements reaches.
        mae: mean absolute error, in the property's unit.
        baseline_mae: the same error when the mean of the other elements is predicted.
        n: elements with a value.
    """

    r2: float
    mae: float
    baseline_mae: float
    n: int


def probe(
    table: TableLike, *, properties: Sequence[str] = tuple(PROPERTIES), elements: Sequence[int] | None = None
) -> dict[str, ProbeScore]:
    """Predict elemental properties of each element from its vector by ridge regression on all other elements.

    Features are standardized and the penalty is chosen, by leave-one-out once more, without the element that is
    predicted. Elements without a tabulated value are left out of that property alone.

    Args:
        table: a catalog, its name, or any table of element vectors.
        properties: names out of :data:`embeddings.analysis.properties.PROPERTIES`.
        elements: atomic numbers to look at; all of the table if not given.

    Returns:
        Property -> score, in the order given.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: an unknown property, an element that the table lacks, vectors that are not finite, or fewer
            than ten elements with a value, or the same value for all.
        MissingExtra: scikit-learn or pymatgen is not installed.
    """
    table = _loaded(table)
    numbers = np.asarray(table.atomic_numbers if elements is None else sorted(elements), dtype=int)
    vectors = _vectors_of(table, numbers)
    scores = {}
    for name in properties:
        values = property_values(name)[numbers - 1]
        known = np.isfinite(values)
        if known.sum() < MIN_ELEMENTS or np.ptp(values[known]) == 0:
            raise InputInvalid(
                f"{name} has {counted(known.sum(), 'value')} for these {len(numbers)} elements, "
                f"{len(set(values[known]))} of them different; a probe needs {MIN_ELEMENTS} elements that are not all "
                "the same."
            )
        scores[name] = _score(values[known], left_out_predictions(vectors[known], values[known]))
    return scores


def rank(
    tables: Mapping[str, TableLike], *, properties: Sequence[str] = tuple(PROPERTIES)
) -> dict[str, dict[str, ProbeScore]]:
    """Probe several tables on the elements that all of them have, and return the best first.

    Args:
        tables: what to call a table -> the table, or the name of a catalog.
        properties: names of properties.

    Returns:
        Name -> property -> score, by descending :func:`mean_r2`.

    Raises:
        InputInvalid: see :func:`probe`; or no tables.
        MissingExtra: scikit-learn or pymatgen is not installed.
    """
    if not tables:
        raise InputInvalid("There is no table to rank.")
    found = {name: _loaded(table) for name, table in tables.items()}
    shared = sorted(set.intersection(*(set(table.atomic_numbers.tolist()) for table in found.values())))
    scores = {name: probe(table, properties=properties, elements=shared) for name, table in found.items()}
    return dict(sorted(scores.items(), key=lambda item: -round(mean_r2(item[1]), DIGITS)))


def mean_r2(scores: Mapping[str, ProbeScore]) -> float:
    """Return the mean coefficient of determination over properties."""
    return float(np.mean([score.r2 for score in scores.values()]))


def left_out_predictions(features: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return what ridge regression on all other rows predicts for each row.

    Args:
        features: (n, dim).
        values: (n,) to predict.

    Returns:
        (n,) predictions.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    with needs("scikit-learn", "sklearn"):
        from sklearn.linear_model import RidgeCV
        from sklearn.model_selection import LeaveOneOut, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits
    model = make_pipeline(StandardScaler(), RidgeCV(ALPHAS))
    with threadpool_limits(1):  # matrices of a hundred rows only lose by threads
        return cross_val_predict(model, features, values, cv=LeaveOneOut())


def _score(values: np.ndarray, predicted: np.ndarray) -> ProbeScore:
    from_mean = values - values.mean()
    residuals = values - predicted
    return ProbeScore(
        r2=float(1 - np.square(residuals).sum() / np.square(from_mean).sum()),
        mae=float(np.abs(residuals).mean()),
        baseline_mae=float(np.abs(from_mean).mean() * len(values) / (len(values) - 1)),
        n=len(values),
    )


def _loaded(table: TableLike) -> ElementVectors:
    return as_uae(table) if isinstance(table, str | os.PathLike) else table


def _vectors_of(table: ElementVectors, numbers: np.ndarray) -> np.ndarray:
    """Return the vectors of some elements, (n, dim) float64, checked."""
    row_of = {int(z): row for row, z in enumerate(table.atomic_numbers)}
    lacking = [int(z) for z in numbers if int(z) not in row_of]
    if lacking:
        raise InputInvalid(f"The table has no vectors for the atomic numbers {lacking}.")
    vectors = np.asarray(table.vectors, dtype=np.float64)[[row_of[int(z)] for z in numbers]]
    if not np.isfinite(vectors).all():
        raise InputInvalid("Vectors have to be finite; leave out the elements whose vectors are not.")
    return vectors
