"""Errors of properties from vectors of taught networks, as Markdown: a row for each way, a column for each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row
from benchmarks.teachers.ways import TAUGHT, WAYS

OWN, JOINED = "its own", "with the teacher's"

NETWORKS = {name: way.name for name, way in WAYS.items()}

SHOWN = {
    ("mean", OWN): "mean of the training rows",
    **{(way, OWN): f"network: {name}" for way, name in NETWORKS.items()},
    ("teacher", OWN): "the teacher's own vectors",
    **{(way, JOINED): f"the teacher's own and the network's: {name}" for way, name in NETWORKS.items()},
}
"""Way and vectors -> name of the row."""

COMPARED = (
    *(((way, OWN), ("labels", OWN)) for way in NETWORKS if way != "labels"),
    *(((way, OWN), ("longer", OWN)) for way in ("copies", "copies-rare", "stiffness-longer", "teacher-longer")),
    (("teacher-copies", OWN), ("teacher-longer", OWN)),
    *(((way, OWN), ("teacher", OWN)) for way in TAUGHT),
    *(((way, OWN), ("labels", JOINED)) for way in TAUGHT if way != "labels"),
    *(((way, JOINED), ("labels", JOINED)) for way in NETWORKS if way != "labels"),
)
"""What is compared with what, in pairs."""

Key = tuple[str, str]


def table(result: Document) -> str:
    """Return errors of every way, how each compares with another in pairs, and what is told of the networks."""
    settings, rows = result["settings"], result["rows"]
    n_seeds = len({row["seed"] for row in rows})
    about = (
        f"Networks of `{settings['recipe']}`, {settings['epochs']} epochs on {settings['n_learned']:,} structures of "
        f"at most {settings['max_sites']} atoms, none of a formula of AFLOW; the teacher is {settings['teacher']}. "
        f"Mean absolute error of the decadic logarithm on {settings['n_test']} structures {_tested(settings)}, learned "
        f"from {settings['n_training']:,} of other formulas by ridge or {settings['n_trees']} extra trees, as inner "
        f"folds choose; mean over {n_seeds} seeds of the network, and their standard deviation."
    )
    if "n_copies" in settings:
        about += (
            f" There are {settings['n_copies']:,} copies, of structures of at most {settings['copies_max_sites']} "
            "atoms, also of those held out."
        )
    parts = [f"### {result['title']}", about, _errors(rows, list(settings["targets"])), _comparisons(result)]
    return "\n\n".join([*parts, _trainings(result)]) + "\n"


def _tested(settings: dict[str, Any]) -> str:
    """Return where what is tested comes from."""
    if "phonons" in settings["targets"]:
        return "of MatBench (those of two official folds whose formulas no network learned from)"
    return "of AFLOW"


def _errors(rows: Sequence[Row], targets: list[str]) -> str:
    cells = [[name, *(_cell(rows, key, target) for target in targets)] for key, name in SHOWN.items()]
    return markdown.table(["vectors", *targets], [line for line in cells if set(line[1:]) != {"-"}])


def _cell(rows: Sequence[Row], key: Key, target: str) -> str:
    errors = [row["mae"] for row in _of(rows, key, target)]
    if not errors:
        return "-"
    return f"{np.mean(errors):.4f}" + (f" ± {np.std(errors, ddof=1):.4f}" if len(errors) > 1 else "")


def _of(rows: Sequence[Row], key: Key, target: str) -> list[dict[str, Any]]:
    return [row for row in rows if (row["way"], row["vectors"], row["target"]) == (*key, target)]


def _comparisons(result: Document) -> str:
    there = {(row["way"], row["vectors"]) for row in result["rows"]}
    lines = [
        [SHOWN[ours], SHOWN[theirs], *_changes(result, ours, theirs)]
        for ours, theirs in COMPARED
        if {ours, theirs} <= there
    ]
    n = len(result["rows"][0]["parts"])
    about = (
        f"Change of the error, with the probability of it by chance: paired over {n} parts of the test rows, after the "
        "mean over seeds, raised after Holm for the targets of a line. It says nothing of other networks than these."
    )
    return f"{about}\n\n{markdown.table(['vectors', 'beside', *result['settings']['targets']], lines)}"


def _changes(result: Document, ours: Key, theirs: Key) -> list[str]:
    from embeddings.bench.paired import corrected_p, holm

    changes, chances = {}, {}
    for target in result["settings"]["targets"]:
        mine, other = (np.mean([row["parts"] for row in _of(result["rows"], key, target)], axis=0)
                       for key in (ours, theirs))  # fmt: skip
        changes[target] = mine.mean() / other.mean() - 1
        chances[target] = corrected_p(mine - other, 0.0)
    raised = holm(chances)
    return [f"{changes[target]:+.1%}, p {_chance(raised[target])}" for target in changes]


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _trainings(result: Document) -> str:
    labels = result["settings"]["labels"]
    cells = []
    for way, name in NETWORKS.items():
        ours = [one for one in result["trainings"] if one["way"] == way]
        if ours:
            errors = [_mean([one["validation"].get(label) for one in ours]) for label in labels]
            taught = _mean([one["r2"] for one in ours], 3)
            cells.append([name, *errors, taught, f"{np.mean([one['cpu_seconds'] for one in ours]):.0f}"])
    about = (
        f"The networks on the {result['settings']['n_held_out']:,} structures held out of their own training: mean "
        "absolute errors of the labels (with copies, of their volumes too), and the share of the variance of the "
        "teacher's vectors that is predicted."
    )
    table = markdown.table(["network", *labels, "teacher, R2", "CPU s"], cells)
    return "\n\n".join([about, table, *_beyond(result, labels)])


def _beyond(result: Document, labels: Sequence[str]) -> list[str]:
    """Return what is predicted of copies and of stiffness, a sentence for each network that learned it."""
    sentences = []
    for way, name in NETWORKS.items():
        ours = [one.get("validation_r2", {}) for one in result["trainings"] if one["way"] == way]
        more = [target for target in (ours[0] if ours else ()) if target not in labels]
        if more:
            told = ", ".join(f"{target} {_mean([one[target] for one in ours], 2)}" for target in more)
            sentences.append(f"Beyond the labels, R2 there, network with {name}: {told}.")
    return sentences


def _mean(values: Sequence[float | None], digits: int = 4) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.{digits}f}" if known else "-"
