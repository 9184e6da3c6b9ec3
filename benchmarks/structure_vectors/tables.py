"""Results on vectors of structures as Markdown: a row for each kind of vectors, a column for each property."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import markdown
from benchmarks.harness import Document

SIGNS = {"better": " +", "worse": " -", "within noise": ""}


def table(result: Document) -> str:
    """Return the table of one case."""
    settings, summary = result["settings"], result["summary"]
    units, widths = settings["units"], settings["widths"]
    first = next(iter(widths))
    cells = [
        [kind, str(width), *(_cell(_of(summary, kind, target)) for target in units)] for kind, width in widths.items()
    ]
    about = (
        f"Mean absolute error on formulas that none of {', '.join(settings['catalogs'])} was trained on; in brackets, "
        f"where others are tested too, on all {settings['n_tested']:,}. {settings['n_seen']:,} of the "
        f"{settings['n_crystals']:,} crystals have formulas that one of them was trained on. + and -: better and worse "
        f"than {first}, paired by formula over all that are tested, p < 0.05 after Holm's correction over the table."
    )
    heads = ["vectors", "width", *(f"{target}, {unit}" if unit else target for target, unit in units.items())]
    notes = [f"- {note}" for note in result["notes"]]
    return "\n".join([f"### {result['title']}", "", about, "", markdown.table(heads, cells), "", *notes, ""])


def _of(summary: Sequence[dict[str, Any]], kind: str, target: str) -> dict[str, Any]:
    return next(row for row in summary if (row["vectors"], row["target"]) == (kind, target))


def _cell(row: dict[str, Any]) -> str:
    unseen = "-" if row["mae_unseen"] is None else f"{row['mae_unseen']:.4g}"
    everything = "" if row["mae"] == row["mae_unseen"] else f" [{row['mae']:.4g}]"
    return f"{unseen}{everything}{SIGNS[row['outcome']]}"
