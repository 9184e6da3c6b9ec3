"""A folder of CIF or POSCAR files, with an id_prop.csv of targets in the style of CGCNN, or without."""

from __future__ import annotations

import csv
import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.sources import Rejected
from builders.sources.local import Item, LocalFile, hash_files
from builders.sources.local_cif import parse_cif
from builders.sources.structures import StructureRecord, Unusable, make_record, parts_of
from embeddings.errors import InputInvalid, SourceError

ID_PROP = "id_prop.csv"
MAX_BYTES = 5_000_000
"""A structure file larger than this is not read: that is a supercell of tens of thousands of atoms."""

_CIF = (".cif", ".mcif")
_POSCAR_ENDINGS = (".vasp", ".poscar")
_POSCAR_NAMES = ("POSCAR", "CONTCAR")


def is_structure_file(name: str) -> bool:
    """True if a file's name says that it holds one structure."""
    return name.lower().endswith(_CIF + _POSCAR_ENDINGS) or name.upper().startswith(_POSCAR_NAMES)


@dataclass(frozen=True)
class Labels:
    """What an id_prop.csv says.

    Attributes:
        names: of the targets.
        values: identifier -> values, None where unknown.
    """

    names: tuple[str, ...] = ()
    values: dict[str, tuple[float | None, ...]] = field(default_factory=dict)


def open_folder(path: Path) -> LocalFile:
    """List the structure files of a folder, or take a single one.

    Raises:
        SourceError: there is none.
        InputInvalid: the id_prop.csv cannot be used.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(p for p in folder.iterdir() if is_structure_file(p.name)) if path.is_dir() else [path]
    table = folder / ID_PROP if path.is_dir() else None
    labels = read_id_prop(table) if table and table.is_file() else None
    if not files:
        raise SourceError(f"No .cif, .vasp or POSCAR file in {folder}.")
    items = _listed(folder, files, labels) if labels else [(file.name, (folder, file, {})) for file in files]
    hashed = [file for file in files if _is_inside(folder, file)] + ([table] if labels and table else [])
    return LocalFile(
        format="structure files" + (f" with {ID_PROP}" if labels else ""),
        items=lambda: items,
        parse=parse_file,
        sha256=hash_files(hashed),
        n_items=len(items),
        columns=labels.names if labels else None,
        facts={"n_files_without_labels": len(files) - sum(1 for _, content in items if content[1])} if labels else {},
    )


def _listed(folder: Path, files: list[Path], labels: Labels) -> list[Item]:
    """What id_prop.csv names, in its order; a file that is not there has no path."""
    by_id = {file.stem: file for file in files} | {file.name: file for file in files}
    return [
        (
            by_id[name].name if name in by_id else name,
            (folder, by_id.get(name), dict(zip(labels.names, values, strict=True))),
        )
        for name, values in labels.values.items()
    ]


def read_id_prop(path: Path) -> Labels:
    """Read a table of identifiers and targets: ``id,value[,value...]``, with a header or without.

    Raises:
        InputInvalid: names the line, and what is wrong with it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputInvalid(f"{path} cannot be read: {error}.") from error
    if not rows or len(rows[0][1]) < 2:
        raise InputInvalid(f"{path} needs lines of an identifier and one value or more, such as: mp-149,0.61")
    first = rows[0][1]
    has_header = not any(map(_is_number, first[1:]))
    names = tuple(name.strip() for name in first[1:]) if has_header else _numbered(len(first) - 1)
    if len(set(names)) < len(names):
        raise InputInvalid(f"{path} has two targets of one name: {', '.join(names)}. Give each its own.")
    values: dict[str, tuple[float | None, ...]] = {}
    for number, row in rows[has_header:]:
        if len(row) != len(first):
            raise InputInvalid(f"{path}, line {number}: {len(row)} cells, not {len(first)}.")
        name = row[0].strip()
        if name in values:
            raise InputInvalid(f'{path}, line {number}: "{name}" is there twice. Keep one line for each structure.')
        values[name] = tuple(_value(cell, path, number) for cell in row[1:])
    return Labels(names, values)


def _numbered(n: int) -> tuple[str, ...]:
    return ("target",) if n == 1 else tuple(f"target_{k}" for k in range(1, n + 1))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def _value(cell: str, path: Path, line: int) -> float | None:
    if not _is_number(cell):
        raise InputInvalid(f'{path}, line {line}: "{cell}" is not a number. Leave the cell empty if it is not known.')
    value = float(cell) if cell.strip() else math.nan
    return value if math.isfinite(value) else None


def parse_file(name: str, content: Any, disorder: str) -> StructureRecord | list[StructureRecord | Rejected]:
    """Parse one structure file; a CIF file may give several.

    Raises:
        Unusable: it is not there, too large, outside of its folder, not readable, or not a usable structure.
    """
    folder, path, values = content
    if path is None:
        raise Unusable("missing_file", f"{ID_PROP} names it, and it is not there")
    if not _is_inside(folder, path):
        raise Unusable("outside_folder", "it is a link to somewhere else")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Unusable("too_large", f"{size:,} bytes; {MAX_BYTES:,} are the most")
    material_id = path.stem if path.suffix else path.name
    if path.name.lower().endswith(_CIF):
        return parse_cif(path, material_id, values, disorder)
    lattice, sites, coords = parts_of(_read_structure(path))
    return make_record(material_id, lattice, sites, coords, disorder=disorder, properties=values)


def _is_inside(folder: Path, path: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _read_structure(path: Path) -> Any:
    from pymatgen.io.vasp import Poscar

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Elements in POSCAR cannot be determined")
            return Poscar.from_file(path, check_for_potcar=False).structure
    except Exception as error:  # a parser of foreign files fails in any way
        raise Unusable("unreadable", f"{type(error).__name__}: {error}") from error
