"""Structure tables of any Arrow type, layout and content: the values that Python sees, or a fault with its row."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.structures.rejections import MENDS
from builders.structures.table import Fault, StructureTable, read_rows, read_structure_table
from embeddings.errors import ColumnNotFound, SourceError
from tests.fuzz.conftest import fuzz

LISTS = (pa.list_, pa.large_list, pa.list_view, pa.large_list_view)
FLOATS = (pa.float64(), pa.float32(), pa.float16(), pa.decimal128(20, 6), pa.int32(), pa.int8())
WHOLES = (pa.uint8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(9, 0))
IDS = (pa.string(), pa.large_string(), pa.string_view(), pa.int64(), pa.uint32(), pa.decimal128(30, 0))
Row = dict[str, Any]

halves = st.integers(-24, 24).map(lambda n: n / 2)
elements = st.integers(1, 118) | st.sampled_from([0, -1, 119, 255, 11.5, None])


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A structure as Python has it; sometimes a wrong one."""
    n = draw(st.integers(0, 4))
    row: Row = {
        "material_id": draw(st.integers(0, 10**6)),
        "formula": "x",
        "lattice": draw(st.lists(halves, min_size=9, max_size=9)),
        "atomic_numbers": draw(st.lists(st.integers(1, 118), min_size=n, max_size=n)),
        "frac_coords": draw(st.lists(halves, min_size=3 * n, max_size=3 * n)),
    }
    if draw(st.integers(0, 3)) == 3:
        name = draw(st.sampled_from(["material_id", "lattice", "atomic_numbers", "frac_coords"]))
        wrong = {"material_id": st.none(), "atomic_numbers": st.none() | st.lists(elements, max_size=4)}
        row[name] = draw(wrong.get(name, st.none() | st.lists(halves | st.none(), max_size=13)))
    return row


def nested(values: list[Any] | None) -> list[list[Any]] | None:
    return None if values is None else [values[k : k + 3] for k in range(0, len(values), 3)]


def as_stored(values: Any, kind: pa.DataType) -> Any:
    """The values as Python would have to give them to a type."""
    if isinstance(values, list):
        return [as_stored(value, kind) for value in values]
    if values is None:
        return None
    if pa.types.is_integer(kind) and values != int(values):
        raise ValueError(values)
    if pa.types.is_decimal(kind):
        return _exactly(Decimal(str(values)), Decimal(1).scaleb(-kind.scale))
    return np.float16(values) if kind == pa.float16() else values


def _exactly(value: Decimal, unit: Decimal) -> Decimal:
    if value % unit:
        raise ValueError(value)
    return value.quantize(unit)


def encoded(draw: st.DrawFn, array: pa.Array) -> pa.ChunkedArray:
    """The same values in chunks, slices and dictionaries."""
    n = len(array)
    how = draw(st.sampled_from(["plain", "chunks", "slices", "dictionary", "run ends"]))
    if how == "dictionary" and not pa.types.is_nested(array.type) and not pa.types.is_string_view(array.type):
        return pa.chunked_array([array.dictionary_encode()])
    if how == "chunks" and n:
        cut = draw(st.integers(0, n))
        return pa.chunked_array([array[:cut], array[cut:cut], array[cut:]])
    if how == "slices" and n:
        padded = pa.concat_arrays([array[-1:], array, array[:1]])
        return pa.chunked_array([padded[1:-1]])
    if how == "run ends" and not pa.types.is_nested(array.type) and array.type in (pa.int64(), pa.string()):
        return pa.chunked_array([pc.run_end_encode(array)])
    return pa.chunked_array([array])


