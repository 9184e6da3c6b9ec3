"""Which vectors suit a set of measurements: each encoder and catalog, judged by what a linear model makes of it.

A ridge regression on the encoded formulas, cross-validated with no formula on both sides, takes a moment and
ranks encoders as longer training mostly would. It is a guide to choosing, not the error of a model.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.analysis.frames import data_frame
from embeddings.analysis.probes import ALPHAS
from embeddings.bench.paired import Outcome, corrected_p, holm, outcome_of
from embeddings.display.html import html_table
from embeddings.display.numbers import counted, share_of
from embeddings.elements import N_ELEMENTS
from embeddings.errors import InputInvalid, MissingExtra, TargetInvalid, needs
from embeddings.formula import FractionMatrix, fraction_matrix, reduced_formulas
from embeddings.formula.column import items_of
from embeddings.formula.materials import materials_of
from embeddings.loaders import as_catalog
from embeddings.pooling import DEFAULT_STATS, pool
from embeddings.search.ordering import leveled

if TYPE_CHECKING:
    import pandas

    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder

CONTROL = "element fractions"
"""What everything is compared with: how much there is of each element, and nothing learned."""

PROPERTIES = "properties"
"""The other thing that it is compared with: tabulated properties of the elements, pooled as `embeddings.bench` does."""

CONTROLS = (CONTROL, PROPERTIES)
"""What needs no vectors."""

HEAD = ("", "MAE", "R2", "seen", "lacking", *(f"than {control}" for control in CONTROLS))
"""Of a ranking as a table."""

N_REPEATS = 5
"""Times that formulas are dealt into folds, to tell a difference from noise; the scores are those of the first."""

MAX_REPEATED = 500
"""Of more formulas one time is enough."""

MAX_FORMULAS = 3_000
"""At most so many formulas are used, drawn at random, which keeps the ranking fast."""


@dataclass(frozen=True)
class TransferScore:
    """What ridge regression reaches on formulas left out.

    Attributes:
        mae: mean absolute error, in the target's unit.
        r2: coefficient of determination.
        n_seen: formulas that the training of these vectors saw; None where that is not known.
        n_uncovered: formulas with an element that has no vector, for which the nearest element stood in.
        mae_std: standard deviation of the mean absolute error over the folds.
        p: probability of a difference this large from the `CONTROL` by chance, corrected for training rows that folds
            share and for the number of candidates; None for the control itself.
        outcome: ``"better"`` or ``"worse"`` than the control, or ``"within noise"``; None for the control itself.
        p_properties: that of a difference from `PROPERTIES`; None for themselves, and where they took no part.
        outcome_properties: how it compares with them, or None.
    """

    mae: float
    r2: float
    n_seen: int | None
    n_uncovered: int
    mae_std: float = float("nan")
    p: float | None = None
    outcome: Outcome | None = None
    p_properties: float | None = None
    outcome_properties: Outcome | None = None


@dataclass(frozen=True, repr=False)
class Ranking:
    """Scores on one set of measurements.

    Attributes:
        n_rows: measurements.
        n_formulas: different reduced formulas among them.
        n_used: formulas that were used; all unless there are too many.
        baseline_mae: the error when the mean of the other folds is predicted.
        scores: name -> score, lowest error first.
        stats: of the vectors in a catalog of elements: its vectors suit the measurements pooled like this.
        notes: what took no part, and what would help; a sentence each.
    """

    n_rows: int
    n_formulas: int
    n_used: int
    baseline_mae: float
    scores: dict[str, TransferScore]
    stats: tuple[str, ...] = DEFAULT_STATS
    notes: tuple[str, ...] = ()

    @property
    def winner(self) -> str | None:
        """The vectors with the lowest error that are better than the `CONTROL` by more than chance may be.

        None if there are none, or if a control has a lower error.
        """
        ahead = takewhile(lambda name: name not in CONTROLS, self.scores)
        return next((name for name in ahead if self.scores[name].outcome == "better"), None)

    def to_frame(self) -> pandas.DataFrame:
        """Return the scores as a data frame, one row each by name; the other numbers are in ``.attrs``.

        Raises:
            MissingExtra: pandas is not installed.
        """
        names = [field.name for field in fields(TransferScore)]
        columns = {name: [getattr(score, name) for score in self.scores.values()] for name in names}
        frame = data_frame(columns, list(self.scores), "name").astype({"n_seen": "Int64"})
        frame.attrs.update({field.name: getattr(self, field.name) for field in fields(self) if field.name != "scores"})
        return frame

    def rows(self) -> list[tuple[str, ...]]:
        """Return what to print below `HEAD`: one row for each name, and one for predicting the mean."""
        rows: list[tuple[str, ...]] = [
            (name, f"{one.mae:.4g} \u00b1 {one.mae_std:.2g}", f"{one.r2:.3f}",
             "?" if one.n_seen is None else f"{one.n_seen:,}", f"{one.n_uncovered:,}", one.outcome or "",
             one.outcome_properties or "")
            for name, one in self.scores.items()
        ]  # fmt: skip
        return [*rows, ("(the mean)", f"{self.baseline_mae:.4g}", *[""] * (len(HEAD) - 2))]

    def summary(self) -> str:
        """Return how much was measured, in a few words."""
        used = "" if self.n_used == self.n_formulas else f", {self.n_used:,} of them drawn at random"
        return f"{counted(self.n_rows, 'row')}, {counted(self.n_formulas, 'formula')}{used}"

    def __repr__(self) -> str:
        return f"Ranking({', '.join(f'{name} {score.mae:.4g}' for name, score in self.scores.items())})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return html_table(f"Ranking on {self.summary()}", HEAD, self.rows())


def transferability(
    formulas: Iterable[Any],
    values: Sequence[Any],
    candidates: Iterable[ElementCatalog | CompositionEncoder | str | os.PathLike[str]],
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> Ranking:
    """Rank encoders and catalogs by how well a linear model on their vectors predicts measurements.

    Measurements of one reduced formula, also where it was rounded differently, become one row with their mean. Features
    are standardized, and the penalty is chosen without the fold that is predicted. All candidates see the same rows and
    folds. Elements without a vector get that of the nearest element that has one (``missing="impute"``).

    Args:
        formulas: n formulas.
        values: (n,) numbers.
        candidates: catalogs and encoders, or their names, to compare with each other and with the `CONTROLS`.
            Properties of the elements take part where pymatgen is installed.
        n_folds: of the cross-validation.
        seed: of the folds, and of the sample if there are too many formulas.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        TargetInvalid: values are missing, not numbers, or all the same.
        InputInvalid: not as many values as formulas, fewer formulas than folds, or two candidates of one name.
        MissingExtra: scikit-learn is not installed.
    """
    given = items_of(formulas)
    spelled, numbers = reduced_formulas(given), _numbers(values)
    if len(spelled) != len(numbers):
        raise InputInvalid(
            f"{counted(len(spelled), 'formula')} came with {counted(len(numbers), 'value')}; each needs one."
        )
    distinct, means = _one_row_each(materials_of(given, np.array(spelled, dtype=object)), numbers)
    _check_enough(distinct, means, n_folds)
    rows = np.random.default_rng(seed).permutation(len(distinct))[:MAX_FORMULAS]
    used, wanted = [distinct[row] for row in rows], means[rows]
    matrix, written = fraction_matrix(used), _as_written(used, spelled, given)
    controls, notes = _controls(matrix)
    scores, errors = dict[str, TransferScore](), dict[str, np.ndarray]()
    for name, features in controls.items():
        scores[name], errors[name] = _score(features, wanted, n_folds)
    for one in map(as_catalog, candidates):
        if one.name in CONTROLS:
            raise InputInvalid(f'"{one.name}" is the baseline of the comparison, and is always ranked. Leave it out.')
        if one.name in scores:
            raise InputInvalid(
                f'Two candidates are called "{one.name}". Name each once; compare two versions in separate runs.'
            )
        features = pool(matrix, one, missing="impute", dtype=np.float64)
        scores[one.name], errors[one.name] = _score(
            features, wanted, n_folds, n_seen=_n_seen(one, written), n_uncovered=_lacking(one, matrix)
        )
    baseline = _score(np.zeros((len(used), 1)), wanted, n_folds)[0].mae
    judged = _against_controls(scores, errors, 1 / (n_folds - 1))
    ranked = dict(sorted(judged.items(), key=lambda item: float(leveled(np.array(item[1].mae)))))
    return Ranking(len(spelled), len(distinct), len(used), baseline, ranked, notes=notes)


def _controls(matrix: FractionMatrix) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return what needs no vectors by name, and what to say of that which cannot be had."""
    from embeddings.bench.features import properties  # which imports this package

    try:
        return {CONTROL: _fractions(matrix), PROPERTIES: properties(matrix)}, ()
    except MissingExtra as error:
        return {CONTROL: _fractions(matrix)}, (f"Properties of the elements took no part: {error}",)


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """Return the values as float64, checked."""
    numbers = np.array([_number(value, row) for row, value in enumerate(values)], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise TargetInvalid(
            f"{share_of(len(bad), len(numbers), 'value', 'is')} missing or not finite, the first in row {bad[0]} "
            "(counted from 0). Leave these rows out."
        )
    return numbers


def _number(value: Any, row: int) -> float:
    if value is None or value == "":
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TargetInvalid(
            f"Row {row} (counted from 0) has the value {value!r}, which is not a number. Two classes can be written as "
            "0 and 1."
        ) from error


def _one_row_each(materials: np.ndarray, numbers: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the different formulas in alphabetical order, and the mean of the values of each."""
    distinct, row_of = np.unique(materials, return_inverse=True)
    return distinct.tolist(), np.bincount(row_of, weights=numbers) / np.bincount(row_of)


def _check_enough(distinct: list[str], means: np.ndarray, n_folds: int) -> None:
    if n_folds < 2 or len(distinct) < n_folds:
        raise InputInvalid(
            f"{counted(len(distinct), 'different reduced formula')} cannot be split into {counted(n_folds, 'fold')}; "
            "use at least 2 folds, and one formula for each."
        )
    if np.ptp(means) == 0:
        raise TargetInvalid(f"The value is {means[0]:g} for every formula: there is nothing to learn.")


def _fractions(matrix: FractionMatrix) -> np.ndarray:
    """Return the atomic fraction of every element, (n, 119), those that do not occur at all left out."""
    dense = np.zeros((len(matrix), N_ELEMENTS + 1))
    dense[np.repeat(np.arange(len(matrix)), matrix.n_elements), matrix.atomic_numbers] = matrix.fractions
    return dense[:, dense.any(axis=0)]


def _as_written(used: list[str], spelled: list[str], given: list[Any]) -> list[str]:
    """Return the first text of each formula that is used, whose decimals tell how it was rounded."""
    first = {formula: text for formula, text in zip(spelled[::-1], given[::-1], strict=True) if isinstance(text, str)}
    return [first.get(formula, formula) for formula in used]


def _n_seen(one: ElementCatalog | CompositionEncoder, formulas: list[str]) -> int | None:
    return None if one.manifest.training.formula_digest is None else len(one.overlap(formulas))


def _lacking(one: ElementCatalog | CompositionEncoder, matrix: FractionMatrix) -> int:
    """Return how many formulas have an element without a vector."""
    absent = ~np.isin(matrix.atomic_numbers, one.atomic_numbers)
    return len(np.unique(np.repeat(np.arange(len(matrix)), matrix.n_elements)[absent]))


def _score(
    features: np.ndarray, values: np.ndarray, n_folds: int, *, n_seen: int | None = 0, n_uncovered: int = 0
) -> tuple[TransferScore, np.ndarray]:
    """Predict each fold from the others, and return its error too; the rows are in random order already."""
    with needs("scikit-learn", "sklearn"):
        from sklearn.linear_model import RidgeCV
        from sklearn.model_selection import KFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    model = make_pipeline(StandardScaler(), RidgeCV(ALPHAS))
    residuals = values - cross_val_predict(model, features, values, cv=KFold(n_folds))
    r2 = 1 - np.square(residuals).sum() / np.square(values - values.mean()).sum()
    errors = [np.abs(fold).mean() for fold in np.array_split(residuals, n_folds)]  # as KFold cuts them
    mae, std = float(np.abs(residuals).mean()), float(np.std(errors, ddof=1))
    for repeat in range(1, N_REPEATS if len(values) <= MAX_REPEATED else 1):
        folds = KFold(n_folds, shuffle=True, random_state=repeat)
        again = np.abs(values - cross_val_predict(model, features, values, cv=folds))
        errors += [again[test].mean() for _, test in folds.split(again)]
    return TransferScore(mae, float(r2), n_seen, n_uncovered, std), np.array(errors)


def _log_ratios(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return how many times larger the error of each fold is, as logarithms: easy and hard folds count alike."""
    tiny = np.finfo(float).tiny
    return np.log(np.maximum(ours, tiny) / np.maximum(theirs, tiny))


def _against_controls(
    scores: dict[str, TransferScore], errors: dict[str, np.ndarray], share: float
) -> dict[str, TransferScore]:
    """Say of each score whether it differs from those of the controls by more than chance may."""
    judged = {}
    to_fractions = _compared(errors, CONTROL, share)
    to_properties = _compared(errors, PROPERTIES, share) if PROPERTIES in errors else {}
    for name, score in scores.items():
        p, outcome = to_fractions.get(name, (None, None))
        other_p, other = to_properties.get(name, (None, None))
        judged[name] = replace(score, p=p, outcome=outcome, p_properties=other_p, outcome_properties=other)
    return judged


def _compared(errors: dict[str, np.ndarray], control: str, share: float) -> dict[str, tuple[float, Outcome]]:
    """Return, for all but a control, the probability of its difference from that, and what it says."""
    found = {name: _log_ratios(ours, errors[control]) for name, ours in errors.items() if name != control}
    chances = holm({name: corrected_p(differences, share) for name, differences in found.items()})
    return {name: (p, outcome_of(float(found[name].mean()), p)) for name, p in chances.items()}
