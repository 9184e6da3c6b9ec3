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

LOSS = "boosting-l1"
"""Boosting of the absolute error, which is what is published, and which heavy tails do not lead astray."""

Make = Callable[[Any, int], Model]
"""(encoder, rows that a network learns from at most) -> what predicts."""


@dataclass(frozen=True)
class Plain:
    """A head of the bench on columns.

    Attributes:
        features: blocks of `embeddings.bench.features`; ``vectors`` is the encoder.
        head: a key of `embeddings.bench.heads.HEADS`.
        encoder: None if no block needs one.
    """

    features: str
    head: str
    encoder: CompositionEncoder | None = None

    def __call__(self, task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        """Learn from the rows that are not tested and predict the others."""
        vectors: Mapping[str, Vectors] = {} if self.encoder is None else {"vectors": self.encoder}
        columns = FeatureMaker(vectors).make(self.features, fraction_matrix(task.formulas.tolist()))
        head = HEADS[self.head].regressor(seed, int((~tested).sum()))
        return head.fit(columns[~tested], task.values[~tested]).predict(columns[tested])


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


def _plain(features: str, head: str) -> Make:
    return lambda encoder, n_rows: Plain(features, head, encoder)


def _finetuned(encoder: Any, n_rows: int) -> Model:
    return Fewer(Head(lambda task, seed: encoder), n_rows)


def _scratch(encoder: Any, n_rows: int) -> Model:
    def start(task: TargetSet, seed: int) -> Any:
        return untrained_like(encoder, task.formulas.tolist(), seed=seed)

    return Fewer(Head(start, options=(("encoder_learning_rate", SCRATCH_RATE),)), n_rows)


def _blend(encoder: Any, n_rows: int) -> Model:
    return Fewer(Head(lambda task, seed: encoder, "blend", (("joined", True), ("gate", None))), n_rows)


MAKERS: dict[str, Make] = {
    "elements-ridge": _plain(BASE, "ridge"),
    "elements-boosting": _plain(BASE, LOSS),
    "ridge": _plain("vectors", "ridge"),
    "boosting": _plain("vectors", LOSS),
    "joined": _plain(f"{BASE}+vectors", LOSS),
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
    models: Sequence[str], encoders: Mapping[str, CompositionEncoder], n_rows: int = NETWORK_ROWS
) -> Iterator[Contender]:
    """Yield every model with every encoder that it takes, in the order of `MODELS`.

    Args:
        models: keys of `MODELS`; those that train no network if there are none.
        encoders: name -> encoder.
        n_rows: that networks learn from at most.

    Raises:
        InputInvalid: there is no such model.
    """
    unknown = next((name for name in models if name not in MODELS), None)
    if unknown is not None:
        raise InputInvalid(f'No model "{unknown}".{did_you_mean(unknown, MODELS)} There are: {", ".join(MODELS)}.')
    for name, way in MODELS.items():
        if name in models or not (models or way.is_network):
            for label, (encoder, content) in _given(way.takes, encoders).items():
                identity = identity_of(name, content, n_rows if way.is_network else None)
                yield Contender(name, label, identity[:16], MAKERS[name](encoder, n_rows))


def _given(
    takes: Takes, encoders: Mapping[str, CompositionEncoder]
) -> dict[str, tuple[CompositionEncoder | None, str]]:
    """Return name -> encoder, and what identifies what is taken of it."""
    if takes == "nothing":
        return {NOTHING: (None, "")}
    if takes == "encoder":
        return {name: (one, sha256_of_vectors(one)) for name, one in encoders.items()}
    return {architecture(one): (one, str([array.shape for array in one.network.arrays])) for one in encoders.values()}
