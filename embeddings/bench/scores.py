"""Scores that people know: mean absolute error, RMSE and R2 of numbers; log loss, ROC-AUC and balanced accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from embeddings.bench.candidates import absolute_error, log_loss
from embeddings.bench.contest import Contest
from embeddings.bench.magnitudes import determination, root_mean_square
from embeddings.errors import MissingExtra

try:
    from scipy.stats import t as student
    from sklearn.metrics import roc_auc_score
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

CONFIDENCE = 0.95
"""Of the interval of a mean over folds."""

Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Spread:
    """A score over the outer folds.

    Attributes:
        mean: over folds where it is defined; NaN if there is none.
        std: standard deviation over them; NaN for one fold.
        low: lower end of the 95% interval of the mean, corrected for training rows that folds share; NaN for one.
        high: its upper end.
    """

    mean: float
    std: float
    low: float
    high: float


def scores_of(contest: Contest, contender: str) -> dict[str, Spread]:
    """Return every score of a contender over the outer folds; the first is the one that models are chosen by."""
    share = float(np.mean([len(fold.test) / len(fold.train) for fold in contest.folds]))
    values = contest.data.values
    return {
        name: _spread([score(fold.predicted[contender], values[fold.test]) for fold in contest.folds], share)
        for name, score in kinds(contest.data.is_classification).items()
    }


def kinds(is_classification: bool) -> dict[str, Score]:
    """Return the scores by name: what is minimized comes first."""
    if is_classification:
        return {"log_loss": log_loss, "auc": area_under_curve, "balanced_accuracy": balanced_accuracy}
    return {"mae": absolute_error, "rmse": _rmse, "r2": _r2}


def area_under_curve(predicted: np.ndarray, values: np.ndarray) -> float:
    """Area under the ROC curve of probabilities (n, n_classes), the mean over classes where there are more than two.

    NaN if the rows are all of one class.
    """
    classes = range(1, 2) if predicted.shape[1] == 2 else range(predicted.shape[1])
    there = [(values == k, predicted[:, k]) for k in classes if 0 < (values == k).sum() < len(values)]
    return float(np.mean([roc_auc_score(of, given) for of, given in there])) if there else float("nan")


def balanced_accuracy(predicted: np.ndarray, values: np.ndarray) -> float:
    """Mean over classes of the share of its rows that are called right, where the likeliest class is called.

    NaN if the rows are all of one class.
    """
    if len(set(values.tolist())) < 2:
        return float("nan")
    wanted, called = values.astype(int), predicted.argmax(axis=1)
    return float(np.mean([(called[wanted == k] == k).mean() for k in np.unique(wanted)]))


def _rmse(predicted: np.ndarray, values: np.ndarray) -> float:
    return root_mean_square(predicted[:, 0] - values)


def _r2(predicted: np.ndarray, values: np.ndarray) -> float:
    return determination(predicted[:, 0], values)


def _spread(scores: Iterable[float], share: float) -> Spread:
    there = np.array([score for score in scores if np.isfinite(score)])
    if not len(there):
        return Spread(*[float("nan")] * 4)
    if len(there) == 1:
        return Spread(float(there[0]), *[float("nan")] * 3)
    mean, std, n = float(there.mean()), float(there.std(ddof=1)), len(there)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, n - 1)) * std * float(np.sqrt(1 / n + share))
    return Spread(mean, std, mean - reach, mean + reach)
