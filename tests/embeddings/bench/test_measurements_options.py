"""The options that say which column is which, as commands share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from embeddings.cli.measurements_options import NAMES, measurement_options, read_measurements
from embeddings.errors import ColumnNotFound

TABLE = "formula;gap [eV];year;part\n" + "".join(f"Fe{k}O;{k},5;{2000 + k};{k % 2}\n" for k in range(1, 13))


@click.command()
@measurement_options
def command(file: Path, **options: Any) -> None:
    assert sorted(options) == sorted(NAMES)
    data = read_measurements(file, **options)
    click.echo(f"{len(data)} rows of {data.target} in {data.unit}")
    click.echo(f"{data.order is not None} {data.folds is not None}")


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(command, arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "gap"], "12 rows of gap in eV\nFalse False\n"),
        (
            ["--target", "gap", "--time", "year", "--fold", "part", "--unit", "meV"],
            "12 rows of gap in meV\nTrue True\n",
        ),
        (["--formula", "formula", "--target", "year"], "12 rows of year in \nFalse False\n"),
    ],
)
def test_a_table_is_read_from_a_file_or_from_standard_input(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    assert run(str(tmp_path / "a.csv"), *arguments).output == said
    assert run("-", *arguments, input=TABLE).output == said


def test_what_is_wrong_is_said_in_words_of_the_options() -> None:
    assert run("-", input=TABLE).exit_code == 2
    error = run("-", "--target", "gab", input=TABLE).exception
    assert isinstance(error, ColumnNotFound)
    assert str(error).startswith('standard input has no column "gab" (--target).')
