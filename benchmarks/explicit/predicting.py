"""A label of held-out formulas: by composition alone, with candidates, and with the true structure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import click
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor

from benchmarks.explicit.problem import CATALOG, SEED, Problem, problem
from benchmarks.harness import Request, Row, refuse_other_settings
from builders.methods.explicit.features import FACTS, FeatureGenerator, Generated
from embeddings import load_crystal_encoder
from embeddings.bench.heads import HEADS
from embeddings.estimators.explicit import ExplicitTransferRegressor

K = 5


class Maker(Protocol):
    """Makes features of formulas."""

    def make(self, formulas: Sequence[str]) -> Generated:
        """Return the features of canonical reduced formulas."""


def run(request: Request, *, target: str, unit: str) -> dict[str, Any]:
    """Measure every way of predicting one label.

    Returns:
        ``settings``; ``formulas``, the tested ones with their labels and the distance of the nearest template; and
        ``rows``: what each way predicts.
    """
    there = problem(request)
    settings = {
        "target": target, "unit": unit, "seed": SEED, "catalog": CATALOG, "k": K, "n_tested": len(there.tested),
        "n_training": len(there.training), "n_generated": len(there.generated),
    }  # fmt: skip
    refuse_other_settings(request.known, settings)
    if request.known and len(request.known["rows"]) == len(WAYS):
        return {name: request.known[name] for name in ("settings", "formulas", "rows")}
    label = "formation_energy_per_atom" if request.quick else target
    maker = _maker(there, request.quick)
    near = maker.make(there.tested).neighbors
    about = {
        "names": there.tested,
        "distances": [float(one.distances[0]) if len(one.distances) else None for one in near],
    }
    rows = request.rows
    result = {"settings": settings, "formulas": about, "rows": rows}
    composition = DummyRegressor() if request.quick else Boosting()
    done = {row["way"] for row in rows}
    for way in (one for one in WAYS if one not in done):
        rows.append(_measure(way, there, label, WAYS[way](there, maker), composition))
        request.keep(result)
    return result


def _measure(way: str, there: Problem, label: str, maker: Maker, composition: Any) -> Row:
    started = time.process_time()
    model = ExplicitTransferRegressor(maker, composition=composition, random_state=SEED)
    training = there.training
    model.fit(training, there.labels(training, label), generate_for=np.isin(training, there.generated))
    wanted = there.labels(there.tested, label)
    errors = np.abs(model.predict(there.tested) - wanted)
    seconds = round(time.process_time() - started, 1)
    click.echo(f"{label}, {way}: {errors.mean():.4f}, share {model.share_}, {seconds} s", err=True)
    return {
        "way": way,
        "tested_errors": errors.tolist(),
        "composition_errors": np.abs(model.predict_composition(there.tested) - wanted).tolist(),
        "share": model.share_,
        "errors": model.errors_,
        "seconds": seconds,
    }


class Boosting(RegressorMixin, BaseEstimator):
    """The boosting of `embeddings.bench`, which keeps what it learned for another call with the same rows."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn, or remember."""
        key = hashlib.sha256(X.tobytes() + y.tobytes()).digest()
        if key not in _FITTED:
            _FITTED[key] = HEADS["boosting-l1"].regressor(SEED, len(X)).fit(X, y)
        self.model_ = _FITTED[key]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return a number for each row."""
        return np.asarray(self.model_.predict(X))


_FITTED: dict[bytes, Any] = {}
_MAKERS: dict[tuple[str, ...], Remembering] = {}


def _maker(there: Problem, is_quick: bool) -> Remembering:
    """Return the maker of this problem, with all that it remembers."""
    key = (str(is_quick), *there.tested, *there.generated)
    if key not in _MAKERS:
        encoder = load_crystal_encoder(CATALOG)
        _MAKERS[key] = Remembering(FeatureGenerator(there.templates, there.catalog, encoder, k=K))
    return _MAKERS[key]


@dataclass
class Remembering:
    """Makes the features of each formula once."""

    generator: FeatureGenerator
    made: dict[str, Generated] = field(default_factory=dict)

    def make(self, formulas: Sequence[str]) -> Generated:
        """Return the features of canonical reduced formulas."""
        new = [formula for formula in dict.fromkeys(formulas) if formula not in self.made]
        found = self.generator.make(new, lambda n: click.echo(f"candidates of {n} formulas", err=True))
        for place, formula in enumerate(new):
            self.made[formula] = found.take(np.array([place]))
        return Generated.joined([self.made[formula] for formula in formulas])


@dataclass(frozen=True)
class WithoutEncoder:
    """Features without those that vectors give."""

    maker: Remembering

    def make(self, formulas: Sequence[str]) -> Generated:
        """Return the features of canonical reduced formulas."""
        made = self.maker.make(formulas)
        facts = np.where(np.array(FACTS) == "spread", np.nan, made.facts)
        return replace(made, facts=facts, vectors=made.vectors[:, :0])


@dataclass(frozen=True)
class WithVectors:
    """Features with other vectors."""

    maker: Remembering
    vectors: Callable[[Sequence[str]], np.ndarray]

    def make(self, formulas: Sequence[str]) -> Generated:
        """Return the features of canonical reduced formulas."""
        return replace(self.maker.make(formulas), vectors=self.vectors(formulas))


def _without(there: Problem, maker: Remembering) -> Maker:
    """Templates and their labels alone."""
    return WithoutEncoder(maker)


def _candidates(there: Problem, maker: Remembering) -> Maker:
    return maker


def _truth(there: Problem, maker: Remembering) -> Maker:
    """Vectors of the stable structure of each formula: what perfect candidates would be worth."""
    encoder = maker.generator.encoder

    def vectors(formulas: Sequence[str]) -> np.ndarray:
        rows = np.array([there.stable[formula] for formula in formulas], dtype=np.int64)
        return encoder.encode(there.crystals.structures.take(rows)).astype(np.float64)  # type: ignore[union-attr]

    return WithVectors(maker, vectors)


WAYS: dict[str, Callable[[Problem, Remembering], Maker]] = {
    "templates and their labels": _without,
    "and vectors of candidates (exKT)": _candidates,
    "with vectors of the true structure (ceiling)": _truth,
}
"""What is added to composition -> what makes it."""
