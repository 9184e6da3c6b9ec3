"""Results of the composition encoders as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.cross_modal.sets import PUBLISHED, SETS
from benchmarks.harness import Document

BEST, NOTHING = "c+d: contrast and labels", "e: nothing"
"""The way of learning that the published encoders take, and no learning at all."""


def page(results: Sequence[Document]) -> str:
    """Return what is gained on each set, then every set's table."""
    return "\n\n".join([_gains(results), *map(table, results)])


def table(result: Document) -> str:
    """Return the table of one set, the best score first."""
    name, overlap = result["name"], result["overlap"]
    about = f"{overlap['rows']:,} rows; the source has {overlap['in the source']:,} of {overlap['formulas']:,} formulas"
    if overlap["unreadable rows"]:
        about += f"; {overlap['unreadable rows']} more rows have formulas that cannot be read"
    sign = -1 if SETS[name].metric == "ROC-AUC" else 1
    cells = [
        [
            row["model"],
            row["source"],
            *(_cell(row, key) for key in ("score", "score_unseen", "r2")),
            str(row["n_seeds"]),
        ]
        for row in sorted(summarize(result["rows"]), key=lambda row: sign * row["score"])
    ]
    cells += [[f"{who} (published)", "-", f"{value}", "-", "-", "-"] for who, value in PUBLISHED.get(name, {}).items()]
    columns = ["model", "source", SETS[name].metric, "unseen formulas", "R2", "seeds"]
    return f"### {name}\n\n{about}.\n\n{markdown.table(columns, cells)}"


def summarize(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each model and source, means over seeds and folds and the spread over both."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["source"], row["model"]), []).append(row)
    return [{"model": model, "source": source} | _figures(groups[source, model]) for source, model in sorted(groups)]


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n_seeds": len({row["seed"] for row in rows})}
    for column in ("score", "score_unseen", "r2"):
        values = [row[column] for row in rows if row.get(column) is not None]
        figures[column] = round(float(np.mean(values)), 5) if values else None
        figures[f"{column}_std"] = round(float(np.std(values)), 5) if values else None
    return figures


def _gains(results: Sequence[Document]) -> str:
    columns = [
        "set",
        "score",
        "without transfer",
        "lower error",
        "CrabNet (published)",
        "best from composition (published)",
    ]
    return markdown.table(columns, [cells for result in results if (cells := _gain(result))])


def _gain(result: Document) -> list[str] | None:
    """Return the best way without leaks beside no transfer and the published scores; None where one is not measured."""
    name, summary = result["name"], summarize(result["rows"])
    honest = next((row for row in summary if row["model"] == BEST and "without" in row["source"]), None)
    base = next((row for row in summary if row["model"] == NOTHING), None)
    if honest is None or base is None:
        return None
    gain = f"{round(1 - honest['score'] / base['score'], 4):.1%}" if SETS[name].metric.startswith("MAE") else "-"
    known = PUBLISHED.get(name, {})
    published = [f"{known[key]:.4g}" if key in known else "-" for key in ("CrabNet", "best from composition")]
    return [f"{name} ({SETS[name].metric})", f"{honest['score']:.4g}", f"{base['score']:.4g}", gain, *published]


def _cell(row: dict[str, Any], key: str) -> str:
    return "-" if row[key] is None else markdown.mean_and_std(row[key], row[f"{key}_std"])
