"""A paired test for scores of overlapping training sets, and its correction for asking several times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from embeddings.errors import MissingExtra

LEVEL = 0.05
"""A difference less likely than this by chance is called one."""

Outcome = Literal["better", "worse", "within noise"]


def outcome_of(mean_difference: float, p: float) -> Outcome:
    """Return in words what a difference in loss, ours less theirs, says; NaN for `p` says nothing."""
    if not p < LEVEL:
        return "within noise"
    return "better" if mean_difference < 0 else "worse"


def corrected_p(differences: np.ndarray, share: float) -> float:
    """Return the two-sided probability of paired differences, (n_folds,), under no difference.

    Folds share training rows, so that their differences are not independent: the variance is corrected as by Nadeau and
    Bengio, Mach. Learn. 52, 239 (2003), and a paired t-test is made of it.

    Args:
        differences: of each fold.
        share: rows tested over rows trained on.

    Returns:
        The probability; NaN for a single fold.

    Raises:
        MissingExtra: scipy is not installed.
    """
    try:
        from scipy.stats import t as student
    except ImportError as error:
        raise MissingExtra.of("scipy", "sklearn") from error
    n = len(differences)
    if n < 2:
        return float("nan")
    variance = float(differences.var(ddof=1)) * (1 / n + share)
    if variance == 0:
        return 1.0 if differences.mean() == 0 else 0.0
    return float(2 * student.sf(abs(differences.mean()) / np.sqrt(variance), n - 1))


def holm(found: Mapping[str, float]) -> dict[str, float]:
    """Raise probabilities for having asked several times, after Holm, Scand. J. Stat. 6, 65 (1979).

    Args:
        found: name -> probability, perhaps NaN.
    """
    there = sorted((name for name, p in found.items() if np.isfinite(p)), key=lambda name: found[name])
    raised, least = dict(found), 0.0
    for k, name in enumerate(there):
        least = max(least, min(1.0, (len(there) - k) * found[name]))
        raised[name] = least
    return raised
