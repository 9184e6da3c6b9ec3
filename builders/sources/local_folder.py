"""A folder of CIF or POSCAR files, packed or not, with an id_prop.csv of targets in the style of CGCNN, or without."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from builders.sources import Rejected
from builders.sources.disorder import Site
from builders.sources.id_prop import ID_PROP, Labels, read_id_prop
from builders.sources.local_cif import parse_cif
from builders.sources.local_file import Item, LocalFile
from builders.sources.packed import ARCHIVES, packed_otherwise, plain_name, unpacked
from builders.sources.poscar import read_poscar
from builders.sources.structures import StructureRecord, make_record
from builders.structures.rejections import Unusable, mend_of
from embeddings.errors import InputInvalid, SourceError

MAX_BYTES = 5_000_000
"""A larger structure file is not read: it would be a supercell of tens of thousands of atoms."""

_CIF = (".cif", ".mcif")
_POSCAR_ENDINGS = (".vasp", ".poscar")
_POSCAR_NAMES = ("POSCAR", "CONTCAR")
_ABSENT = ("missing_file", f"{ID_PROP} names it, and it is not there")
_SUBFOLDER = ("subfolder", "the folders in a folder are not read")
_ALONE = ("read_alone", "files of this format are read one at a time, not in a folder")
_PACKED = ("packed", "structures in files that are packed like this are not read")
_UNKNOWN = ("unknown_format", "structures in files of this format are not read")
_OTHERS = dict.fromkeys((".xyz", ".extxyz", ".db", ".json.gz", ".zip"), _ALONE) | {".json": _UNKNOWN}
"""Ending of files that may hold structures and are not read in a folder -> why not."""

_NEVER_STRUCTURES = ("atom_init.json",)


Fault: TypeAlias = tuple[str, str]
"""Why something is not read: reason and detail."""


class Listed(NamedTuple):
    """A file whose structure is wanted.

    Attributes:
        folder: that it must be in.
        path: of the file; None if it does not exist.
        values: target -> value.
        material_id: the identifier of its structure.
        fault: reason and detail of a fault that is known before reading.
        content: of the file; None where it is still to be read.
    """

    folder: Path
    path: Path | None
    values: Mapping[str, float | None]
    material_id: str
    fault: Fault | None = None
    content: bytes | None = None


def is_structure_file(name: str) -> bool:
    """Return whether the name of a file says that it holds a structure."""
    return plain_name(name).lower().endswith(_CIF + _POSCAR_ENDINGS) or name.upper().startswith(_POSCAR_NAMES)


def open_folder(path: Path) -> LocalFile:
    """List the structure files of a folder; a single file is a list of one.

    Folders, and files of other formats, each of which may hold many structures, are set aside by name.

    Raises:
        SourceError: it has none, or the folder cannot be read.
        InputInvalid: the id_prop.csv cannot be used.
    """
    folder = path if path.is_dir() else path.parent
    names, others = _names_in(folder) if path.is_dir() else ([path.name], {})
    if not names:
        raise SourceError(f"No .cif, .vasp or POSCAR file in {folder}.{_advice(others)}")
    table, identify = folder / ID_PROP, _identifying(names)
    if path.is_dir() and os.path.lexists(table):
        return _open_labelled(folder, names, others, table, identify)
    return LocalFile(
        format="structure files",
        items=lambda: chain(
            ((name, Listed(folder, folder / name, {}, identify(name))) for name in names),
            ((name, Listed(folder, None, {}, name, fault)) for name, fault in others.items()),
        ),
        parse=parse_file,
        carry=carried,
        sha256=_hash(folder, (folder / name for name in (*names, *others))),
        n_items=len(names) + len(others),
    )


def _open_labelled(
    folder: Path, names: list[str], others: Mapping[str, Fault], table: Path, identify: Callable[[str], str]
) -> LocalFile:
    """List what id_prop.csv names of a folder."""
    files = [folder / name for name in names]
    called = _names_of(files)
    labels = read_id_prop(table, called)
    listed = _labelled(folder, called, others, identify, labels)
    return LocalFile(
        format=f"structure files with {ID_PROP}",
        items=lambda: listed,
        parse=parse_file,
        carry=carried,
        sha256=_hash(folder, [*files, table]),
        n_items=len(listed),
        columns=labels.names,
        facts=_facts(labels, files, listed),
    )


def _names_in(folder: Path) -> tuple[list[str], dict[str, Fault]]:
    """Return the names of structure files, and why folders and files that may hold structures are not read."""
    try:
        with os.scandir(folder) as entries:
            kinds = sorted((entry.name, _is_folder(entry)) for entry in entries)
    except OSError as error:
        raise SourceError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    faults = {name: _fault_of(name, is_folder) for name, is_folder in kinds if not is_structure_file(name)}
    structures = [name for name, _ in kinds if is_structure_file(name)]
    return structures, {name: fault for name, fault in faults.items() if fault}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link that leads to itself
        return False


def _fault_of(name: str, is_folder: bool) -> Fault | None:
    """Return why something that may hold structures is not read; None where nothing says that it does."""
    if name.startswith(".") or name in _NEVER_STRUCTURES:
        return None
    if is_folder:
        return _SUBFOLDER
    if name.lower().endswith(ARCHIVES) or is_structure_file(packed_otherwise(name) or ""):
        return _PACKED
    return next((fault for ending, fault in _OTHERS.items() if name.lower().endswith(ending)), None)


def _advice(others: Mapping[str, Fault]) -> str:
    """Return what to do with a folder in which all is set aside, as the end of a message."""
    return next((f" {name}: {fault[1]}; {mend_of(fault[0])}." for name, fault in others.items()), "")


def _facts(labels: Labels, files: Sequence[Path], listed: Sequence[Item]) -> dict[str, Any]:
    n_labelled = sum(1 for _, content in listed if content.path)
    first = f"names the targets: {', '.join(labels.names)}" if labels.has_header else "is a structure"
    return {"n_files_without_labels": len(files) - n_labelled, f"first_line_of_{ID_PROP}": first}


def _hash(folder: Path, paths: Iterable[Path]) -> str:
    """Return one SHA-256 over names and contents; of a file that will not be read, over name and size."""
    digest = hashlib.sha256()
    for path in paths:
        if not _is_inside(folder, path):
            if path.is_dir():
                digest.update(os.fsencode(path.name) + b"/\0")
            continue
        digest.update(os.fsencode(path.name) + b"\0")
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                is_read = size <= MAX_BYTES or path.name == ID_PROP
                digest.update(hashlib.file_digest(file, "sha256").digest() if is_read else str(size).encode())
        except OSError:
            digest.update(b"unreadable")
    return digest.hexdigest()


def _identifier(name: str) -> str:
    """Return the name of a file without the endings of its packing and format; ``POSCAR.mp-149`` has none."""
    name = plain_name(name)
    return name[: name.rindex(".")] if name.lower().endswith(_CIF + _POSCAR_ENDINGS) else name


def _aliases(name: str) -> Iterator[str]:
    """Yield the names of a file: whole, without each of its endings, and these without a leading POSCAR or CONTCAR."""
    for text in (name, plain_name(name), _identifier(name)):
        yield text
        for prefix in _POSCAR_NAMES:
            if text.upper().startswith(prefix) and text[len(prefix) :].strip("._-"):
                yield text[len(prefix) :].lstrip("._-")


def _names_of(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return which files a name may mean; a file's whole name means that file."""
    called: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        for alias in dict.fromkeys(_aliases(file.name)):
            called[alias].append(file)
    return {**called, **{file.name: [file] for file in files}}