def column(draw: st.DrawFn, values: list[Any], kinds: tuple[pa.DataType, ...], *, may_nest: bool) -> pa.ChunkedArray:
    """A column of lists in a type that holds the values; that of Python if the one drawn does not."""
    kind, make, is_nested = draw(st.sampled_from(kinds)), draw(st.sampled_from(LISTS)), may_nest and draw(st.booleans())
    values = [nested(value) for value in values] if is_nested else values
    outer = make(draw(st.sampled_from([pa.list_, pa.large_list]))(kind) if is_nested else kind)
    plain = pa.list_(pa.list_(pa.float64()) if is_nested else pa.float64())
    if all(value is not None and len(value) == 9 for value in values) and not is_nested and draw(st.booleans()):
        outer = pa.list_(kind, 9)
    try:
        array = pa.array([as_stored(value, kind) for value in values], outer)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError, OverflowError):
        array = pa.array(values, plain)
    return encoded(draw, array)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Row], pa.Table]:
    """Rows, and a table that holds them."""
    content = draw(st.lists(rows(), max_size=5))
    kind = draw(st.sampled_from(IDS))
    is_text = not (pa.types.is_integer(kind) or pa.types.is_decimal(kind))
    ids = [row["material_id"] for row in content]
    stored = [None if i is None else f"mp-{i}" if is_text else i for i in ids]
    for row, i in zip(content, stored, strict=True):
        row["material_id"] = None if i is None else str(i)
    columns = {
        "material_id": encoded(draw, pa.array(stored, kind)),
        "formula": pa.chunked_array([pa.array([row["formula"] for row in content], pa.string())]),
        "lattice": column(draw, [row["lattice"] for row in content], FLOATS, may_nest=True),
        "atomic_numbers": column(draw, [row["atomic_numbers"] for row in content], WHOLES, may_nest=False),
        "frac_coords": column(draw, [row["frac_coords"] for row in content], FLOATS, may_nest=True),
    }
    return content, pa.table({name: columns[name] for name in draw(st.permutations(list(columns)))})


def is_good(row: Row) -> bool:
    """Whether a row is a structure, by the rules of Python alone."""
    lists = [row[name] for name in ("lattice", "atomic_numbers", "frac_coords")]
    if row["material_id"] is None or any(value is None or None in value for value in lists):
        return False
    lattice, numbers, coords = lists
    return len(lattice) == 9 and len(coords) == 3 * len(numbers) and all(z in range(1, 119) for z in numbers)


def assert_same(structures: StructureTable, row_numbers: np.ndarray, faults: list[Fault], content: list[Row]) -> None:
    good = [k for k, row in enumerate(content) if is_good(row)]
    assert row_numbers.tolist() == good
    assert [fault.row for fault in faults] == [k for k in range(len(content)) if k not in good]
    assert all(fault.reason in MENDS and fault.detail for fault in faults)
    assert structures.material_ids.tolist() == [content[k]["material_id"] for k in good]
    for place, k in enumerate(good):
        atoms = slice(structures.offsets[place], structures.offsets[place + 1])
        assert structures.lattices[place].ravel().tolist() == content[k]["lattice"]
        assert structures.atomic_numbers[atoms].tolist() == content[k]["atomic_numbers"]
        assert structures.frac_coords[atoms].ravel().tolist() == content[k]["frac_coords"]


@fuzz(examples=100)
@given(tables())
def test_rows_are_what_python_sees(written: tuple[list[Row], pa.Table]) -> None:
    content, table = written
    assert_same(*read_rows(table, origin="x"), content)


@fuzz
@given(written=tables(), group=st.integers(1, 3))
def test_rows_are_the_same_after_parquet(written: tuple[list[Row], pa.Table], group: int, tmp_path: Path) -> None:
    content, table = written
    path = tmp_path / "x.parquet"
    try:
        pq.write_table(table, path, row_group_size=group)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return  # a type that Parquet has no place for
    if all(map(is_good, content)):
        structures = read_structure_table(path)
        assert_same(structures, np.arange(len(content)), [], content)
    else:
        with pytest.raises(SourceError, match="row"):
            read_structure_table(path)


# Properties ----------------------------------------------------------------------------------------------------------

NUMBERS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.float16(): st.floats(width=16),
    pa.int64(): st.integers(-(2**53), 2**53),
    pa.uint8(): st.integers(0, 255),
    pa.bool_(): st.booleans(),
    pa.decimal128(12, 3): st.decimals(-(10**6), 10**6, places=3),
    pa.decimal256(12, 3): st.decimals(-(10**6), 10**6, places=3),
}
OTHERS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(max_size=3),
    pa.binary(): st.binary(max_size=3),
    pa.list_(pa.float64()): st.lists(st.floats(), max_size=2),
    pa.struct([("a", pa.int8())]): st.builds(lambda n: {"a": n}, st.integers(0, 9)),
    pa.timestamp("us"): st.integers(0, 10**6),
    pa.date32(): st.integers(0, 10**4),
    pa.duration("s"): st.integers(0, 10**4),
    pa.null(): st.none(),
    pa.map_(pa.string(), pa.int8()): st.just([("a", 1)]),
}
KINDS = NUMBERS | OTHERS


