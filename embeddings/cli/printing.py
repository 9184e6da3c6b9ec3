"""What commands print: JSON, and rows in aligned columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from embeddings.text import is_plain, one_line, printable

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def print_json(value: Any) -> None:
    """Print a value as indented JSON; what `printable` spells out is escaped."""
    click.echo(_escaped(json.dumps(value, indent=2, ensure_ascii=False)))


def print_text(text: str) -> None:
    """Print a text of any number of lines, with what could steer a terminal spelled out."""
    click.echo(printable(text))


def print_line(text: str) -> None:
    """Print a text as one line, with line breaks and what could steer a terminal spelled out."""
    click.echo(one_line(text))


def print_table(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Print rows in aligned columns; the last column is not padded."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo((indent + "  ".join(cells)).rstrip())


def _escaped(text: str) -> str:
    """Return JSON text that holds nothing but plain characters, and says the same."""
    return text if is_plain(text) else json.dumps(json.loads(text), indent=2).replace("\x7f", "\\u007f")
