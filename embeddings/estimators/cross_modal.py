"""Regressor and classifier on a composition encoder: fine-tuned, beside plain models, and each counted as it helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from embeddings.bench.conformal import N_NEIGHBORS, calibrate
from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.folds import Folds
from embeddings.bench.magnitudes import root_mean_square
from embeddings.display.numbers import all_of
from embeddings.errors import InputInvalid, needs
from embeddings.estimators.mixture import (
    FINETUNED,
    Formulas,
    Mixture,
    Weighing,
    dealt,
    out_of_fold,
    part_features,
)
from embeddings.estimators.parameters import check_ranges
from embeddings.estimators.parts import PLAIN_PARTS, fit_part
from embeddings.formula import FractionMatrix, reduced_formulas
from embeddings.formula.bulk import fraction_matrix
from embeddings.formula.column import items_of
from embeddings.formula.materials import materials_of
from embeddings.missing import FOR_MODELS, Missing, check_policy
from embeddings.pooling.replacing import replacements
from embeddings.tuning.fitting import TuningOptions, batch_size_for, trainable_encoder, tune
from embeddings.tuning.targets import Target, checked_classes, checked_numbers, is_numeric

with needs("scikit-learn", "sklearn"):
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.validation import check_is_fitted

    from embeddings.bench.neighborhood import Neighborhood

if TYPE_CHECKING:
    from embeddings.tuning.fitting import Trainable, Tuned

Mode = Literal["blend", "finetuned", "frozen"]
MODES = ("blend", "finetuned", "frozen")


class _CrossModal(BaseEstimator):
    """What regressor and classifier share: an encoder, members that start from it, and plain models beside them."""

    def __init__(
        self,
        encoder: Trainable = "cromel-multi",
        *,
        mode: Mode = "blend",
        joined: bool = True,
        gate: bool | None = None,
        n_members: int = 3,
        n_folds: int = 5,
        n_repeats: int | None = None,
        epochs: int = 40,
        patience: int = 10,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float = 3e-4,
        weight_decay: float = 1e-2,
        dropout: float = 0.1,
        coverage: float = 0.9,
        missing: Missing = "raise",
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.mode = mode
        self.joined = joined
        self.gate = gate
        self.n_members = n_members
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.coverage = coverage
        self.missing = missing
        self.device = device
        self.random_state = random_state

    def _fit(self, formulas: list[Any], values: np.ndarray, target: Target) -> Weighing:
        """Fit all parts and weigh them."""
        self._check()
        encoder = trainable_encoder(self.encoder)
        groups = materials_of(formulas, np.asarray(reduced_formulas(formulas)))
        if len(np.unique(groups)) < 2:
            raise InputInvalid(
                f"{all_of(len(groups), 'row', '', 'is')} of one formula ({groups[0]}): there is nothing "
                "to tell them apart by, and none to stop early on. Give at least two."
            )
        self.atomic_numbers_ = encoder.atomic_numbers
        read = self._read(fraction_matrix(formulas))
        folds, fold_of = dealt(groups, self.n_folds, self.n_repeats, self.random_state)
        tuned = tune(
            encoder, read.matrix, read.columns if self.joined else read.columns[:, :0], target.wanted(values), folds,
            self._options(len(values)), replaced=read.replaced, n_outputs=target.n_outputs, seed=self.random_state,
        )  # fmt: skip
        weighing = self._weigh(read, tuned, values, target, folds, fold_of)
        self.parts_, self.weights_, self.n_epochs_ = weighing.losses(), weighing.weights(), tuned.n_epochs
        counted = [name for name in PLAIN_PARTS if self.weights_.get(name)]
        plain = {
            name: fit_part(name, part_features(name, read, tuned.start), values, target, seed=self.random_state)
            for name in counted
        }
        self.mixture_ = Mixture(target, tuned.start, tuned.networks, plain, self.weights_)
        self.n_features_in_ = 1
        return weighing

    def _weigh(
        self, read: Formulas, tuned: Tuned, values: np.ndarray, target: Target, folds: Folds, fold_of: np.ndarray
    ) -> Weighing:
        """Compare the parts on rows that they did not see."""
        said = {FINETUNED: target.said(tuned.out_of_fold)}
        for name in PLAIN_PARTS if self.mode == "blend" else ():
            features = part_features(name, read, tuned.start)
            said[name] = out_of_fold(name, features, values, folds, target, seed=self.random_state)
        return Weighing(target, values, fold_of, said)

    def _read(self, matrix: FractionMatrix) -> Formulas:
        replaced = replacements(matrix.atomic_numbers, self.atomic_numbers_, missing=self.missing)
        return Formulas.of(matrix, replaced, joined=self.joined or self.mode == "blend")

    def _given(self, X: Any) -> Formulas:
        check_is_fitted(self, "mixture_")
        return self._read(fraction_matrix(items_of(X)))

    def _options(self, n: int) -> TuningOptions:
        return TuningOptions(
            n_members=self.n_members,
            epochs=self.epochs,
            batch_size=self.batch_size or batch_size_for(n),
            learning_rate=self.learning_rate,
            encoder_learning_rate=0.0 if self.mode == "frozen" else self.encoder_learning_rate,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            patience=self.patience,
            device=self.device,
        )

    def _check(self) -> None:
        """Refuse parameters that are out of range."""
        check_policy(self.missing, FOR_MODELS)
        if self.mode not in MODES:
            raise InputInvalid(f'No mode "{self.mode}". There are: {", ".join(MODES)}.')
        check_ranges(self.get_params(deep=False))


class CrossModalRegressor(RegressorMixin, _CrossModal):
    """Predicts a number for a formula: a composition encoder with a small head, fine-tuned together, and a safety net.

    AdamW minimizes the absolute error. When to stop is learned on folds, no formula in two: a network for each fold
    holds it out, and all stop at the epoch that is best for what they hold out together. Then the members, which differ
    in their initial heads, learn from all rows for as many epochs. Where values ask for it, a gate is learned beside
    the value.

    On the same folds stand plain models: ridge on the encoder's vectors joined to element fractions and properties,
    ridge on the latter alone, and extra trees on them. The prediction is a weighted mean of all, and its error on the
    folds is never above that of the best of them; a part that does not help gets no weight.

    Args:
        encoder: where to start: a composition encoder, loaded, by name or by path. It is copied, never changed.
        mode: ``"blend"`` as told above; ``"finetuned"`` leaves out the plain models; ``"frozen"`` does so too, and
            learns the head alone.
        joined: whether the head sees element fractions and properties beside the encoder's vector. What no structure
            teaches, such as one percent of carbon, comes from there.
        gate: whether zero is told from all other values, and predicted where it is likelier than not; if None, where a
            tenth of the values or more are exactly zero.
        n_members: how many networks are averaged.
        n_folds: folds on which parts are compared and training learns when to stop.
        n_repeats: how often folds are dealt; if None, three times below 500 rows, and once elsewhere.
        epochs: passes over the rows at most. Rates fall to zero at the end; a fifth of the passes is tried as well, and
            the folds choose.
        patience: epochs without a better one after which training ends.
        batch_size: rows in a batch; if None, a fortieth of all rows, from 16 to 256.
        learning_rate: peak learning rate of the head.
        encoder_learning_rate: peak learning rate of the encoder.
        weight_decay: AdamW's.
        dropout: in the head.
        coverage: share of new formulas that intervals shall hold.
        missing: what to do with an element that the encoder was not trained on: ``"raise"`` or ``"impute"``, as told in
            :data:`embeddings.missing.POLICIES`.
        device: where networks learn: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a GPU where there is one. On a GPU a seed
            gives nearly the same numbers, not the same bytes.
        random_state: seed of heads, folds and batches.

    Attributes:
        parts_: part -> mean absolute error, or log loss of classes, on rows that it was not trained on.
        weights_: part -> weight, one in sum.
        n_epochs_: epoch at which the members stopped.
        residual_: root mean square of the errors on rows that were not trained on.

    Example:
        >>> from embeddings import CrossModalRegressor
        >>> formulas, energies = ["NaCl", "KCl", "MgO"], [-2.1, -2.2, -3.0]
        >>> model = CrossModalRegressor("cromel-multi").fit(formulas, energies)  # doctest: +SKIP
        >>> values, std = model.predict(["LiF"], return_std=True)  # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from formulas X and numbers y, both (n,).

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: the encoder was not trained on an element, and ``missing`` is ``"raise"``.
            TargetInvalid: y holds something other than finite numbers, or is constant.
            InputInvalid: lengths differ, all formulas are the same, or a parameter is out of range.
            MissingExtra: torch, or another package that training needs, is not installed.
        """
        formulas = items_of(X)
        values = checked_numbers(y, len(formulas))
        weighing = self._fit(formulas, values, Target.of(values, gate=self.gate))
        residuals = values - weighing.target.decided(weighing.together())
        self.residual_ = root_mean_square(residuals)
        self._calibrate(formulas, weighing.fold_of, residuals)
        return self

    def predict(self, X: Any, return_std: bool = False, return_interval: bool = False) -> Any:
        """Return a number for each formula.

        Args:
            X: n formulas.
            return_std: whether to return a standard deviation of each number too: the root of the squares, summed, of
                the spread of the models around their mean and of `residual_`.
            return_interval: whether to return an interval for each number too, by conformal prediction as in
                `embeddings.PropertyModel`: it is wider where similar formulas were predicted worse.

        Returns:
            (n,) float64; with `return_std` a pair of it and (n,); with `return_interval` a pair of it and the lower and
            upper ends, (n, 2), infinite where the training had too few formulas for the coverage.

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: the encoder was not trained on an element, and ``missing`` is ``"raise"``.
            InputInvalid: both are asked for.
        """
        if return_std and return_interval:
            raise InputInvalid("Standard deviations and intervals are asked for. Ask for one of them at a time.")
        given = self._given(X)
        made, weights = self.mixture_.each(given)
        values = self._decided(np.tensordot(weights, made, axes=1))
        if return_std:
            each = np.array([self._decided(one) for one in made])
            variance = weights @ (each - values) ** 2
            return values, np.sqrt(variance + self.residual_**2)
        return (values, self._interval(given, values)) if return_interval else values

    def _decided(self, said: np.ndarray) -> np.ndarray:
        return self.mixture_.target.decided(said)

    def _calibrate(self, formulas: list[Any], fold_of: np.ndarray, residuals: np.ndarray) -> None:
        """Keep what intervals need: places of the formulas, and the errors there."""
        _, first, point_of = np.unique(reduced_formulas(formulas), return_index=True, return_inverse=True)
        self.neighborhood_ = Neighborhood.of(_base(fraction_matrix(formulas).take(first)))
        near = self.neighborhood_.others(N_NEIGHBORS)
        self.calibration_ = calibrate(residuals, point_of, fold_of, near, coverage=self.coverage)

    def _interval(self, given: Formulas, values: np.ndarray) -> np.ndarray:
        _, near = self.neighborhood_.nearest(_base(given.matrix), N_NEIGHBORS)
        halves = self.calibration_.halfwidths(near)
        return np.column_stack([values - halves, values + halves])


class CrossModalClassifier(ClassifierMixin, _CrossModal):
    """Predicts a class for a formula; see `CrossModalRegressor` for the parameters.

    Classes may be of any type that can be sorted, text included. AdamW minimizes the cross-entropy. There are neither
    gates nor intervals.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from formulas X and classes y, both (n,).

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: the encoder was not trained on an element, and ``missing`` is ``"raise"``.
            TargetInvalid: y has missing values or fewer than two classes.
            InputInvalid: lengths differ, all formulas are the same, or a parameter is out of range.
            MissingExtra: torch, or another package that training needs, is not installed.
        """
        formulas = items_of(X)
        self.classes_, codes = checked_classes(y, len(formulas))
        self._fit(formulas, codes, Target(len(self.classes_)))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class for each formula, (n, n_classes) float64."""
        given = self._given(X)
        return self.mixture_.said(given)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each formula, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


def finetune(
    encoder: Trainable, formulas: Sequence[Any], y: Any, **options: Any
) -> CrossModalRegressor | CrossModalClassifier:
    """Fit the model that suits the target: a regressor for numbers, a classifier for text, booleans and categories.

    Args:
        encoder: where to start: a composition encoder, loaded, by name or by path. It is copied, never changed.
        formulas: n formulas.
        y: (n,) numbers or classes.
        options: parameters of `CrossModalRegressor`.

    Raises:
        EmbeddingsError: as `CrossModalRegressor.fit` says.
    """
    model = (CrossModalRegressor if is_numeric(y) else CrossModalClassifier)(encoder, **options)
    return model.fit(formulas, y)


def _base(matrix: FractionMatrix) -> np.ndarray:
    """Return the columns in whose space formulas are near each other."""
    return FeatureMaker({}).make(BASE, matrix)
