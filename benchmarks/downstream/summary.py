"""Downstream results as Markdown: mean and spread over seeds, and the change against the back end's own features."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.downstream import PARTS

RESULTS = Path(__file__).parents[1] / "results" / "downstream"


def render_all(folder: Path = RESULTS) -> str:
    """Return the results of a folder as Markdown, in the order of the parts."""
    paths = [path for name in PARTS if (path := folder / f"{name}.json").is_file()]
    return "\n".join(render(json.loads(path.read_text(encoding="utf-8"))) for path in paths)


def render(result: dict[str, Any]) -> str:
    """Return one part's result as Markdown."""
    table = {"task": _tasks, "property": _ranking, "target": _back_ends}
    kind = next(key for key in table if key in result["rows"][0])
    measured = [f"Measured with {', '.join(result['catalogs'])}."] if result.get("catalogs") else []
    notes = [f"- {note}" for note in measured + result["notes"]]
    return "\n".join([f"### {result['title']}", "", *table[kind](result), "", *notes]).rstrip() + "\n"


def _back_ends(result: dict[str, Any]) -> list[str]:
    """One row for each kind of features; the first of each target is what the others are compared with."""
    lines = _header(["target", "training structures", "features", "MAE", "change", "R2", "learning rate", "seeds"])
    for target in _distinct(row["target"] for row in result["rows"]):
        of_target = [row for row in result["rows"] if row["target"] == target]
        own = np.mean([row["mae"] for row in of_target if row["features"] == of_target[0]["features"]])
        for features in _distinct(row["features"] for row in of_target):
            lines.append(_comparison([row for row in of_target if row["features"] == features], float(own)))
    return lines


def _comparison(rows: Sequence[dict[str, Any]], own: float) -> str:
    errors = [row["mae"] for row in rows]
    change = np.mean(errors) / own - 1
    first = rows[0]
    return _line(
        [
            first["target"],
            f"{first['n_train']:,}",
            first["features"],
            _spread(errors),
            f"{change:+.1%}",
            f"{np.mean([row['r2'] for row in rows]):.3f}",
            f"{first['learning_rate']:g}",
            str(len(rows)),
        ]
    )


def _tasks(result: dict[str, Any]) -> list[str]:
    """One table for all tasks: a row for each model and kind of features, a column for each task."""
    rows = result["rows"]
    tasks = _distinct(row["task"] for row in rows)
    lines = _header(["model", "features", *tasks])
    for model in _distinct(row["model"] for row in rows):
        for features in _distinct(row["features"] for row in rows):
            own = [row for row in rows if row["model"] == model and row["features"] == features]
            scores = [[row["score"] for row in own if row["task"] == task] for task in tasks]
            lines.append(_line([model, features, *(_spread(of_task) if of_task else "-" for of_task in scores)]))
    return lines


def _ranking(result: dict[str, Any]) -> list[str]:
    lines = _header(["vectors", "width", "mean R2", "a list of such properties"])
    return lines + [
        _line([row["features"], str(row["dim"]), f"{row['mean_r2']:.2f}", "yes" if row["hand_made"] else ""])
        for row in result["summary"]
    ]


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.4g}"
    return f"{np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}"


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _header(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---"] * len(names))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
