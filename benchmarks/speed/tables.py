"""Results of the speed benchmarks as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import markdown
from benchmarks.harness import Document


def table(result: Document) -> str:
    """Return one benchmark's result: a table, the goals, the notes."""
    rows = result["rows"]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    names = [column.replace("_", " ").replace(" mb", " MB") for column in columns]
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    remarks = [*map(_goal, result["goals"]), *(f"- {note}" for note in result["notes"])]
    return "\n".join([f"**{result['title']}**", "", markdown.table(names, cells), "", *remarks]) + "\n"


def page(results: Sequence[Document]) -> str:
    """Return all results, with the machine that each was taken on."""
    return "\n".join(table(result) + _machine(result) for result in results)


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


def _machine(result: Document) -> str:
    machine = result["environment"]
    return (
        f"- Measured {result['created'][:10]} on {machine['cpu']}, {machine['n_cores']} cores, load "
        f"{machine['load_average'][0]:g} at the start, Python {machine['python']}.\n"
    )
