"""The transferability command: a table of measurements in, a ranking of encoders and catalogs out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

import click

from embeddings.analysis.transfer import CONTROL, HEAD, Ranking
from embeddings.analysis.transfer import transferability as rank
from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.types import SEED
from embeddings.errors import InputInvalid
from embeddings.loaders import as_catalog, list_catalogs
from embeddings.streaming.batches import Request, check_columns
from embeddings.streaming.readers import open_reader

_ROWS_AT_ONCE = 1 << 16


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--formula", "column", default="formula", show_default=True, help="Name of the column of formulas.")
@click.option("--target", required=True, help="Name of the column of numbers to predict.")
@click.option("--encoder", "names", multiple=True, help="Encoder or catalog; may be repeated.  [default: all]")
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(min=2), help="Folds of the cross-validation."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of the folds.")
@as_json_option
def transferability(
    file: Path, column: str, target: str, names: tuple[str, ...], *, folds: int, seed: int, as_json: bool
) -> None:
    r"""Rank encoders and catalogs by how well they suit your measurements.

    FILE is .csv (with a header), .parquet or .jsonl. A ridge regression on the vectors of the formulas is
    cross-validated; rows with the same reduced formula are averaged, so that none is on both sides. "Seen" counts
    formulas that the vectors were trained on, "lacking" those with an element that has no vector.

    This is the quick look: `embeddings bench` finds the best model, and judges it.

    \b
    Example:
      embeddings transferability data.csv --target band_gap
    """
    formulas, values = _columns(file, column, target)
    candidates = [as_catalog(name) for name in names or list_catalogs()]
    ranking = rank(formulas, values, candidates, n_folds=folds, seed=seed)
    if as_json:
        print_json(asdict(ranking))
    else:
        _show(ranking, target)
        _show_next(ranking, file, column, target)


def _columns(file: Path, column: str, target: str) -> tuple[list[Any], list[Any]]:
    """Return the formulas and the values of a file.

    Raises:
        ColumnNotFound: the file lacks one of the columns; the message lists those that are there.
        InputInvalid: the file cannot be read, or a row has too few or too many fields.
    """
    formulas: list[Any] = []
    values: list[Any] = []
    for batch in open_reader(Request(file, column, _ROWS_AT_ONCE, as_text=True)).batches():
        check_columns(Request(file, target, _ROWS_AT_ONCE), batch.table.column_names)
        if batch.rejected:
            raise InputInvalid(f"{file}, line {batch.rejected[0].line}: {batch.rejected[0].reason}")
        formulas += batch.formulas
        values += batch.table[target].to_pylist()
    return formulas, values


def _show(ranking: Ranking, target: str) -> None:
    echo(f"{target}: {ranking.summary()}")
    echo(
        f"ridge regression on element vectors pooled by {', '.join(ranking.stats)}; MAE with its spread over the folds"
    )
    print_table([HEAD, *ranking.rows()])


def _show_next(ranking: Ranking, file: Path, column: str, target: str) -> None:
    """Print the lines that use what is best, pooled as it was judged."""
    source, names = quote(str(file)), f"--formula {quote(column)} " * (column != "formula")
    best = ranking.winner
    echo("")
    if best is None:
        echo(f"No vectors are better than {CONTROL} by more than chance may be. What suits these measurements:")
    else:
        stats = ",".join(ranking.stats)
        echo(f"Features of {best}, pooled as here, in the shell and in Python; then the best model:")
        echo(f"  embeddings featurize {source} {names}--catalog {quote(best)} --stats {stats} -o features.parquet")
        echo(f"  CompositionFeaturizer({best!r}, stats={ranking.stats!r})  # embeddings.featurizers.sklearn")
    echo(f"  embeddings bench {source} {names}--target {quote(target)} -o report.html")
