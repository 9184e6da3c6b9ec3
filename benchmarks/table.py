"""Results as Markdown: what docs/benchmarks.md shows of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import BENCHMARKS
from embeddings.errors import InputInvalid

RESULTS = Path(__file__).parent / "results"


def render(result: dict[str, Any]) -> str:
    """Return one benchmark's result as Markdown: a table, the goals, the notes."""
    rows = result["rows"]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [
        f"**{result['title']}**",
        "",
        _line(column.replace("_", " ").replace(" mb", " MB") for column in columns),
        _line("---" for _ in columns),
        *(_line(_cell(row.get(column)) for column in columns) for row in rows),
        "",
        *map(_goal, result["goals"]),
        *(f"- {note}" for note in result["notes"]),
    ]
    return "\n".join(lines) + "\n"


def render_all(folder: Path = RESULTS) -> str:
    """Return the results of a folder as Markdown, with the machine that each was taken on.

    Raises:
        InputInvalid: there is none, or one was taken in quick mode.
    """
    paths = [path for name in BENCHMARKS if (path := folder / f"{name}.json").is_file()]
    if not paths:
        raise InputInvalid(f"No results in {folder}. Measure first: python -m benchmarks")
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    hasty = [document["name"] for document in documents if document["quick"]]
    if hasty:
        raise InputInvalid(f"Quick results are for trying out, not for publishing: {', '.join(hasty)} in {folder}.")
    return "\n".join(render(document) + _machine(document) for document in documents)


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or isinstance(value, int) else f"{value:.3g}"


def _goal(goal: dict[str, Any]) -> str:
    bound = "at most" if "at_most" in goal else "at least"
    limit = goal[bound.replace(" ", "_")]
    verdict = "met" if goal["met"] else "**missed**"
    return f"- Goal: {goal['what']} {bound} {_cell(limit)}; measured {_cell(goal['measured'])}, {verdict}."


def _machine(document: dict[str, Any]) -> str:
    machine = document["environment"]
    return (
        f"- Measured {document['created'][:10]} on {machine['cpu']}, {machine['n_cores']} cores, load "
        f"{machine['load_average'][0]:g} at the start, Python {machine['python']}.\n"
    )
