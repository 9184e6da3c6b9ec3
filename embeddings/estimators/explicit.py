"""Explicit transfer: what a model of compositions gets wrong, learned from candidate structures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.folds import Folds, grouped_folds
from embeddings.bench.linear import scaled
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid, builders_needed, needs
from embeddings.formula import reduced_formulas
from embeddings.formula.bulk import canonical_matrix
from embeddings.formula.column import items_of
from embeddings.loaders import as_uae, load_crystal_encoder
from embeddings.tuning.targets import checked_numbers

with needs("scikit-learn", "sklearn"):
    from sklearn.base import BaseEstimator, RegressorMixin, clone
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from builders.methods.explicit.features import FeatureGenerator, Generated

ALPHAS = np.logspace(-1, 5, 13)
MIN_FOLDS = 3

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How much of the learned residual is added."""


class ExplicitTransferRegressor(RegressorMixin, BaseEstimator):
    """Predicts a number for a formula from its composition, and corrects it by candidate structures where they help.

    After exKT (Rubtsov et al., arXiv 2511.03371). A formula is given the structures of like formulas. A second model
    learns what a model of compositions leaves: from the vectors of the candidates, pooled with their weights, from how
    far the templates are and how well they agree, and from what the first model left of the templates' own labels. It
    is trained as it is used: a formula never lends its structure or its label to itself. All predictions of the first
    model that it sees are of folds that held the formula out, those for its templates too: where the first model has
    learned from the formula's label, what it leaves of theirs would tell that label. How much of the correction counts
    is chosen on folds, and it is none unless the error falls by more than its standard error.

    Args:
        templates: crystals, as `builders.methods.explicit.read_templates` takes or gives them. The formulas of a test
            must not be among them; `TemplatePool.without` leaves them out. Or whatever makes features of formulas, as
            `builders.methods.explicit.features.FeatureGenerator` does; then `elements`, `encoder` and `k` do not count.
        elements: catalog whose vectors tell which elements are alike.
        encoder: catalog whose network gives candidates their vectors; None for templates and labels alone.
        composition: scikit-learn regressor for element fractions and properties; gradient boosting if None.
        k: candidates of each formula.
        n_folds: no formula is in two of them; at least 3. The model of compositions is trained once without each pair
            of folds, so that five take sixteen trainings.
        n_generated: the most formulas that candidates are made for in training, drawn at random.
        random_state: seed of folds and models.

    Attributes:
        share_: how much of the correction counts, from 0 to 1.
        errors_: ``"composition"`` and ``"transfer"`` -> mean absolute error on rows that were held out.
    """

    def __init__(
        self,
        templates: Any = "starter",
        *,
        elements: Any = "ct-multi",
        encoder: Any = "ct-multi",
        composition: Any = None,
        k: int = 5,
        n_folds: int = 5,
        n_generated: int = 20_000,
        random_state: int = 0,
    ) -> None:
        self.templates = templates
        self.elements = elements
        self.encoder = encoder
        self.composition = composition
        self.k = k
        self.n_folds = n_folds
        self.n_generated = n_generated
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, generate_for: Any = None) -> Self:
        """Learn from formulas X and numbers y, both (n,).

        Args:
            X: formulas.
            y: numbers.
            generate_for: (n,) bool, the rows that candidates are made for; if None, at most `n_generated`. Choose those
                that the encoder has not seen, where it has seen some: it knows more of the others than of new ones.

        Raises:
            FormulaInvalid: a formula cannot be read.
            TargetInvalid: y holds something other than finite numbers, or is constant.
            InputInvalid: lengths differ, there are too few formulas for the folds, or there are no templates.
            MissingExtra: a package is not installed.
        """
        given = items_of(X)
        values = checked_numbers(y, len(given))
        formulas = np.array(reduced_formulas(given), dtype=object)
        fold_of = self._fold_of(formulas)
        features = _composition_features(formulas)
        said = _said_without(self._composition(), features, values, fold_of)
        base = said[np.arange(len(values)), fold_of]
        self.composition_ = self._composition().fit(features, values)
        self.known_ = _mean_by_formula(formulas, values - base)
        self.generator_ = self._generator()
        rows = self._rows(formulas, generate_for)
        generated = self._generate(formulas[rows])
        rows, generated = rows[generated.has_candidates], generated.take(generated.has_candidates)
        known = [_mean_by_formula(formulas, values - without) for without in said.T]
        labels = _labels(generated, known, fold_of[rows])
        self._learn(generated, labels, base[rows], values[rows], formulas[rows])
        self.n_features_in_ = 1
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return a number for each formula, (n,) float64; one without candidates has that of its composition alone.

        Raises:
            FormulaInvalid: a formula cannot be read.
        """
        check_is_fitted(self, "share_")
        formulas = np.array(reduced_formulas(items_of(X)), dtype=object)
        base = self.predict_composition(formulas)
        if self.residual_ is None:
            return base
        generated = self._generate(formulas)
        there = generated.has_candidates
        if there.any():
            generated = generated.take(there)
            base[there] += self.share_ * self.residual_.predict(generated, generated.labels(self.known_), base[there])
        return base

    def predict_composition(self, X: Any) -> np.ndarray:
        """Return what composition alone says of each formula, (n,) float64.

        Raises:
            FormulaInvalid: a formula cannot be read.
        """
        check_is_fitted(self, "composition_")
        formulas = np.array(reduced_formulas(items_of(X)), dtype=object)
        return np.asarray(self.composition_.predict(_composition_features(formulas)), dtype=np.float64)

    def _learn(
        self, generated: Generated, labels: np.ndarray, base: np.ndarray, values: np.ndarray, formulas: np.ndarray
    ) -> None:
        """Fit the model of the residual, and choose how much it counts."""
        n_formulas = len(set(formulas))
        self.share_ = 0.0
        self.residual_: _Residual | None = None
        self.errors_ = {"composition": float(np.abs(values - base).mean()) if len(values) else np.nan}
        self.errors_["transfer"] = self.errors_["composition"]
        if n_formulas < 2 * self.n_folds:
            return
        folds = grouped_folds(formulas, self.n_folds, self.random_state)
        said = np.empty(len(values))
        for train, test in folds:
            model = _Residual(self.random_state)
            model.fit(generated.take(train), labels[train], base[train], values[train], formulas[train])
            said[test] = model.predict(generated.take(test), labels[test], base[test])
        self.share_ = _chosen_share(values - base, said)
        self.errors_["transfer"] = float(np.abs(values - base - self.share_ * said).mean())
        if self.share_:
            self.residual_ = _Residual(self.random_state).fit(generated, labels, base, values, formulas)

    def _fold_of(self, formulas: np.ndarray) -> np.ndarray:
        """Return the fold of each row, (n,)."""
        if self.n_folds < MIN_FOLDS:
            raise InputInvalid(f"n_folds={self.n_folds} is too few: two are held out at once, so {MIN_FOLDS} at least.")
        fold_of = np.empty(len(formulas), dtype=np.int64)
        n_folds = max(MIN_FOLDS, min(self.n_folds, len(set(formulas))))
        for fold, (_, held_out) in enumerate(grouped_folds(formulas, n_folds, self.random_state)):
            fold_of[held_out] = fold
        return fold_of

    def _rows(self, formulas: np.ndarray, wanted: Any) -> np.ndarray:
        mask = np.ones(len(formulas), dtype=bool) if wanted is None else np.asarray(wanted)
        if mask.dtype != bool or mask.shape != (len(formulas),):
            raise InputInvalid(
                f"generate_for must be True or False for each of {counted(len(formulas), 'formula')}, but it is "
                f"{mask.dtype} of shape {mask.shape}."
            )
        rows = np.flatnonzero(mask)
        drawn = np.random.default_rng(self.random_state).permutation(rows)[: self.n_generated]
        return np.sort(drawn)

    def _composition(self) -> Any:
        if self.composition is not None:
            return clone(self.composition)
        return HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=500, learning_rate=0.06, max_leaf_nodes=63, random_state=self.random_state
        )

    def _generator(self) -> FeatureGenerator:
        with builders_needed():
            from builders.methods.explicit import TemplatePool, read_templates
            from builders.methods.explicit.features import FeatureGenerator
        if hasattr(self.templates, "make"):
            return self.templates
        pool = self.templates if isinstance(self.templates, TemplatePool) else read_templates(self.templates)
        if not len(pool):
            raise InputInvalid("There are no templates. Give others, or exclude fewer formulas.")
        encoder = load_crystal_encoder(self.encoder) if isinstance(self.encoder, str) else self.encoder
        return FeatureGenerator(pool, as_uae(self.elements), encoder, k=self.k)

    def _generate(self, formulas: np.ndarray) -> Generated:
        """Return the features of formulas, each made once."""
        distinct, places = np.unique(formulas.astype(str), return_inverse=True)
        return self.generator_.make(distinct.tolist()).take(places)


class _Residual:
    """What is left of the labels by composition alone: ridge on vectors, and boosting on all that candidates tell."""

    def __init__(self, seed: int) -> None:
        self._linear = scaled(RidgeCV(ALPHAS))
        self._boosting = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=200, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=20,
            l2_regularization=1.0, random_state=seed,
        )  # fmt: skip
        self._seed = seed

    def fit(
        self, generated: Generated, labels: np.ndarray, base: np.ndarray, values: np.ndarray, formulas: np.ndarray
    ) -> Self:
        """Learn from n rows; `labels` are those of their templates, `base` is what composition alone says, (n,)."""
        said = np.zeros(len(base))
        if generated.vectors.shape[1]:
            folds = grouped_folds(formulas, min(5, len(set(formulas))), self._seed)
            said = _out_of_fold(self._linear, generated.vectors, values, folds) - base
            self._linear = clone(self._linear).fit(generated.vectors, values)
        columns = _columns(generated, labels, base, said)
        self._known = np.isfinite(columns).any(axis=0)  # boosting refuses a column without any number
        self._boosting.fit(columns[:, self._known], values - base)
        return self

    def predict(self, generated: Generated, labels: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Return the residual of each row, (n,)."""
        has_vectors = generated.vectors.shape[1] > 0
        said = self._linear.predict(generated.vectors) - base if has_vectors else np.zeros(len(base))
        found: np.ndarray = self._boosting.predict(_columns(generated, labels, base, said)[:, self._known])
        return found


