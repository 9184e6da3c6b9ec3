"""Results on statistics as Markdown: errors relative to those of the mean alone, over all sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row

PLAIN = "mean"
"""What the others are compared with."""


def table(result: Document) -> str:
    """Return the table of one kind of vectors: a row for each choice of statistics, and a line on what it means."""
    heads = list(dict.fromkeys(row["head"] for row in result["rows"]))
    choices = list(dict.fromkeys(row["stats"] for row in result["rows"]))
    ratios = {head: relative_errors(result["rows"], head) for head in heads}
    cells = [[stats, *(_cell(ratios[head].get(stats, {})) for head in heads)] for stats in choices]
    columns = [f"{head}, {len(ratios[head][PLAIN])} sets" for head in heads]
    about = (
        f"Error over that of `{PLAIN}`, the geometric mean of sets of at most {result['settings']['max_rows']:,} rows, "
        "with its standard error; sets that are better : worse; the worst of them."
    )
    return f"### {result['settings']['vectors']}\n\n{about}\n\n{markdown.table(['statistics', *columns], cells)}\n"


def relative_errors(rows: Sequence[Row], head: str) -> dict[str, dict[str, float]]:
    """Return, for each choice of statistics, the error of a head on each set over that of `PLAIN`.

    Errors are means over folds and seeds. Sets that were measured for one of the two only are left out.
    """
    errors: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["head"] == head:
            errors.setdefault((row["stats"], row["set"]), []).append(float(np.mean(row["errors"])))
    ratios: dict[str, dict[str, float]] = {}
    for (stats, name), found in errors.items():
        if (PLAIN, name) in errors:
            ratios.setdefault(stats, {})[name] = float(np.mean(found) / np.mean(errors[PLAIN, name]))
    return ratios


def _cell(ratios: dict[str, float]) -> str:
    """Return the geometric mean of ratios with its standard error, sets better and worse, and the worst."""
    if not ratios or set(ratios.values()) == {1.0}:
        return "1" if ratios else "-"
    logs = np.log(list(ratios.values()))
    better, worse = int((logs < 0).sum()), int((logs > 0).sum())
    return f"{markdown.ratio(logs)}; {better} : {worse}; {np.exp(logs.max()):.2f}"
