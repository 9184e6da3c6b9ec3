"""Results of the bench as Markdown: each set, all sets beside published scores, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from benchmarks import markdown
from benchmarks.bench.goals import CRABNET, CRABNET_GOAL, GOALS, OPEN
from benchmarks.bench.outcome import CHOSEN, FOREST, Outcome, outcome_of
from benchmarks.harness import Document, Row
from benchmarks.sets import PUBLISHED, SETS
from benchmarks.speed import tables as speed

LABELS = {
    "mae": "MAE", "rmse": "RMSE", "r2": "R2", "log_loss": "log loss", "auc": "ROC-AUC",
    "balanced_accuracy": "balanced accuracy",
}  # fmt: skip

BEST = "best from composition"


def page(results: Sequence[Document]) -> str:
    """Return all sets beside published scores, what they come to, and every table."""
    checks = [table(result) for result in results if not _is_set(result)]
    sets = [result for result in results if _is_set(result)]
    return "\n\n".join([*(_all_sets(sets) if sets else []), *checks, *map(_set_table, sets)])


def table(result: Document) -> str:
    """Return the table of one result."""
    return _set_table(result) if _is_set(result) else speed.table(result | {"rows": result["summary"]})


def verdict(results: Sequence[Document]) -> str:
    """Return in words what all sets come to; nothing if none is measured."""
    sets = [result for result in results if _is_set(result)]
    return _verdict(sets, [outcome_of(result) for result in sets]) if sets else ""


def catalogs_of(settings: Mapping[str, Any]) -> str:
    """Return in words which catalogs took part."""
    return ", ".join(f"{one['name']} {one['version']}" for one in settings["catalogs"]) or "no vectors"


def _is_set(result: Document) -> bool:
    return result["name"] in SETS


def _all_sets(results: Sequence[Document]) -> list[str]:
    outcomes = [outcome_of(result) for result in results]
    classes = [result for result in results if outcome_of(result).is_class]
    return [_overview(results, outcomes), _verdict(results, outcomes), *([_classes(classes)] if classes else [])]


def _set_table(result: Document) -> str:
    """Return the table of one set, the contender with the lowest loss first."""
    runs, names = result["runs"], _score_names(result)
    common = set.intersection(*(set(run["scores"]) for run in runs))
    ranked = sorted(common, key=lambda who: (mean(run["scores"][who][names[0]]["mean"] for run in runs), who))
    cells = [
        [who, *(_over_seeds(runs, who, name) for name in names), _unseen(runs, who, names[0]), _p(runs, who)]
        for who in ranked
    ]
    columns = ["contender", *(LABELS[name] for name in names), f"{LABELS[names[0]]}, unseen", "p, chosen against it"]
    return "\n".join([f"### {result['name']}", "", f"{_about(result)}", "", markdown.table(columns, cells), ""])


def _verdict(results: Sequence[Document], outcomes: Sequence[Outcome]) -> str:
    worse = [one.name for one in outcomes if not one.is_not_worse]
    better = sum(one.is_better for one in outcomes)
    beaten = {one.name: met for one in outcomes for goal, met in one.reached() if goal.what == CRABNET}
    n_crabnet = sum(any(goal.what == CRABNET for goal in goals) for goals in GOALS.values())
    missed = [f"{one.name} ({goal.what})" for one in outcomes for goal, met in one.reached() if not met]
    cut = sorted({result["name"] for result in results for run in result["runs"] if run["was_cut"]})
    return "\n".join(
        [
            f"- {len(outcomes)} of {len(SETS)} sets are measured. The chosen model is better than the {FOREST} on "
            f"{better}, and worse by more than one standard error on {', '.join(worse) or 'none'}.",
            f"- CrabNet is beaten on {sum(beaten.values())} of {len(beaten)} sets measured, "
            f"of {n_crabnet} that it was published for; the goal is {CRABNET_GOAL}.",
            f"- Goals that are not reached: {', '.join(missed) or 'none'}.",
            f"- The budget cut the search on {', '.join(cut) or 'none'}.",
        ]
    )


def _overview(results: Sequence[Document], outcomes: Sequence[Outcome]) -> str:
    columns = [
        "set", "rows", "chosen", FOREST, "p", "not worse by a standard error", "CrabNet", BEST,
        "open, not merged", "goals",
    ]  # fmt: skip
    return markdown.table(columns, [_line(*pair) for pair in zip(results, outcomes, strict=True)])


def _line(result: Document, one: Outcome) -> list[str]:
    known, announced = PUBLISHED.get(one.name, {}), OPEN.get(one.name)
    return [
        f"{one.name} ({_unit(one)})",
        f"{result['settings']['n_rows']:,}",
        _score(one),
        f"{one.forest:.4g}",
        _p(result["runs"], FOREST, one.metric),
        "yes" if one.is_not_worse else "**no**",
        *(f"{known[key]:.4g}" if key in known else "-" for key in (CRABNET, BEST)),
        f"{announced.value:.4g} ({announced.what})" if announced else "-",
        "; ".join(f"{goal.what} {goal.value:g} {'yes' if met else 'no'}" for goal, met in one.reached()) or "-",
    ]


def _classes(results: Sequence[Document]) -> str:
    """Return all three scores of classes, which are not the same measure."""
    cells = [
        [result["name"], who, *(_over_seeds(result["runs"], who, name) for name in _score_names(result))]
        for result in results
        for who in (CHOSEN, FOREST, "baseline")
    ]
    return markdown.table(["set", "contender", *(LABELS[name] for name in _score_names(results[0]))], cells)


def _unit(one: Outcome) -> str:
    unit = SETS[one.name].metric.partition(", ")[2]
    return "balanced accuracy" if one.is_class else ", ".join(["MAE", *([unit] if unit else [])])


def _score(one: Outcome) -> str:
    over_seeds = "" if one.seed_std is None else f", over seeds {one.seed_std:.2g}"
    return markdown.mean_and_std(one.score, one.std) + over_seeds


def _about(result: Document) -> str:
    runs, settings = result["runs"], result["settings"]
    seconds = ", ".join(f"{run['seconds']:,.0f}" for run in runs)
    n_cut = sum(run["was_cut"] for run in runs)
    folds = "official folds" if settings["split"] == "given" else "folds grouped by formula"
    return (
        f"{settings['n_rows']:,} rows, {folds}; {catalogs_of(settings)}, {_seen_words(runs[0])}; "
        f"seconds of {settings['budget']:,.0f}: {seconds}{f'; {n_cut} of {len(runs)} runs were cut' if n_cut else ''}."
        f"{' **Not all folds were done.**' if any(run['n_folds'] < run['n_folds_planned'] for run in runs) else ''}"
        f"{' The runs are of different code.' if len({run['code'] for run in runs}) > 1 else ''}"
    )


def _seen_words(run: dict[str, Any]) -> str:
    n_seen = run["seen"]["n_rows"]
    if n_seen is None:
        return "which do not tell what they saw"
    return f"whose training saw {n_seen:,} of the rows" if n_seen else "whose training saw none of the rows"


def _score_names(result: Document) -> list[str]:
    return [name for name in LABELS if name in result["rows"][0]]


def _over_seeds(runs: Sequence[Row], who: str, name: str) -> str:
    """Return the mean over folds and seeds with the spread over folds."""
    found = [run["scores"][who][name] for run in runs]
    means = [one["mean"] for one in found if one["mean"] is not None]
    stds = [one["std"] for one in found if one["std"] is not None]
    if not means:
        return "-"
    return markdown.mean_and_std(mean(means), mean(stds)) if stds else f"{mean(means):.4g}"


def _unseen(runs: Sequence[Row], who: str, name: str) -> str:
    found = [run["seen"]["unseen"].get(who, {}).get(name) for run in runs]
    return "-" if None in found or not found else f"{mean(found):.4g}"


def _p(runs: Sequence[Row], who: str, name: str | None = None) -> str:
    """Return the probability of each seed; of the loss if no score is named."""
    tested = [run["p"][who] for run in runs if who in run["p"]]
    found = [one[name or next(iter(one))] for one in tested]
    return ", ".join("-" if p is None else f"{p:.2g}" for p in found) or "-"
