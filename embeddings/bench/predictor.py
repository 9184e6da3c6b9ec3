"""What a fitted model says of formulas: values with intervals, classes, and how far it has to reach for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.joining import formulas_and_ids, vectors_of_rows, with_structures
from embeddings.bench.learned import Learned
from embeddings.bench.manifest import StructureUse
from embeddings.bench.measurements import Measurements
from embeddings.bench.structures import StructuresLike, StructureVectors, needed_structures, read_structures
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.formula import FractionMatrix
from embeddings.formula.bulk import fraction_matrix
from embeddings.formula.column import items_of
from embeddings.formula.rounding import seen_formulas

try:
    from sklearn.base import BaseEstimator
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass(frozen=True)
class Unlike:
    """How unlike the training some formulas are.

    Attributes:
        percentile: (n,) percent of the training formulas that have another one nearer than this one has: 0 for a
            formula of the training, 100 for one that is farther away than any of them.
        unseen: (n,) symbols of the elements that no formula of the training holds.
    """

    percentile: np.ndarray
    unseen: tuple[tuple[str, ...], ...]


class Predictor(BaseEstimator):
    """Predictions by what was learned, and the structures that they may need.

    Attributes:
        structures: parameter that names the vectors of structures; None if there are none.
        learned_: the stack; there once it is fitted.
        classes_: labels of the classes; for a classification only.
    """

    structures: StructuresLike | None
    learned_: Learned
    _labels: tuple[Any, ...]

    def predict(self, X: Any, return_interval: bool = False) -> Any:
        """Predict numbers, or the labels of classes.

        Args:
            X: n formulas, as for `fit`.
            return_interval: whether to return the interval of each number too.

        Returns:
            (n,), and with `return_interval` a pair of it and the lower and upper ends, (n, 2). They are infinite where
            the training had too few formulas for the coverage.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
            MaterialNotCovered: the model needs structures, and a row has none.
            InputInvalid: intervals of classes are asked for, or the model needs structures and was given none.
        """
        learned, (matrix, structures) = self._fitted(), self._read(X)
        if return_interval and self._labels:
            raise InputInvalid("Classes have no intervals. Ask for their probabilities: predict_proba")
        made = learned.predict(matrix, structures)
        if self._labels:
            return self.classes_[made.argmax(axis=1)]
        if not return_interval:
            return made[:, 0]
        return made[:, 0], self._interval(made[:, 0], matrix)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, (n, n_classes), in the order of `classes_`.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
            MaterialNotCovered: the model needs structures, and a row has none.
            InputInvalid: the model predicts numbers, or it needs structures and was given none.
        """
        learned, (matrix, structures) = self._fitted(), self._read(X)
        if not self._labels:
            raise InputInvalid("This model predicts numbers, which have no probabilities. Use predict")
        return learned.predict(matrix, structures)

    def score(self, X: Any, y: Any) -> float:
        """Return R² for numbers, and the accuracy for classes."""
        predicted = self.predict(X)
        return float((accuracy_score if self._labels else r2_score)(np.asarray(y), predicted))

    def unlike(self, X: Any) -> Unlike:
        """Return how unlike the training formulas are.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        """
        learned, matrix = self._fitted(), fraction_matrix(self._columns(X)[0])
        return Unlike(learned.percentiles(matrix), tuple(learned.unseen(matrix)))

    def overlap(self, formulas: Iterable[str]) -> list[str]:
        """Return those of the formulas that the training saw, in the given order and spelling.

        Raises:
            FormulaInvalid: a formula cannot be read.
            InputInvalid: one text is given, not a list.
        """
        formulas = items_of(formulas)
        seen = seen_formulas(formulas, self._fitted().digest)
        return [formula for formula, was_seen in zip(formulas, seen, strict=True) if was_seen]

    def needed_structures(self) -> StructureVectors | None:
        """Return the structures that were given, if the model needs those of the rows; None if a formula is enough.

        Raises:
            InputInvalid: it needs them, and was given none, or others.
        """
        needed = self._fitted().structures
        return None if needed is None else needed_structures(self._crystals(needed), needed)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.dict = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = self.structures is not None
        tags.target_tags.required = True
        tags.no_validation = True
        return tags

    def _columns(self, X: Any) -> tuple[list[Any], list[Any] | None]:
        """Return formulas, and identifiers of structures where there are any."""
        return (items_of(X), None) if self.structures is None else formulas_and_ids(X)

    def _read(self, X: Any) -> tuple[FractionMatrix, np.ndarray | None]:
        """Return formulas, and the vectors of their structures if the model needs them."""
        formulas, ids = self._columns(X)
        matrix, needed = fraction_matrix(formulas), self._fitted().structures
        return matrix, None if needed is None else vectors_of_rows(ids, self._crystals(needed), needed)

    def _crystals(self, like: StructureUse | None = None) -> StructureVectors | None:
        """Return the vectors of structures that the parameter names, read once."""
        asked, found = vars(self).get("_structures", (None, None))
        if self.structures is None or asked is self.structures:
            return None if self.structures is None else found
        found = read_structures(self.structures, like=like)
        self._structures = (self.structures, found)
        return found

    def _with_structures(self, data: Measurements) -> Measurements:
        crystals = None if data.structures is not None else self._crystals()
        return data if crystals is None else with_structures(data, crystals)

    def _fitted(self) -> Learned:
        check_is_fitted(self, "learned_")
        return self.learned_

    def _interval(self, values: np.ndarray, matrix: FractionMatrix) -> np.ndarray:
        halves = self.learned_.halfwidths(matrix)
        return np.column_stack([values - halves, values + halves])

    def _set_labels(self, labels: Sequence[Any]) -> None:
        self._labels = tuple(labels)
        if self._labels:
            self.classes_ = np.array(self._labels)
        elif hasattr(self, "classes_"):
            del self.classes_
