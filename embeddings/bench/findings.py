"""What a contest found, in numbers: scores, what vectors add, rows that they saw, outliers, calibration."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.candidates import Candidate, loss_of
from embeddings.bench.comparison import Difference, difference
from embeddings.bench.contest import BASELINE, CHOSEN, Contest, OuterFold
from embeddings.bench.facts import is_seen
from embeddings.bench.measurements import Measurements
from embeddings.bench.paired import holm
from embeddings.bench.scores import Spread, scores_of

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

FRACTIONS = "fractions"
WITHOUT = "without vectors"
"""The contender that inner folds choose among features that need no catalog."""

N_OUTLIERS = 10
N_BINS = 10
MIN_UNSEEN = 10
"""Fewer rows than this do not give an error of their own."""

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Shares of the rows that intervals are to hold."""


@dataclass(frozen=True)
class Gain:
    """What a catalog or encoder adds, alone or joined to what needs none, as inner folds choose it.

    Attributes:
        vectors: name of the catalog or encoder.
        over_fractions: against element fractions; None where one of the two was not tried in every fold.
        over_without: against the best without vectors; None likewise.
    """

    vectors: str
    over_fractions: Difference | None
    over_without: Difference | None


@dataclass(frozen=True)
class Sight:
    """The loss of a contender on rows that the training of its vectors saw, and on the others.

    Attributes:
        contender: whose loss it is.
        vectors: those that it uses.
        share_seen: of the distinct formulas; None where a catalog does not tell.
        n_unseen: rows that were tested and are new to the vectors.
        seen: loss on rows that they saw; None on too few.
        unseen: loss on the others; None on too few.
        unseen_without: loss without vectors on those same others; None likewise.
    """

    contender: str
    vectors: tuple[str, ...]
    share_seen: float | None
    n_unseen: int = 0
    seen: float | None = None
    unseen: float | None = None
    unseen_without: float | None = None


@dataclass(frozen=True)
class Outlier:
    """A row that the chosen model is wrong about by most.

    Attributes:
        line: in the file, or the row counted from 1.
        formula: as the table spells it.
        value: measured, or the name of the class.
        predicted: of it, or the name of the likeliest class.
        error: predicted less measured, or the probability that was not given to the right class.
    """

    line: int
    formula: str
    value: float | str
    predicted: float | str
    error: float


@dataclass(frozen=True)
class Calibration:
    """How far to trust what a model says of its own certainty.

    Attributes:
        promised: share of rows that an interval is to hold, or mean probability that was given.
        found: share that it held, or share of rows that were of the class.
        n: rows of each point.
    """

    promised: tuple[float, ...] = ()
    found: tuple[float, ...] = ()
    n: tuple[int, ...] = ()


@dataclass(frozen=True)
class Findings:
    """All that a contest found.

    Attributes:
        scores: contender -> score -> spread over the outer folds, the best contender first.
        over: contender -> how it compares with element fractions.
        gains: of each catalog.
        chosen_over: contender -> how the chosen model compares with it.
        sights: of each catalog, and of the chosen model first if it uses any.
        members: candidate -> weight in the chosen model, mean over the outer folds, heaviest first.
        outliers: rows to check, worst first.
        calibration: of the chosen model.
    """

    scores: dict[str, dict[str, Spread]]
    over: dict[str, Difference]
    gains: tuple[Gain, ...]
    chosen_over: dict[str, Difference]
    sights: tuple[Sight, ...]
    members: dict[Candidate, float]
    outliers: tuple[Outlier, ...]
    calibration: Calibration

    @property
    def vectors(self) -> tuple[str, ...]:
        """Catalogs and encoders that the chosen model uses in any fold, the heaviest first."""
        weights = Counter[str]()
        for one, weight in self.members.items():
            for block in one.features.split("+"):
                weights[block] += weight  # type: ignore[assignment]
        known = {gain.vectors for gain in self.gains}
        return tuple(name for name, _ in weights.most_common() if name in known)


