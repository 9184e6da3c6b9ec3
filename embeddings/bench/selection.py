"""Choosing a model on inner folds alone: a race of candidates, then a stack of the best.

Everything here sees training rows only. All candidates run on the first inner fold, the best go on to the others, and a
stack is grown greedily on their predictions of rows that they were not trained on (Caruana et al., ICML 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from embeddings.bench.candidates import Candidate, has_heavy_tails, treatments
from embeddings.bench.feature_store import ALONE
from embeddings.bench.features import BASE
from embeddings.bench.finetuned import FINETUNED, can_tune, expected_seconds
from embeddings.bench.heads import HEADS
from embeddings.bench.trials import Trials, timed
from embeddings.encoder import CompositionEncoder

SCREENING_HEADS = ("ridge", "trees", "boosting")
"""Heads that every set of features is tried with."""

MANY_ROWS = 3_000
"""With more, trees take longer than everything else: they are tried on the best features alone."""

N_JOINED = 2
"""Vectors that are joined to `BASE`, the best of them alone."""

N_HEADS = 2
"""Heads that joined features are tried with, the best so far."""

N_TREATED = 4
"""Candidates that also learn gated values or logarithms, the best so far."""

N_FINALISTS = 6
"""Candidates that run on more than the first inner fold."""

NEAR = 1.15
"""A loss up to so many times the lowest is near it."""

SCREENING, JOINING, OTHERS, TREATING, TUNING = 0.35, 0.25, 0.25, 0.25, 0.4
"""Shares of the time that is left for each part of the race; the finalists have what then remains."""


@dataclass(frozen=True)
class Choice:
    """What was chosen on training rows.

    Attributes:
        weights: member -> weight, one in sum.
        losses: candidate -> mean loss on the inner folds that it ran on.
        n_skipped: candidates that the budget left out.
    """

    weights: dict[Candidate, float]
    losses: dict[Candidate, float]
    n_skipped: int = 0

    @property
    def best(self) -> Candidate:
        """The best single candidate."""
        return min(self.weights, key=lambda one: self.losses[one])

    def best_of(self, features: str) -> Candidate | None:
        """Return the best candidate that looks at one set of features, or None if there is none."""
        of_these = [one for one in self.losses if one.features == features and one.head != "mean"]
        return min(of_these, key=lambda one: self.losses[one]) if of_these else None


class Race(Trials):
    """Candidates on the inner folds of some training rows."""

    def run(self) -> Choice:
        """Return what is best."""
        vectors = tuple(self.store.maker.vectors)
        first = self._first_heads()
        self._screen(self._with_heads([*ALONE, *vectors], ("mean", *first)), SCREENING)
        self._screen(self._with_heads(self._joined(vectors), self._best_heads()), JOINING)
        others = [head for head in self.settings.heads if head not in first]
        self._screen(self._with_heads(self._best_features(None)[:N_JOINED], others), OTHERS)
        self._screen(self._treated(), TREATING)
        self._screen(self._tuned(), TUNING)
        finalists = self._finalists()
        self.attempt([(one, fold) for fold in range(1, len(self.folds)) for one in finalists], self.deadline)
        losses = {one: self.mean_loss(one) for one in self.predicted}
        return Choice(self._stack(finalists), losses, self.n_skipped)

    def _first_heads(self) -> list[str]:
        """Return the heads that every set of features is tried with."""
        left_out = {"trees"} if len(self.rows) > MANY_ROWS else set()
        robust = not self.n_classes and has_heavy_tails(self.values) and "boosting-l1" in self.settings.heads
        heads = [head for head in SCREENING_HEADS if head not in left_out]
        return ["boosting-l1" if robust and head == "boosting" else head for head in heads]

    def _joined(self, vectors: Sequence[str]) -> list[str]:
        """Return the vectors that are best alone, each beside `BASE`, and all of them."""
        best = self._best_features(vectors)[:N_JOINED]
        every = ["+".join(best)] if len(best) > 1 else []
        return [f"{BASE}+size+{names}" for names in (*best, *every)]

    def _best_heads(self) -> list[str]:
        """Return the heads that are best so far."""
        return [head for head in dict.fromkeys(one.head for one in self.ranked()) if head != "mean"][:N_HEADS]

    def _with_heads(self, features: Iterable[str], heads: Sequence[str]) -> list[Candidate]:
        return [Candidate(one, head) for one in features for head in heads if self._fits(head, one)]

    def _fits(self, name: str, features: str) -> bool:
        if name == "mean":
            return features == "fractions"
        if name not in self.settings.heads:
            return False
        head = HEADS[name]
        able = len(self.rows) <= head.max_rows and not (self.n_classes and head.classifier is None)
        return able and not head.needs_encoder

    def _treated(self) -> list[Candidate]:
        """Return the best candidates with their values treated otherwise, where the values ask for it."""
        others = [one for one in treatments(self.values, self.n_classes) if one]
        best = [one for one in self.ranked() if one.head != "mean"][:N_TREATED]
        return [Candidate(one.features, one.head, treatment) for treatment in others for one in best]

    def _tuned(self) -> list[Candidate]:
        """Return the fine-tuned encoder, for each encoder whose vectors come near the best, or that nothing else tried.

        A gate it has by itself.
        """
        if FINETUNED not in self.settings.heads or not can_tune() or len(self.rows) > HEADS[FINETUNED].max_rows:
            return []
        encoders = {k: one for k, one in self.store.maker.vectors.items() if isinstance(one, CompositionEncoder)}
        found = {
            Candidate(f"{BASE}+size+{name}", FINETUNED): encoders[name] for name in encoders if self._comes_near(name)
        }
        self.seconds |= {timed(one): expected_seconds(len(self.rows), encoder) for one, encoder in found.items()}
        return list(found)

    def _comes_near(self, name: str) -> bool:
        losses = [self.first_loss(one) for one in self.predicted if name in one.features.split("+")]
        return not losses or min(losses) <= NEAR * self.first_loss(self.ranked()[0])

    def _screen(self, candidates: Iterable[Candidate], share: float) -> None:
        """Run candidates on the first inner fold, in a share of the time that is left."""
        self.attempt([(one, 0) for one in candidates], self.deadline.share(share))

    def _best_features(self, among: Sequence[str] | None) -> list[str]:
        """Return sets of features, the best first."""
        ranked = [one.features for one in self.ranked() if among is None or one.features in among]
        return list(dict.fromkeys(ranked))

    def _finalists(self) -> list[Candidate]:
        """Return the best, and the best of each head that comes near them: members that differ make better stacks."""
        ranked = [one for one in self.ranked() if one.head != "mean"] or self.ranked()
        lowest = self.first_loss(ranked[0])
        of_each = {one.head: one for one in reversed(ranked) if self.first_loss(one) <= NEAR * lowest}
        chosen = {*ranked[: max(1, N_FINALISTS - len(of_each))], *of_each.values()}
        chosen |= set([one for one in ranked if one not in chosen][: max(0, N_FINALISTS - len(chosen))])
        return [one for one in ranked if one in chosen]

    def _stack(self, finalists: list[Candidate]) -> dict[Candidate, float]:
        """Return the weights of a stack of those that ran on every fold that the best of the first fold ran on.

        Time cuts the slow ones, which are often the best: what happened to be fast must not take their place.
        """
        folds = sorted(self.predicted[finalists[0]])
        able = [one for one in finalists if self.predicted[one].keys() >= set(folds)]
        weights = self.weights(able, folds)
        return {one: float(weight) for one, weight in zip(able, weights, strict=True) if weight}
