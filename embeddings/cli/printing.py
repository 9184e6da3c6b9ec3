"""What commands print: JSON, and rows in aligned columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from embeddings.printable import printable

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def echo(text: str, *, err: bool = False) -> None:
    """Print text, on standard error if asked; the one place from which commands print."""
    click.echo(printable(text), err=err)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    echo(text if _encodes(text) else json.dumps(value, indent=2))


def _encodes(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def print_table(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Print rows in aligned columns; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        echo((indent + "  ".join(cells)).rstrip())
