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
from embeddings.store.tables import ENCODER

if TYPE_CHECKING:
    from embeddings.search.collections import Collection
    from embeddings.vectors.file import Footer

_FILES = (".cif", ".mcif", ".vasp", ".poscar", ".xyz", ".extxyz", ".json", ".gz", ".npy")


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

    Text is the identifier of a structure; else the path of a structure file, or of a vector as .npy; else a formula,
    which stands for all structures of it. A formula without a structure stands for nothing: no other is guessed.

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
        return _new(encoded_structure(like, among.footer)[None], "the structure")
    return _new(_vector(like, among.footer.dim), "the vector")


def encoded_structure(structure: Any, footer: Footer) -> np.ndarray:
    """Return the vector of a structure by the encoder that made a file of vectors, (dim,) float32.

    Raises:
        CatalogNotFound: the catalog of the encoder is not installed.
        InputInvalid: another encoder goes by its name.
        MissingExtra: the extra ``build`` is not installed.
        EmbeddingsError: the structure cannot be encoded.
    """
    from embeddings.loaders import load_crystal_encoder

    _check_encoder(footer)
    return load_crystal_encoder(footer.encoder)[structure]


def _other_text(text: str, among: Collection) -> Query:
    path = Path(text).expanduser()
    if _may_be_file(text):
        return _of_file(path, among)
    try:
        (formula,) = reduced_formulas([text])
    except FormulaInvalid:
        raise MaterialNotCovered(
            f"{among.name} has no structure {text!r}, there is no such file, and it is not a formula. Give an "
            "identifier, a structure file or a formula."
        ) from None
    found = _rows_query(formula, "formula", among)
    if found is None:
        raise MaterialNotCovered(
            f"{among.name} has no structure of {formula}, and none is guessed from the composition. Give a structure "
            f"file of it, or look for similar compositions: embeddings.nearest_compositions({formula!r}, formulas, "
            '"ct-multi").'
        )
    return found


def _may_be_file(text: str) -> bool:
    try:
        return os.path.exists(os.path.expanduser(text)) or os.sep in text or text.lower().endswith(_FILES)
    except ValueError:  # a null byte
        return False


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
    return _new(_encoded_file(path, among.footer), path.name)


def _encoded_file(path: Path, footer: Footer) -> np.ndarray:
    from embeddings.bench.encoding import encoded
    from embeddings.bench.manifest import StructureUse
    from embeddings.vectors.structures import read_structure_catalog

    sha256 = _check_encoder(footer)
    use = StructureUse(encoder=footer.encoder, sha256=sha256, level="structure", dim=footer.dim)
    with encoded(path, use) as file:
        vectors = read_structure_catalog(file).vectors
    if len(vectors) != 1:
        raise InputInvalid(f"{path} holds {len(vectors):,} structures. One is searched for at a time.")
    return vectors


def _check_encoder(footer: Footer) -> str:
    """Return the hash of the encoder of a file of vectors, after the installed one was found to be the same."""
    from embeddings.store import roots

    try:
        installed = roots.manifest_of(roots.resolve(footer.encoder))
    except CatalogNotFound as error:
        raise CatalogNotFound(
            f"The vectors were made by {footer.encoder}, which is not installed, so that no other structure can be "
            f"encoded. Get it, or search for an identifier. {error}"
        ) from error
    mine, theirs = _network(installed), _network(footer.catalog)
    if mine is None or mine != theirs:
        raise InputInvalid(
            f"The vectors were made by {footer.encoder}, and the {footer.encoder} that is installed has another "
            "encoder, or none. Vectors of different encoders cannot be compared; search for an identifier."
        )
    return mine


def _network(manifest: Any) -> str | None:
    return next((file.sha256 for file in manifest.files if file.path == ENCODER), None)


def _new(vectors: np.ndarray, name: str) -> Query:
    return Query(vectors, (name,) * len(vectors), np.zeros(0, np.int64))


def _array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputInvalid(f"{path} cannot be read as a vector: {error}.") from error
    return array


def _vector(given: Any, dim: int) -> np.ndarray:
    """Return a vector as (1, dim) float32, checked."""
    try:
        vector = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError):
        raise InputInvalid(
            f"{type(given).__name__} cannot be searched for: give an identifier, a path, a formula, a structure or a "
            "vector."
        ) from None
    if vector.shape not in ((dim,), (1, dim)):
        raise InputInvalid(f"A vector of shape ({dim},) is needed, and this has {vector.shape}.")
    return vector.reshape(1, dim)
