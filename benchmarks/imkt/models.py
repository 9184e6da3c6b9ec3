"""Who is compared: plain models of elements, heads on vectors of an encoder, and networks with and without transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cross_modal.models import Head, Model
from benchmarks.cross_modal.plan import SCRATCH_RATE
from benchmarks.imkt.scratch import architecture, untrained_like
from benchmarks.imkt.ways import MODELS, NETWORK_ROWS, NOTHING, Takes
from benchmarks.sets import TargetSet
from builders.runs.identity import identity_of
from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.heads import HEADS
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid, did_you_mean
from embeddings.featurizers.pinning import sha256_of_vectors
from embeddings.formula.bulk import fraction_matrix

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

RIDGE, BOOSTING = ("ridge",), ("boosting-l1", "boosting")
"""Heads of `embeddings.bench.heads.HEADS`; of two losses of boosting the one that errs less is taken, see `chosen`."""

DRAFT = {"n_estimators": 150, "learning_rate": 0.1}
"""Boosting that stands in for longer boosting while losses are compared."""

N_PARTS = 5
"""One of so many parts of the training formulas is held out meanwhile."""

Make = Callable[[Any, "Training"], Model]
"""(encoder, how networks are trained) -> what predicts."""


@dataclass(frozen=True)
class Training:
    """How networks are trained.

    Attributes:
        n_rows: that they learn from at most.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    n_rows: int = NETWORK_ROWS
    device: str = "cpu"


@dataclass(frozen=True)
class Plain:
    """A head of the bench on columns.

    Attributes:
        features: blocks of `embeddings.bench.features`; ``vectors`` is the encoder.
        heads: keys of `embeddings.bench.heads.HEADS`, one of which is chosen on training rows.
        encoder: None if no block needs one.
    """

    features: str
    heads: tuple[str, ...]
    encoder: CompositionEncoder | None = None

    def __call__(self, task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        """Learn from the rows that are not tested and predict the others."""
        vectors: Mapping[str, Vectors] = {} if self.encoder is None else {"vectors": self.encoder}
        columns = FeatureMaker(vectors).make(self.features, fraction_matrix(task.formulas.tolist()))
        known, values = columns[~tested], task.values[~tested]
        name = chosen(self.heads, known, values, task.groups[~tested], seed)
        return HEADS[name].regressor(seed, len(values)).fit(known, values).predict(columns[tested])


def chosen(heads: Sequence[str], columns: np.ndarray, values: np.ndarray, groups: np.ndarray, seed: int) -> str:
    """Return the head whose draft has the lowest absolute error on a fifth of the formulas that it did not learn from.

    Args:
        heads: names; one alone is taken as it is.
        columns: (n, d) of the training rows.
        values: (n,) of the training rows.
        groups: (n,) canonical formulas of the training rows.
        seed: draws the fifth.
    """
    if len(heads) == 1:
        return heads[0]
    distinct, formula = np.unique(groups, return_inverse=True)
    held = (np.random.default_rng(seed).permutation(len(distinct)) % N_PARTS == 0)[formula]

    def error(name: str) -> float:
        draft = HEADS[name].regressor(seed, len(values)).set_params(**DRAFT)
        predicted = draft.fit(columns[~held], values[~held]).predict(columns[held])
        return float(np.abs(predicted - values[held]).mean())

    return min(heads, key=error)


@dataclass(frozen=True)
class Fewer:
    """A model that learns from some of the training rows, drawn with the seed, where there are too many.

    Attributes:
        model: what learns.
        n_rows: at most.
    """

    model: Model
    n_rows: int

    def __call__(self, task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        """Learn from some of the rows that are not tested and predict the tested ones."""
        trained = np.flatnonzero(~tested)
        if len(trained) <= self.n_rows:
            return self.model(task, tested, seed)
        drawn = np.sort(np.random.default_rng(seed).permutation(trained)[: self.n_rows])
        rows = np.concatenate([drawn, np.flatnonzero(tested)])
        some = TargetSet(task.name, task.formulas[rows], task.values[rows], None)
        return self.model(some, np.arange(len(rows)) >= len(drawn), seed)


def _plain(features: str, heads: tuple[str, ...]) -> Make:
    return lambda encoder, training: Plain(features, heads, encoder)


def _finetuned(encoder: Any, training: Training) -> Model:
    return Fewer(Head(lambda task, seed: encoder, options=(("device", training.device),)), training.n_rows)


def _scratch(encoder: Any, training: Training) -> Model:
    def start(task: TargetSet, seed: int) -> Any:
        return untrained_like(encoder, task.formulas.tolist(), seed=seed)

    options = (("encoder_learning_rate", SCRATCH_RATE), ("device", training.device))
    return Fewer(Head(start, options=options), training.n_rows)


def _blend(encoder: Any, training: Training) -> Model:
    options = (("joined", True), ("gate", None), ("device", training.device))
    return Fewer(Head(lambda task, seed: encoder, "blend", options), training.n_rows)


MAKERS: dict[str, Make] = {
    "elements-ridge": _plain(BASE, RIDGE),
    "elements-boosting": _plain(BASE, BOOSTING),
    "ridge": _plain("vectors", RIDGE),
    "boosting": _plain("vectors", BOOSTING),
    "joined": _plain(f"{BASE}+vectors", BOOSTING),
    "scratch": _scratch,
    "fine-tuned": _finetuned,
    "blend": _blend,
}
"""What makes each of `MODELS`."""


@dataclass(frozen=True)
class Contender:
    """A model with what it was given.

    Attributes:
        model: a key of `MODELS`.
        encoder: name of the encoder, the architecture, or `NOTHING`.
        identity: hash of all that the predictions depend on beside the rows.
        predict: what predicts.
    """

    model: str
    encoder: str
    identity: str
    predict: Model


def contenders(
    models: Sequence[str], encoders: Mapping[str, CompositionEncoder], training: Training | None = None
) -> Iterator[Contender]:
    """Yield every model with every encoder that it takes, in the order of `MODELS`.

    Args:
        models: keys of `MODELS`; those that train no network if there are none.
        encoders: name -> encoder.
        training: of networks; that of `Training` if None.

    Raises:
        InputInvalid: there is no such model.
    """
    training = training or Training()
    unknown = next((name for name in models if name not in MODELS), None)
    if unknown is not None:
        raise InputInvalid(f'No model "{unknown}".{did_you_mean(unknown, MODELS)} There are: {", ".join(MODELS)}.')
    for name, way in MODELS.items():
        if name in models or not (models or way.is_network):
            for label, (encoder, content) in _given(way.takes, encoders).items():
                identity = identity_of(name, content, training.n_rows if way.is_network else [*BOOSTING, DRAFT])
                yield Contender(name, label, identity[:16], MAKERS[name](encoder, training))


def _given(
    takes: Takes, encoders: Mapping[str, CompositionEncoder]
) -> dict[str, tuple[CompositionEncoder | None, str]]:
    """Return name -> encoder, and what identifies what is taken of it."""
    if takes == "nothing":
        return {NOTHING: (None, "")}
    if takes == "encoder":
        return {name: (one, sha256_of_vectors(one)) for name, one in encoders.items()}
    return {architecture(one): (one, str([array.shape for array in one.network.arrays])) for one in encoders.values()}
