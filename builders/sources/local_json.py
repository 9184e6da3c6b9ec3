"""Data sets in compressed JSON: MatBench (json.gz) and JARVIS (json.zip), read as a stream."""

from __future__ import annotations

import gzip
import json
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builders.sources.attempts import rejected
from builders.sources.json_stream import Bounded, JsonStream, TooDeep, TooLong
from builders.sources.local_file import Item, LocalFile, hash_files
from builders.sources.structures import StructureRecord, fractional, make_record, rows_of_three, structure_parts
from builders.sources.values import RESERVED, fault_of_name, is_number
from builders.structures.rejections import Unusable
from embeddings.display.numbers import counted
from embeddings.display.text import one_line
from embeddings.errors import EmbeddingsError, InputInvalid, SourceError
from embeddings.store.archives import ZIP_FAULTS

STRUCTURE = "structure"
"""The column of structures in a MatBench data set."""

IDENTIFIERS = ("jid", "id")
"""Keys of the identifier of a JARVIS entry."""

_MATBENCH_FORM = (
    'It has to be an object with "index", "columns" and "data", as pandas writes it: '
    'frame.to_json("NAME.json.gz", orient="split"), where the column "structure" holds structure.as_dict().'
)


def open_matbench(path: Path) -> LocalFile:
    """Read a MatBench data set: ``{"index": ..., "columns": ["structure", target, ...], "data": [[...], ...]}``."""
    return LocalFile("MatBench", items=lambda: _matbench_items(path), parse=parse_matbench, sha256=hash_files([path]))


def open_jarvis(path: Path) -> LocalFile:
    """Read a JARVIS data set: a list of objects with ``atoms``, ``jid`` and properties, alone in a zip file."""
    return LocalFile("JARVIS", items=lambda: _jarvis_items(path), parse=parse_jarvis, sha256=hash_files([path]))