def findings_of(contest: Contest, vectors: Mapping[str, Vectors]) -> Findings:
    """Return what a contest with at least one outer fold found.

    Args:
        contest: as `hold_contest` returns it.
        vectors: name -> catalog or encoder.
    """
    contest = with_nested(contest, vectors)
    there, members = contest.contenders, _members(contest.folds)
    made = Findings(
        scores={name: scores_of(contest, name) for name in there},
        over=_differences(contest, [(name, FRACTIONS) for name in there]),
        gains=_gains(contest, vectors),
        chosen_over={one.other: one for one in _chosen_over(contest)},
        sights=(),
        members=members,
        outliers=_outliers(contest),
        calibration=_calibration(contest),
    )
    chosen = [(CHOSEN, made.vectors)] if made.vectors else []
    asked = [*chosen, *((with_(name), (name,)) for name in vectors if with_(name) in there)]
    return replace(made, sights=tuple(_sight(contest, name, uses, vectors) for name, uses in asked))


def with_(vectors: str) -> str:
    """Return the name of the contender that inner folds choose among features with this catalog and no other."""
    return f"with {vectors}"


def with_nested(contest: Contest, vectors: Mapping[str, Vectors]) -> Contest:
    """Add contenders that are chosen on inner folds: one for each catalog, and one without any."""
    return replace(contest, folds=[_nested(fold, vectors) for fold in contest.folds])


def _nested(fold: OuterFold, vectors: Mapping[str, Vectors]) -> OuterFold:
    def best(allowed: Callable[[set[str]], bool]) -> np.ndarray | None:
        able = [one for one in fold.choice.losses if one.features in fold.predicted and one.head != "mean"]
        among = [one for one in able if allowed(set(one.features.split("+")))]
        return fold.predicted[min(among, key=fold.choice.losses.__getitem__).features] if among else None

    added = {with_(name): best(lambda blocks, name=name: blocks & set(vectors) == {name}) for name in vectors}  # type: ignore[misc]
    added[WITHOUT] = best(lambda blocks: not blocks & set(vectors))
    return replace(fold, predicted=fold.predicted | {name: made for name, made in added.items() if made is not None})


def _differences(contest: Contest, pairs: Iterable[tuple[str, str]]) -> dict[str, Difference]:
    there = contest.contenders
    return {a: difference(contest, a, b) for a, b in pairs if a != b and a in there and b in there}


def _chosen_over(contest: Contest) -> list[Difference]:
    others = [name for name in (BASELINE, FRACTIONS, WITHOUT) if name in contest.contenders]
    return [difference(contest, CHOSEN, other) for other in others]


def _gains(contest: Contest, vectors: Mapping[str, Vectors]) -> tuple[Gain, ...]:
    over_fractions = _holm(_differences(contest, [(with_(name), FRACTIONS) for name in vectors]))
    over_without = _holm(_differences(contest, [(with_(name), WITHOUT) for name in vectors]))
    return tuple(Gain(name, over_fractions.get(with_(name)), over_without.get(with_(name))) for name in vectors)


def _holm(found: dict[str, Difference]) -> dict[str, Difference]:
    raised = holm({name: one.p for name, one in found.items()})
    return {name: replace(one, p=raised[name]) for name, one in found.items()}


def _members(folds: Sequence[OuterFold]) -> dict[Candidate, float]:
    weights = defaultdict[Candidate, float](float)
    for fold in folds:
        for one, weight in fold.choice.weights.items():
            weights[one] += weight / len(folds)
    return dict(sorted(weights.items(), key=lambda item: (-item[1], item[0])))


def _sight(contest: Contest, contender: str, uses: tuple[str, ...], vectors: Mapping[str, Vectors]) -> Sight:
    known = [is_seen(contest.data, vectors[name]) for name in uses]
    told = [one for one in known if one is not None]
    if len(told) < len(known):
        return Sight(contender, uses, None)
    seen = np.any(told, axis=0)
    distinct, first = np.unique(contest.data.formulas.astype(str), return_index=True)
    rows = np.unique(contest.predictions(contender)[0])
    return Sight(
        contender,
        uses,
        share_seen=float(seen[first].sum() / len(distinct)),
        n_unseen=int((~seen[rows]).sum()),
        seen=_loss_on(contest, contender, seen),
        unseen=_loss_on(contest, contender, ~seen),
        unseen_without=_loss_on(contest, WITHOUT, ~seen),
    )


