"""Columns of structure tables, read without changing any value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embeddings.display.numbers import counted
from embeddings.errors import SourceError

SHOWN = 20
"""The most names in a message."""

Problems = dict[int, str]
"""Row -> what is wrong with it."""


@dataclass(frozen=True)
class Lists:
    """The numbers of a column of lists, one list for each row.

    Attributes:
        lengths: (n,) int64, how many numbers each row holds.
        values: (sum of lengths,) in the type of the column.
        problems: rows that are empty, hold an empty value, or are nested in another way than requested.
    """

    lengths: np.ndarray
    values: np.ndarray
    problems: Problems = field(default_factory=dict)


def column_of(table: pa.Table, name: str) -> pa.Array:
    """Return a column as one array without dictionaries, run lengths and extension types.

    Raises:
        SourceError: an extension type that stores its values in another order.
    """
    return _one_array(table[name], name)


def read_lists(table: pa.Table, name: str, origin: str, *, inner: int | None = None, needs: str) -> Lists:
    """Read a column of lists of numbers.

    Args:
        table: any table.
        name: of the column.
        origin: of the table, for messages.
        inner: rows may also be lists of lists of this many numbers.
        needs: what each row has to be, for messages.

    Raises:
        SourceError: the column has a type that cannot be read like this.
    """
    kind = table.schema.field(name).type
    column = column_of(table, name)
    if not _is_list(column.type):
        raise SourceError(f'{origin}: column "{name}" is {kind}; it has to hold {needs}.')
    lists, problems = _unnested(column)
    lengths = _lengths(column)
    if inner is not None and _is_list(lists.type):
        lengths, lists, wrong = _inner_lists(lengths, lists, inner)
        problems = wrong | problems
    values = _numbers(_plain(lists, name))
    if values is None:
        raise SourceError(f'{origin}: column "{name}" is {kind}; it has to hold {needs}.')
    rows_with_nulls = np.repeat(np.arange(len(lengths)), lengths)[_nulls(values)]
    problems |= dict.fromkeys(rows_with_nulls.tolist(), "holds an empty value")
    return Lists(lengths, _to_numpy(values), problems)


def read_ids(table: pa.Table, name: str, origin: str) -> tuple[np.ndarray, Problems]:
    """Return a column of identifiers as text, (n,) objects, and the rows that have none.

    Raises:
        SourceError: the column holds neither text nor whole numbers.
    """
    column, kind = column_of(table, name), table.schema.field(name).type
    is_whole = pa.types.is_integer(column.type) or (pa.types.is_decimal(column.type) and column.type.scale == 0)
    if not (is_whole or _is_text(column.type)):
        way = ' Write it as one of these; in pandas: astype("Int64").' if pa.types.is_floating(column.type) else ""
        raise SourceError(f'{origin}: column "{name}" is {kind}; text or whole numbers are needed.{way}')
    try:
        column.validate(full=True)
        texts = column.cast(pa.large_string()).to_pylist()
    except pa.ArrowInvalid:
        texts = [_decoded(content) for content in column.cast(pa.large_binary()).to_pylist()]
    problems = {row: "has no identifier in UTF-8" for row, text in enumerate(texts) if not text}
    return np.asarray(["" if text is None else text for text in texts], dtype=object), problems


def read_property(table: pa.Table, index: int) -> np.ndarray | None:
    """Return a column as (n,) float64, NaN where it is empty; None where it does not hold numbers or truth values.

    Whole numbers beyond 2^53 keep the 16 digits that a float64 has.
    """
    column = _one_array(table.column(index), table.field(index).name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    numbers = _numbers(column)
    if numbers is None:
        return None
    values: np.ndarray = pc.cast(numbers, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values.astype(np.float64)


def check_names(schema: pa.Schema, origin: str) -> None:
    """Refuse a table in which two columns have the same name.

    Raises:
        SourceError: names them.
    """
    twice = [name for name, n in Counter(schema.names).items() if n > 1]
    if twice:
        raise SourceError(f"{origin} has more than one column called {listed(twice)}; rename one of them.")


def listed(names: Sequence[str]) -> str:
    """Return names for a message, as many as fit on a line."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _one_array(column: pa.ChunkedArray, name: str) -> pa.Array:
    chunks = column.chunks or [pa.array([], _stored(column.type, name))]
    return pa.concat_arrays([_plain(chunk, name) for chunk in chunks])


def _stored(kind: pa.DataType, name: str) -> pa.DataType:
    """Return the storage type of an extension type."""
    if not isinstance(kind, pa.BaseExtensionType):
        return kind
    order = getattr(kind, "permutation", None)
    if order is not None and list(order) != sorted(order):
        raise SourceError(f'Column "{name}" is {kind}; write its numbers in their logical order.')
    return _stored(kind.storage_type, name)


def _plain(column: pa.Array, name: str) -> pa.Array:
    """Remove dictionaries, run lengths and extension types from an array."""
    while True:
        if isinstance(column.type, pa.BaseExtensionType):
            _stored(column.type, name)
            column = column.storage
        elif pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        elif pa.types.is_run_end_encoded(column.type):
            column = pc.run_end_decode(column)
        else:
            return column


def _is_list(kind: pa.DataType) -> bool:
    kinds = (pa.ListType, pa.LargeListType, pa.FixedSizeListType, pa.ListViewType, pa.LargeListViewType)
    return isinstance(kind, kinds)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _lengths(lists: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def _unnested(lists: pa.Array) -> tuple[pa.Array, Problems]:
    """Return the content of all lists, in order, and the rows that are empty."""
    return pc.list_flatten(lists), dict.fromkeys(_nulls(lists).tolist(), "is empty")


def _nulls(values: pa.Array) -> np.ndarray:
    """Return where there is no value."""
    return np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))


def _inner_lists(n_lists: np.ndarray, lists: pa.Array, width: int) -> tuple[np.ndarray, pa.Array, Problems]:
    """Return how many values each row of lists holds, the values, and the rows with a list of another width."""
    row_of_list = np.repeat(np.arange(len(n_lists)), n_lists)
    widths = _lengths(lists)
    wrong = np.flatnonzero(widths != width)
    problems = {
        int(row_of_list[k]): f"holds a list of {counted(widths[k], 'number')}; {width} are needed" for k in wrong[::-1]
    }
    lengths = np.bincount(row_of_list, weights=widths, minlength=len(n_lists)).astype(np.int64)
    return lengths, pc.list_flatten(lists), problems


def _numbers(values: pa.Array) -> pa.Array | None:
    """Return an array of numbers in a type that NumPy can hold, None if it is not numbers."""
    if pa.types.is_decimal(values.type):
        return pc.cast(values, pa.float64())
    is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    return values if is_number else None


def _to_numpy(values: pa.Array) -> np.ndarray:
    """Return the values, 0 for missing ones, so that whole numbers stay whole."""
    filled = values.fill_null(pa.scalar(0, values.type)) if values.null_count else values
    array: np.ndarray = filled.to_numpy(zero_copy_only=False)
    return array


def _decoded(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
