"""Tables that come with other packages, read from the files of the installed package; none of its code is run."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embeddings.adopt.files import read_table
from embeddings.adopt.raw import RawTable, raw_table, with_notes
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid, MissingExtra, did_you_mean
from embeddings.store.manifest import Citation
from embeddings.store.reading import read_bounded

MAGPIE = (
    "Number", "MendeleevNumber", "AtomicWeight", "MeltingT", "Column", "Row", "CovalentRadius", "Electronegativity",
    "NsValence", "NpValence", "NdValence", "NfValence", "NValence", "NsUnfilled", "NpUnfilled", "NdUnfilled",
    "NfUnfilled", "NUnfilled", "GSvolume_pa", "GSbandgap", "GSmagmom", "SpaceGroupNumber",
)  # fmt: skip
"""The columns of matminer's preset "magpie"."""

_LARGEST_TEXT = 1 << 20

_DOIS = {
    "cgcnn": "10.1103/PhysRevLett.120.145301",
    "magpie": "10.1038/npjcompumats.2016.28",
    "matscholar": "10.1038/s41586-019-1335-8",
    "megnet": "10.1021/acs.chemmater.9b01294",
}
"""What the packages that have no citations for their tables name in their documentation."""


@dataclass(frozen=True)
class Package:
    """A package with tables of elements.

    Attributes:
        distribution: its name in the registry.
        module: that holds the files.
        licence: of the package; it has none for each table.
        owner: whom its license names.
        files: the folder of the module -> file of each table, by name.
        citations: the folder of the module -> BibTeX of tables, by name.
    """

    distribution: str
    module: str
    licence: str
    owner: str
    files: Callable[[Path], dict[str, Path]]
    citations: Callable[[Path], dict[str, str]] = lambda folder: {}


@dataclass(frozen=True, eq=False)
class PackagedTable:
    """A table of an installed package.

    Attributes:
        table: the rows.
        sha256: of its file, or of all of its files in order.
        source: package, version and name of the table.
        licence: of the package.
        attribution: what the license asks for.
        citation: of the table, or of the package where it names none.
    """

    table: RawTable
    sha256: str
    source: str
    licence: str
    attribution: str
    citation: Citation


def list_tables(package: str) -> list[str]:
    """Return the names of the tables of an installed package, sorted.

    Raises:
        InputInvalid: no such package is known.
        MissingExtra: it is not installed.
    """
    known = _package(package)
    return sorted(known.files(_folder(known)))


def packaged_table(package: str, name: str) -> PackagedTable:
    """Read a table of an installed package.

    Args:
        package: one of `PACKAGES`.
        name: one of `list_tables`.

    Raises:
        InputInvalid: no such package or table.
        MissingExtra: the package is not installed.
    """
    known = _package(package)
    folder = _folder(known)
    files = known.files(folder)
    if name not in files:
        raise InputInvalid(
            f'{known.distribution} has no table "{name}".{did_you_mean(name, files)} Known: {", ".join(sorted(files))}.'
        )
    source = f"{known.distribution} {version(known.distribution)}: {name}"
    table = _read(files[name], source)
    return PackagedTable(
        table=table,
        sha256=hashlib.sha256(_content(files[name])).hexdigest(),
        source=source,
        licence=known.licence,
        attribution=f"From {known.distribution} {version(known.distribution)}, {known.owner} ({known.licence}), which "
        "states no license for each of its tables; whoever made the table may ask for more.",
        citation=_citation(known, name, known.citations(folder).get(name)),
    )


def _element_embeddings(folder: Path) -> dict[str, Path]:
    """Return the files that the package loads by name; its settings are read as a literal, and not run."""
    places = _literal(folder / "utils" / "config.py", "DEFAULT_ELEMENT_EMBEDDINGS")
    return {name: folder / "data" / "element_representations" / str(file) for name, file in places.items()}


