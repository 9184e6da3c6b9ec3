"""Results of the composition encoders as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row
from benchmarks.sets import OPEN, PUBLISHED, SETS

BEST, NOTHING = "c+d: contrast and labels", "e: nothing"
"""The way of learning that the published encoders take, and no learning at all."""

BALANCED = "balanced accuracy"
FIGURES = ("score", "score_unseen", "balanced_accuracy", "balanced_accuracy_unseen", "r2")
"""Columns of the rows that are averaged; a set of numbers has no balanced accuracy, one of classes no R2."""

UNMEASURED = "A dash under balanced accuracy: the model was measured before that was recorded, and not since"
"""Said where rows of classes have a ROC-AUC alone."""

GAINS = ("set", "score", "without transfer", "lower error", "CrabNet (published)", "best from composition (published)")


def page(results: Sequence[Document]) -> str:
    """Return what is gained on each set, then every set's table."""
    gains = markdown.table(GAINS, [cells for result in results for cells in _gains(result)])
    return "\n\n".join([gains, *map(table, results)])


def table(result: Document) -> str:
    """Return the table of one set, the best score first."""
    name, overlap = result["name"], result["overlap"]
    about = f"{overlap['rows']:,} rows; the source has {overlap['in the source']:,} of {overlap['formulas']:,} formulas"
    if overlap["unreadable rows"]:
        about += f"; {overlap['unreadable rows']} more rows have formulas that cannot be read"
    columns = _columns(name)
    sign = -1 if SETS[name].is_class else 1
    ranked = sorted(summarize(result["rows"]), key=lambda row: sign * row["score"])
    if SETS[name].is_class and any(row["balanced_accuracy"] is None for row in ranked):
        about += f". {UNMEASURED}"
    cells = [
        [row["model"], row["source"], *(_cell(row, key) for key in columns), str(row["n_seeds"])] for row in ranked
    ]
    cells += [_known(name, f"{who} (published)", value) for who, value in PUBLISHED.get(name, {}).items()]
    cells += [_known(name, f"{who} (not merged)", value) for who, value in OPEN.get(name, {}).items()]
    return f"### {name}\n\n{about}.\n\n{markdown.table(['model', 'source', *columns.values(), 'seeds'], cells)}"


def summarize(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return, for each model and source, means over seeds and folds and the spread over both."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["source"], row["model"]), []).append(row)
    return [{"model": model, "source": source} | _figures(groups[source, model]) for source, model in sorted(groups)]


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n_seeds": len({row["seed"] for row in rows})}
    for column in FIGURES:
        values = [row[column] for row in rows if row.get(column) is not None]
        figures[column] = round(float(np.mean(values)), 5) if values else None
        figures[f"{column}_std"] = round(float(np.std(values)), 5) if values else None
    return figures


def _columns(name: str) -> dict[str, str]:
    """Return the figures of a set's table, and their headings."""
    columns = {"score": SETS[name].metric, "score_unseen": "unseen formulas"}
    if SETS[name].is_class:
        return columns | {"balanced_accuracy": BALANCED, "balanced_accuracy_unseen": f"{BALANCED}, unseen formulas"}
    return columns | {"r2": "R2"}


def _comparable(name: str) -> str:
    """Return the figure that published ones can be compared with."""
    return "balanced_accuracy" if SETS[name].is_class else "score"


def _known(name: str, who: str, value: float) -> list[str]:
    """Return a row with a figure that somebody else gives."""
    return [who, "-", *(f"{value}" if key == _comparable(name) else "-" for key in _columns(name)), "-"]


def _gains(result: Document) -> Iterator[list[str]]:
    """Yield the best way without leaks beside no transfer and the published scores; nothing if one is not measured."""
    name, summary = result["name"], summarize(result["rows"])
    honest = next((row for row in summary if row["model"] == BEST and "without" in row["source"]), None)
    base = next((row for row in summary if row["model"] == NOTHING), None)
    if honest is None or base is None:
        return
    figures = {"score": SETS[name].metric} | ({"balanced_accuracy": BALANCED} if SETS[name].is_class else {})
    for key, words in figures.items():
        gain = "-" if SETS[name].is_class else f"{round(1 - honest[key] / base[key], 4):.1%}"
        known = PUBLISHED.get(name, {}) if key == _comparable(name) else {}
        published = [markdown.brief(known.get(who)) for who in ("CrabNet", "best from composition")]
        yield [f"{name} ({words})", markdown.brief(honest[key]), markdown.brief(base[key]), gain, *published]


def _cell(row: Row, key: str) -> str:
    return "-" if row[key] is None else markdown.mean_and_std(row[key], row[f"{key}_std"])
