"""More columns for structures, out of a table with their identifiers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.display.numbers import counted
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

        Identifiers are in the column ``material_id``, else ``id`` or ``mpid``, else the first.

        Raises:
            InputInvalid: it is not a table that can be read, or an identifier is there twice.
        """
        import pyarrow as pa

        if isinstance(given, JoinedTable):
            return given
        is_path = isinstance(given, str | os.PathLike)
        source = str(given) if is_path else "The table"
        try:
            table = _read(Path(given)) if is_path else pa.table(given)
            found = [name for name in _IDS if name in table.column_names] or table.column_names[:1]
            if not found:
                raise InputInvalid(f"{source} has no columns.")
            ids = table[found[0]].combine_chunks().cast(pa.string())
        except (OSError, pa.ArrowException, TypeError, ValueError) as error:
            if isinstance(error, InputInvalid):
                raise
            raise InputInvalid(f"{source} cannot be read as a table of columns by identifier: {error}.") from error
        n_distinct = len(ids.unique())
        if n_distinct < len(ids):
            raise InputInvalid(
                f"{source} names {counted(len(ids) - n_distinct, 'structure')} more than once in its column "
                f'"{found[0]}".'
            )
        return cls(source, ids, table.drop_columns(found), found[0])

    def check_head(self, names: pa.Array | pa.ChunkedArray) -> None:
        """Refuse a table whose first line is not one of names of columns but that of a structure.

        Args:
            names: identifiers of the structures that it is joined to.

        Raises:
            InputInvalid: its column of identifiers is named like one of them.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.head and pc.index(names, pa.scalar(self.head, names.type)).as_py() >= 0:
            raise InputInvalid(
                f'{self.source} has no line of column names: it begins with the structure "{self.head}". Put one '
                f"above it, such as {ID},value."
            )

    def join(self, keys: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return keys with columns beside them; what is not in the table is missing.

        Raises:
            ColumnNotFound: there is no such column.
        """
        import pyarrow.compute as pc

        if columns:
            self.check_head(keys[ID])
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


def _read(path: Path) -> pa.Table:
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputInvalid(f"There is no file {path}.")
    if path.suffix.lower() == ".parquet":
        return pq.read_table(path)
    separator = _SEPARATORS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if separator is None:
        raise InputInvalid(f"{path} is no table that is joined here; give .parquet, .csv or .tsv.")
    return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=separator))
