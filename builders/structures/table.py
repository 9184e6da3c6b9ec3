"""Crystals as ragged arrays: one Arrow table in, flat NumPy arrays inside, never one object per structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.structures.columns import Lists, Problems, check_names, listed, read_ids, read_lists, read_property
from builders.structures.texts import Texts
from embeddings.display.numbers import agreeing, counted
from embeddings.elements import N_ELEMENTS
from embeddings.errors import ColumnNotFound, SourceError

STRUCTURE_COLUMNS = ("material_id", "formula", "lattice", "atomic_numbers", "frac_coords")
"""The columns that every structure table has; all others are properties."""

OPTIONAL_COLUMNS = ("occupancies",)
"""Optional columns that describe the structure."""

SITES_AT_ONCE = 200_000
"""Atoms of a table that are looked at together, where what is computed of them is larger than they are."""

LARGEST_VALUE = 1e30
"""A property beyond this, of either sign, cannot be a measurement: its square overflows in single precision."""


@dataclass(frozen=True)
class StructureTable:
    """``n`` crystals with ``n_atoms`` atoms in all.

    Attributes:
        material_ids: (n,) identifiers, objects or `Texts`.
        lattices: (n, 3, 3) float64, rows a, b, c in angstrom.
        offsets: (n + 1,) int64; crystal ``i`` owns atoms ``offsets[i]:offsets[i + 1]``.
        atomic_numbers: (n_atoms,) int16.
        frac_coords: (n_atoms, 3) float64, fractional.
        properties: name -> (n,) float64, NaN where unknown.
        units: name -> unit, where the source states one.
        occupancies: (n_atoms,) float64 in (0, 1], or None where every site is full.
    """

    material_ids: np.ndarray | Texts
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
        return cartesian(self.frac_coords, self.lattices, self.n_sites)

    def parts(self) -> Iterator[StructureTable]:
        """Yield all crystals, in order, in tables of `SITES_AT_ONCE` atoms at most: views, not copies."""
        for start, stop in spans(self.n_sites, most=SITES_AT_ONCE, most_sites=SITES_AT_ONCE):
            yield self._slice(start, stop)

    def _slice(self, start: int, stop: int) -> StructureTable:
        atoms = slice(int(self.offsets[start]), int(self.offsets[stop]))
        return StructureTable(
            material_ids=self.material_ids[start:stop],
            lattices=self.lattices[start:stop],
            offsets=self.offsets[start : stop + 1] - self.offsets[start],
            atomic_numbers=self.atomic_numbers[atoms],
            frac_coords=self.frac_coords[atoms],
            properties={name: values[start:stop] for name, values in self.properties.items()},
            units=self.units,
            occupancies=None if self.occupancies is None else self.occupancies[atoms],
        )

    def release(self) -> None:
        """Give back memory that can be had again; here there is none."""

    def atoms_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the atom indices of the given crystals, one crystal after the other."""
        return ragged_ranges(self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows])

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


def cartesian(frac_coords: np.ndarray, lattices: np.ndarray, n_sites: np.ndarray) -> np.ndarray:
    """Return Cartesian coordinates in angstrom, (n_atoms, 3) float64, of atoms of ``n`` crystals, one after the other.

    Args:
        frac_coords: (n_atoms, 3).
        lattices: (n, 3, 3), rows a, b, c in angstrom.
        n_sites: (n,) number of atoms of each crystal.
    """
    return np.einsum("nk,nkx->nx", frac_coords, np.repeat(lattices, n_sites, axis=0))


def spans(n_sites: np.ndarray, *, most: int, most_sites: int) -> Iterator[tuple[int, int]]:
    """Cut crystals, in order, into spans ``start, stop`` of so many crystals and atoms at most.

    Args:
        n_sites: (n,) number of atoms of every crystal.
        most: crystals in a span, at most.
        most_sites: atoms in a span, at most (a single crystal is always allowed).
    """
    ends = np.concatenate([[0], np.cumsum(n_sites)])
    start = 0
    while start < len(n_sites):
        fits = int(np.searchsorted(ends, ends[start] + most_sites, side="right")) - 1
        stop = max(start + 1, min(start + most, fits))
        yield start, stop
        start = stop


