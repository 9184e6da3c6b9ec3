"""The charts of a report: predictions against measurements, errors, learning curves, calibration."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.bench.drawing import Axis, Frame
from embeddings.bench.wording import SCORE_WORDS, feature_words, number
from embeddings.display.numbers import counted
from embeddings.display.text import one_line, shortened

MAX_DOTS = 2_000
"""Of more rows as many are drawn, evenly spaced in the table."""


@dataclass(frozen=True)
class Chart:
    """A picture with a heading and a word on how to read it."""

    title: str
    svg: str
    caption: str


def charts_of(content: dict[str, Any]) -> list[Chart]:
    """Return the charts that a report's content allows.

    Args:
        content: as `Report.to_dict` returns it.
    """
    if "predictions" not in content:
        return []
    of_predictions = _class_charts(content) if content["classes"] else _number_charts(content)
    return [*of_predictions, *_curve(content), *_calibration(content)]


def _number_charts(content: dict[str, Any]) -> list[Chart]:
    rows = content["predictions"]
    values, predicted = np.array(rows["values"]), np.array(rows["predicted"])
    shown = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_DOTS)).astype(int))
    place = "line" if content["plan"]["source"] else "row"
    titles = [
        f"{shortened(one_line(rows['formulas'][k]))} ({place} {rows['lines'][k]}): "
        f"measured {number(values[k])}, predicted {number(predicted[k])}"
        for k in shown
    ]
    unit = _unit(content)
    both = np.concatenate([values, predicted])
    frame = Frame(Axis.over(f"measured{unit}", both), Axis.over(f"predicted{unit}", both))
    ends = [frame.x.low, frame.x.high]
    drawn = f" {len(shown):,} of {len(values):,} rows are drawn." * (len(shown) < len(values))
    parity = frame.svg(
        "Predicted against measured values",
        frame.line(ends, ends, "guide"),
        frame.dots(values[shown], predicted[shown], titles),
    )
    errors = predicted - values
    against = Frame(Axis.over(f"predicted{unit}", predicted), Axis.over("predicted \u2212 measured", [*errors, 0.0]))
    residuals = against.svg(
        "Errors against predicted values",
        against.line([against.x.low, against.x.high], [0, 0], "guide"),
        against.dots(predicted[shown], errors[shown], titles),
    )
    return [
        Chart("Predicted and measured", parity, f"Each row by a model that was not trained on it.{drawn}"),
        Chart("Errors", residuals, "Above the line too high, below too low; a slope or a funnel asks for a look."),
    ]


def _class_charts(content: dict[str, Any]) -> list[Chart]:
    rows, classes = content["predictions"], content["classes"]
    wanted, given = np.array(rows["values"], dtype=int), np.array(rows["predicted"])
    right = given[np.arange(len(wanted)), wanted]
    heights, edges = np.histogram(right, bins=20, range=(0, 1))
    frame = Frame(Axis("probability of the right class", 0.0, 1.0), Axis("rows", 0.0, float(heights.max()) * 1.05))
    return [
        Chart(
            "Classes", _confusion(wanted, given.argmax(axis=1), classes), "Rows are what is, columns what is called."
        ),
        Chart(
            "How sure, and of what",
            frame.svg("Histogram of the probability of the right class", frame.bars(edges.tolist(), heights.tolist())),
            "Rows at the left are wrong and sure of it.",
        ),
    ]


def _confusion(wanted: np.ndarray, called: np.ndarray, classes: list[str]) -> str:
    names = [html.escape(shortened(one_line(name), 24)) for name in classes]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = []
    for k, name in enumerate(names):
        counts = [int(((wanted == k) & (called == other)).sum()) for other in range(len(names))]
        cells = "".join(f"<td{' class=right' if other == k else ''}>{n:,}</td>" for other, n in enumerate(counts))
        body.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="confusion"><thead><tr><th scope="col">is \\ called</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _curve(content: dict[str, Any]) -> list[Chart]:
    curves = [one for one in content["curves"] if len(one["n_rows"]) > 1 and min(one["losses"]) > 0]
    if not curves:
        return []
    name = SCORE_WORDS["log_loss" if content["classes"] else "mae"] + (_unit(content) if not content["classes"] else "")
    n_rows = [n for one in curves for n in one["n_rows"]]
    losses = [loss for one in curves for loss in one["losses"]]
    frame = Frame(Axis.over("rows to train on", n_rows, is_log=True), Axis.over(name, losses, is_log=True))
    marks, keys = [], []
    for one, style in zip(curves, ("other", "main"), strict=False):
        titles = [f"{counted(n, 'row')}: {number(loss)}" for n, loss in zip(one["n_rows"], one["losses"], strict=True)]
        marks += [
            frame.line(one["n_rows"], one["losses"], f"curve {style}"),
            frame.dots(one["n_rows"], one["losses"], titles, f"knot {style}"),
        ]
        words = "dashed" if style == "other" else "solid"
        keys.append(f"{words}: {feature_words(one['features'])}")
    return [Chart("Learning curve", frame.svg("Error against rows to train on", *marks), "; ".join(keys) + ".")]


def _calibration(content: dict[str, Any]) -> list[Chart]:
    found = content["calibration"]
    if not found["promised"]:
        return []
    is_class = bool(content["classes"])
    words = ("probability that was given", "share that was right")
    words = words if is_class else ("share that an interval is to hold", "share that it held")
    frame = Frame(Axis(words[0], 0.0, 1.0), Axis(words[1], 0.0, 1.0))
    titles = [
        f"{number(a)} promised, {number(b)} found, {counted(n, 'row')}"
        for a, b, n in zip(found["promised"], found["found"], found["n"], strict=True)
    ]
    svg = frame.svg(
        "Calibration",
        frame.line([0, 1], [0, 1], "guide"),
        frame.line(found["promised"], found["found"], "curve main"),
        frame.dots(found["promised"], found["found"], titles, "knot main"),
    )
    caption = (
        "On the line, probabilities are what they say."
        if is_class
        else "Intervals as wide as the errors of the other folds, counted on rows that had no part in them."
    )
    return [Chart("Calibration", svg, caption)]


def _unit(content: dict[str, Any]) -> str:
    return f" ({one_line(content['unit'])})" if content["unit"] else ""
