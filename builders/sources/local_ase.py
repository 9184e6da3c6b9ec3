"""Extended XYZ files and ASE databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from builders.scales import SCALE_COLUMNS
from builders.sources.local import Item, LocalFile, hash_files
from builders.sources.structures import StructureRecord, Unusable, make_record
from embeddings.errors import MissingExtra, SourceError

if TYPE_CHECKING:
    from ase import Atoms

IDENTIFIERS = ("material_id", "id", "name", "uid")
"""Where an identifier may stand among what a file says of a structure."""


def open_extxyz(path: Path) -> LocalFile:
    """Read frames of an extended XYZ file one after the other."""
    _require_ase()
    return LocalFile("extended XYZ", items=lambda: _frames(path), parse=parse_atoms, sha256=hash_files([path]))


def open_database(path: Path) -> LocalFile:
    """Read rows of an ASE database.

    Raises:
        SourceError: it is not one.
    """
    _require_ase()
    from ase.db import connect

    try:
        n_rows = connect(str(path)).count()
    except Exception as error:
        raise SourceError(f"{path} is not a readable ASE database: {error}") from error
    return LocalFile(
        "ASE database", items=lambda: _rows(path), parse=parse_atoms, sha256=hash_files([path]), n_items=n_rows
    )


def parse_atoms(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record of ASE atoms and what the file says of them.

    Raises:
        Unusable: it is not periodic in three directions, or not a usable structure.
    """
    atoms, stated = content
    if not atoms.pbc.all() or abs(atoms.cell.volume) < 1e-6:
        raise Unusable("no_cell", "it is not periodic in three directions")
    numbers = {key: float(value) for key, value in stated.items() if _is_number(value)}
    identifier = next((str(stated[key]) for key in IDENTIFIERS if key in stated), name)
    return make_record(
        identifier,
        atoms.cell.array,
        [{symbol: 1.0} for symbol in atoms.get_chemical_symbols()],
        atoms.get_scaled_positions(wrap=False),
        disorder=disorder,
        properties={key: value if np.isfinite(value) else None for key, value in numbers.items()},
        texts={key: str(stated[key]) for key in SCALE_COLUMNS if isinstance(stated.get(key), str)},
    )


def _frames(path: Path) -> Iterator[Item]:
    from ase.io import iread

    number = 0
    try:
        for number, atoms in enumerate(iread(str(path), index=":", format="extxyz"), start=1):
            yield f"{path.stem}-{number}", (atoms, _stated(atoms, atoms.info))
    except Exception as error:
        raise SourceError(f"{path} cannot be read after frame {number}: {type(error).__name__}: {error}") from error


def _rows(path: Path) -> Iterator[Item]:
    from ase.db import connect

    try:
        for row in connect(str(path)).select(sort="id"):
            atoms = row.toatoms()
            yield f"{path.stem}-{row.id}", (atoms, _stated(atoms, row.key_value_pairs))
    except Exception as error:
        raise SourceError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _stated(atoms: Atoms, information: Mapping[str, Any]) -> dict[str, Any]:
    """What the file says of a structure, its total energy included."""
    results = atoms.calc.results if atoms.calc is not None else {}
    return {**({"energy": results["energy"]} if "energy" in results else {}), **information}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _require_ase() -> None:
    try:
        import ase  # noqa: F401
    except ImportError as error:
        raise MissingExtra.of("ase", "sources") from error
