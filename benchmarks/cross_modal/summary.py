"""From results to tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cross_modal.sets import PUBLISHED, SETS
from benchmarks.measure import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "cross_modal"
SUMMARY = "summary.json"


def render_all(folder: Path = RESULTS) -> str:
    """Return the summary of a folder as Markdown: what is gained on each set, then every set's table."""
    path = folder / SUMMARY
    if not path.is_file():
        return "Nothing is measured yet."
    result = json.loads(path.read_text(encoding="utf-8"))
    sections = [_gains(result["goals"])]
    for name in dict.fromkeys(row["set"] for row in result["summary"]):
        overlap = result["overlap"][name]
        shared = f"{overlap['in the source']:,} of {overlap['formulas']:,} formulas"
        source = f"{overlap['rows']:,} rows; the source has {shared}"
        if overlap["unreadable rows"]:
            source += f"; {overlap['unreadable rows']} more rows have formulas that cannot be read"
        sections.append(f"### {name}\n\n{source}.\n\n{markdown(result['summary'], name)}")
    return "\n\n".join(sections)


def _gains(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| set | score | without transfer | lower error | CrabNet (published) | best from composition (published) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        gain = f"{row['gain']:.1%}" if "gain" in row else "-"
        label = f"{row['set']} ({SETS[row['set']].metric})"
        scores = [f"{row[key]:.4g}" for key in ("score", "without transfer")]
        known = [f"{row[key]:.4g}" if key in row else "-" for key in ("CrabNet", "best from composition")]
        lines.append(f"| {' | '.join([label, *scores, gain, *known])} |")
    return "\n".join(lines)


def summarize(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each set, model and source, means over seeds and folds and the spread of the seeds' means."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["model"], row["source"]), []).append(row)
    summary = [
        {"set": name, "metric": SETS[name].metric, "model": model, "source": source} | _figures(group)
        for (name, model, source), group in groups.items()
    ]
    order = list(SETS)
    return sorted(summary, key=lambda row: (order.index(row["set"]), row["source"], row["model"]))


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n_seeds": len({row["seed"] for row in rows}), "n_runs": len(rows)}
    for column in ("score", "score_unseen", "r2"):
        values = [row[column] for row in rows if row.get(column) is not None]
        figures[column] = round(float(np.mean(values)), 5) if values else None
        figures[f"{column}_std"] = round(float(np.std(values)), 5) if values else None
    return figures | {"n_unseen": sum(row["n_unseen"] for row in rows) // max(1, figures["n_seeds"])}


def goals(summary: Sequence[dict[str, Any]], best: str, nothing: str) -> list[dict[str, Any]]:
    """Return what was to be reached and what was measured: the gain over no transfer, and CrabNet's score."""
    found = []
    for name, about in SETS.items():
        scores = {(row["model"], row["source"]): row for row in summary if row["set"] == name}
        honest = next((row for (model, source), row in scores.items() if model == best and "without" in source), None)
        base = next((row for (model, _), row in scores.items() if model == nothing), None)
        if honest is None or base is None:
            continue
        goal = {"set": name, "score": honest["score"], "without transfer": base["score"]}
        if about.metric.startswith("MAE"):
            goal["gain"] = round(1 - honest["score"] / base["score"], 4)
        found.append(goal | PUBLISHED.get(name, {}))
    return found


def markdown(summary: Sequence[dict[str, Any]], name: str) -> str:
    """Return the table of one set in Markdown, the best score first."""
    rows = [row for row in summary if row["set"] == name]
    sign = -1 if SETS[name].metric == "ROC-AUC" else 1
    lines = [f"| model | source | {SETS[name].metric} | unseen formulas | R2 | seeds |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: sign * row["score"]):
        cells = [row["model"], row["source"], *(_cell(row, key) for key in ("score", "score_unseen", "r2"))]
        lines.append(f"| {' | '.join(cells)} | {row['n_seeds']} |")
    lines += [f"| {who} (published) | - | {value} | - | - | - |" for who, value in PUBLISHED.get(name, {}).items()]
    return "\n".join(lines)


def _cell(row: dict[str, Any], key: str) -> str:
    return "-" if row[key] is None else f"{row[key]:.4g} ± {row[f'{key}_std']:.2g}"
