"""The front door: measurements and catalogs in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.clock import Clock, check_budget
from embeddings.bench.contest import CHOSEN, Contest, hold_contest
from embeddings.bench.curve import Curve, learning_curve
from embeddings.bench.evidence import Evidence, Plan
from embeddings.bench.facts import facts_of
from embeddings.bench.feature_store import FeatureStore
from embeddings.bench.features import BASE, STRUCTURES, FeatureMaker, by_name
from embeddings.bench.findings import findings_of
from embeddings.bench.folds import Folds, Split, outer_folds
from embeddings.bench.heads import checked_heads
from embeddings.bench.in_context_weights import PathLike, require_weights, use_weights
from embeddings.bench.joining import with_structures
from embeddings.bench.measurements import Measurements, measurements
from embeddings.bench.report import Report
from embeddings.bench.structures import StructuresLike, read_structures
from embeddings.bench.trials import Settings
from embeddings.errors import InputInvalid
from embeddings.loaders import as_catalog, list_catalogs
from embeddings.protocols import CatalogLike

if TYPE_CHECKING:
    from embeddings.bench.features import Pooled, Vectors

DEFAULT_CATALOGS = ("ct-multi", "cromel-multi")
"""Those of them that are installed take part where no catalog is named."""

MAX_ROWS = 20_000
"""Of more rows as many are drawn at random, formula by formula."""

CONTEST_SHARE = 0.85
"""Of the budget; the rest is for the learning curves."""

Progress = Callable[[str, float], None]
"""Told what is being done, and which share of all work is done, from 0 to 1."""


def compare(
    data_or_formulas: Measurements | Sequence[Any],
    values: Sequence[Any] | None = None,
    *,
    catalogs: CatalogLike | Sequence[CatalogLike] | None = None,
    structures: StructuresLike | None = None,
    ids: Sequence[Any] | None = None,
    split: Split = "formula",
    n_folds: int = 5,
    n_repeats: int = 1,
    budget: float | None = None,
    seed: int = 0,
    heads: Sequence[str] | None = None,
    progress: Progress | None = None,
    target: str | None = None,
    unit: str = "",
    source: str = "",
    formula_column: str = "",
    id_column: str = "",
    in_context_weights: PathLike | None = None,
) -> Report:
    """Find the best honest model for measurements, and say which vectors help it.

    Features, heads and their stack are chosen on inner folds; outer folds judge that choice. Ctrl-C ends it early: the
    report then holds the folds that were done, and says so.

    Args:
        data_or_formulas: `Measurements`, or n formulas.
        values: n measurements, numbers or classes, if formulas were given.
        catalogs: catalogs and encoders, by name, path or loaded; None for ``ct-multi`` and ``cromel-multi``, those of
            them that are installed; an empty list for none.
        structures: a file of vectors that ``embeddings embed`` wrote, or a folder of structure files, which the encoder
            of ``ct-multi`` then gives vectors. They take part as the features ``structures``; rows without a structure
            are set aside.
        ids: n identifiers of structures, or names of their files, if formulas were given.
        split: what is never on both sides of an outer fold: see `embeddings.bench.folds.outer_folds`.
        n_folds: outer folds.
        n_repeats: how often the rows are dealt into folds anew; more than once for ``"formula"`` and ``"system"``.
        budget: seconds that it may take; what does not fit is left out, and the report says so. None for no bound.
        seed: of folds and heads: the same seed gives the same report, unless the budget ends first.
        heads: names out of `embeddings.bench.heads.HEADS`; all that can take part if None.
        progress: told what is being done and the share that is done.
        target: what was measured; the name of `values` if it has one.
        unit: of the values.
        source: file that the rows come from, for the report.
        formula_column: of that file, where it has to be named, for the report.
        id_column: likewise.
        in_context_weights: checkpoint of TabICL, or a folder with them, for the head "in-context"; None for what
            ``EMBEDDINGS_TABICL_WEIGHTS`` names.

    Raises:
        InputInvalid: too few rows or formulas, an unknown head or split, a budget that is not above 0, or two catalogs
            of one name.
        ColumnNotFound: there are structures, and no identifiers of them.
        SourceError: no file of the folder can be read as a structure.
        TargetInvalid: the values cannot be learned.
        CatalogNotFound: no catalog goes by a name.
        MissingExtra: a package of the extra is not installed, or weights are named and tabicl is not installed.
        WeightsNotFound: the weights that are named are not there.

    Example:
        >>> from embeddings.bench import compare
        >>> report = compare(formulas, values, target="band gap", unit="eV", budget=600)  # doctest: +SKIP
        >>> print(report)  # doctest: +SKIP
        >>> report.write_html("report.html")  # doctest: +SKIP
    """
    check_budget(budget)
    clock = Clock(budget)
    all_rows = _as_measurements(data_or_formulas, values, target, unit, ids)
    vectors: dict[str, Vectors] = {**named_vectors(default_catalogs() if catalogs is None else catalogs)}
    names, crystals = tuple(vectors), None if structures is None else read_structures(structures)
    if crystals is not None:
        all_rows, vectors = with_structures(all_rows, crystals), vectors | {STRUCTURES: crystals}
    data = _sampled(all_rows, seed)
    folds = _all_folds(data, split, n_folds, n_repeats, seed)
    with use_weights(in_context_weights):
        settings = Settings(heads=checked_heads(heads), seed=seed)
        weights = require_weights(settings.heads, classify=data.is_classification)
        plan = Plan(
            names, split, len(folds), n_repeats, budget, seed, len(all_rows), source, formula_column,
            "" if crystals is None else crystals.source, id_column, str(weights.path) if weights else "",
        )  # fmt: skip
        return Report(_Bench(data, vectors, folds, plan, settings, clock, progress or (lambda what, share: None)).run())


def default_catalogs() -> tuple[str, ...]:
    """Return those of `DEFAULT_CATALOGS` that are installed."""
    there = list_catalogs()
    return tuple(name for name in DEFAULT_CATALOGS if name in there)


def named_vectors(catalogs: CatalogLike | Sequence[CatalogLike]) -> dict[str, Pooled]:
    """Return catalogs and encoders by name, loaded.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        InputInvalid: two of one name, or a name that means something else here.
    """
    several = isinstance(catalogs, Sequence) and not isinstance(catalogs, str)
    every: Sequence[Any] = catalogs if several else (catalogs,)  # type: ignore[assignment]
    return by_name(map(as_catalog, every))


def _as_measurements(
    given: Measurements | Sequence[Any], values: Sequence[Any] | None, target: str | None, unit: str,
    ids: Sequence[Any] | None,
) -> Measurements:  # fmt: skip
    if isinstance(given, Measurements):
        if values is not None or ids is not None:
            raise InputInvalid(
                "A Measurements object already holds values and identifiers. Give either that, or formulas and values."
            )
        return given
    if values is None:
        raise InputInvalid("There are formulas but no values. Give one value for each formula.")
    name = target or getattr(values, "name", None) or "target"
    return measurements(given, list(values), target=str(name), unit=unit, ids=ids)


def _sampled(data: Measurements, seed: int) -> Measurements:
    """Return at most `MAX_ROWS` rows, all or none of each material."""
    if len(data) <= MAX_ROWS:
        return data
    distinct, material_of, counts = np.unique(data.materials.astype(str), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    kept = order[np.cumsum(counts[order]) <= MAX_ROWS]
    return data.take(np.flatnonzero(np.isin(material_of, kept)))


def _all_folds(data: Measurements, split: Split, n_folds: int, n_repeats: int, seed: int) -> Folds:
    if n_repeats < 1:
        raise InputInvalid(f"{n_repeats} is too few repeats; give at least 1.")
    if n_repeats > 1 and split not in ("formula", "system"):
        raise InputInvalid(f'The split "{split}" divides the rows in only one way: use one repeat.')
    return [fold for k in range(n_repeats) for fold in outer_folds(data, split, n_folds=n_folds, seed=seed + k)]


@dataclass
class _Bench:
    """One run: contest, findings, learning curves."""

    data: Measurements
    vectors: Mapping[str, Vectors]
    folds: Folds
    plan: Plan
    settings: Settings
    clock: Clock
    progress: Progress
    maker: FeatureMaker = field(init=False)

    def __post_init__(self) -> None:
        self.maker = FeatureMaker(self.vectors)

    def run(self) -> Evidence:
        """Return all that was learned."""
        facts = facts_of(self.data, self.vectors)
        contest = self._contest()
        if not contest.folds:
            return Evidence(self.plan, self.data, facts, contest)
        findings = findings_of(contest, self.vectors)
        curves, was_cut = ((), True) if contest.was_stopped else self._curves(contest)
        return Evidence(self.plan, self.data, facts, contest, findings, curves, was_cut)

    def _contest(self) -> Contest:
        budget = self.clock.seconds
        clock = Clock(None if budget is None else max(0.0, CONTEST_SHARE * budget - self.clock.spent))

        def advance(done: float) -> None:
            self.progress(f"fold {min(len(self.folds), int(done) + 1)}", CONTEST_SHARE * done / len(self.folds))

        return hold_contest(self.data, self.maker, self.folds, settings=self.settings, clock=clock, advance=advance)

    def _curves(self, contest: Contest) -> tuple[tuple[Curve, ...], bool]:
        """Return the learning curves of `BASE` and of the best with vectors, and whether time or Ctrl-C cut them."""
        store, deadline = FeatureStore(self.maker, self.data), self.clock.until(1.0)
        made: list[Curve] = []
        try:
            for k, features in enumerate(asked := self._features_of_curves(contest)):
                self.progress("learning curve", CONTEST_SHARE + (1 - CONTEST_SHARE) * k / len(asked))
                made.append(learning_curve(contest, store, features, seed=self.plan.seed, deadline=deadline))
        except KeyboardInterrupt:
            return tuple(made), True
        return tuple(made), any(curve.was_cut for curve in made)

    def _features_of_curves(self, contest: Contest) -> list[str]:
        with_vectors = [name for name in contest.contenders if set(name.split("+")) & set(self.vectors)]
        return [name for name in (BASE, *with_vectors[:1]) if name in contest.contenders and name != CHOSEN]
