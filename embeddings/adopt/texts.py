"""Tables in files of text: CSV and its kin, JSON in all shapes that people give it, word2vec's text format."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.adopt.labels import KEY_COLUMNS, passed_over, refuse_first_row
from embeddings.adopt.raw import WIDEST, RawTable, positional, raw_table
from embeddings.display.numbers import counted, none_of
from embeddings.display.text import shortened
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import InputInvalid
from embeddings.store.reading import open_regular, read_bounded, why
from embeddings.tables import files as tables
from embeddings.tables.cells import as_number, is_blank
from embeddings.tables.objects import without_repeats

LARGEST_JSON = 1 << 28
"""The most bytes of a JSON file, 256 MiB."""

ENGLISH = ("He", "Be", "I", "As", "In", "At", "No", "Am", "Os")
"""Symbols that are words of running text as well, so that a model of text learned both at once."""

_WORD2VEC_WORDS = 50_000_000


def read_delimited(path: Path, *, drop: Collection[str] = ()) -> RawTable:
    """Read CSV, TSV, .xlsx or JSON Lines: a column that says which element a row is, and columns of numbers.

    Args:
        path: of the file.
        drop: names of columns to leave out.

    Raises:
        InputInvalid: no such column, rows of different lengths, or cells that are not numbers.
        MissingExtra: it is .xlsx, and openpyxl is not installed.
    """
    with tables.open_sheet(path) as sheet:
        names = [name.strip() for name in sheet.names]
        _check_drop(path, names, drop)
        place = _key_column(path, names, [cells for _, cells in sheet.head])
        _check_header(path, names, place)
        chosen = [k for k, name in enumerate(names) if k != place and name not in drop]
        rows = [(_cell_key(cells[0]), cells[1:]) for _, cells in sheet.rows([place, *chosen])]
        if sheet.set_aside:
            bad = sheet.set_aside[0]
            raise InputInvalid(
                f"{path}, line {bad.line}: {bad.reason}. Correct the file; rows are never skipped silently."
            )
        notes = [*sheet.notes, *([f"Columns left out as asked: {', '.join(drop)}."] if drop else [])]
        return raw_table(str(path), "delimited text", rows, columns=[names[k] for k in chosen], notes=notes)


def read_json(path: Path, *, first_row: int | None = None, drop: Collection[str] = ()) -> RawTable:
    """Read JSON: ``{symbol: [...]}``, ``{"1": [...]}`` as CGCNN's atom_init.json, ``{symbol: {name: number}}``,
    ``{symbol: number}``, ``[{"element": ..., ...}, ...]``, or ``[[...], ...]`` by place.

    Raises:
        InputInvalid: something else, or not JSON.
    """  # noqa: D205
    document = _document(path)
    is_keyed = isinstance(document, dict) or (bool(document) and all(isinstance(row, dict) for row in document))
    refuse_first_row(str(path), first_row if is_keyed else None)
    if isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return _records(path, document, drop)
    if isinstance(document, list):
        return positional(str(path), "JSON by place", _numbers(path, document), first=first_row)
    if not isinstance(document, dict) or not document:
        raise InputInvalid(f"{path} holds a JSON {type(document).__name__}, not rows of numbers by element.")
    keyed, is_cgcnn = list(document.items()), all(key.isdecimal() for key in document)
    kind = "JSON by atomic number, as atom_init.json" if is_cgcnn else "JSON by symbol"
    if all(isinstance(row, dict) for row in document.values()):
        return _named(path, kind, keyed, drop)
    cells = [(key, row if isinstance(row, list) else [row]) for key, row in keyed]
    _check_cells(path, cells)
    return raw_table(str(path), kind, cells)


def read_word2vec(path: Path) -> RawTable:
    """Read the text format of word2vec and gensim: ``n dim``, then a word and its numbers on each line.

    Words that are not element symbols are passed over and counted.

    Raises:
        InputInvalid: another first line, a line of another length, or no element among the words.
    """
    rows: list[tuple[str, list[str]]] = []
    n_words = 0
    try:
        with open_regular(path) as file:
            dim = _word2vec_width(path, file.readline(1000))
            for line in islice(_lines(path, file, dim), _WORD2VEC_WORDS):
                word, _, rest = line.rstrip().partition(" ")
                n_words += 1
                if word in ATOMIC_NUMBERS:
                    rows.append((word, rest.split()))
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {why(error)}.") from error
    if not rows:
        raise InputInvalid(f"{path}: {none_of(n_words, 'word', '', 'is')} an element's symbol.")
    wrong = [word for word, cells in rows if len(cells) != dim]
    if wrong:
        raise InputInvalid(f"{path}: {wrong[0]} does not have {counted(dim, 'number')}, as its first line says.")
    notes = [f"Of {n_words:,} words, {len(rows)} are symbols of elements; the others are passed over."]
    words = [word for word, _ in rows if word in ENGLISH]
    if words:
        notes.append(f"Words of English as well, so that their vectors may mean those: {', '.join(words)}.")
    return raw_table(str(path), "word2vec text", rows, notes=notes)


def is_word2vec(start: bytes) -> bool:
    """Whether a text begins with two counts, and then a word and that many numbers."""
    first, _, rest = start.partition(b"\n")
    parts = first.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts) and len(rest.split(b"\n")[0].split(b" ")) > 1


def _word2vec_width(path: Path, line: bytes) -> int:
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise InputInvalid(f"{path} does not begin with two counts: of its words, and of the numbers in each vector.")
    dim = int(parts[1])
    if not 1 <= dim <= WIDEST:
        raise InputInvalid(f"{path} says that its vectors have {dim:,} numbers; at most {WIDEST:,} are read.")
    return dim


def _lines(path: Path, file: Any, dim: int) -> Iterator[str]:
    longest = 64 * dim + 4096
    while line := file.readline(longest):
        if len(line) >= longest:
            raise InputInvalid(
                f"{path} has a line of {longest:,} bytes or more, too long for {counted(dim, 'number')}."
            )
        if line.strip():
            yield line.decode("utf-8", "replace")


def _document(path: Path) -> Any:
    try:
        return json.loads(read_bounded(path, at_most=LARGEST_JSON), object_pairs_hook=without_repeats)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputInvalid(f"{path} is not JSON: {error}.") from error


def _records(path: Path, rows: list[dict[str, Any]], drop: Collection[str]) -> RawTable:
    names = list(rows[0])
    key = names[_key_column(path, names, [[row.get(name) for name in names] for row in rows])]
    absent = [str(row.get(key)) for row in rows if key not in row]
    if absent:
        raise InputInvalid(f'{path}: {counted(len(absent), "object", "has")} no "{key}".')
    vectors = [name for name in names if name != key and isinstance(rows[0][name], list)]
    if len(vectors) == 1:
        cells = [(_cell_key(row[key]), row.get(vectors[0]) or []) for row in rows]
        _check_cells(path, cells)
        return raw_table(str(path), "JSON objects", cells, notes=passed_over(names, key, vectors[0]))
    return _named(path, "JSON objects", [(row[key], {k: v for k, v in row.items() if k != key}) for row in rows], drop)


def _named(path: Path, kind: str, rows: Sequence[tuple[Any, dict[str, Any]]], drop: Collection[str]) -> RawTable:
    """Return a table of objects whose names are those of the columns; a name that one lacks is an empty cell."""
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    _check_drop(path, names, drop)
    names = [name for name in names if name not in drop]
    cells = [(_cell_key(key), [row.get(name) for name in names]) for key, row in rows]
    _check_cells(path, cells)
    return raw_table(str(path), kind, cells, columns=names)


def _numbers(path: Path, rows: list[Any]) -> np.ndarray:
    lengths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if len(lengths) != 1 or not lengths - {0}:
        raise InputInvalid(f"{path} is ragged: its rows have {', '.join(map(str, sorted(lengths)))} numbers.")
    cells = [(k, row) for k, row in enumerate(rows)]
    _check_cells(path, cells)
    return raw_table(str(path), "JSON", cells).values


def _check_cells(path: Path, rows: Sequence[tuple[Any, Sequence[Any]]]) -> None:
    for key, cells in rows:
        for cell in cells:
            if isinstance(cell, list | dict):
                raise InputInvalid(f"{path}: {shortened(str(key))} has a {type(cell).__name__} instead of a number.")


def _key_column(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Return the place of the column that says which element a row is."""
    folded = [name.strip().lower().replace(" ", "_") for name in names]
    for known in KEY_COLUMNS:
        if known in folded and _are_keys([cells[folded.index(known)] for cells in rows]):
            return folded.index(known)
    for place in range(len(names)):
        if _are_keys([cells[place] for cells in rows], symbols_only=True):
            return place
    raise InputInvalid(
        f"{path} has no column that says which element a row is, among {', '.join(map(shortened, names[:12]))}. Call "
        'one "element" and give symbols or atomic numbers in it.'
    )


