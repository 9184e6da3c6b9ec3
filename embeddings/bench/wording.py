"""Names and numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from embeddings.bench.candidates import Candidate
from embeddings.bench.contest import BASELINE, CHOSEN
from embeddings.bench.findings import WITHOUT
from embeddings.display.numbers import counted as counted
from embeddings.display.numbers import listed as listed
from embeddings.display.numbers import number as number
from embeddings.display.numbers import percent as percent
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


def probability(p: float) -> str:
    """Return ``"p = 0.03"``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def line_list(lines: Sequence[int], noun: str = "line", limit: int = 5) -> str:
    """Return ``"line 3"`` or ``"lines 3, 9 and 12 more"``."""
    shown = [str(line) for line in lines[:limit]]
    more = [f"{len(lines) - limit:,} more"] if len(lines) > limit else []
    return f"{noun}{'s' if len(lines) > 1 else ''} {listed([*shown, *more])}"


def value_in(value: float, unit: str) -> str:
    """Return a value with its unit, where it has one: ``"1.2 eV"``."""
    return f"{number(value)} {unit}".rstrip()
