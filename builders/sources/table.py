"""Structures from a Parquet file in the structure schema, with any numeric columns as properties."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.origins import Origin, origin_from_metadata
from builders.sources.values import VALUES_OUT_OF_RANGE
from builders.structures.cleaning import EVERYTHING, Selection
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import LARGEST_VALUE, Fault, StructureTable, read_rows
from embeddings.errors import InputInvalid, SourceError
from embeddings.formula.bulk import known_formulas

ROWS_PER_BATCH, VALUES_PER_BATCH = 20_000, 20_000_000
"""The most rows of a part of a snapshot."""


def table(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read a Parquet file part by part.

    Raises:
        InputInvalid: no path is given.
        SourceError: there is no such file, or it is not a readable Parquet file.
    """
    if options.path is None:
        raise InputInvalid("The source table reads a Parquet file. Name it with --path FILE.parquet.")
    return ParquetStream(options.path, options.origin)


class ParquetStream(Stream):
    """The rows of a Parquet file, identified by its hash; a cursor is the number of a row."""

    def __init__(self, path: Path, origin: Origin | None) -> None:
        if not path.is_file():
            raise SourceError(f"No file at {path}.")
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path} is not a readable Parquet file: {error}") from error
        self._path, self._origin = path, origin
        self.query = {"file": path.name, "sha256": _sha256(path)}

    def plan(self) -> Plan:
        """Read the origin and the number of rows from the file.

        Raises:
            ColumnNotFound: a structure column is missing.
            SourceError: a column has a type that cannot be read, or two have the same name.
        """
        schema = self._file.schema_arrow
        read_rows(pa.Table.from_batches([], schema), origin=self._path.name)
        origin = self._origin or origin_from_metadata(schema, name=self._path.name)
        return Plan(origin, n_expected=self._file.metadata.num_rows)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Yield the rows, beginning at ``start``; those that are not structures are rejected."""
        row = 0
        try:
            for rows in self._file.iter_batches(batch_size=self._rows_per_batch()):
                first, row = row, row + len(rows)
                if row > (start or 0):
                    part = _without_views(pa.Table.from_batches([rows], schema=self._file.schema_arrow))
                    following = row if row < self._file.metadata.num_rows else None
                    yield self._checked(part, first, following)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self._path} is damaged: {error}") from error

    def _rows_per_batch(self) -> int:
        """Return the rows of a batch, fewer where they are large: a batch is in memory, with copies."""
        about = self._file.metadata
        n_values = sum(
            about.row_group(group).column(column).num_values
            for group in range(about.num_row_groups)
            for column in range(about.num_columns)
        )
        return min(ROWS_PER_BATCH, max(1, VALUES_PER_BATCH * about.num_rows // max(n_values, 1)))

    def _checked(self, part: pa.Table, first: int, following: Cursor) -> Batch:
        """Return some rows without those that are not structures; `first` is the number of the first in the file."""
        structures, good, faults = read_rows(part, origin=self._path.name)
        agreed, others = _agreed(part["formula"].take(pa.array(good)), structures)
        faults += [Fault(int(good[k]), structures.material_ids[k], "formula_disagrees", why) for k, why in others]
        rejected = tuple(_rejected(fault, first + fault.row) for fault in faults)
        kept = {name: values[agreed] for name, values in structures.properties.items()}
        part, n_out_of_range = _within_range(part.take(pa.array(good[agreed])) if faults else part, kept)
        counts = {VALUES_OUT_OF_RANGE: n_out_of_range} if n_out_of_range else {}
        return Batch(part, next=following, rejected=rejected, counts=counts)


def _agreed(stated: pa.ChunkedArray, structures: StructureTable) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Return the rows whose formula agrees with their atoms or cannot be read, and the faults of the others."""
    if structures.occupancies is not None:
        return np.arange(len(structures)), []
    try:
        texts = stated.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return np.arange(len(structures)), []
    found = reduced_formulas_of(structures)
    others = [
        (row, f"its formula is {text[:60]}, and its atoms are {atoms}")
        for row, (text, said, atoms) in enumerate(zip(texts, known_formulas(texts), found, strict=True))
        if said is not None and said != atoms
    ]
    return np.setdiff1d(np.arange(len(structures)), [row for row, _ in others]), others


def _without_views(part: pa.Table) -> pa.Table:
    """Return text and bytes as plain columns: PyArrow can do little with the views that DataFusion and others write."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in part.schema]
    return part.cast(pa.schema(fields, part.schema.metadata))


def _within_range(part: pa.Table, properties: Mapping[str, np.ndarray]) -> tuple[pa.Table, int]:
    """Return the rows with every number beyond `LARGEST_VALUE` made unknown, and how many rows had one."""
    absurd = np.zeros(len(part), dtype=bool)
    for name, values in properties.items():
        beyond = np.abs(values) > LARGEST_VALUE
        if beyond.any():
            absurd |= beyond
            known = pa.array(values, pa.float64(), mask=beyond | np.isnan(values))
            place = part.schema.get_field_index(name)
            part = part.set_column(place, part.schema.field(place).with_type(pa.float64()), known)
    return part, int(absurd.sum())


def _rejected(fault: Fault, row: int) -> Rejected:
    return Rejected(fault.material_id or f"row {row}", fault.reason, f"row {row}: {fault.detail}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