def _columns(generated: Generated, labels: np.ndarray, base: np.ndarray, said: np.ndarray) -> np.ndarray:
    return np.column_stack([generated.facts, labels, base, said])


def _labels(generated: Generated, known: Sequence[dict[str, float]], fold_of: np.ndarray) -> np.ndarray:
    """Return what the labels of templates say of each row, as they are known without the fold of that row."""
    rows = [np.flatnonzero(fold_of == fold) for fold in range(len(known))]
    parts = [generated.take(some).labels(one) for some, one in zip(rows, known, strict=True)]
    labels: np.ndarray = np.concatenate(parts)[np.argsort(np.concatenate(rows))]
    return labels


def _chosen_share(residuals: np.ndarray, said: np.ndarray) -> float:
    """Return how much of what was said of held-out rows lowers their error most; 0 unless by more than its noise."""
    plain = np.abs(residuals)
    best = min(SHARES, key=lambda share: float(np.abs(residuals - share * said).mean()))
    gains = plain - np.abs(residuals - best * said)
    noise = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return best if float(gains.mean()) > noise else 0.0


def _out_of_fold(model: Any, features: np.ndarray, values: np.ndarray, folds: Folds) -> np.ndarray:
    said = np.empty(len(values))
    for train, test in folds:
        said[test] = clone(model).fit(features[train], values[train]).predict(features[test])
    return said


def _said_without(model: Any, features: np.ndarray, values: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    """Return what a model says of each row that has seen neither the row's own fold nor one more, (n, n_folds)."""
    n_folds = int(fold_of.max()) + 1
    said = np.empty((len(values), n_folds))
    for one, other in combinations_with_replacement(range(n_folds), 2):
        seen = (fold_of != one) & (fold_of != other)
        fitted = clone(model).fit(features[seen], values[seen])
        for fold, without in {(one, other), (other, one)}:
            said[fold_of == fold, without] = fitted.predict(features[fold_of == fold])
    return said


def _composition_features(formulas: np.ndarray) -> np.ndarray:
    return FeatureMaker({}).make(BASE, canonical_matrix(formulas.tolist()))


def _mean_by_formula(formulas: np.ndarray, values: np.ndarray) -> dict[str, float]:
    distinct, places = np.unique(formulas.astype(str), return_inverse=True)
    means = np.bincount(places, weights=values) / np.bincount(places)
    return dict(zip(distinct.tolist(), means.tolist(), strict=True))
