"""Results on imported tables as Markdown: one line for each, the best first."""

from __future__ import annotations

from benchmarks import markdown
from benchmarks.harness import Document, Row


def table(result: Document) -> str:
    """Return the result of one case, and under which conditions it came about."""
    make = _elements if "summary" in result else _formulas
    notes = [f"- {note}" for note in result["notes"]]
    return "\n".join([f"### {result['title']}", "", *make(result), "", *notes]).rstrip() + "\n"


def _elements(result: Document) -> list[str]:
    settings = result["settings"]
    about = (
        f"R2 of `embeddings.analysis.probe`: mean and standard deviation over {settings['n_properties']} properties, "
        f"each predicted for every one of the {settings['n_elements']} elements that all tables have, from all others; "
        "no seed."
    )
    rows = [
        [row["features"], str(row["dim"]), str(row["n_elements"]), f"{row['mean_r2']:.2f} ± {row['std_r2']:.2f}"]
        for row in result["summary"]
    ]
    return [about, "", markdown.table(["vectors", "width", "elements", "R2"], rows)]


def _formulas(result: Document) -> list[str]:
    settings = result["settings"]
    about = (
        f"`embeddings.transferability`: ridge regression on {', '.join(settings['stats'])} over "
        f"{settings['n_used']:,} formulas, five folds, seed {settings['seed']}; mean absolute error with its standard "
        f"deviation over the folds; {settings['baseline_mae']:.4g} is that of the mean. Lacking: formulas with an "
        "element that has no vector, for which the nearest one stands in. Seen: formulas that the vectors were "
        "trained on."
    )
    columns = ["vectors", "width", "MAE", "R2", "lacking", "seen", "than element fractions", "than properties"]
    return [about, "", markdown.table(columns, map(_row, result["rows"]))]


def _row(row: Row) -> list[str]:
    return [
        row["features"],
        str(row.get("dim", "")),
        markdown.mean_and_std(row["mae"], row["mae_std"]),
        f"{row['r2']:.3f}",
        f"{row['n_uncovered']:,}",
        "?" if row["n_seen"] is None else f"{row['n_seen']:,}",
        row["outcome"] or "",
        row["outcome_properties"] or "",
    ]
