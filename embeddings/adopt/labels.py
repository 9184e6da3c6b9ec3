"""What says which element a row of a table is: keys in other arrays, and columns that are no numbers of a vector.

Rows go by atomic number only where nothing else is there to go by: a key under a name that is not expected is found by
what it holds, and one that fits no row, or contradicts another, ends the import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS
from embeddings.errors import InputInvalid

KEY_COLUMNS = ("element", "symbol", "elements", "symbols", "el", "atom", "species", "atomic_number", "z", "key", "name")
"""Names of columns that say which element a row is, the likeliest first; a column without a name counts as well."""

_ROW_NAMES = re.compile(r"|index|unnamed: ?\d+|__index_level_\d+__|level_\d+", re.IGNORECASE)
"""Names that pandas gives to the index of a frame when it is written, among them none."""

Keys = tuple[str | int, ...]


class Numbers(NamedTuple):
    """Columns that are numbers of a vector.

    Attributes:
        names: of them, or none where they only count.
        values: (n_rows, dim).
        notes: which columns were left out, a sentence each.
    """

    names: tuple[str, ...]
    values: np.ndarray
    notes: tuple[str, ...] = ()


def names_of(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the names of columns, or none where they only count: ``0, 1, 2`` or ``v0, v1, v2``."""
    names = tuple(str(name).strip() for name in columns)
    stems = [name.lower().lstrip("abcdefghijklmnopqrstuvwxyz_- ") for name in names]
    counts = all(stem.isdecimal() for stem in stems) and [int(stem) for stem in stems] in (
        list(range(len(names))), list(range(1, len(names) + 1)),
    )  # fmt: skip
    return () if counts or not all(names) else names


def numbers_alone(source: str, keys: Sequence[str | int], columns: Iterable[str], values: np.ndarray) -> Numbers:
    """Leave out columns that say which row it is, and not what is known of it.

    These are the index of a data frame; and, where the other columns only count, one that says the element again.

    Args:
        source: the file, for messages.
        keys: of the rows.
        columns: names as written; none where the file has none.
        values: (n_rows, dim).

    Raises:
        InputInvalid: where the other columns only count, one is called like a key and has whole numbers that are not
            the rows' atomic numbers.
    """
    names = [str(name).strip() for name in columns]
    if not names:
        return Numbers((), values)
    called = [k for k, name in enumerate(names) if _ROW_NAMES.fullmatch(name) and names.count(name) == 1 < len(names)]
    rows = {k for k in called if _are_whole(values[:, k])}
    notes = [f"Numbers of the rows, in {_called(names[k], k)}, are left out." for k in sorted(rows)]
    again = [k for k, name in enumerate(names) if k not in rows and _is_key_name(name) and _are_elements(values[:, k])]
    rest = [name for k, name in enumerate(names) if k not in rows and k not in again]
    if rest and not names_of(rest):
        for k in again:
            _check_agrees(source, keys, names[k], values[:, k])
        notes += [f'Column "{names[k]}" says the element again, and is left out.' for k in again]
        rows |= set(again)
    kept = [k for k in range(len(names)) if k not in rows]
    return Numbers(names_of(names[k] for k in kept), values[:, kept], tuple(notes))


def keys_beside(
    source: str, found: Mapping[str, np.ndarray], name: str, n_rows: int, *, first_row: int | None = None
) -> Keys | None:
    """Return what the other arrays of a file say of the elements of a table's rows; None where they say nothing.

    Args:
        source: the file, for messages.
        found: all arrays by name.
        name: of the table.
        n_rows: of the table.
        first_row: atomic number of the first row, if rows are said to go by it.

    Raises:
        InputInvalid: symbols are there, but not one for each row, or `first_row` or other keys say something else; or
            whole numbers are there that may be atomic numbers.
    """
    others = {key: np.ravel(one) for key, one in found.items() if key != name and one.size == max(one.shape, default=0)}
    stated = {key: keys for key, one in others.items() if (keys := _stated(key, one, n_rows))}
    stated = {key: keys for key, keys in stated.items() if _parent(key) == _parent(name)} or stated
    fitting = {key: keys for key, keys in stated.items() if len(keys) == n_rows}
    if stated and not fitting:
        key = next(iter(stated))
        raise InputInvalid(
            f'{source} has {counted(len(stated[key]), "element")} in "{key}", but {counted(n_rows, "row")} in '
            f'"{name}", so nothing says which row is whose. Save one for each row.'
        )
    if not fitting:
        if first_row is None:
            _refuse_unnamed(source, others, n_rows)
        return None
    refuse_first_row(f'"{next(iter(fitting))}" in {source}', first_row)
    _check_one_meaning(source, fitting)
    return max(fitting.values(), key=_share)


