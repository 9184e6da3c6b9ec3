"""Targets of a folder of structure files: an id_prop.csv in the style of CGCNN."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from builders.sources.values import RESERVED, fault_of_name, read_number
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid

ID_PROP = "id_prop.csv"

_UNKNOWN = frozenset(("n/a", "#n/a", "na", "none", "null", "missing", "unknown", "-", "--", "?"))
"""Words for a value that is not known; never the name of a target."""

_IDENTIFIER = re.compile(r"(?:.*[ _-]|mp|j|u|cif|cod|icsd)?id|name|file|filename", re.IGNORECASE)
"""What a column of identifiers is called."""

Row = tuple[int, list[str]]
"""Line number and cells."""


@dataclass(frozen=True)
class Labels:
    """What an id_prop.csv says.

    Attributes:
        names: of the targets.
        values: identifier -> values, None where unknown.
        lines: identifier -> its line.
        has_header: True if the first line names the targets.
    """

    names: tuple[str, ...] = ()
    values: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    has_header: bool = False


def read_id_prop(path: Path, files: Collection[str] = ()) -> Labels:
    """Read a table of identifiers and targets: ``id,value[,value...]``, with a header or without.

    The first line is a header if none of its values is a number and its identifier is not that of a file.

    Args:
        path: the table.
        files: names that may stand for structure files in it.

    Raises:
        InputInvalid: the message names the line and what is wrong with it.
    """
    rows = _read_rows(path)
    for line, (name, *_) in rows:
        if name.strip() not in files and any(mark in name.strip() for mark in ";\t"):
            raise InputInvalid(f"{path}, line {line}: its cells are not separated by commas. Write: mp-149,0.61")
    if not rows or len(rows[0][1]) < 2:
        raise InputInvalid(f"{path} needs lines with an identifier and at least one value, such as: mp-149,0.61")
    first = rows[0][1]
    has_header = first[0].strip() not in files and not any(map(_may_be_value, first[1:]))
    names = tuple(name.strip() for name in first[1:]) if has_header else _numbered(len(first) - 1)
    if has_header and not first[0].strip() and any(_IDENTIFIER.fullmatch(name) for name in names):
        raise InputInvalid(
            f"{path} begins with a column without a name, and has identifiers in a later one ({', '.join(names)}). The "
            "identifiers have to come first. In pandas: to_csv(path, index=False)"
        )
    _check_names(names, path)
    labels = Labels(names, has_header=has_header)
    for row in rows[has_header:]:
        _add(row, labels, path)
    return labels


def _read_rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise InputInvalid(f"{path} is not a regular file. Replace it, or remove it to pull without targets.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputInvalid(f"{path} cannot be read: {error}. It must be CSV in UTF-8.") from error


def _may_be_value(cell: str) -> bool:
    return not cell.strip() or cell.strip().lower() in _UNKNOWN or read_number(cell) is not None


def _numbered(n: int) -> tuple[str, ...]:
    return ("target",) if n == 1 else tuple(f"target_{k}" for k in range(1, n + 1))


def _check_names(names: tuple[str, ...], path: Path) -> None:
    if len(set(names)) < len(names):
        raise InputInvalid(f"{path} has two targets with the same name: {', '.join(names)}. Rename one.")
    for name in names:
        if name in RESERVED:
            raise InputInvalid(
                f'{path} has a target "{name}", the name of a column that every structure has. Rename it.'
            )
        if fault := fault_of_name(name):
            raise InputInvalid(f"{path}: the name of a target {fault}. Rename it.")


def _add(row: Row, labels: Labels, path: Path) -> None:
    number, cells = row
    if len(cells) != len(labels.names) + 1:
        raise InputInvalid(f"{path}, line {number}: {counted(len(cells), 'cell')}, not {len(labels.names) + 1}.")
    name = cells[0].strip()
    if not name:
        raise InputInvalid(f"{path}, line {number}: it has no identifier. Name a structure file.")
    if name in labels.values:
        raise InputInvalid(f'{path}, line {number}: "{name}" is there twice. Keep one line per structure.')
    labels.values[name] = tuple(_value(cell, path, number) for cell in cells[1:])
    labels.lines[name] = number


def _value(cell: str, path: Path, line: int) -> float | None:
    if not cell.strip():
        return None
    value = read_number(cell)
    if value is None:
        header = " A first line is a header only if it has no numbers and its identifier is not a file." * (line == 1)
        raise InputInvalid(
            f'{path}, line {line}: "{cell}" is not a number. Leave the cell empty if the value is unknown.{header}'
        )
    return value