def ragged_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Concatenate ``arange(start, start + length)`` over all pairs, (sum of lengths,) int64."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def read_structure_table(path: Path | str) -> StructureTable:
    """Read a Parquet file in the structure schema.

    Raises:
        SourceError: not a readable Parquet file, or rows whose arrays do not fit together.
        ColumnNotFound: a structure column is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"No file at {path}.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is not a readable Parquet file: {error}") from error
    return structures_from_arrow(table, origin=str(path))


@dataclass(frozen=True)
class Fault:
    """A row that is not a structure.

    Attributes:
        row: its number in the table.
        material_id: its identifier; empty if it has none.
        reason: the kind of fault, one of those in `builders.structures.rejections`.
        detail: what exactly is wrong, for people.
    """

    row: int
    material_id: str
    reason: str
    detail: str


def structures_from_arrow(table: pa.Table, *, origin: str) -> StructureTable:
    """Turn an Arrow table in the structure schema into arrays.

    Columns of numbers and of truth values (1 and 0) become properties; others are left out. The unit of a property is
    the ``unit`` entry of its field metadata.

    Raises:
        ColumnNotFound: a structure column is missing.
        SourceError: a structure column has the wrong type, or a row is not a structure.
    """
    structures, _, faults = read_rows(table, origin=origin)
    if faults:
        first = faults[0]
        raise SourceError(f"{origin}, row {first.row} ({first.material_id or 'no identifier'}): {first.detail}.")
    return structures


def read_rows(table: pa.Table, *, origin: str) -> tuple[StructureTable, np.ndarray, list[Fault]]:
    """Turn an Arrow table in the structure schema into arrays, without the rows that are not structures.

    Lattices and coordinates may be flat or lists of three numbers each; lists, numbers and text may be of any width,
    dictionaries are resolved. A row that states no occupancies has full sites. No value is rounded, truncated or moved
    to another row.

    Returns:
        The structures; their rows in the table, (n,) int64; and the faults of the others.

    Raises:
        ColumnNotFound: a structure column is missing.
        SourceError: a structure column has a type that cannot be read, or two columns have the same name.
    """
    _require_columns(table, origin)
    check_names(table.schema, origin)
    ids, no_id = read_ids(table, "material_id", origin)
    lattices = read_lists(table, "lattice", origin, inner=3, needs="nine numbers a row (a, b and c in angstrom)")
    numbers = read_lists(table, "atomic_numbers", origin, needs=f"a list of numbers from 1 to {N_ELEMENTS} a row")
    coords = read_lists(table, "frac_coords", origin, inner=3, needs="a list of three numbers for each atom a row")
    shares = _occupancies(table, numbers.lengths, origin)
    problems = _misfits(lattices, numbers, coords, shares)
    invalid = _invalid_numbers(numbers)
    faults = [
        *(Fault(row, ids[row], "no_id", f"it {what}") for row, what in no_id.items()),
        *(Fault(row, ids[row], "no_structure", what) for row, what in problems.items()),
        *(Fault(row, ids[row], "invalid_atomic_number", what) for row, what in invalid.items()),
    ]
    first_of_row = {fault.row: fault for fault in reversed(faults)}
    good = np.setdiff1d(np.arange(len(table)), np.array(list(first_of_row), dtype=np.int64))
    properties, units = _properties(table, origin)
    lengths = numbers.lengths[good]
    structures = StructureTable(
        material_ids=ids[good],
        lattices=_of_rows(lattices, good).astype(np.float64).reshape(-1, 3, 3),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        atomic_numbers=_of_rows(numbers, good).astype(np.int16),
        frac_coords=_of_rows(coords, good).astype(np.float64).reshape(-1, 3),
        properties={name: values[good] for name, values in properties.items()},
        units=units,
        occupancies=None if shares is None else _of_rows(shares, good).astype(np.float64),
    )
    return structures, good, [first_of_row[row] for row in sorted(first_of_row)]


def _require_columns(table: pa.Table, origin: str) -> None:
    missing = [name for name in STRUCTURE_COLUMNS if name not in table.column_names]
    if missing:
        raise ColumnNotFound(
            f"{origin} lacks the {agreeing(len(missing), 'column', 'columns')} {', '.join(missing)}. "
            f"A structure table needs {', '.join(STRUCTURE_COLUMNS)}; this one has {listed(table.column_names)}."
        )


def _occupancies(table: pa.Table, n_atoms: np.ndarray, origin: str) -> Lists | None:
    """Return the shares of the sites; where a row states none, as all do without the column, its sites are full."""
    if "occupancies" not in table.column_names:
        return None
    shares = read_lists(table, "occupancies", origin, needs="a list of one number for each atom a row")
    silent = table["occupancies"].is_null().to_numpy()
    if not silent.any():
        return shares
    lengths = np.where(silent, n_atoms, shares.lengths)
    values = np.ones(lengths.sum())
    values[np.repeat(~silent, lengths)] = shares.values
    return Lists(lengths, values, {row: what for row, what in shares.problems.items() if not silent[row]})


def _misfits(lattices: Lists, numbers: Lists, coords: Lists, shares: Lists | None) -> Problems:
    """Return the rows whose arrays have missing values, or do not fit together."""
    n_atoms, problems = numbers.lengths, Problems()
    wanted = {
        "lattice": (lattices, np.full_like(n_atoms, 9), "nine are needed"),
        "frac_coords": (coords, 3 * n_atoms, "three are needed for each of {} atoms"),
        "occupancies": (shares, n_atoms, "one is needed for each of {} atoms"),
    }
    for name, (lists, length, needs) in wanted.items():
        if lists is None:
            continue
        for row in np.flatnonzero(lists.lengths != length).tolist():
            problems[row] = f"{name} holds {counted(lists.lengths[row], 'number')}; {needs.format(n_atoms[row])}"
        problems |= {row: f"{name} {what}" for row, what in lists.problems.items()}
    return problems | {row: f"atomic_numbers {what}" for row, what in numbers.problems.items()}


def _invalid_numbers(numbers: Lists) -> Problems:
    """Return the rows with an atomic number that no element has."""
    values = numbers.values
    is_valid = (values >= 1) & (values <= N_ELEMENTS) & (values == np.floor(values))
    rows = np.repeat(np.arange(len(numbers.lengths)), numbers.lengths)
    bad = np.flatnonzero(~is_valid)[::-1]
    return {int(rows[k]): f"{values[k]:g} is not an atomic number (1 to {N_ELEMENTS})" for k in bad}


def _of_rows(lists: Lists, rows: np.ndarray) -> np.ndarray:
    """Return the numbers of some rows, row by row."""
    if len(rows) == len(lists.lengths):
        return lists.values
    starts = np.cumsum(lists.lengths) - lists.lengths
    return lists.values[ragged_ranges(starts[rows], lists.lengths[rows])]


def _properties(table: pa.Table, origin: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    values, units = {}, {}
    for index, column in enumerate(table.schema):
        if column.name in STRUCTURE_COLUMNS + OPTIONAL_COLUMNS:
            continue
        numbers = read_property(table, index)
        if numbers is None:
            continue
        values[column.name] = numbers
        if column.metadata and b"unit" in column.metadata:
            units[column.name] = _text(column.metadata[b"unit"], column.name, origin)
    return values, units


def _text(content: bytes, name: str, origin: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f'{origin}: the unit of column "{name}" is {content!r}, which is not UTF-8.') from error
