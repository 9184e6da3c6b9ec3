"""The predict command: a saved model and a table with formulas in, the table with predictions out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import formula_option, table_argument
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.structures_options import check_ids, structure_options
from embeddings.display.numbers import counted
from embeddings.store.outputs import Output, check_outputs

if TYPE_CHECKING:
    from embeddings.bench.predicting import PredictionSummary


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@table_argument
@formula_option
@structure_options
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Output: .csv or .parquet; replaced if it exists.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
def predict(
    model: Path, file: Path, formula: str | None, structures: Path | None, ids: str | None, out: Path, *, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    r"""Predict for the formulas of a table, with a model that fit saved.

    MODEL is the folder of the model; its hashes are verified. FILE is a table of any size: CSV, TSV, Excel, Parquet,
    JSON Lines, or - for standard input. Its columns are kept, and the columns prediction, lower, upper, unlike,
    unseen_elements and note are appended; for classes, the probability of each replaces lower and upper. "unlike" says
    how far a formula is from the training formulas: 0 for one of them, 100 if it is farther from them than any of them
    is from the others. Rows that cannot be read are kept, with a note.

    \b
    Example:
      embeddings predict strength-model new.csv -o predicted.csv
    """
    check_ids(ids, structures)
    is_stdin = str(file) == "-"
    guard(Output(out), inputs=[None if is_stdin else file, structures])
    check_outputs([Output(out)], inputs=(), sealed=[model])
    with interrupted_leaves(out):
        summary = _predicted(model, file, out, structures, formula=formula, ids=ids, quiet=quiet or is_stdin)
    if as_json:
        print_json(asdict(summary))
    else:
        for note in summary.notes:
            echo(note, err=True)
        echo(_sentence(summary), err=True)


def _predicted(
    model: Path, file: Path, out: Path, structures: Path | None, *, quiet: bool, **columns: str | None
) -> PredictionSummary:
    from embeddings.bench.model import load_model
    from embeddings.bench.predicting import count_rows, predict_file

    loaded = load_model(model, structures=structures)
    if structures is not None and loaded.learned_.structures is None:
        echo(f"{model} needs formulas alone; {structures} is not used.", err=True)
    with progress("predict", lambda: count_rows(file), quiet=quiet) as advance:
        return predict_file(loaded, file, out, advance=advance, **columns)


def _sentence(summary: PredictionSummary) -> str:
    """Say in one line what was done."""
    parts = [
        f"{summary.out}: {summary.predicted:,} of {counted(summary.rows, 'row')} predicted in {summary.seconds:.1f} s"
    ]
    if summary.first_unreadable is not None:
        line, reason = summary.first_unreadable
        parts.append(f"{summary.unreadable:,} cannot be read, the first is line {line}: {reason}")
    if summary.unlike:
        parts.append(f"{summary.unlike:,} unlike the training")
    if summary.unseen:
        parts.append(f"{summary.unseen:,} with elements that the training lacks")
    return "; ".join(parts)