def _check_header(path: Path, names: Sequence[str], place: int) -> None:
    """Refuse a first line that is the row of an element, which would be lost as names of columns."""
    others = [name for k, name in enumerate(names) if k != place]
    if names[place] in ATOMIC_NUMBERS and all(as_number(name) == as_number(name) for name in others):
        raise InputInvalid(
            f"{path}: its first line is a row of {names[place]}, and must name the columns. Put a line such as "
            '"element,v0,v1,..." above it.'
        )


def _are_keys(cells: Sequence[Any], *, symbols_only: bool = False) -> bool:
    """Whether most cells are symbols, or, where the name of a column says so, whole numbers."""
    symbols = sum(str(cell).strip() in ATOMIC_NUMBERS for cell in cells)
    whole = 0 if symbols_only else sum(as_number(cell) in range(119) for cell in cells if not is_blank(cell))
    return max(symbols, whole) > 0.5 * len(cells)


def _cell_key(cell: Any) -> str | int:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    text = str(cell).strip()
    return text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text


def _check_drop(path: Path, names: Sequence[str], drop: Collection[str]) -> None:
    absent = [name for name in drop if name not in names]
    if absent:
        raise InputInvalid(
            f'{path} has no column "{absent[0]}" to leave out. It has {", ".join(map(shortened, names[:12]))}.'
        )
