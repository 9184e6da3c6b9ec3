"""What every command that learns from a table of measurements is told: the file, and which column is which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.printing import echo
from embeddings.display.numbers import counted
from embeddings.errors import EmbeddingsError

if TYPE_CHECKING:
    from embeddings.bench.measurements import Measurements


class ColumnName(click.types.StringParamType):
    """The name of a column of FILE; where it is missing, those that there are are listed."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        """Return which columns FILE has, or None where nobody can tell without reading standard input."""
        from embeddings.tables.columns import columns_listed
        from embeddings.tables.files import open_sheet

        file = None if ctx is None else ctx.params.get("file")
        if file is None or str(file) == "-":
            return None
        try:
            with open_sheet(file) as sheet:
                return f"Name a column of {file}. {columns_listed(sheet.names)}"
        except (EmbeddingsError, OSError):
            return None


target_option = click.option(
    "--target", required=True, type=ColumnName(), help="Column of the measured values: numbers, or classes as text."
)
table_argument = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
formula_option = click.option("--formula", help="Column of formulas.  [default: found by its name or its cells]")

in_context_option = click.option(
    "--in-context-weights", type=click.Path(path_type=Path), metavar="PATH",
    help="Also try TabICL, with these weights: a file, or a folder with several.  [env var: EMBEDDINGS_TABICL_WEIGHTS]",
)  # fmt: skip

_COLUMNS = (
    formula_option,
    target_option,
    click.option("--time", help="Column of the time of each measurement: numbers or dates."),
    click.option("--fold", help="Column of the outer fold in which each row is tested."),
    click.option("--unit", help="Unit of the target.  [default: the text in brackets in the column's name]"),
)

NAMES = ("formula", "target", "time", "fold", "unit")
"""Names of the options, as `read_measurements` takes them."""


def measurement_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add FILE, --formula, --target, --time, --fold and --unit to a command."""
    for option in reversed(_COLUMNS):
        command = option(command)
    return table_argument(command)


def read_measurements(file: Path, *, knows: Callable[[Any], bool] | None = None, **options: str | None) -> Measurements:
    """Return the measurements of a table; ``-`` is standard input.

    Args:
        file: any table that `embeddings.bench.tables.read_table` reads.
        knows: whether a cell is an identifier, to find the column of them; None not to look for it.
        options: those of `NAMES`, and ``ids``.

    Raises:
        ColumnNotFound: the table lacks a column; the message lists those that it has.
        InputInvalid: the table cannot be read, or too few of its rows can be used.
        TargetInvalid: the target cannot be learned.
    """
    from embeddings.bench.tables import read_table

    return read_table(file, knows=knows, **options)  # type: ignore[arg-type]


def read_formulas(file: Path, column: str | None) -> dict[str, Any]:
    """Return the formulas of a table, each once: canonical and reduced -> as it is written first.

    Notes, and how many rows cannot be read, go to standard error.

    Raises:
        ColumnNotFound: the table lacks the column, or none holds formulas.
        InputInvalid: the table cannot be read.
    """
    from embeddings.bench.tables import read_formulas as read_column
    from embeddings.formula.bulk import known_formulas

    read = read_column(file, formula=column)
    known = known_formulas(read.formulas)
    lost = [line for line, formula in zip(read.lines, known, strict=True) if formula is None]
    lost += [row.line for row in read.set_aside]
    for note in read.notes:
        echo(note, err=True)
    if lost:
        said = f"{counted(len(lost), 'row')} without a formula that can be read, left out"
        echo(f"{file}: {said}; the first is line {min(lost)}", err=True)
    first: dict[str, Any] = {}
    for formula, written in zip(known, read.formulas, strict=True):
        if formula is not None:
            first.setdefault(formula, written)
    return first


def say_notes(data: Measurements) -> None:
    """Say on stderr what was supposed in reading, and which rows are set aside."""
    from embeddings.bench.data_words import aside_words

    for said in (*data.notes, *aside_words(data.set_aside)):
        echo(said, err=True)