def _identifying(names: Sequence[str]) -> Callable[[str], str]:
    """Return what gives the identifier of a file: its name without the ending, or whole where that is taken.

    Of a million names, only the few that may be taken are kept.
    """

    def spelled() -> Iterator[str]:
        return (text for name in names for text in {name, _identifier(name)})

    hashes, counts = np.unique(np.fromiter(map(hash, spelled()), np.int64), return_counts=True)
    doubtful = set(hashes[counts > 1].tolist())
    times = Counter(text for text in spelled() if hash(text) in doubtful) if doubtful else Counter[str]()

    def identify(name: str) -> str:
        return name if times[_identifier(name)] > 1 else _identifier(name)

    return identify


def _labelled(
    folder: Path,
    called: Mapping[str, list[Path]],
    others: Mapping[str, Fault],
    identify: Callable[[str], str],
    labels: Labels,
) -> list[Item]:
    """Return what id_prop.csv names, in its order."""
    items: list[Item] = []
    named: dict[Path, str] = {}
    for name, values in labels.values.items():
        meant, targets = called.get(name, []), dict(zip(labels.names, values, strict=True))
        if len(meant) != 1:
            files = " and ".join(file.name for file in meant)
            fault = ("ambiguous_name", f"it may be {files}") if files else others.get(name, _ABSENT)
            items.append((name, Listed(folder, None, targets, name, fault)))
            continue
        if meant[0] in named:
            raise InputInvalid(
                f'{folder / ID_PROP}, line {labels.lines[name]}: "{name}" and "{named[meant[0]]}" are one file. '
                "Keep one line per structure."
            )
        named[meant[0]] = name
        items.append((meant[0].name, Listed(folder, meant[0], targets, identify(meant[0].name))))
    return items


def parse_file(name: str, content: Listed, disorder: str) -> StructureRecord | list[StructureRecord | Rejected]:
    """Parse one structure file; a CIF file may give several.

    Raises:
        Unusable: it is missing, too large, outside its folder, unreadable, or not a usable structure.
    """
    text = _content_of(content)
    if plain_name(name).lower().endswith(_CIF):
        return parse_cif(name, text, content.material_id, content.values, disorder)
    poscar = read_poscar(text.decode("utf-8-sig", "replace"))
    sites: list[Site] = [{symbol: 1.0} for symbol in poscar.symbols]
    return make_record(
        content.material_id,
        poscar.lattice,
        sites,
        poscar.frac_coords,
        disorder=disorder,
        properties=content.values,
        notes=poscar.notes,
    )


def carried(listed: Listed) -> Listed:
    """Return a file with its content, so that it can be parsed where it is not.

    Raises:
        Unusable: as for `parse_file`.
    """
    return listed._replace(content=_content_of(listed))


def _content_of(listed: Listed) -> bytes:
    if listed.content is not None:
        return listed.content
    if listed.fault or listed.path is None:
        raise Unusable(*(listed.fault or _ABSENT))
    _require_regular(listed.folder, listed.path)
    return unpacked(listed.path.read_bytes(), MAX_BYTES)


def _require_regular(folder: Path, path: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise Unusable("outside_folder", "it is a link to somewhere else")
    if not path.is_file():
        raise Unusable("not_a_file", "it is a folder, a device or a link to nothing, not a file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Unusable("too_large", f"{size:,} bytes; at most {MAX_BYTES:,} are read")


def _is_inside(folder: Path, path: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())