def _ee_citations(folder: Path) -> dict[str, str]:
    said = _literal(folder / "utils" / "config.py", "CITATIONS")
    return {name: "\n\n".join(entries) for name, entries in said.items() if entries}


def _matminer(folder: Path) -> dict[str, Path]:
    data = folder / "utils" / "data_files"
    return {
        "cgcnn": data / "cgcnn_atom_feature.json",
        "magpie": data / "magpie_elementdata",
        "matscholar_el": data / "matscholar_els.json",
        "megnet_el": data / "megnet_elemental_embedding.json",
    }


def _aviary(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted((folder / "embeddings" / "element").glob("*.json"))}


PACKAGES = {
    "element-embeddings": Package(
        "ElementEmbeddings", "elementembeddings", "MIT", "the WMD group", _element_embeddings, _ee_citations
    ),
    "matminer": Package(
        "matminer", "matminer", "BSD-3-Clause-LBNL", "The Regents of the University of California", _matminer
    ),
    "aviary": Package("aviary-models", "aviary", "MIT", "Rhys Goodall and others", _aviary),
}
"""Packages with tables of elements, by the name that the command line has for them."""


def _package(name: str) -> Package:
    if name not in PACKAGES:
        raise InputInvalid(f'No package "{name}" is known.{did_you_mean(name, PACKAGES)} Known: {", ".join(PACKAGES)}.')
    return PACKAGES[name]


def _folder(package: Package) -> Path:
    """Return the folder of an installed package, which is found and not imported."""
    try:
        version(package.distribution)
        spec = find_spec(package.module)
    except (PackageNotFoundError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra.of(package.distribution, "tables")
    return Path(next(iter(spec.submodule_search_locations)))


def _read(path: Path, source: str) -> RawTable:
    """Return the table of a file or of a folder of columns; whatever it is keyed by that is no element is left out."""
    if path.is_dir():
        return _columns(path, source)
    if path.name == "megnet_elemental_embedding.json":
        return with_notes(
            read_table(path, first_row=0), 'The first row, "Null", is what its loader gives for any other element.'
        )
    return read_table(path)


def _columns(folder: Path, source: str) -> RawTable:
    """Return a table of which each column is a file, with a line for each atomic number."""
    columns = {name: _text(folder / f"{name}.table").splitlines() for name in MAGPIE}
    cells = [[_cell(lines, k) for lines in columns.values()] for k in range(len(SYMBOLS))]
    return raw_table(
        source, "text, a file for each column", list(zip(SYMBOLS, cells, strict=True)), columns=list(columns)
    )


def _cell(lines: list[str], k: int) -> str | None:
    text = lines[k].strip() if k < len(lines) else ""
    return None if not text or text.startswith("Missing") else text


def _content(path: Path) -> bytes:
    files: Iterable[Path] = [path / f"{name}.table" for name in MAGPIE] if path.is_dir() else [path]
    return b"".join(read_bounded(file) for file in files)


def _citation(package: Package, name: str, bibtex: str | None) -> Citation:
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{package.distribution}-{name}")
    if bibtex:
        return Citation(bibtex=bibtex)
    doi = next((doi for table, doi in _DOIS.items() if name.startswith(table)), None)
    said = f",\n  doi = {{{doi}}}" if doi else f",\n  howpublished = {{pypi.org/project/{package.distribution}}}"
    return Citation(bibtex=f"@misc{{{key},\n  title = {{{name}, as in {package.distribution}}}{said}\n}}", doi=doi)


def _literal(path: Path, name: str) -> dict[str, Any]:
    """Return a dictionary that a module spells out, without importing it."""
    for node in ast.parse(_text(path)).body:
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == [name]:
            found: dict[str, Any] = ast.literal_eval(node.value)
            return found
    raise InputInvalid(f"{path} has no {name}; this version of the package keeps its tables elsewhere.")


def _text(path: Path) -> str:
    try:
        return read_bounded(path, at_most=_LARGEST_TEXT).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(f"{path} cannot be read: {error}.") from error
