"""Who is compared on which set, in which order, and which formulas each encoder may not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.cross_modal.models import Forest, Head, Model, Options, pooled
from benchmarks.cross_modal.tables import BEST, NOTHING
from benchmarks.cross_modal.ways import WAYS, Workshop
from benchmarks.downstream.element_tables import published
from benchmarks.downstream.vectors import NamedVectors
from benchmarks.sets import SETS, TargetSet
from builders.learning.encoders import FormulaEncoder
from embeddings.catalog import ElementCatalog
from testing.formula_encoders import untrained

ALL = "all formulas"
OWN = "without the set's formulas"
KIND = "without any formula of its kind of set"
NONE = "no source"

SCRATCH_RATE = 1e-3
"""Learning rate of an encoder that starts from scratch: it has farther to go."""

POOLED_STATS = ("mean", "std", "min", "max")


@dataclass(frozen=True)
class Contender:
    """One model on one set.

    Attributes:
        task: the set.
        name: of the model.
        source: what the encoder was trained on.
        model: what predicts.
    """

    task: TargetSet
    name: str
    source: str
    model: Model


@dataclass(frozen=True)
class Plan:
    """Everything that contenders are made of.

    Attributes:
        tasks: the sets.
        workshop: trains the encoders.
        catalog: element vectors to pool, for comparison.
        options: parameters that every estimator takes instead of its defaults.
    """

    tasks: dict[str, TargetSet]
    workshop: Workshop
    catalog: ElementCatalog
    options: Options = ()

    def ways(self, task: TargetSet) -> Iterator[Contender]:
        """Yield every way of moving knowledge on one set, with its formulas left out of the source and with all."""
        own = task.groups.tolist()
        for way in WAYS:
            encoder = self._taught(way, own)
            yield Contender(task, way, OWN, Head(encoder, options=self.options))
            if way == BEST:
                yield Contender(task, f"{way}, frozen", OWN, Head(encoder, "frozen", self.options))
                yield from self.baselines(task)
                yield Contender(task, way, ALL, Head(self._taught(way), options=self.options))

    def comparison(self, task: TargetSet) -> Iterator[Contender]:
        """Yield the best way and its baselines on one set."""
        kind = SETS[task.name].kind
        excluded = {formula for one in self.tasks.values() if SETS[one.name].kind == kind for formula in one.groups}
        yield Contender(task, BEST, KIND, Head(self._taught(BEST, sorted(excluded)), options=self.options))
        yield from self.baselines(task)
        yield Contender(task, BEST, ALL, Head(self._taught(BEST), options=self.options))

    def baselines(self, task: TargetSet) -> Iterator[Contender]:
        """Yield the contenders that an encoder has to beat."""
        yield Contender(
            task,
            NOTHING,
            NONE,
            Head(self._untrained, options=(*self.options, ("encoder_learning_rate", SCRATCH_RATE))),
        )
        name = f"{self.catalog.name}@{self.catalog.version} pooled, the same head"
        yield Contender(task, name, "crystals", Head(pooled(self.catalog, POOLED_STATS), "frozen", self.options))
        magpie = published("magpie")
        if magpie is not None:
            forest = Forest(NamedVectors.of_rows("magpie", magpie))
            yield Contender(task, "magpie, random forest", NONE, forest)

    def _taught(self, way: str, excluded: Sequence[str] = ()) -> Callable[[TargetSet, int], FormulaEncoder]:
        """Return a function that gives the encoder once it is needed: rows that are stored need none."""
        return lambda task, seed: self.workshop.encoder(way, excluded)

    def _untrained(self, task: TargetSet, seed: int) -> FormulaEncoder:
        return untrained(self.workshop.recipe.model, task.formulas.tolist(), seed=seed)


def seen_by(formulas: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return which canonical formulas the whole source has, (n,) bool."""
    return np.isin(formulas, source)
