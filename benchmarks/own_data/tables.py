"""Errors on structures that nobody learned from, as Markdown: a row for each way, a column for each target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row

NAMES = {
    "mean": "mean of the training structures",
    "frozen": "ridge regression on the vectors of the published network",
    "scratch": "new network, as `embeddings build` trains one",
    "scratch-folds": "new network, trained and measured like the next",
    "init": "`embeddings build --init`",
    "init-last": "the same with `--tune last`",
    "init-adapter": "the same with `--tune adapter`",
}


def table(result: Document) -> str:
    """Return the table of one set: mean absolute errors, mean and standard deviation over seeds."""
    rows, settings = result["rows"], result["settings"]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    ways = [way for way in NAMES if any(row["way"] == way for row in rows)]
    cells = [[NAMES[way], *(_cell(rows, way, target) for target in targets)] for way in ways]
    seen = "; ".join(
        f"seed {seed}: {part['n_seen']} of {part['n_formulas']} to learn from, {part['n_test_seen']} of "
        f"{part['n_test_formulas']} to test on"
        for seed, part in result["draws"].items()
    )
    units = {row["target"]: row["unit"] for row in rows}
    heads = ["", *(f"{target}, {units[target]}" for target in targets)]
    about = (
        f"{settings['n_structures']} structures to learn from, {settings['n_test']} to test on, no formula in both; "
        f"mean absolute error over {len(result['draws'])} draws; in brackets on formulas that {settings['init']} was "
        f"not trained on.\n\nFormulas that it was trained on: {seen}."
    )
    return f"### {result['title']}\n\n{about}\n\n{markdown.table(heads, cells)}\n\n{_verdict(rows, ways, targets)}\n"


def _cell(rows: Sequence[Row], way: str, target: str) -> str:
    chosen = [row for row in rows if (row["way"], row["target"]) == (way, target)]
    if not chosen:
        return "-"
    unseen = [row["mae_unseen"] for row in chosen if row["mae_unseen"] is not None]
    return markdown.spread([row["mae"] for row in chosen]) + (f" [{np.mean(unseen):.4g}]" if unseen else "")


def _verdict(rows: Sequence[Row], ways: Sequence[str], targets: Sequence[str]) -> str:
    """Return how ``init`` compares with each other way: the change of the error, target by target."""
    found = {(row["way"], row["target"], row["seed"]): row["mae"] for row in rows}
    lines = []
    for way in (way for way in ways if way != "init"):
        changes: dict[str, list[float]] = {}
        for (other, target, seed), error in found.items():
            if other == way and ("init", target, seed) in found:
                changes.setdefault(target, []).append(found["init", target, seed] / error - 1)
        if changes:
            told = ", ".join(f"{target} {np.mean(changes[target]):+.0%}" for target in targets if target in changes)
            lines.append(f"- `--init` beside {NAMES[way]}: {told}")
    return "\n".join(lines)
