"""Tables in Markdown, and numbers in their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is text."""
    return "\n".join(map(_line, [columns, ["---"] * len(columns), *rows]))


def brief(value: float | None) -> str:
    """Return a number of four digits, or a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"


def mean_and_std(mean: float, std: float) -> str:
    """Return a mean with its spread, such as ``0.2052 ± 0.0036``."""
    return f"{mean:.4g} ± {std:.2g}"


def spread(values: Sequence[float]) -> str:
    """Return the mean of values with their standard deviation; that of a single one is not known."""
    return mean_and_std(np.mean(values), np.std(values, ddof=1)) if len(values) > 1 else brief(values[0])


def ratio(logs: Sequence[float]) -> str:
    """Return the geometric mean of ratios, given by their logarithms, with its standard error."""
    error = f" ± {np.std(logs, ddof=1) / np.sqrt(len(logs)):.3f}" if len(logs) > 1 else ""
    return f"{np.exp(np.mean(logs)):.3f}{error}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
