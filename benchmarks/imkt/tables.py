"""Results of the tasks as Markdown: what transfer gains on average, every task, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import mean

from benchmarks import markdown
from benchmarks.harness import Document
from benchmarks.imkt.figures import PARTS
from benchmarks.imkt.outcome import Key, Outcome, name_of, outcome_of
from benchmarks.imkt.summary import WORDS, contenders_of, gains, verdict
from benchmarks.imkt.tasks import TASKS, Family
from benchmarks.imkt.ways import NOTHING

FAMILIES: dict[Family, str] = {
    "jarvis": "JARVIS: 39 calculated properties and two experiments",
    "mp": "Formation energies and band gaps of the Materials Project, fold 0",
    "sets": "MatBench's sets of compositions, and experiments",
}
ERRORS = (
    "Mean absolute error on all tested rows (on seen formulas, on unseen ones); bold where it is clearly below that of "
    "the same model without transfer"
)


def page(results: Sequence[Document]) -> str:
    """Return what transfer gains in every family, the goals, and all tables."""
    outcomes = [outcome_of(result) for result in results]
    parts = [_sources(results), verdict(results)]
    for family, words in FAMILIES.items():
        of = [one for one in outcomes if TASKS[one.name].family == family]
        if of:
            parts += [f"## {words}", gains(of, family), *_wide_tables(of, family)]
    return "\n\n".join(parts)


def table(result: Document) -> str:
    """Return the table of one task, the lowest error first."""
    one, about = outcome_of(result), TASKS[result["name"]]
    ranked = sorted(one.scores, key=lambda key: one.scores[key].error)
    cells = [[*key, *_figures(one, key), _percent(one.change(key)), *_probabilities(one, key)] for key in ranked]
    columns = [
        "model", "encoder", *(f"{about.metric}, {words}" if not part else words for part, words in WORDS.items()),
        "change", "p", "p, CrabNet",
    ]  # fmt: skip
    said = [_rows_in_words(one), *(f"{who} {value:g}" for who, value in about.published.items()), about.remark]
    return f"### {one.name}\n\n{'; '.join(filter(None, said))}.\n\n{markdown.table(columns, cells)}"


def _sources(results: Sequence[Document]) -> str:
    """Return how many tested formulas of all tasks each encoder saw in its training."""
    total: dict[str, list[int]] = {}
    for result in results:
        for name, one in result["encoders"].items():
            counts = total.setdefault(f"{name} {one['version']} ({one['architecture']})", [0, 0, 0])
            for place, number in enumerate((1, one["n_saw"], result["settings"]["n_tested_formulas"])):
                counts[place] += number
    cells = [[name, f"{n}", f"{saw:,} of {of:,}"] for name, (n, saw, of) in sorted(total.items())]
    return markdown.table(["encoder", "tasks", "tested formulas that its training saw"], cells)


def _wide_tables(outcomes: Sequence[Outcome], family: Family) -> Iterator[str]:
    """Yield a row for each task: all tested rows, then those whose formula does not stand in the training part."""
    yield f"{ERRORS}:"
    yield _wide(outcomes, lambda one, key: _cell(one, key))
    if family == "jarvis":
        yield "Without the tested rows whose formula stands in the training part as well:"
        yield _wide(outcomes, lambda one, key: markdown.brief(one.scores[key].mae["_new"]), rows="_new")
    crabnet = [one for one in outcomes if TASKS[one.name].by_fold]
    if crabnet:
        yield "Mean error over that of CrabNet in the same folds, less one; p of the paired test over folds:"
        yield _wide(crabnet, _beside_crabnet)
    remarks = [f"{one.name}: {TASKS[one.name].remark}" for one in outcomes if TASKS[one.name].remark]
    if remarks:
        yield "\n".join(f"- {remark}." for remark in remarks)


def _wide(outcomes: Sequence[Outcome], cell: Callable[[Outcome, Key], str], rows: str = "") -> str:
    keys = contenders_of(outcomes)
    known = list(dict.fromkeys(who for one in outcomes for who in TASKS[one.name].published))
    cells = [
        [
            _task_in_words(one.name),
            f"{one.n_tested[rows]:,}",
            *(f"{value:g}" if (value := TASKS[one.name].published.get(who)) is not None else NOTHING for who in known),
            *(cell(one, key) if key in one.scores else NOTHING for key in keys),
        ]
        for one in outcomes
    ]
    return markdown.table(["task", "tested rows", *(f"{who} (published)" for who in known), *map(name_of, keys)], cells)


def _task_in_words(name: str) -> str:
    """Return a task with its unit, marked where it is odd."""
    unit = TASKS[name].metric.partition(", ")[2]
    return f"{name}{' †' if TASKS[name].remark else ''}{f' ({unit})' if unit else ''}"


def _cell(one: Outcome, key: Key) -> str:
    """Return the error on all rows, on seen and on unseen ones; bold if clearly better than without transfer."""
    said, score = _spread(one, key), one.scores[key]
    if (one.change(key) or 0) < 0 and one.is_clear(key):
        said = f"**{said}**"
    return f"{said} ({markdown.brief(score.mae['_seen'])}, {markdown.brief(score.mae['_unseen'])})"


def _beside_crabnet(one: Outcome, key: Key) -> str:
    p, by_fold = one.p_of_crabnet(key), TASKS[one.name].by_fold
    return f"{_percent(one.scores[key].error / mean(by_fold) - 1)}{'' if p is None else f' (p {p:.2g})'}"


def _spread(one: Outcome, key: Key) -> str:
    score = one.scores[key]
    return markdown.mean_and_std(score.error, score.spread) if score.spread else f"{score.error:.4g}"


def _figures(one: Outcome, key: Key) -> list[str]:
    return [_spread(one, key), *(markdown.brief(one.scores[key].mae[part]) for part in PARTS if part)]


def _probabilities(one: Outcome, key: Key) -> list[str]:
    rival = one.rival(key)
    found = (one.p.get((key, rival)) if rival else None, one.p_of_crabnet(key))
    return [NOTHING if p is None else f"{p:.2g}" for p in found]


def _rows_in_words(one: Outcome) -> str:
    n = one.n_tested
    return (
        f"{n['']:,} tested rows, {n['_new']:,} of formulas that are not in the training part, "
        f"{n['_seen']:,} of formulas in the source of the encoders"
    )


def _percent(change: float | None) -> str:
    return NOTHING if change is None else f"{change:+.1%}"
