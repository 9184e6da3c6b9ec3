"""Results on vectors of structures as Markdown: a row for each kind of vectors, a column for each property."""

from __future__ import annotations

from benchmarks import markdown
from benchmarks.harness import Document, Row, row_with
from benchmarks.readouts.tables import SIGNS


def table(result: Document) -> str:
    """Return the table of one case."""
    settings, summary = result["settings"], result["summary"]
    units, widths = settings["units"], settings["widths"]
    first = next(iter(widths))
    cells = [
        [kind, str(width), *(_cell(row_with(summary, vectors=kind, target=target)) for target in units)]
        for kind, width in widths.items()
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


def _cell(row: Row) -> str:
    everything = "" if row["mae"] == row["mae_unseen"] else f" [{row['mae']:.4g}]"
    return f"{markdown.brief(row['mae_unseen'])}{everything}{SIGNS[row['outcome']]}"
