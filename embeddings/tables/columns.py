"""Which column is which: by its name, or, for formulas, by what its cells read as."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from embeddings.display.text import shortened
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean
from embeddings.formula.bulk import known_formulas, read_column
from embeddings.tables.cells import as_number, is_blank
from embeddings.tables.sheet import Sheet

FORMULA_NAMES = (
    "formula",
    "composition",
    "reduced_formula",
    "formula_reduced",
    "formula_pretty",
    "pretty_formula",
    "full_formula",
    "chemical_formula",
    "material",
    "materials",
    "compound",
    "alloy",
    "chemistry",
)
"""Names of columns of formulas, the likeliest first."""

NAMED_SHARE, UNNAMED_SHARE = 0.5, 0.8
"""Of the cells of a column with such a name, or with any, so many must read as formulas."""

LOOKED_AT = 200
"""Cells that are read to see whether a column is one of formulas."""

MIN_NUMBERED = 5
"""Different cells that are one name with a running number, from which on they are names of samples."""

MIN_ELEMENTS = 3
"""Columns named by an element, from which on they hold a composition."""

COLUMNS_LISTED = 20

_NUMBERED = re.compile(r"([A-Za-z]+)[0-9]+")
_UNIT = re.compile(r"(.*\S)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])")


def split_unit(name: str) -> tuple[str, str]:
    """Return the name of a column without the unit in brackets at its end, and the unit; empty if there is none.

    >>> split_unit("band gap (eV)")
    ('band gap', 'eV')
    >>> split_unit("Tc [K]")
    ('Tc', 'K')
    """
    found = _UNIT.fullmatch(name)
    return (found[1], (found[2] or found[3] or "").strip()) if found else (name, "")


def find_column(sheet: Sheet, name: str, option: str) -> int:
    """Return the place of a column by its name, with or without the unit in brackets.

    Args:
        sheet: the table.
        name: what was asked for.
        option: that asked for it.

    Raises:
        ColumnNotFound: there is none; the message lists those that there are.
        InputInvalid: there are several.
    """
    name = name.strip()
    exact = [place for place, known in enumerate(sheet.names) if known == name]
    places = exact or [place for place, known in enumerate(sheet.names) if split_unit(known)[0] == name]
    if len(places) > 1:
        which = ", ".join(str(place + 1) for place in places[:COLUMNS_LISTED])
        raise InputInvalid(f'{sheet.source}: columns {which} are all called "{name}" ({option}); rename them.')
    if not places:
        hint = did_you_mean(name, [known for known in sheet.names[:1000] if known])
        raise ColumnNotFound(f'{sheet.source} has no column "{name}" ({option}).{hint} {columns_listed(sheet.names)}')
    return places[0]


def find_formulas(sheet: Sheet, name: str | None, *, besides: Collection[int] = ()) -> int:
    """Return the place of the column of formulas, and say in a note how it was found.

    Args:
        sheet: the table.
        name: of the column; None to look for it.
        besides: places of columns that hold something else.

    Raises:
        ColumnNotFound: there is none; the message lists the columns that there are.
        InputInvalid: several have the name, the table has no rows, or a formula stands in the place of the names.
    """
    if name is not None:
        return find_column(sheet, name, "--formula")
    place = _by_name(sheet, besides)
    if place is None and not _is_told(sheet, besides):
        place = _by_cells(sheet, besides)
    if place is None and not sheet.head and sheet.set_aside:
        first = sheet.set_aside[0]
        is_comma = "cells, and the table" in first.reason
        hint = " If its numbers have decimal commas, separate its columns by semicolons." if is_comma else ""
        raise InputInvalid(
            f"{sheet.source}: none of its rows can be read. Line {first.line}: {first.reason.rstrip('.')}.{hint}"
        )
    if place is None and not sheet.head:
        raise InputInvalid(f"{sheet.source} has no rows below the names of its columns. {columns_listed(sheet.names)}")
    if place is None:
        raise ColumnNotFound(f"{sheet.source}: {_why_none(sheet, besides)} {columns_listed(sheet.names)}")
    if _names_a_compound(sheet.names[place]):
        raise InputInvalid(
            f'{sheet.source}: its first line must name the columns, and "{shortened(sheet.names[place])}" reads as a '
            'formula. Put a line such as "formula" above it.'
        )
    sheet.notes.append(f"Formulas are read from {sheet.called(place)}; --formula names another column.")
    return place


def find_ids(
    sheet: Sheet, name: str | None, knows: Callable[[Any], bool] | None = None, *, besides: Collection[int] = ()
) -> int | None:
    """Return the place of the column of identifiers, and say in a note how it was found; None if there is none.

    Args:
        sheet: the table.
        name: of the column; None for that in which most cells are known.
        knows: whether a cell is an identifier; None not to look.
        besides: places of columns that hold something else.

    Raises:
        ColumnNotFound: there is none of that name; the message lists those that there are.
        InputInvalid: several have the name.
    """
    if name is not None:
        return find_column(sheet, name, "--id")
    counts = {
        place: sum(knows(cells[place]) for _, cells in sheet.head)
        for place in range(len(sheet.names))
        if knows is not None and place not in besides
    }
    place = max(counts, key=counts.__getitem__, default=None)
    if place is None or not counts[place]:
        return None
    sheet.notes.append(f"Identifiers are read from {sheet.called(place)}; --id names another column.")
    return place


def _names_a_compound(name: str) -> bool:
    """Whether the name of a column is the first of its formulas; ``ID`` is none, for all that it can be read."""
    return bool(re.search("[a-z0-9]", name)) and known_formulas([name])[0] is not None


def _is_told(sheet: Sheet, besides: Collection[int]) -> bool:
    """Whether a column says by its name that it holds formulas, though few of its texts can be read.

    Another column is not taken in its place: one of substrates or contacts would be learned from.
    """
    return any(
        re.search("formula|composition", sheet.names[place].lower()) and _cells(sheet, place)
        for place in _with_names(sheet)
        if place not in besides
    )


def _why_none(sheet: Sheet, besides: Collection[int]) -> str:
    """Say why no column is taken for one of formulas: most of its cells cannot be read, or each element has its own."""
    named = next((place for place in _with_names(sheet) if place not in besides), None)
    errors = [] if named is None else list(read_column(_cells(sheet, named)).invalid.values())
    if named is not None and errors:
        first = f"most cells of {sheet.called(named)} cannot be read as formulas. {errors[0]}"
        return f"{first} Correct them, or name the column of formulas with --formula."
    elements = [name for name in sheet.names if split_unit(name)[0] in ATOMIC_NUMBERS]
    if len(elements) < MIN_ELEMENTS:
        return "no column could be read as formulas. Name it with --formula."
    return (
        f"no column could be read as formulas. {', '.join(elements[:COLUMNS_LISTED])} seem to be amounts of elements: "
        "write them as one formula in a new column, such as Al0.5CoCrFeNi, by atoms and not by weight."
    )


def _with_names(sheet: Sheet) -> Iterator[int]:
    """Yield the places of columns that are named as one of formulas, the likeliest first."""
    folded = [re.sub(r"[\s-]+", "_", name.lower()) for name in sheet.names]
    return (place for name in FORMULA_NAMES for place, known in enumerate(folded) if known == name)


def _by_name(sheet: Sheet, besides: Collection[int]) -> int | None:
    found = (place for place in _with_names(sheet) if place not in besides)
    return next((place for place in found if _readable(sheet, place)[0] >= NAMED_SHARE), None)


def _by_cells(sheet: Sheet, besides: Collection[int]) -> int | None:
    """Return the column with most different formulas among those whose cells read as formulas."""
    places = [place for place in range(len(sheet.names)) if place not in besides and not _are_numbered(sheet, place)]
    found = {place: _readable(sheet, place) for place in places}
    counts = {place: n for place, (share, n) in found.items() if share >= UNNAMED_SHARE}
    return max(counts, key=counts.__getitem__) if counts else None


def _are_numbered(sheet: Sheet, place: int) -> bool:
    """Whether the cells of a column are the same letters with different numbers, ``NB1``, ``NB2``, ...: samples."""
    cells = [str(cell).strip() for cell in _cells(sheet, place)]
    found = [_NUMBERED.fullmatch(cell) for cell in cells]
    return len(set(cells)) >= MIN_NUMBERED and all(found) and len({match[1] for match in found if match}) == 1


def _cells(sheet: Sheet, place: int) -> list[Any]:
    """Return the first cells of a column that are not blank; none where they are numbers."""
    cells = [cells[place] for _, cells in sheet.head[:LOOKED_AT] if not is_blank(cells[place])]
    return [] if _are_numbers(cells) else cells


def _readable(sheet: Sheet, place: int) -> tuple[float, int]:
    """Return which share of the cells of a column reads as formulas, and how many different ones there are."""
    cells = _cells(sheet, place)
    if not cells:
        return 0.0, 0
    formulas = [formula for formula in known_formulas(cells) if formula is not None]
    return len(formulas) / len(cells), len(set(formulas))


def _are_numbers(cells: Sequence[Any]) -> bool:
    """Whether the first cells are numbers, which are never formulas."""
    return all(as_number(cell) == as_number(cell) for cell in cells[:5])


def columns_listed(names: Sequence[str]) -> str:
    """Say which columns there are, and that the first line must name them if it seems not to."""
    shown = ", ".join(shortened(name) if name else "(no name)" for name in names[:COLUMNS_LISTED]) or "no columns"
    more = f" and {len(names) - COLUMNS_LISTED:,} more" if len(names) > COLUMNS_LISTED else ""
    is_data = any(as_number(name) == as_number(name) for name in names)
    hint = " Some are numbers: the first line must name the columns." if is_data else ""
    return f"It has: {shown}{more}.{hint}"
