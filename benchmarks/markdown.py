"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is text."""
    return "\n".join(map(_line, [columns, ["---"] * len(columns), *rows]))


def mean_and_std(mean: float, std: float) -> str:
    """Return a mean with its spread, such as ``0.2052 ± 0.0036``."""
    return f"{mean:.4g} ± {std:.2g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
