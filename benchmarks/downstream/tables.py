"""Downstream results as Markdown: mean and spread over seeds, and the change against the back end's own features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row


def table(result: Document) -> str:
    """Return the result of one case."""
    tables = {"task": _tasks, "property": _ranking, "target": _back_ends}
    kind = next(key for key in tables if key in result["rows"][0])
    measured = [f"Measured with {', '.join(result['catalogs'])}."] if result.get("catalogs") else []
    notes = [f"- {note}" for note in measured + result["notes"]]
    return "\n".join([f"### {result['title']}", "", tables[kind](result), "", *notes]).rstrip() + "\n"


def _back_ends(result: Document) -> str:
    """One row for each kind of features; the first of each target and size is what the others are compared with."""
    cells = []
    for task in dict.fromkeys((row["target"], row["n_train"]) for row in result["rows"]):
        of_task = [row for row in result["rows"] if (row["target"], row["n_train"]) == task]
        own = np.mean([row["mae"] for row in of_task if row["features"] == of_task[0]["features"]])
        for features in dict.fromkeys(row["features"] for row in of_task):
            cells.append(_comparison([row for row in of_task if row["features"] == features], float(own)))
    columns = ["target", "training structures", "features", "MAE", "change", "R2", "learning rate", "seeds"]
    return markdown.table(columns, cells)


def _comparison(rows: Sequence[Row], own: float) -> list[str]:
    errors = [row["mae"] for row in rows]
    first = rows[0]
    return [
        first["target"],
        f"{first['n_train']:,}",
        first["features"],
        markdown.spread(errors),
        f"{np.mean(errors) / own - 1:+.1%}",
        f"{np.mean([row['r2'] for row in rows]):.3f}",
        f"{first['learning_rate']:g}",
        str(len(rows)),
    ]


def _tasks(result: Document) -> str:
    """One table for all tasks: a row for each model and kind of features, a column for each task."""
    rows = result["rows"]
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    cells = []
    for model in dict.fromkeys(row["model"] for row in rows):
        for features in dict.fromkeys(row["features"] for row in rows):
            own = [row for row in rows if row["model"] == model and row["features"] == features]
            scores = [[row["score"] for row in own if row["task"] == task] for task in tasks]
            cells.append([model, features, *(markdown.spread(of_task) if of_task else "-" for of_task in scores)])
    return markdown.table(["model", "features", *tasks], cells)


def _ranking(result: Document) -> str:
    cells = [
        [row["features"], str(row["dim"]), f"{row['mean_r2']:.2f}", "yes" if row["hand_made"] else ""]
        for row in result["summary"]
    ]
    return markdown.table(["vectors", "width", "mean R2", "a list of such properties"], cells)