@st.composite
def properties(draw: st.DrawFn) -> tuple[int, dict[str, tuple[pa.DataType, list[Any], pa.ChunkedArray]]]:
    n = draw(st.integers(0, 4))
    found = {}
    for name in draw(st.lists(st.text(max_size=4), max_size=4, unique=True)):
        kind = draw(st.sampled_from(list(KINDS)))
        values = draw(st.lists(KINDS[kind] | st.none(), min_size=n, max_size=n))
        stored = [np.float16(v) if kind == pa.float16() and v is not None else v for v in values]
        found[name] = (kind, values, encoded(draw, pa.array(stored, kind)))
    return n, found


@fuzz(examples=100)
@given(properties())
def test_properties_are_the_numbers_that_python_sees(written: tuple[int, dict[str, Any]]) -> None:
    n, columns = written
    own = {
        "material_id": pa.array([f"m{k}" for k in range(n)], pa.string()),
        "formula": pa.array(["Na"] * n, pa.string()),
        "lattice": pa.array([[4, 0, 0, 0, 4, 0, 0, 0, 4]] * n, pa.list_(pa.float64())),
        "atomic_numbers": pa.array([[11]] * n, pa.list_(pa.int8())),
        "frac_coords": pa.array([[0, 0, 0]] * n, pa.list_(pa.float64())),
    }
    structures, _, faults = read_rows(
        pa.table(own | {name: array for name, (*_, array) in columns.items()}), origin="x"
    )
    assert not faults
    assert structures.properties.keys() == {name for name, (kind, *_) in columns.items() if kind in NUMBERS}
    for name, values in structures.properties.items():
        expected = [math.nan if value is None else float(value) for value in columns[name][1]]
        assert values.tolist() == pytest.approx(expected, rel=1e-15, nan_ok=True)


# Whatever else -------------------------------------------------------------------------------------------------------

ANYTHING = (
    pa.string(), pa.binary(), pa.float64(), pa.bool_(), pa.null(), pa.date32(), pa.struct([("a", pa.float64())]),
    pa.list_(pa.string()), pa.list_(pa.list_(pa.list_(pa.float64()))), pa.list_(pa.struct([("a", pa.int8())])),
    pa.map_(pa.string(), pa.float64()), pa.list_(pa.bool_()), pa.list_(pa.null()),
    pa.dictionary(pa.int8(), pa.string()),
    pa.list_(pa.dictionary(pa.int8(), pa.float64())), pa.fixed_shape_tensor(pa.float64(), [3, 3]),
    pa.fixed_shape_tensor(pa.float64(), [3, 3], permutation=[1, 0]), pa.list_(pa.float64(), 0),
    pa.list_(pa.list_(pa.float64(), 3), 3), pa.run_end_encoded(pa.int32(), pa.float64()), pa.list_(pa.duration("s")),
    pa.list_(pa.list_(pa.decimal256(40, 2))), pa.large_binary(), pa.uuid(), pa.list_(pa.time32("s")), pa.binary(4),
    pa.dense_union([pa.field("a", pa.int8())]), pa.month_day_nano_interval(), pa.json_(),
)  # fmt: skip


@fuzz(examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["material_id", "formula", "lattice", "atomic_numbers", "frac_coords", "occupancies", "gap"]),
        st.sampled_from(ANYTHING),
        min_size=4,
    ),
    st.integers(0, 2),
)
def test_a_column_of_any_type_is_read_or_named(kinds: dict[str, pa.DataType], n: int) -> None:
    usual = {"material_id": pa.string(), "formula": pa.string(), "lattice": pa.list_(pa.float64()),
             "atomic_numbers": pa.list_(pa.int8()), "frac_coords": pa.list_(pa.float64())}  # fmt: skip
    arrays = {}
    for name, kind in (usual | kinds).items():
        try:
            arrays[name] = pa.nulls(n, kind)
        except (pa.ArrowException, NotImplementedError, TypeError):
            arrays[name] = pa.chunked_array([], kind) if n == 0 else pa.nulls(n, pa.string())
    try:
        structures, good, faults = read_rows(pa.table(arrays), origin="x")
    except (SourceError, ColumnNotFound):
        return
    assert len(structures) == len(good) == n - len(faults)
