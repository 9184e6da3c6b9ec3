"""What commands print: text, JSON, and rows in aligned columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from embeddings.display.text import is_plain, one_line, printable

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def echo(text: str, *, err: bool = False) -> None:
    """Print a text of any number of lines, on standard error if asked; commands print nowhere else."""
    click.echo(printable(text), err=err)


def print_line(text: str) -> None:
    """Print a text as one line, with line breaks spelled out."""
    echo(one_line(text))


def print_json(value: Any) -> None:
    """Print a value as indented JSON; characters that are not printable or cannot be encoded are escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not (is_plain(text) and _encodes(text)):
        text = json.dumps(value, indent=2).replace("\x7f", "\\u007f")
    echo(text)


WIDEST = 80
"""Characters to which a column is aligned; a longer cell, such as a long identifier, widens its own row alone."""


def print_table(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Print rows in aligned columns; the last column is not padded."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    lengths = [[len(cell) for cell in column] for column in zip(*shown, strict=True)]
    widths = [max((length for length in column if length <= WIDEST), default=0) for column in lengths]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        echo((indent + "  ".join(cells)).rstrip())


def _encodes(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