def parse_matbench(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record from a row: a structure in pymatgen's form, and targets.

    Args:
        name: identifier of the row.
        content: names of the columns, and the row.
        disorder: what to do with shared sites.

    Raises:
        Unusable: it is not a usable structure.
    """
    columns, row = content
    if not isinstance(row, list):
        raise Unusable("no_structure", f"the row is {type(row).__name__}, not a list")
    if len(row) != len(columns):
        raise Unusable("wrong_count", f"the row has {counted(len(row), 'cell')}, not {len(columns)}")
    cells = dict(zip(columns, row, strict=True))
    lattice, sites, coords = structure_parts(cells.pop(STRUCTURE))
    return make_record(name, lattice, sites, coords, disorder=disorder, properties=cells)


def parse_jarvis(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record from an entry; its properties are its numbers and booleans.

    Raises:
        Unusable: it is not a usable structure.
    """
    try:
        atoms = content["atoms"]
        lattice, coords = (rows_of_three(atoms[key], key) for key in ("lattice_mat", "coords"))
        if not isinstance(atoms["elements"], list):
            raise Unusable("no_structure", "its elements are not a list")
        sites = [{str(symbol).strip(): 1.0} for symbol in atoms["elements"]]
        if atoms.get("cartesian") not in (None, True, False):
            raise Unusable("no_structure", f"its cartesian is {atoms['cartesian']!r:.40}, neither true nor false")
        if atoms.get("cartesian"):
            coords = fractional(lattice, coords)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error
    values = {key: value for key, value in content.items() if is_number(value) and key not in IDENTIFIERS}
    return make_record(name, lattice, sites, coords, disorder=disorder, properties=values)


def _matbench_items(path: Path) -> Iterator[Item]:
    with _named(path), gzip.open(path, "rb") as file:
        stream = JsonStream(Bounded(file, path))
        if not stream.begins_with("{"):
            raise InputInvalid(f"{path} is not a MatBench data set. {_MATBENCH_FORM}")
        header: dict[str, Any] = {}
        for key in stream.fields():
            if key in header:
                raise InputInvalid(f'{path} has "{key}" twice.')
            if key == "data":
                _check_header(header, path)
                yield from _matbench_rows(stream, header, path)
            header[key] = None if key == "data" else _field(stream, key, path)
        stream.finish()
        if "data" not in header:
            raise InputInvalid(f'{path} is not a MatBench data set: it has no "data". {_MATBENCH_FORM}')


def _field(stream: JsonStream, key: str, path: Path) -> Any:
    """Read a field; one that is long and not of MatBench shows another format."""
    try:
        return stream.value()
    except TooLong as error:
        if key in ("index", "columns"):
            raise
        raise InputInvalid(f'{path} is not a MatBench data set: its "{key}" is too long. {_MATBENCH_FORM}') from error


def _check_header(header: Mapping[str, Any], path: Path) -> None:
    """Check the columns and the index of a MatBench data set; both have to come before its data."""
    columns, index = header.get("columns"), header.get("index")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise InputInvalid(f'{path} has no list of names as "columns" before its data: {_brief(columns)}.')
    if not isinstance(index, list):
        raise InputInvalid(f'{path} has no list of identifiers as "index" before its data: {_brief(index)}.')
    if columns.count(STRUCTURE) != 1:
        raise InputInvalid(f'{path} needs one column "{STRUCTURE}"; its columns are {_brief(columns)}.')
    if len(set(columns)) < len(columns):
        raise InputInvalid(f"{path} has two columns with the same name: {_brief(columns)}. Rename one.")
    for name in columns:
        if name in RESERVED:
            raise InputInvalid(
                f'{path} has a column "{name}", the name of a column that every structure has. Rename it.'
            )
        if fault := fault_of_name(name):
            raise InputInvalid(f"{path}: the name of a column {fault}. Rename it.")


def _matbench_rows(stream: JsonStream, header: Mapping[str, Any], path: Path) -> Iterator[Item]:
    columns, index = header["columns"], header["index"]
    n_rows = 0
    for number, row in enumerate(stream.elements()):
        n_rows += 1
        place = f"{path.stem}-{number}"
        name = index[number] if number < len(index) else None
        if not isinstance(name, str | int):
            yield place, rejected(place, "no_id", f"the index has no identifier for row {number}")
        elif isinstance(row, TooDeep):
            yield str(name), rejected(str(name), "unreadable", "it is nested too deeply")
        else:
            yield str(name), (columns, row)
    if n_rows < len(index):
        raise InputInvalid(
            f"{path} has {counted(len(index), 'identifier')} in its index, and {counted(n_rows, 'row')} of data."
        )


def _jarvis_items(path: Path) -> Iterator[Item]:
    with _named(path), zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, path)) as file:
        stream = JsonStream(Bounded(file, path))
        if not stream.begins_with("["):
            raise InputInvalid(
                f'{path} is not a JARVIS data set: it has to be a list of objects with "jid", "atoms" and properties.'
            )
        for number, entry in enumerate(stream.elements()):
            content = entry if isinstance(entry, dict) else {}
            name = next((content[key] for key in IDENTIFIERS if isinstance(content.get(key), str | int)), None)
            place = f"{path.stem}-{number}" if name is None else str(name)
            if isinstance(entry, TooDeep):
                yield place, rejected(place, "unreadable", "it is nested too deeply")
            else:
                yield place, content
        stream.finish()


def _brief(value: Any) -> str:
    return one_line(json.dumps(value)[:200])


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if _is_data(member.filename)]
    if len(members) != 1:
        way = "Pack the one that you want alone" if members else "Unpack it, and name the folder of its structure files"
        raise InputInvalid(f"{path} holds {len(members)} .json files; a JARVIS data set has exactly one. {way}.")
    member = members[0]
    if stat.S_ISLNK(member.external_attr >> 16) or ".." in Path(member.filename).parts or member.filename[0] in "/\\":
        raise InputInvalid(
            f'{path} cannot be trusted: its member "{member.filename}" points outside of it. Unpack it by hand.'
        )
    return member


def _is_data(member: str) -> bool:
    """Return whether a file in an archive may be the data; what macOS packs beside each file is not."""
    *folders, name = member.split("/")
    return name.lower().endswith(".json") and not name.startswith("._") and "__MACOSX" not in folders


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn any exception that a damaged file raises into a named error."""
    try:
        yield
    except EmbeddingsError:
        raise
    except ZIP_FAULTS as error:
        reason = f"{type(error).__name__}: {str(error).rstrip('.')}"
        raise SourceError(f"{path} is damaged or not of its format ({reason}). Copy or download it again.") from error
