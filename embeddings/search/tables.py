"""More columns for structures, out of a table with their identifiers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

ID = "material_id"
_IDS = (ID, "id", "mpid")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, eq=False)
class JoinedTable:
    """Columns by identifier.

    Attributes:
        source: as it is spoken of.
        ids: (n,) text, without repeats.
        columns: (n,) rows of the other columns.
        head: the name of the column of identifiers; empty without one.
    """

    source: str
    ids: pa.Array
    columns: pa.Table
    head: str = ""

    @classmethod
    def none(cls) -> JoinedTable:
        """Return a table without columns."""
        import pyarrow as pa

        return cls("", pa.array([], pa.string()), pa.table({}))

    @classmethod
    def read(cls, given: Any) -> JoinedTable:
        """Read a table: the path of a Parquet, CSV or TSV file, or what Arrow takes, such as a data frame.

        Identifiers are in the column ``material_id``, else ``id`` or ``mpid``, else the first. NaN is a missing value.

        Raises:
            InputInvalid: it is not a table that can be read, or an identifier or the name of a column is there twice.
        """
        import pyarrow as pa

        if isinstance(given, JoinedTable):
            return given
        is_path = isinstance(given, str | os.PathLike)
        source = str(given) if is_path else "The table"
        try:
            table = _read(Path(given)) if is_path else pa.table(given)
            head = _check_names(table.column_names, source)
            ids = table[head].combine_chunks().cast(pa.string())
        except (OSError, pa.ArrowException, TypeError, ValueError) as error:
            if isinstance(error, InputInvalid):
                raise
            raise InputInvalid(f"{source} cannot be read as a table of columns by identifier: {error}.") from error
        n_distinct = len(ids.unique())
        if n_distinct < len(ids):
            raise InputInvalid(
                f'{source} names {counted(len(ids) - n_distinct, "structure")} more than once in its column "{head}".'
            )
        return cls(source, ids, _with_missing(table.drop_columns([head])), head)

    def check_ids(self, blocks: Iterable[pa.Array | pa.ChunkedArray]) -> None:
        """Refuse a table that is not one of some structures.

        Args:
            blocks: identifiers of the structures that it is joined to, block by block.

        Raises:
            InputInvalid: it names none of them, or has no line of column names: its first column is named like one.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        first, n_known, n = "nothing", 0, 0
        for names in blocks:
            if pc.index(names, pa.scalar(self.head, names.type)).as_py() >= 0:
                raise InputInvalid(
                    f'{self.source} has no line of column names: it begins with the structure "{self.head}". Put one '
                    f"above it, such as {ID},value."
                )
            n_known += len(names) - pc.index_in(names, value_set=self.ids).null_count
            first = _beginning(names) if not n else first
            n += len(names)
        if n and not n_known:
            raise InputInvalid(
                f"{self.source} has none of the {counted(n, 'structure')}: it begins with {_beginning(self.ids)}, they "
                f"with {first}."
            )

    def join(self, keys: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return keys with columns beside them; what is not in the table is missing.

        Raises:
            ColumnNotFound: there is no such column.
        """
        import pyarrow.compute as pc

        known = [*keys.column_names, *self.columns.column_names]
        for name in columns:
            if name not in known:
                raise ColumnNotFound(
                    f'There is no column "{name}".{did_you_mean(name, known)} There are: {", ".join(known)}. A table '
                    "with more columns, by identifier: --table FILE"
                )
        if not columns:
            return keys
        places = pc.index_in(keys[ID], value_set=self.ids)
        for name in columns:
            keys = keys.append_column(name, self.columns[name].take(places))
        return keys


def _check_names(names: Sequence[str], source: str) -> str:
    """Return the name of the column of identifiers, after names that are there twice were refused."""
    if not names:
        raise InputInvalid(f"{source} has no columns.")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputInvalid(f'{source} has more than one column called "{shortened(twice[0])}". Rename one of them.')
    return _id_column(names)


def _id_column(names: Sequence[str]) -> str:
    return next((name for name in _IDS if name in names), names[0])


def _with_missing(table: pa.Table) -> pa.Table:
    """Return a table in which every NaN is a missing value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table.column(place)
            known = pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
            table = table.set_column(place, field.with_nullable(True), known)
    return table


def _beginning(names: pa.Array | pa.ChunkedArray) -> str:
    """Return the first of some identifiers for a message."""
    return shortened(repr(names[0].as_py())) if len(names) else "nothing"


def _read(path: Path) -> pa.Table:
    """Read a file; identifiers of a text are what is written there, such as ``0010``, and never numbers."""
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputInvalid(f"There is no file {path}.")
    if path.suffix.lower() == ".parquet":
        return pq.read_table(path, page_checksum_verification=True)
    separator = _SEPARATORS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if separator is None:
        raise InputInvalid(f"{path} cannot be joined as a table; give .parquet, .csv or .tsv.")
    parsing = csv.ParseOptions(delimiter=separator)
    with csv.open_csv(path, parse_options=parsing) as reader:
        ids = _id_column(reader.schema.names)
    return csv.read_csv(
        path, parse_options=parsing, convert_options=csv.ConvertOptions(column_types={ids: pa.string()})
    )
