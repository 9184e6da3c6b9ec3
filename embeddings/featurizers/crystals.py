"""Structures to vectors by the encoder behind a catalog, each structure encoded once."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from embeddings.errors import CatalogCorrupt, EmbeddingsError, InputInvalid
from embeddings.formula.column import formula_column
from embeddings.loaders import load_crystal_encoder
from embeddings.protocols import Encoder, is_structure
from embeddings.vectors.unlike import Distances, Remembering, distances_of, identity_of, told_by, warn_of_unlike

if TYPE_CHECKING:
    from embeddings.store.manifest import Manifest


class StructureEncoder(Remembering, Encoder, Protocol):
    """What a `CrystalEncoder` offers here."""

    @property
    def manifest(self) -> Manifest:
        """Of the catalog that it comes from."""

    @property
    def sha256(self) -> str:
        """Hash of its network."""

    def covers(self, structures: Any, /) -> np.ndarray:
        """Return which structures consist of elements that it was trained on, (n,) bool."""


Uncovered = Literal["raise", "nan"]
"""What is done with a structure that holds an element that the encoder was not trained on."""

Key: TypeAlias = tuple[str, bytes]
"""Hash of an encoder, and of the content of a structure."""

MOST_KEPT = 100_000
"""Vectors that are kept in memory, over all featurizers of a process; the ones used longest ago are dropped."""

_kept: OrderedDict[Key, np.ndarray] = OrderedDict()


class StructureVectors:
    """A mix-in for estimators with the parameters ``catalog`` and ``missing``, whose columns hold structures.

    A structure that is unlike what the encoder was trained on is warned of when it is encoded, with `UnlikeTraining`;
    `distance_to_training` says how far each one is.

    A structure is encoded once in a process: vectors are kept by the content of the structure and the hash of the
    encoder, so that clones, folds and grids of parameters share them. A pickle holds the hash of the encoder, and the
    unpickled one refuses another.
    """

    catalog: str | os.PathLike[str] | StructureEncoder
    missing: Uncovered

    @property
    def encoder(self) -> StructureEncoder:
        """The encoder that the parameter names, loaded.

        Raises:
            CatalogNotFound: no catalog goes by this name.
            CatalogCorrupt: its encoder is altered, or not the one that the pickle was made with.
            InputInvalid: the catalog carries no encoder of structures.
            MissingExtra: the extra ``build`` is not installed.
        """
        asked, loaded = vars(self).get("_loaded", (None, None))
        if loaded is None or asked is not self.catalog:
            named = isinstance(self.catalog, str | os.PathLike)
            loaded = load_crystal_encoder(self.catalog) if named else self.catalog  # type: ignore[arg-type]
            _check_encoder(loaded, self.catalog, vars(self).get("_pin"))
            self._loaded = (self.catalog, loaded)
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        asked, loaded = state.pop("_loaded", (None, None))
        if loaded is not None and asked is self.catalog:
            state["_pin"] = (str(self.catalog), loaded.sha256)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def distance_to_training(self, X: Any) -> Distances:
        """Measure how far structures lie from those that the encoder was trained on.

        Args:
            X: n structures, as in ``transform``. One of an element that was not trained on has the distance NaN where
                ``missing`` is ``"nan"``, and counts as unlike the training.

        Raises:
            TrainingNotTold: the version of the catalog does not hold where its training crystals lie.
            EmbeddingsError: as ``transform`` says.
        """
        training = told_by(self.encoder)
        return distances_of(self.encoder, training, self._vectors(X))

    def _names(self) -> list[str]:
        encoder = self.encoder
        return [f"{encoder.name}_{i:03d}" for i in range(encoder.dim)]

    def _vectors(self, column: Any) -> np.ndarray:
        """Return the vectors of a column of structures, (n, dim) float32."""
        if self.missing not in get_args(Uncovered):
            raise InputInvalid(f"missing={self.missing!r} is not known; use {' or '.join(get_args(Uncovered))}.")
        structures = list(formula_column(column))
        _check_structures(structures)
        return encoded_once(self.encoder, structures, self.missing)


def encoded_once(encoder: StructureEncoder, structures: list[Any], missing: Uncovered = "raise") -> np.ndarray:
    """Return the vector of each structure, (n, dim) float32, encoding those that were not encoded before.

    Raises:
        ElementNotCovered: the encoder was not trained on an element, and `missing` is ``"raise"``.
        InputInvalid: a structure cannot be encoded; the message names its place, counted from 0.
    """
    keys = [(encoder.sha256, content_of(structure)) for structure in structures]
    new = {key: structure for key, structure in zip(keys, structures, strict=True) if key not in _kept}
    found = {key: _kept[key] for key in keys if key in _kept}
    if missing == "nan" and new:
        covered = encoder.covers(list(new.values()))
        found |= {key: np.full(encoder.dim, np.nan, np.float32) for key in _where(list(new), ~covered)}
        new = {key: new[key] for key in _where(list(new), covered)}
    if new:
        try:
            vectors = encoder.encode(list(new.values()))
        except EmbeddingsError:
            encoder.encode(structures)  # whose error names the places in the column
            raise
        found |= dict(zip(new, vectors, strict=True))
        _warn(encoder, keys, list(new), vectors)
    _keep({key: found[key] for key in keys if np.isfinite(found[key]).all()})
    return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(keys), encoder.dim)


def _warn(encoder: StructureEncoder, keys: list[Key], new: list[Key], vectors: np.ndarray) -> None:
    """Warn of rows that are unlike what the encoder was trained on, among those that were encoded now."""
    training = getattr(encoder, "training", None)
    if training is None:
        return
    unlike = set(_where(new, distances_of(encoder, training, vectors).unlike))
    names = (f"row {place}" for place, key in enumerate(keys) if key in unlike)
    advice = "How far: distance_to_training of the featurizer, or of embeddings."
    warn_of_unlike(names, len(keys), identity_of(encoder), advice=advice, stacklevel=5)


def content_of(structure: Any) -> bytes:
    """Return a hash of what an encoder sees of a pymatgen structure or ASE atoms: cell, elements and coordinates."""
    if hasattr(structure, "get_scaled_positions"):
        parts = (structure.cell.array, structure.get_scaled_positions(wrap=False), structure.pbc)
        elements = ",".join(map(str, structure.get_atomic_numbers()))
    else:
        parts = (structure.lattice.matrix, structure.frac_coords, structure.lattice.pbc)
        elements = ",".join(site.species_string for site in structure)
    digest = hashlib.sha256(elements.encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return digest.digest()


def _where(items: list[Any], mask: np.ndarray) -> list[Any]:
    return [item for item, kept in zip(items, mask.tolist(), strict=True) if kept]


def _keep(vectors: dict[Key, np.ndarray]) -> None:
    for key, vector in vectors.items():
        _kept[key] = vector
        _kept.move_to_end(key)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)


def _check_structures(column: Iterable[Any]) -> None:
    for place, one in enumerate(column):
        if not is_structure(one):
            raise InputInvalid(
                f"Row {place} is {type(one).__name__}; give pymatgen structures or ASE atoms. For formulas, use "
                "CompositionFeaturizer."
            )


def _check_encoder(encoder: Any, asked: Any, pin: tuple[str, str] | None) -> None:
    if not hasattr(encoder, "sha256") or not hasattr(encoder, "encode"):
        raise InputInvalid(f"{encoder!r} is not an encoder of structures. Give one, or its name, such as ct-multi.")
    if pin is not None and pin[0] == str(asked) and pin[1] != encoder.sha256:
        raise CatalogCorrupt(
            f"This featurizer was pickled with {asked} and an encoder of SHA-256 {pin[1]}, but the one here has "
            f"{encoder.sha256}. Install that version again, or fit again with this one."
        )