def refuse_first_row(what: str, first_row: int | None) -> None:
    """Refuse to let rows go by atomic number where something says which elements they are.

    Raises:
        InputInvalid: `first_row` is given.
    """
    if first_row is not None:
        raise InputInvalid(f"{what} says which element a row is. Leave --first-row out.")


def as_keys(values: np.ndarray) -> Keys:
    """Return an array of symbols or atomic numbers as keys."""
    if values.dtype.kind in "iuf":
        return tuple(int(value) if float(value).is_integer() else str(value) for value in values.tolist())
    return tuple(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values.tolist())


def passed_over(names: Iterable[str], *read: str) -> list[str]:
    """Return, as a sentence, which columns are not read beside one of lists; nothing if there is none."""
    others = [name for name in names if name not in read]
    return [f"Columns passed over: {', '.join(map(shortened, others))}."] if others else []


def _stated(name: str, values: np.ndarray, n_rows: int) -> Keys | None:
    """Return an array as keys if it says which elements there are, by its name or by its symbols; None otherwise."""
    is_text = values.dtype.kind in "USO"
    if not len(values) or (not is_text and values.dtype.kind not in "iuf"):
        return None
    keys, is_named = as_keys(values), _is_key_name(re.split(r"[./]", name)[-1])
    may_be = is_named or is_text
    return keys if (may_be and _share(keys) > 0.5) or (is_named and len(keys) == n_rows) else None


def _share(keys: Keys) -> float:
    """Return which share of keys are elements."""
    return sum(_number(key) is not None for key in keys) / len(keys)


def _check_one_meaning(source: str, stated: Mapping[str, Keys]) -> None:
    """Refuse keys that name another element of a row than others do."""
    (first, keys), *others = stated.items()
    for name, again in others:
        pairs = ((_number(one), _number(other)) for one, other in zip(keys, again, strict=True))
        if any(one != other for one, other in pairs if one is not None and other is not None):
            raise InputInvalid(
                f'{source} says which element a row is in "{first}" and in "{name}", and differently. Save the table '
                "with one of them."
            )


def _refuse_unnamed(source: str, others: Mapping[str, np.ndarray], n_rows: int) -> None:
    """Refuse whole numbers beside a table without keys that may be the atomic numbers of its rows, in another order."""
    for name, values in others.items():
        is_number = len(values) == n_rows > 1 and values.dtype.kind in "iuf"
        if is_number and _are_elements(values) and (np.diff(values.astype(np.int64)) != 1).any():
            raise InputInvalid(
                f'"{name}" in {source} may say which element a row is. Call it "atomic_number" if it does; if rows go '
                "by atomic number, give that of the first one: --first-row."
            )


def _are_whole(values: np.ndarray) -> bool:
    """Whether numbers are whole and different, as those that only name rows are."""
    is_whole = np.isfinite(values).all() and (values == np.rint(values)).all()
    return bool(is_whole) and len(np.unique(values)) == len(values)


def _are_elements(values: np.ndarray) -> bool:
    """Whether numbers are different atomic numbers, counted from 0 or from 1."""
    return _are_whole(values) and bool(values.min() >= 0 and values.max() <= N_ELEMENTS)


def _check_agrees(source: str, keys: Sequence[str | int], name: str, values: np.ndarray) -> None:
    for key, value in zip(keys, values.tolist(), strict=True):
        if _number(key) not in (None, int(value)):
            raise InputInvalid(
                f'{source}: the column "{shortened(name)}" says {int(value)} of {shortened(str(key))}: another one. '
                "Correct it, or leave it out with --drop-column."
            )


def _number(key: Any) -> int | None:
    """Return the atomic number of a key; None where it is not that of an element."""
    text = str(key).strip()
    if text.isdecimal() and len(text) <= 3:
        return int(text) if 1 <= int(text) <= N_ELEMENTS else None
    return ATOMIC_NUMBERS.get(text)


def _is_key_name(name: str) -> bool:
    """Whether a column or array is called as one that says which element a row is."""
    folded = re.sub(r"[\s-]+", "_", name.strip().lower())
    return folded in KEY_COLUMNS or folded.removesuffix("s") in KEY_COLUMNS


def _parent(name: str) -> str:
    """Return the name of the group that an array is in."""
    return re.sub(r"[./]?[^./]*$", "", name)


def _called(name: str, place: int) -> str:
    return f'"{shortened(name)}"' if name else f"a column without a name, the {place + 1}. of the numbers"
