"""Names and numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from embeddings.bench.candidates import Candidate
from embeddings.bench.contest import BASELINE, CHOSEN
from embeddings.bench.findings import WITHOUT
from embeddings.display.text import one_line

BLOCK_WORDS = {"fractions": "element fractions", "properties": "element properties", "size": "formula size"}

HEAD_WORDS = {
    "mean": "the median",
    "ridge": "a linear model",
    "neighbors": "nearest neighbors",
    "trees": "extra trees",
    "trees-all": "extra trees that look at all columns",
    "boosting": "gradient boosting",
    "boosting-l1": "gradient boosting of the absolute error",
    "gaussian-process": "a Gaussian process",
    "finetuned": "the encoder, fine-tuned,",
    "in-context": "TabICL in context",
}

TREATMENT_WORDS = {"gate": "behind a zero gate", "log": "of the logarithm"}

SCORE_WORDS = {
    "mae": "mean absolute error",
    "rmse": "RMSE",
    "r2": "R2",
    "log_loss": "log loss",
    "auc": "ROC-AUC",
    "balanced_accuracy": "balanced accuracy",
}

CONTENDER_WORDS = {CHOSEN: "the chosen model", WITHOUT: "the best without vectors"}


def contender_words(name: str, *, is_classification: bool = False) -> str:
    """Return a contender's name in words."""
    if name == BASELINE:
        return "predicting the shares of the classes" if is_classification else "predicting the median"
    if name in CONTENDER_WORDS:
        return CONTENDER_WORDS[name]
    return f"the best {one_line(name)}" if name.startswith("with ") else feature_words(name)


def feature_words(features: str) -> str:
    """Return features in words, catalogs first: ``"ct-multi, element fractions and formula size"``."""
    blocks = features.split("+")
    catalogs = [one_line(block) for block in blocks if block not in BLOCK_WORDS]
    return listed([*catalogs, *(BLOCK_WORDS[block] for block in blocks if block in BLOCK_WORDS)])


def candidate_words(one: Candidate) -> str:
    """Return a candidate in words: ``"gradient boosting behind a zero gate on element fractions"``."""
    if one.head == "mean":
        return HEAD_WORDS["mean"]
    treatment = f" {TREATMENT_WORDS.get(one.treatment, one.treatment)}" if one.treatment else ""
    return f"{HEAD_WORDS.get(one.head, one.head)}{treatment} on {feature_words(one.features)}"


def listed(words: Iterable[str]) -> str:
    """Return words as ``"a, b and c"``."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def counted(n: int, noun: str) -> str:
    """Return ``"1 row"`` or ``"2,000 rows"``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"


def number(value: float, digits: int = 3) -> str:
    """Return a few significant digits, thousands separated; a dash for NaN."""
    if not np.isfinite(value):
        return "\u2013" if np.isnan(value) else "infinity"
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:,.{decimals}f}"


def percent(share: float) -> str:
    """Return a share as whole per cent; what is not nothing is never 0 %."""
    whole = round(100 * share)
    return "less than 1 %" if whole == 0 and share > 0 else f"{whole} %"


def probability(p: float) -> str:
    """Return ``"p = 0.03"``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def line_list(lines: Sequence[int], noun: str = "line", limit: int = 5) -> str:
    """Return ``"line 3"`` or ``"lines 3, 9 and 12 more"``."""
    shown = [str(line) for line in lines[:limit]]
    more = [f"{len(lines) - limit:,} more"] if len(lines) > limit else []
    return f"{noun}{'s' if len(lines) > 1 else ''} {listed([*shown, *more])}"
