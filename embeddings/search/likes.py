"""What is searched for: a structure by its identifier, a file, a formula, a structure in memory, or a vector."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import CatalogNotFound, FormulaInvalid, InputInvalid, MaterialNotCovered
from embeddings.formula.bulk import reduced_formulas
from embeddings.protocols import is_structure

if TYPE_CHECKING:
    from embeddings.search.collections import Collection

_FILES = (".cif", ".mcif", ".vasp", ".poscar", ".xyz", ".extxyz", ".json", ".gz", ".npy")


_REAL = "biuf"
"""Kinds of NumPy's types that are real numbers."""


@dataclass(frozen=True, eq=False)
class Query:
    """What is searched for.

    Attributes:
        vectors: (n, dim); several where a formula has several structures.
        names: (n,) of each of them.
        rows: (n,) int64 of those that are rows of the collection, which are not among what is found; else empty.
    """

    vectors: np.ndarray
    names: tuple[str, ...]
    rows: np.ndarray


def query_of(like: Any, among: Collection) -> Query:
    """Return what is searched for.

    Text is the identifier of a structure; else, with a slash or the ending of such a file, the path of a structure
    file, or of a vector as .npy; else a formula, which stands for all structures of it; else a path. A file that is
    called like a formula is ``./NaCl``. A formula without a structure stands for nothing: no other is guessed.

    Args:
        like: text, a path, a pymatgen structure or ASE atoms, or a vector (dim,).
        among: what is searched.

    Raises:
        MaterialNotCovered: no structure has this identifier or formula.
        InputInvalid: a vector of another width, or something that cannot be searched for.
        CatalogNotFound: no file, or the catalog whose encoder is needed is not installed.
        EmbeddingsError: a structure cannot be read or encoded.
    """
    if isinstance(like, str):
        return _rows_query(like, "material_id", among) or _other_text(like, among)
    if isinstance(like, os.PathLike):
        return _of_file(Path(like), among)
    if is_structure(like):
        return _new(_encoded(like, among), "the structure")
    return _new(_vector(like, among.footer.dim), "the vector")


def _other_text(text: str, among: Collection) -> Query:
    path = Path(text).expanduser()
    if os.sep in text or text.lower().endswith(_FILES):
        return _of_file(path, among)
    try:
        (formula,) = reduced_formulas([text])
    except FormulaInvalid:
        if _is_file(path):
            return _of_file(path, among)
        raise MaterialNotCovered(
            f"{among.name} has no structure {text!r}, there is no such file, and it is not a formula. Give an "
            "identifier, a structure file or a formula."
        ) from None
    found = _rows_query(formula, "formula", among)
    if found is None:
        raise MaterialNotCovered(
            f"{among.name} has no structure of {formula}, and no structure is guessed from a composition. Give a "
            f"structure file of it{_called_alike(path)}, or look for similar compositions: "
            f'embeddings.nearest_compositions({formula!r}, formulas, "ct-multi").'
        )
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except ValueError:  # a null byte
        return False


def _called_alike(path: Path) -> str:
    """Return how a file is named that is called like a formula, for a message; nothing if there is none."""
    return f" (the file of this name is {os.curdir}{os.sep}{path})" if _is_file(path) else ""


def _rows_query(text: str, column: str, among: Collection) -> Query | None:
    """Return the structures that have a text in a column; None where none has."""
    import pyarrow.compute as pc

    if not text.isascii() and not _encodes(text):
        return None
    rows: list[np.ndarray] = []
    names: list[str] = []
    start = 0
    for keys in among.labels():
        places = np.flatnonzero(pc.equal(keys[column], text).to_numpy())
        rows.append(start + places)
        names += keys["material_id"].take(places).to_pylist()
        start += len(keys)
    found = np.concatenate([np.zeros(0, np.int64), *rows])
    return Query(among.vectors_at(found), tuple(names), found) if len(found) else None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _of_file(path: Path, among: Collection) -> Query:
    if not path.exists():
        raise CatalogNotFound(f"There is no file {path} to search for.")
    if path.suffix.lower() == ".npy":
        return _new(_vector(_array(path), among.footer.dim), path.name)
    return _new(_encoded(path, among), path.name)


def _encoded(structure: Any, among: Collection) -> np.ndarray:
    """Return the vector of a structure, or of the one in a file, (1, dim)."""
    if among.encode is None:
        raise InputInvalid(
            f"{among.name} was read without an encoder for structures. Read it with embeddings.load_catalog, or search "
            "for an identifier, a formula or a vector."
        )
    return among.encode(structure, among.footer)


def _new(vectors: np.ndarray, name: str) -> Query:
    return Query(vectors, (name,) * len(vectors), np.zeros(0, np.int64))


def _array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = error if isinstance(error, OSError) else "it is damaged, not a file of NumPy, or holds objects"
        raise InputInvalid(f"{path} cannot be read as a vector: {reason}. Write one with numpy.save.") from error
    return array


def _vector(given: Any, dim: int) -> np.ndarray:
    """Return a vector as (1, dim) float64, checked."""
    try:
        vector = np.asarray(given)
    except (TypeError, ValueError):  # such as lists of different lengths
        vector = np.asarray(None)
    if vector.dtype.kind not in _REAL:
        raise InputInvalid(
            f"{vector.dtype if isinstance(given, np.ndarray) else type(given).__name__} cannot be searched for: give "
            "an identifier, a path, a formula, a structure, or a vector of real numbers."
        )
    if vector.shape not in ((dim,), (1, dim)):
        raise InputInvalid(f"The vector must have the shape ({dim},), not {vector.shape}.")
    return vector.reshape(1, dim).astype(np.float64)
