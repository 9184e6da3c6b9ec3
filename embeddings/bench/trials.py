"""Candidates that are tried on inner folds: what each predicts of rows that it was not trained on, as time allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from embeddings.bench.candidates import Candidate, loss_of
from embeddings.bench.clock import Deadline
from embeddings.bench.feature_store import FeatureStore, fit
from embeddings.bench.folds import Folds, grouped_folds
from embeddings.bench.heads import HEADS, checked_heads
from embeddings.bench.ledger import FoldLedger
from embeddings.bench.stack import stack_weights
from embeddings.bench.workers import side_by_side

FOLDS_THAT_RUN = ((1_500, 4), (4_000, 3))
"""Up to so many rows so many inner folds are run; with more, two: they hold rows enough to choose by."""


@dataclass(frozen=True)
class Settings:
    """What is tried.

    Attributes:
        heads: names out of `HEADS`.
        n_inner: inner folds that rows are dealt into; of many rows fewer are run, see `FOLDS_THAT_RUN`.
        seed: of folds and heads.
        by_formula: whether all rows of a formula share an inner fold, as they do in every split but those of a table.
    """

    heads: tuple[str, ...] = field(default_factory=lambda: checked_heads(None))
    n_inner: int = 4
    seed: int = 0
    by_formula: bool = True


@dataclass
class Trials:
    """What candidates predict of the inner folds of some training rows.

    Attributes:
        store: of the features of all rows.
        rows: to train on.
        settings: of folds and heads.
        deadline: of all trials.
        advance: called after each fit.
        ledger: of what was predicted before.
        predicted: candidate -> inner fold -> what it predicts.
        seconds: that the last fit took, by what candidates of about the same time share.
        n_skipped: fits that there was no time for.
    """

    store: FeatureStore
    rows: np.ndarray
    settings: Settings
    deadline: Deadline = field(default_factory=Deadline)
    advance: Callable[[], None] = lambda: None
    ledger: FoldLedger = field(default_factory=FoldLedger)

    def __post_init__(self) -> None:
        data = self.store.data
        self.values, self.n_classes = data.values[self.rows], len(data.classes)
        self.loss = loss_of(self.n_classes)
        groups = data.materials[self.rows] if self.settings.by_formula else np.arange(len(self.rows))
        folds = grouped_folds(groups, min(self.settings.n_inner, len(set(groups.tolist()))), self.settings.seed)
        self.folds: Folds = folds[: next((n for most, n in FOLDS_THAT_RUN if len(self.rows) <= most), 2)]
        self.predicted: dict[Candidate, dict[int, np.ndarray]] = {}
        self.seconds: dict[str, float] = {}
        self.n_skipped = 0

    def attempt(self, entries: Iterable[tuple[Candidate, int]], deadline: Deadline) -> None:
        """Predict inner folds, as far as time allows; the very first candidate always runs."""
        todo = [(one, fold) for one, fold in entries if fold not in self.predicted.get(one, {})]
        if todo and not self.predicted:
            self._keep(todo[0], self._predict(*todo[0], Deadline()))
            todo = todo[1:]
        for one, _ in todo:
            self.store.make(one.features)
        tasks = [partial(self._predict, one, fold, deadline) for one, fold in todo]
        for entry, made in zip(todo, side_by_side(tasks), strict=True):
            self._keep(entry, made)

    def _predict(self, one: Candidate, fold: int, deadline: Deadline) -> np.ndarray | None:
        """Return what a fresh model predicts of an inner fold, now or before; None where there is no time for it."""
        if (kept := self.ledger.get(one, fold)) is not None:
            return kept
        if not deadline.allows(self._expected(one)):
            return None
        (train, test), started = self.folds[fold], time.monotonic()
        fitted = fit(one, self.store, self.rows[train], seed=self.settings.seed, deadline=deadline, draft=True)
        made = fitted.predict(self.store[one.features][self.rows[test]])
        if one.head != "mean":
            self.seconds[timed(one)] = time.monotonic() - started
        return made

    def _keep(self, entry: tuple[Candidate, int], made: np.ndarray | None) -> None:
        one, fold = entry
        if made is None:
            self.n_skipped += 1
            return
        self.predicted.setdefault(one, {})[fold] = made
        self.ledger.keep(one, fold, made)
        self.advance()

    def _expected(self, one: Candidate) -> float:
        """Return the seconds that its head took last; of a new one, what others took, or more where it is known to."""
        guess = HEADS[one.head].seconds_per_row * len(self.rows)
        others = float(np.median(list(self.seconds.values()))) if self.seconds else 0.0
        return self.seconds.get(timed(one), max(guess, others))

    def mean_loss(self, one: Candidate) -> float:
        """Return the mean loss on the inner folds that a candidate ran on."""
        losses = [self.loss(made, self.values[self.folds[fold][1]]) for fold, made in self.predicted[one].items()]
        return float(np.mean(losses))

    def first_loss(self, one: Candidate) -> float:
        """Return the loss on the first inner fold."""
        return self.loss(self.predicted[one][0], self.values[self.folds[0][1]])

    def ranked(self) -> list[Candidate]:
        """Return all candidates by their loss on the first inner fold, the best first."""
        return sorted(self.predicted, key=self.first_loss)

    def _is_whole(self, one: Candidate) -> bool:
        return len(self.predicted[one]) == len(self.folds)

    def weights(self, members: list[Candidate], folds: Sequence[int]) -> np.ndarray:
        """Return the weights of a stack of candidates that ran on these inner folds, (n_members,)."""
        wanted = np.concatenate([self.values[self.folds[k][1]] for k in folds])
        made = [np.concatenate([self.predicted[one][k] for k in folds]) for one in members]
        return stack_weights(made, wanted, self.loss)

    def out_of_fold(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return, for each inner fold, the rows that it tested and what is predicted of them.

        A stack for each fold is weighted on the other folds alone, so that what it predicts was neither trained nor
        weighted on these rows. The first fold alone had a say in which candidates ran on all of them: on pure noise its
        error comes out 2% too low, that of all folds 0.5%. Where no candidate ran on all folds, these are the folds
        and predictions of the first.
        """
        whole = [one for one in self.ranked() if self._is_whole(one)]
        if not whole:
            first = self.predicted[self.ranked()[0]]
            return [(self.rows[self.folds[k][1]], made) for k, made in first.items()]
        found = []
        for k, (_, test) in enumerate(self.folds):
            weights = self.weights(whole, [other for other in range(len(self.folds)) if other != k])
            made = sum(weight * self.predicted[one][k] for one, weight in zip(whole, weights, strict=True))
            found.append((self.rows[test], np.asarray(made)))
        return found


def timed(one: Candidate) -> str:
    """Return what candidates of about the same time share: the head, and the encoder if it trains one."""
    return f"{one.head} {one.features.split('+')[-1]}" if HEADS[one.head].needs_encoder else one.head
