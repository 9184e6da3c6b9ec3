"""The featurize command: a table with formulas in, the same table with features out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embeddings.cli.engine_options import parse_engine, worker_options
from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import formula_option, table_argument
from embeddings.cli.printing import echo
from embeddings.display.numbers import counted
from embeddings.loaders import as_catalog
from embeddings.pooling import DEFAULT_STATS, POLICIES
from embeddings.streaming import FileSummary, featurize_file
from embeddings.streaming.job import Spread
from embeddings.streaming.writers import outputs_of
from embeddings.tables.files import STDIN


def _names(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Turn ``a,b`` into a tuple."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@click.command()
@table_argument
@formula_option
@click.option("--column", hidden=True, help="What --formula was called before.")
@click.option("--catalog", "catalogs", required=True, multiple=True, help="Catalog or encoder; repeatable.")
@click.option(
    "--stats",
    default=",".join(DEFAULT_STATS),
    show_default=True,
    help="Statistics of the element vectors, separated by commas.",
)
@click.option(
    "--missing",
    type=click.Choice(list(POLICIES)),
    default="raise",
    show_default=True,
    help="For an element without a vector: " + "; ".join(f"{name}: {does}" for name, does in POLICIES.items()) + ".",
)
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be read.")
@click.option("--text", "as_text", is_flag=True, help="Keep all columns of a CSV or Excel file as text.")
@click.option(
    "--numbers", callback=_names, help="CSV to Parquet: columns that become numbers even if written as 1.50: a,b"
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Output: .parquet or .csv; replaced if it exists.")  # fmt: skip
@worker_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def featurize(file: Path, catalogs: tuple[str, ...], stats: str, as_json: bool, **options: Any) -> None:
    r"""Add composition vectors to a table of any size.

    FILE is CSV, TSV, Parquet or JSON Lines, plain or as .gz, or .xlsx; - is standard input. Its columns are kept, and
    the features are appended. Rows whose formula cannot be read go to OUT.rejected.csv, with line and reason. OUT
    appears only when it is complete; any number of workers writes the same bytes.

    Statistics: mean, std, std_corrected, min, max, range, sum, mode, geometric.

    \b
    Example:
      embeddings featurize data.csv --catalog starter --stats mean,std -o features.parquet
      embeddings featurize formulas.parquet --catalog starter --workers 8 -o features.parquet
    """
    out, formula, old = (options.pop(name) for name in ("out", "formula", "column"))
    guard(*outputs_of(out), inputs=[None if str(file) == STDIN else file], catalogs=catalogs)
    spread = _spread(options)
    loaded = [as_catalog(name) for name in catalogs]
    names = [name.strip() for name in stats.split(",") if name.strip()]
    with _progress(file) as progress:
        summary = featurize_file(
            file, out, loaded, column=old or formula, stats=names, progress=progress, spread=spread, **options
        )
    if as_json:
        echo(json.dumps(asdict(summary)))
    else:
        for line in (*summary.notes, _sentence(summary)):
            echo(line, err=True)


def _spread(options: dict[str, Any]) -> Spread | None:
    """Return what makes features in other processes; None where this one does."""
    engine = parse_engine(options)
    if not engine.has_workers:
        return None
    from builders.featurize import in_workers

    return in_workers(engine)


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that moves a progress bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with click.progressbar(length=1, label=file.name, file=sys.stderr) as bar:

        def move(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield move


def _sentence(summary: FileSummary) -> str:
    """Return one line on what was done."""
    rate = f"{summary.rows / max(summary.seconds, 1e-3):,.0f} rows/s"
    size = f"{counted(summary.rows, 'row')} x {counted(summary.features, 'feature')}"
    line = f"{summary.out}: {size} in {summary.seconds:.1f} s ({rate})"
    rejected = f"{summary.rejected:,} rejected"
    if summary.rejected_file:
        rejected += f", see {summary.rejected_file}"
    pooled = [f"pooled by {', '.join(summary.stats)}"] if summary.stats else []
    parts = [line, *pooled, rejected]
    for catalog, symbols in summary.uncovered.items():
        stand_ins = summary.imputed.get(catalog, {})
        listed = (f"{s} (as {stand_ins[s]})" if s in stand_ins else s for s in symbols)
        parts.append(f"without a vector in {catalog}: {', '.join(listed)}")
    return "; ".join(parts)
