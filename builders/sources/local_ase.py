"""Extended XYZ files and ASE databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.learning.scales import SCALE_COLUMNS
from builders.sources.disorder import Site
from builders.sources.extxyz import Frame, read_crystal, read_frames
from builders.sources.kinds import sites_of_kinds
from builders.sources.local_file import Item, LocalFile, hash_files
from builders.sources.structures import StructureRecord, fractional, make_record, require_periodic
from builders.sources.values import is_number
from embeddings.errors import MissingExtra, SourceError

if TYPE_CHECKING:
    from ase import Atoms

NAME = "name"
"""A key that may state an identifier, or the formula or prototype that several structures share."""

IDENTIFIERS = ("material_id", "id", NAME, "uid")
"""Keys under which a file may state an identifier."""


def open_extxyz(path: Path) -> LocalFile:
    """Read the frames of an extended XYZ file one by one."""
    return LocalFile("extended XYZ", items=lambda: _frames(path), parse=parse_frame, sha256=hash_files([path]))


def open_database(path: Path) -> LocalFile:
    """Read the rows of an ASE database.

    Raises:
        SourceError: it is not one.
    """
    _require_ase()
    try:
        n_rows, is_shared = len(_row_ids(path)), _shares_names(path)
    except Exception as error:
        raise SourceError(f"{path} is not a readable ASE database: {type(error).__name__}: {error}") from error
    return LocalFile(
        "ASE database",
        items=lambda: _rows(path, is_shared),
        parse=parse_row,
        carry=read_row,
        sha256=hash_files([path]),
        n_items=n_rows,
        facts={"name_is_shared": True} if is_shared else {},
    )


def parse_frame(name: str, frame: Frame, disorder: str) -> StructureRecord:
    """Make a record from a frame of extended XYZ.

    Raises:
        Unusable: the frame is bad, not periodic in three directions, or not a usable structure.
    """
    crystal = read_crystal(frame)
    identifier = _identifier_in(crystal.spelled)
    return make_record(
        crystal.spelled[identifier] if identifier else name,
        crystal.lattice,
        crystal.sites,
        fractional(crystal.lattice, crystal.positions),
        disorder=disorder,
        properties=_numbers_in(crystal.stated, identifier),
        texts=_scales_in(crystal.stated),
    )


def parse_row(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record from a row of an ASE database, given what `read_row` takes, or what it gives.

    Raises:
        Unusable: it cannot be read, is not periodic in three directions, or is not a usable structure.
    """
    is_read = not isinstance(content[0], Path)
    return parse_atoms(name, content if is_read else read_row(content), disorder)


def read_row(content: tuple[Path, int, bool]) -> tuple[Atoms, dict[str, Any]]:
    """Read a row of an ASE database: its atoms, without constraints and the like, and their stated values.

    Args:
        content: path, number of the row, and whether names are shared, so that they are not identifiers.
    """
    from ase import Atoms
    from ase.db import connect

    path, row_id, is_shared = content
    row = connect(str(path)).get(id=row_id)
    stated = {**({"energy": row.energy} if "energy" in row else {}), **row.key_value_pairs}
    if is_shared:
        stated.pop(NAME, None)
    return Atoms(numbers=row.numbers, positions=row.positions, cell=row.cell, pbc=row.pbc), stated


def parse_atoms(name: str, content: tuple[Atoms, Mapping[str, Any]], disorder: str) -> StructureRecord:
    """Make a record from ASE atoms and their stated values.

    Raises:
        Unusable: it is not periodic in three directions, or not a usable structure.
    """
    atoms, stated = content
    require_periodic(atoms.pbc)
    identifier = _identifier_in(stated)
    return make_record(
        str(stated[identifier]) if identifier else name,
        atoms.cell.array,
        _sites(atoms),
        fractional(atoms.cell.array, atoms.positions),
        disorder=disorder,
        properties=_numbers_in(stated, identifier),
        texts=_scales_in(stated),
    )


def _sites(atoms: Atoms) -> list[Site]:
    """Return what is on each site."""
    from ase.data import chemical_symbols

    numbers = [int(number) for number in atoms.numbers]
    symbols = [chemical_symbols[n] if 0 <= n < len(chemical_symbols) else str(n) for n in numbers]
    return sites_of_kinds(symbols, atoms.arrays.get("spacegroup_kinds"), atoms.info.get("occupancy"))


def _identifier_in(stated: Mapping[str, Any]) -> str | None:
    """Return the key of the identifier."""
    return next((key for key in IDENTIFIERS if key in stated and not isinstance(stated[key], bool)), None)


def _numbers_in(stated: Mapping[str, Any], identifier: str | None) -> dict[str, Any]:
    return {key: value for key, value in stated.items() if is_number(value) and key != identifier}


def _scales_in(stated: Mapping[str, Any]) -> dict[str, str]:
    return {key: stated[key] for key in SCALE_COLUMNS if isinstance(stated.get(key), str)}


def _frames(path: Path) -> Iterator[Item]:
    for frame in read_frames(path):
        yield f"{path.stem}-{frame.number}", frame


def _rows(path: Path, is_shared: bool) -> Iterator[Item]:
    for row_id in _row_ids(path):
        yield f"{path.stem}-{row_id}", (path, row_id, is_shared)


def _row_ids(path: Path) -> list[int]:
    """Return the numbers of the rows; they stay readable where a row is not."""
    return [row_id for (row_id,) in _answers(path, "SELECT id FROM systems ORDER BY id")]


def _shares_names(path: Path) -> bool:
    """Return whether several rows have the same name, such as polymorphs called by their formula."""
    n_shared = "SELECT COUNT(*) - COUNT(DISTINCT value) FROM {} WHERE key = ?"
    kinds = ("text_key_values", "number_key_values")
    return any(n for kind in kinds for (n,) in _answers(path, n_shared.format(kind), NAME))


def _answers(path: Path, question: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        return database.execute(question, values).fetchall()


def _require_ase() -> None:
    try:
        import ase  # noqa: F401
    except ImportError as error:
        raise MissingExtra.of("ase", "sources") from error
