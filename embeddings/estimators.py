"""Models for properties of formulas, built on a composition encoder, in the manner of scikit-learn.

They need scikit-learn, and torch to learn and to predict: ``materials-embeddings[sklearn,build]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from embeddings.errors import InputInvalid, MissingExtra, TargetInvalid
from embeddings.featurizers.columns import formula_column
from embeddings.formula import reduced_formulas
from embeddings.loaders import as_composition_encoder, builders_needed
from embeddings.missing import FOR_MODELS, Missing, check_policy
from embeddings.protocols import CatalogLike

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "sklearn") from error

if TYPE_CHECKING:
    from builders.methods.cromel.encoder import FormulaEncoder
    from builders.methods.cromel.members import Budget
    from builders.methods.cromel.model import Compositions
    from embeddings.bench.model import PropertyModel as PropertyModel
    from embeddings.bench.model import load_model as load_model

    Trainable: TypeAlias = CatalogLike | FormulaEncoder

OF_THE_BENCH = ("PropertyModel", "load_model")
"""Names that need the extra ``bench``, and so are imported when they are first used."""

Mode = Literal["finetuned", "frozen"]
MODES = ("finetuned", "frozen")


def __getattr__(name: str) -> Any:
    """Import what needs more than scikit-learn when it is first asked for (PEP 562)."""
    if name not in OF_THE_BENCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from embeddings.bench import model

    return getattr(model, name)


class _CrossModal(BaseEstimator):
    """What regressor and classifier share: an encoder, and a few members that start from it."""

    def __init__(
        self,
        encoder: Trainable = "cromel-multi",
        *,
        mode: Mode = "finetuned",
        n_members: int = 5,
        epochs: int = 40,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float = 3e-4,
        weight_decay: float = 1e-2,
        dropout: float = 0.1,
        validation_fraction: float = 0.1,
        missing: Missing = "raise",
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.mode = mode
        self.n_members = n_members
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.validation_fraction = validation_fraction
        self.missing = missing
        self.random_state = random_state

    def _fit_members(self, formulas: list[Any], wanted: np.ndarray, n_outputs: int) -> None:
        """Train all members, each with its own inner split by reduced formula."""
        self._check()
        with builders_needed():
            import torch

            from builders.methods.cromel.members import fit_member
        encoder = _resolved(self.encoder)
        groups = np.asarray(reduced_formulas(formulas))
        if len(np.unique(groups)) < 2:
            raise InputInvalid(
                f"All {len(groups)} rows are of one formula ({groups[0] if len(groups) else 'none'}): there is nothing "
                "to tell them apart by, and none to stop early on. Give at least two."
            )
        self.atomic_numbers_ = encoder.atomic_numbers
        compositions = self._pack(formulas)
        seeds = np.random.SeedSequence(self.random_state).generate_state(self.n_members).tolist()
        self.members_ = [
            fit_member(encoder.generator, compositions, torch.from_numpy(wanted), groups, self._budget(len(groups)),
                       n_outputs=n_outputs, seed=seed)
            for seed in seeds
        ]  # fmt: skip
        self.n_features_in_ = 1

    def _outputs(self, X: Any) -> list[np.ndarray]:
        """Return what each member says of the formulas, (n, n_outputs) each."""
        check_is_fitted(self, "members_")
        compositions = self._pack(list(formula_column(X)))
        return [member.predict(compositions) for member in self.members_]

    def _pack(self, formulas: Sequence[Any]) -> Compositions:
        with builders_needed():
            from builders.methods.cromel.packing import pack
        return pack(formulas, self.atomic_numbers_, missing=self.missing)

    def _budget(self, n: int) -> Budget:
        from builders.methods.cromel.members import Budget

        return Budget(
            epochs=self.epochs,
            batch_size=self.batch_size or int(np.clip(n // 40, 16, 256)),
            learning_rate=self.learning_rate,
            encoder_learning_rate=self.encoder_learning_rate if self.mode == "finetuned" else 0.0,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            validation_fraction=self.validation_fraction,
        )

    def _check(self) -> None:
        """Refuse parameters that are out of range."""
        check_policy(self.missing, FOR_MODELS)
        if self.mode not in MODES:
            raise InputInvalid(f'No mode "{self.mode}". There are: {", ".join(MODES)}.')
        if self.n_members < 1 or self.epochs < 1:
            raise InputInvalid(f"n_members={self.n_members} and epochs={self.epochs} must be at least 1.")
        if not 0 < self.validation_fraction < 1:
            raise InputInvalid(f"validation_fraction={self.validation_fraction} must lie between 0 and 1.")


class CrossModalRegressor(RegressorMixin, _CrossModal):
    """Predicts a number for a formula: a composition encoder with a small head, fine-tuned together.

    The members differ in their initial heads and in the formulas held out for early stopping; the prediction is their
    mean. No formula is on both sides of an inner split. AdamW minimizes the absolute error.

    Args:
        encoder: where to start: a composition encoder, loaded or by name. It is copied, never changed.
        mode: ``"finetuned"`` also moves the encoder, ``"frozen"`` learns the head alone.
        n_members: how many are averaged.
        epochs: passes over the rows; the best one on the inner validation rows is kept.
        batch_size: rows in a batch; if None, a fortieth of all rows, from 16 to 256.
        learning_rate: peak learning rate of the head.
        encoder_learning_rate: peak learning rate of the encoder.
        weight_decay: AdamW's.
        dropout: in the head.
        validation_fraction: share of the formulas held out for early stopping.
        missing: what to do with an element that the encoder was not trained on: ``"raise"`` or ``"impute"``, as told in
            :data:`embeddings.missing.POLICIES`.
        random_state: seed of heads, splits and batches.

    Example:
        >>> from embeddings import CrossModalRegressor
        >>> formulas, energies = ["NaCl", "KCl", "MgO"], [-2.1, -2.2, -3.0]
        >>> model = CrossModalRegressor("cromel-multi").fit(formulas, energies)  # doctest: +SKIP
        >>> model.predict(["LiF"])  # doctest: +SKIP
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
        formulas = list(formula_column(X))
        values = _numbers(y, len(formulas))
        self.shift_, self.scale_ = float(values.mean()), float(values.std())
        scaled = (values - self.shift_) / self.scale_
        self._fit_members(formulas, scaled.astype(np.float32)[:, None], 1)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return a number for each formula, (n,) float64.

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: the encoder was not trained on an element, and ``missing`` is ``"raise"``.
        """
        return np.mean(self._outputs(X), axis=0)[:, 0] * self.scale_ + self.shift_


class CrossModalClassifier(ClassifierMixin, _CrossModal):
    """Predicts a class for a formula; see `CrossModalRegressor` for the parameters.

    Classes may be of any type that can be sorted, text included. AdamW minimizes the cross-entropy.
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
        formulas = list(formula_column(X))
        self.classes_, codes = _classes(y, len(formulas))
        self._fit_members(formulas, codes, len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class for each formula, (n, n_classes) float64."""
        return np.mean([_softmax(scores) for scores in self._outputs(X)], axis=0)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each formula, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def finetune(
    encoder: Trainable, formulas: Sequence[Any], y: Any, **options: Any
) -> CrossModalRegressor | CrossModalClassifier:
    """Fit the model that suits the target: a regressor for numbers, a classifier for text, booleans and categories.

    Args:
        encoder: where to start: a composition encoder, loaded or by name. It is copied, never changed.
        formulas: n formulas.
        y: (n,) numbers or classes.
        options: parameters of `CrossModalRegressor`.

    Raises:
        EmbeddingsError: as `CrossModalRegressor.fit` says.
    """
    is_number = np.asarray(y).dtype.kind in "iuf"
    model = (CrossModalRegressor if is_number else CrossModalClassifier)(encoder, **options)
    return model.fit(formulas, y)


def _resolved(encoder: Trainable) -> FormulaEncoder:
    """Return an encoder as torch trains it."""
    with builders_needed():
        from builders.methods.cromel.encoder import FormulaEncoder, trainable
    return encoder if isinstance(encoder, FormulaEncoder) else trainable(as_composition_encoder(encoder))


def _numbers(y: Any, n: int) -> np.ndarray:
    """Return a target as (n,) float64, checked."""
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TargetInvalid(
            f"The target holds something other than numbers: {error}. To predict classes, classify."
        ) from error
    _check_shape(values, n)
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values))
        raise TargetInvalid(
            f"The target is NaN or infinite in {len(rows)} rows, the first of them {rows[0]}. Leave them out."
        )
    if n and np.ptp(values) == 0:
        raise TargetInvalid(f"All {n} values of the target are {values[0]:g}: there is nothing to learn.")
    return values


def _classes(y: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct classes, ascending, and the number of each row's class, (n,) int64."""
    labels = np.asarray(y)
    _check_shape(labels, n)
    rows = [row for row, label in enumerate(labels.tolist()) if label is None or label != label]
    if rows:
        raise TargetInvalid(f"The class is missing in {len(rows)} rows, the first of them {rows[0]}. Leave them out.")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise TargetInvalid(f"All {n} rows are of one class, {', '.join(map(repr, classes.tolist()))}.")
    return classes, codes.astype(np.int64)


def _check_shape(values: np.ndarray, n: int) -> None:
    if values.shape != (n,):
        raise InputInvalid(f"{n} formulas need a target of shape ({n},), not {values.shape}.")


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
