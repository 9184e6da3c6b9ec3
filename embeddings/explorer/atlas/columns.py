"""What the atlas tells of each structure: columns of the file, derived ones, and those of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean
from embeddings.explorer.atlas.links import links_of
from embeddings.formula.bulk import fraction_matrix
from embeddings.search.tables import ID, JoinedTable

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.vectors.structures import StructureCatalog

LINK = "entry"
NAME = "structure"
"""Formula and identifier in one, which is searched."""

_OWN = (ID, "formula", NAME)

_UNFIT = re.compile(r"[\x00-\x1f\x7f\"]")


@dataclass
class Columns:
    """A table with a row for each structure.

    Attributes:
        table: its columns; those whose names begin with two underscores are not shown.
        notes: what was left out, and why.
    """

    table: pa.Table
    notes: list[str] = field(default_factory=list)

    @property
    def shown(self) -> list[str]:
        """Names of the columns that are shown."""
        return [name for name in self.table.column_names if not name.startswith("__")]

    @property
    def colored(self) -> list[str]:
        """Names of those that can be colored by."""
        return [name for name in self.shown if name not in (NAME, LINK) and not _is_list(self.table[name].type)]

    def check_color(self, color: str) -> None:
        """Refuse a column that cannot be colored by.

        Raises:
            ColumnNotFound: there is no such column, or it holds lists.
        """
        if color not in self.colored:
            raise ColumnNotFound(
                f'The atlas has no column "{color}" to color by.{did_you_mean(color, self.colored)} There are: '
                f"{', '.join(self.colored)}."
            )


def columns_of(catalog: StructureCatalog, given: JoinedTable | None) -> Columns:
    """Gather what is told of the structures of a file.

    A column of the table takes the place of a derived one of its name. Identifiers and formulas are those of the file.

    Raises:
        InputInvalid: the table knows none of the structures, has no line of column names, or two columns of one name.
        FormulaInvalid: a formula of the file cannot be read.
    """
    import pyarrow as pa

    names = [f"{formula} {name}" for formula, name in zip(catalog.formulas, catalog.material_ids, strict=True)]
    told = dict(zip(_OWN, (catalog.material_ids, catalog.formulas, names), strict=True))
    own = {name: pa.array(values, pa.string()) for name, values in told.items()}
    columns = Columns(pa.table(own))
    joined = {} if given is None else _joined(columns, given)
    taken = {name.casefold() for name in joined}
    derived = {name: values for name, values in _derived(catalog).items() if name not in taken}
    columns.table = pa.table({NAME: own[NAME], **own, **derived, **joined})
    return columns


def _derived(catalog: StructureCatalog) -> dict[str, pa.Array]:
    """Return the number of elements, the elements, and the address of the entry of each structure."""
    import pyarrow as pa

    matrix = fraction_matrix(catalog.formulas)
    symbols = pa.DictionaryArray.from_arrays(pa.array(matrix.atomic_numbers - 1, pa.uint8()), pa.array(SYMBOLS))
    elements = pa.ListArray.from_arrays(pa.array(matrix.offsets, pa.int32()), symbols.cast(pa.string()))
    found = {"n_elements": pa.array(matrix.n_elements, pa.int32()), "elements": elements}
    links = pa.array(links_of(catalog.material_ids, catalog.footer.source), pa.string())
    return found | ({LINK: links} if links.null_count < len(links) else {})


def _joined(columns: Columns, given: JoinedTable) -> dict[str, pa.Array]:
    """Return the columns of a table, a row for each structure."""
    import pyarrow.compute as pc

    given.check_ids([columns.table[ID]])
    places = pc.index_in(columns.table[ID], value_set=given.ids)
    n_missing, n = places.null_count, len(columns.table)
    if n_missing:
        columns.notes.append(f"{given.source} lacks {n_missing:,} of {counted(n, 'structure')}, which have no value")
    found: dict[str, pa.Array] = {}
    for name, column in zip(given.columns.column_names, given.columns.columns, strict=True):
        shown = _UNFIT.sub("'", name)
        why = _why_not(shown, column.type)
        if shown.casefold() in {other.casefold() for other in found}:
            raise InputInvalid(f'{given.source} has two columns called "{shown}", which differ only in case.')
        values = None if why else _plain(column.combine_chunks().take(places))
        if values is None:
            columns.notes.append(f'column "{shown}" is left out: {why or f"it holds {column.type}"}')
            continue
        if shown != name:
            columns.notes.append(f'column {name!r} is called "{shown}"')
        found[shown] = values
    return found


def _why_not(name: str, kind: pa.DataType) -> str:
    """Return why a column is left out for its name or because nothing is in it; nothing if it is not."""
    import pyarrow as pa

    if name.casefold() in _OWN:
        return "that of the vectors is shown"
    if not name.strip() or name.startswith("__"):
        return "its name is empty or begins with two underscores"
    return "it holds no value" if pa.types.is_null(kind) else ""


def _plain(values: pa.Array) -> pa.Array | None:
    """Return values as text, numbers, times or lists of text, which the viewer knows; None for others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if pa.types.is_boolean(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64())
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    if pa.types.is_integer(kind):
        return _small(values)
    if pa.types.is_temporal(kind) and not (pa.types.is_time(kind) or pa.types.is_duration(kind)):
        return values
    return values if pa.types.is_string(kind) or _is_list(kind) else None


def _small(values: pa.Array) -> pa.Array:
    """Return whole numbers as int32, or as float64 where they do not fit."""
    import pyarrow as pa

    try:
        return values.cast(pa.int32())
    except pa.ArrowInvalid:
        return values.cast(pa.float64(), safe=False)


def _is_list(kind: pa.DataType) -> bool:
    """Whether values are lists of text."""
    import pyarrow as pa

    return bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))


def n_distinct(values: pa.ChunkedArray) -> int:
    """Return how many values there are, without the missing one."""
    import pyarrow.compute as pc

    counted: int = pc.count_distinct(values, mode="only_valid").as_py()
    return counted