def _loss_on(contest: Contest, contender: str, chosen: np.ndarray) -> float | None:
    """Return the loss on some rows, (n,) bool, or None where they are too few."""
    if contender not in contest.contenders:
        return None
    rows, predicted = contest.predictions(contender)
    asked = chosen[rows]
    if len(set(rows[asked].tolist())) < MIN_UNSEEN:
        return None
    return loss_of(len(contest.data.classes))(predicted[asked], contest.data.values[rows[asked]])


def mean_predictions(contest: Contest, contender: str = CHOSEN) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that were tested, each once, and the mean over repeats of what was predicted of them."""
    tested, predicted = contest.predictions(contender)
    rows, row_of, counts = np.unique(tested, return_inverse=True, return_counts=True)
    total = np.zeros((len(rows), predicted.shape[1]))
    np.add.at(total, row_of, predicted)
    return rows, total / counts[:, None]


def _outliers(contest: Contest) -> tuple[Outlier, ...]:
    data = contest.data
    rows, predicted = mean_predictions(contest)
    if data.is_classification:
        errors = 1 - predicted[np.arange(len(rows)), data.values[rows].astype(int)]
    else:
        errors = predicted[:, 0] - data.values[rows]
    worst = np.argsort(-np.abs(errors), kind="stable")[:N_OUTLIERS]
    return tuple(_outlier(data, int(rows[k]), predicted[k], float(errors[k])) for k in worst)


def _outlier(data: Measurements, row: int, predicted: np.ndarray, error: float) -> Outlier:
    def named(number: Any) -> float | str:
        return data.classes[int(number)] if data.is_classification else float(number)

    likeliest = predicted.argmax() if data.is_classification else predicted[0]
    return Outlier(int(data.lines[row]), str(data.spelled[row]), named(data.values[row]), named(likeliest), error)


def _calibration(contest: Contest) -> Calibration:
    return _reliability(contest) if contest.data.is_classification else _coverage(contest)


def _coverage(contest: Contest) -> Calibration:
    """Return how many rows of a fold lie within the errors of the other folds, as wide for every row."""
    if len(contest.folds) < 2:
        return Calibration()
    rows, predicted = contest.predictions()
    errors = np.abs(predicted[:, 0] - contest.data.values[rows])
    held: list[np.ndarray] = []
    for fold in contest.folds:
        others = np.sort(errors[~np.isin(rows, fold.test)])
        if not len(others):
            return Calibration()
        ranks = [min(len(others), int(np.ceil(level * (len(others) + 1)))) - 1 for level in LEVELS]
        ours = np.abs(fold.predicted[CHOSEN][:, 0] - contest.data.values[fold.test])
        held.append(ours[:, None] <= others[ranks])
    inside = np.concatenate(held)
    return Calibration(LEVELS, tuple(inside.mean(axis=0).tolist()), (len(inside),) * len(LEVELS))


def _reliability(contest: Contest) -> Calibration:
    """Return probabilities of the second of two classes, or of the likeliest, against how often it was right."""
    rows, predicted = mean_predictions(contest)
    called = np.ones(len(rows), dtype=int) if len(contest.data.classes) == 2 else predicted.argmax(axis=1)
    given, right = predicted[np.arange(len(rows)), called], contest.data.values[rows] == called
    bins = np.minimum((given * N_BINS).astype(int), N_BINS - 1)
    there = np.unique(bins).tolist()
    return Calibration(
        tuple(float(given[bins == k].mean()) for k in there),
        tuple(float(right[bins == k].mean()) for k in there),
        tuple(int((bins == k).sum()) for k in there),
    )
