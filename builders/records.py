"""Crystals as ragged arrays: one Arrow table in, flat NumPy arrays inside, never an object per structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embeddings.errors import ColumnNotFound, SourceError

STRUCTURE_COLUMNS = ("material_id", "formula", "lattice", "atomic_numbers", "frac_coords")
"""The columns that every structure table has; all others are properties."""

OPTIONAL_COLUMNS = ("occupancies",)
"""Columns that describe the structure when they are there."""


@dataclass(frozen=True)
class StructureTable:
    """``n`` crystals with ``n_atoms`` atoms in all.

    Attributes:
        material_ids: (n,) identifiers.
        lattices: (n, 3, 3) float64, rows a, b, c in angstrom.
        offsets: (n + 1,) int64; crystal ``i`` owns atoms ``offsets[i]:offsets[i + 1]``.
        atomic_numbers: (n_atoms,) int16.
        frac_coords: (n_atoms, 3) float64, fractional.
        properties: name -> (n,) float64, NaN where unknown.
        units: name -> unit, where the source states one.
        occupancies: (n_atoms,) float64 in (0, 1], or None where every site is full.
    """

    material_ids: np.ndarray
    lattices: np.ndarray
    offsets: np.ndarray
    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    properties: dict[str, np.ndarray] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    occupancies: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.material_ids)

    @property
    def n_sites(self) -> np.ndarray:
        """Number of atoms of each crystal, (n,) int64."""
        return np.diff(self.offsets)

    @property
    def cart_coords(self) -> np.ndarray:
        """Cartesian coordinates in angstrom, (n_atoms, 3) float64."""
        lattice_of_atom = np.repeat(self.lattices, self.n_sites, axis=0)
        return np.einsum("nk,nkx->nx", self.frac_coords, lattice_of_atom)

    def atoms_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the atom indices of the given crystals, one crystal after the other."""
        return ragged_ranges(self.offsets[rows], self.n_sites[rows])

    def take(self, rows: np.ndarray) -> StructureTable:
        """Return the crystals at the given rows, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        atoms = self.atoms_of(rows)
        return StructureTable(
            material_ids=self.material_ids[rows],
            lattices=self.lattices[rows],
            offsets=np.concatenate([[0], np.cumsum(self.n_sites[rows])]),
            atomic_numbers=self.atomic_numbers[atoms],
            frac_coords=self.frac_coords[atoms],
            properties={name: values[rows] for name, values in self.properties.items()},
            units=self.units,
            occupancies=None if self.occupancies is None else self.occupancies[atoms],
        )


def ragged_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Concatenate ``arange(start, start + length)`` over all pairs, (sum of lengths,) int64."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def read_structure_table(path: Path | str) -> StructureTable:
    """Read a Parquet file in the structure schema.

    Raises:
        SourceError: not a readable Parquet file, or rows whose arrays do not fit together.
        ColumnNotFound: a structure column is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"No file at {path}.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path} is not a readable Parquet file: {error}") from error
    return structures_from_arrow(table, origin=str(path))


def structures_from_arrow(table: pa.Table, *, origin: str) -> StructureTable:
    """Turn an Arrow table in the structure schema into arrays.

    Columns of floating type become properties, as do integer columns; text columns are left out. The unit of a
    property is the ``unit`` entry of its field metadata.

    Raises:
        ColumnNotFound: a structure column is not there.
        SourceError: a structure column holds nulls, or its lengths do not fit the number of atoms.
    """
    _require_columns(table, origin)
    lengths, atomic_numbers = _ragged(table, "atomic_numbers", origin)
    n_coords, frac_coords = _ragged(table, "frac_coords", origin)
    if not np.array_equal(n_coords, 3 * lengths):
        row = int(np.flatnonzero(n_coords != 3 * lengths)[0])
        raise SourceError(
            f"{origin}, row {row}: {n_coords[row]} fractional coordinates for {lengths[row]} atoms; "
            "three each are needed."
        )
    properties, units = _properties(table)
    return StructureTable(
        material_ids=_material_ids(table, origin),
        lattices=_lattices(table, origin),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        atomic_numbers=atomic_numbers.astype(np.int16),
        frac_coords=frac_coords.astype(np.float64).reshape(-1, 3),
        properties=properties,
        units=units,
        occupancies=_occupancies(table, lengths, origin),
    )


def _require_columns(table: pa.Table, origin: str) -> None:
    missing = [name for name in STRUCTURE_COLUMNS if name not in table.column_names]
    if missing:
        raise ColumnNotFound(
            f"{origin} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}. "
            f"A structure table needs {', '.join(STRUCTURE_COLUMNS)}; this one has {', '.join(table.column_names)}."
        )


def _without_nulls(table: pa.Table, name: str, origin: str) -> pa.Array:
    column = table[name].combine_chunks()
    if column.null_count:
        raise SourceError(f'{origin}: column "{name}" has {column.null_count} empty rows; every crystal needs one.')
    return column


def _ragged(table: pa.Table, name: str, origin: str) -> tuple[np.ndarray, np.ndarray]:
    column = _without_nulls(table, name, origin)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise SourceError(f'{origin}: column "{name}" is {column.type}; a list of numbers is needed.')
    lengths = np.diff(column.offsets.to_numpy())
    values = column.flatten()
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise SourceError(f'{origin}: column "{name}" is {column.type}; a list of numbers is needed.')
    return lengths.astype(np.int64), values.to_numpy(zero_copy_only=False)


def _material_ids(table: pa.Table, origin: str) -> np.ndarray:
    return np.asarray(_without_nulls(table, "material_id", origin).cast(pa.string()).to_pylist(), dtype=object)


def _lattices(table: pa.Table, origin: str) -> np.ndarray:
    column = _without_nulls(table, "lattice", origin)
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    if len(values) != 9 * len(column):
        raise SourceError(f'{origin}: column "lattice" must hold nine numbers a row (a, b and c in angstrom).')
    return values.reshape(-1, 3, 3)


def _occupancies(table: pa.Table, lengths: np.ndarray, origin: str) -> np.ndarray | None:
    if "occupancies" not in table.column_names:
        return None
    n_values, values = _ragged(table, "occupancies", origin)
    if not np.array_equal(n_values, lengths):
        raise SourceError(f'{origin}: column "occupancies" must hold one number for each atom.')
    return values.astype(np.float64)


def _properties(table: pa.Table) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    values, units = {}, {}
    for column in table.schema:
        is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        if column.name in STRUCTURE_COLUMNS + OPTIONAL_COLUMNS or not is_number:
            continue
        values[column.name] = table[column.name].cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
        if column.metadata and b"unit" in column.metadata:
            units[column.name] = column.metadata[b"unit"].decode()
    return values, units
