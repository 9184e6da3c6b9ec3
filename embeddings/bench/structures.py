"""Vectors of crystals by their identifiers: read from a file of vectors, or made of structure files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embeddings.bench.features import STRUCTURES
from embeddings.bench.manifest import StructureUse
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import CatalogNotFound, InputInvalid
from embeddings.formula.bulk import known_formulas
from embeddings.loaders import as_catalog, load_catalog
from embeddings.store.tables import ENCODER
from embeddings.vectors.footer import Footer
from embeddings.vectors.names import ENDING
from embeddings.vectors.sites import SiteCatalog
from embeddings.vectors.structures import StructureCatalog

if TYPE_CHECKING:
    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder
    from embeddings.store.manifest import Manifest

FILE_ENDINGS = (".gz", ".cif", ".mcif", ".vasp", ".poscar")
"""Left off the name of a structure file, where it stands for its structure."""

_AT_ONCE = 1_000


@dataclass(frozen=True, eq=False)
class StructureVectors:
    """One row of numbers for each crystal.

    Attributes:
        source: where they come from, as it is spoken of.
        footer: what the file of vectors says of itself.
        material_ids: (n,) identifiers.
        formulas: (n,) canonical reduced formulas.
        vectors: (n, dim) float32. Of a catalog of sites, the mean, standard deviation, minimum and maximum over the
            sites of each crystal, side by side.
    """

    source: str
    footer: Footer
    material_ids: tuple[str, ...]
    formulas: tuple[str, ...]
    vectors: np.ndarray

    @property
    def name(self) -> str:
        """Name of the block."""
        return STRUCTURES

    @property
    def atomic_numbers(self) -> np.ndarray:
        """All elements: a crystal with one that its encoder lacks has no vector."""
        return np.array(list(ATOMIC_NUMBERS.values()))

    @property
    def use(self) -> StructureUse:
        """What a model that learned from these vectors needs of others."""
        catalog = self.footer.catalog
        networks = [file.sha256 for file in catalog.files if file.path == ENCODER]
        return StructureUse(
            encoder=self.footer.encoder,
            sha256=(networks or [catalog.manifest_sha256])[0],
            level="site" if self.footer.level == "site" else "structure",
            dim=self.vectors.shape[1],
        )

    @property
    def manifest(self) -> Manifest:
        """Of the catalog whose encoder made the vectors; without its training's formulas where it is not installed."""
        manifest = self.footer.catalog
        if self._catalog is not None:
            return manifest
        return replace(manifest, training=replace(manifest.training, formula_digest=None))

    def overlap(self, formulas: Iterable[str]) -> list[str]:
        """Return those of the formulas that the training of the encoder saw; see `ElementCatalog.overlap`."""
        return [] if self._catalog is None else self._catalog.overlap(formulas)

    def places(self, ids: Iterable[Any]) -> np.ndarray:
        """Return the place of each identifier, or of the name of each structure file, (n,) int64; -1 for none."""
        return np.array([self._place(one) for one in ids], dtype=np.int64)

    def knows(self, cell: Any) -> bool:
        """Whether a cell names one of the structures."""
        return self._place(cell) >= 0

    def _place(self, cell: Any) -> int:
        text = str(cell).strip()
        found = self._place_of.get(text)
        return found if found is not None else self._place_of.get(_stem(text), -1)

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {material_id: place for place, material_id in enumerate(self.material_ids)}

    @cached_property
    def _catalog(self) -> ElementCatalog | CompositionEncoder | None:
        """The catalog whose encoder made the vectors, if that very version is installed."""
        try:
            found = as_catalog(self.footer.encoder)
        except CatalogNotFound:
            return None
        return found if found.manifest.manifest_sha256 == self.footer.catalog.manifest_sha256 else None


StructuresLike: TypeAlias = str | os.PathLike[str] | StructureCatalog | SiteCatalog | StructureVectors
"""A file that ``embeddings embed`` wrote, what `load_catalog` returns for it, or a folder of structure files."""


def read_structures(given: StructuresLike, *, like: StructureUse | None = None) -> StructureVectors:
    """Return the vectors of structures.

    Args:
        given: a file of vectors, or what `load_catalog` makes of it; or a folder of structure files, or one of them,
            which are encoded.
        like: what a model needs, whose encoder and level are then used; those of `embeddings.bench.encoding` if None.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: the file is damaged.
        InputInvalid: it holds no vectors of structures or sites, or others than the model needs.
        SourceError: no file of the folder can be read as a structure.
        MissingExtra: structure files are to be encoded, and the extra ``build`` is not installed.
    """
    made = given if isinstance(given, StructureVectors) else _read(given, like)
    if like is not None and made.use != like:
        from embeddings.bench.encoding import how_made

        raise InputInvalid(
            f"{made.source} holds {described(made.use)}; the model needs {described(like)}. Make them with: "
            f"{how_made(like)}"
        )
    return made


def needed_structures(given: StructuresLike | None, needed: StructureUse) -> StructureVectors:
    """Return the vectors of structures that a model needs.

    Raises:
        InputInvalid: there are none, or they are made by another encoder.
    """
    if given is None:
        raise InputInvalid(
            f"The model needs the structure of each row ({described(needed)}), but got none. Give them: predict "
            "--structures, or load_model(folder, structures=...)"
        )
    return read_structures(given, like=needed)


def described(use: StructureUse) -> str:
    """Say what vectors are."""
    pooled = "of sites, pooled over each structure" if use.level == "site" else f"of {use.level}s"
    return f"{use.dim} numbers by {use.encoder} {pooled}"


def _read(
    given: str | os.PathLike[str] | StructureCatalog | SiteCatalog, like: StructureUse | None
) -> StructureVectors:
    if not isinstance(given, str | os.PathLike):
        return _of(given, repr(given))
    path = Path(given).expanduser()
    if not path.exists():
        raise CatalogNotFound(
            f"There is no file or folder {path}. Give a file of vectors or a folder of structure files."
        )
    if path.is_file() and path.suffix.lower() == ENDING:
        return _of(load_catalog(path), str(given))
    from embeddings.bench.encoding import encoded

    with encoded(path, like) as file:
        return _of(load_catalog(file), str(given))


def _of(catalog: Any, source: str) -> StructureVectors:
    """Return the vectors of a catalog, those of sites as statistics over each crystal.

    Raises:
        InputInvalid: a catalog of something else.
    """
    if isinstance(catalog, StructureCatalog):
        return StructureVectors(source, catalog.footer, catalog.material_ids, catalog.formulas, catalog.vectors)
    if not isinstance(catalog, SiteCatalog):
        raise InputInvalid(
            f"{source} holds no vectors of structures. Make them with: embeddings embed --level structure"
        )
    ids = catalog.material_ids
    parts = [_pooled(catalog, ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)]
    formulas = tuple(formula for some, _ in parts for formula in some)
    return StructureVectors(source, catalog.footer, ids, formulas, np.concatenate([vectors for _, vectors in parts]))


def _pooled(catalog: SiteCatalog, ids: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """Return formula and statistics over the sites of each crystal: (n, 4 dim) float32."""
    sites, offsets = catalog.lookup(ids)
    starts, n_sites = offsets[:-1], np.diff(offsets)[:, None]
    mean = np.add.reduceat(sites.astype(np.float64), starts) / n_sites
    away = np.square(sites - np.repeat(mean, n_sites[:, 0], axis=0))
    std = np.sqrt(np.add.reduceat(away, starts) / n_sites)
    ends = [extreme.reduceat(sites, starts) for extreme in (np.minimum, np.maximum)]
    return _formulas(catalog.lookup_atomic_numbers(ids), offsets), np.hstack([mean, std, *ends]).astype(np.float32)


def _formulas(atomic_numbers: np.ndarray, offsets: np.ndarray) -> list[str]:
    """Return the canonical formula of each crystal."""
    spelled = []
    for start, stop in pairwise(offsets):
        elements, counts = np.unique(atomic_numbers[start:stop], return_counts=True)
        spelled.append("".join(f"{SYMBOLS[z - 1]}{n}" for z, n in zip(elements, counts, strict=True)))
    return [str(formula) for formula in known_formulas(spelled)]


def _stem(name: str) -> str:
    """Return the name of a file without its folder, and without the endings of structure files."""
    stem = PurePath(name).name
    while stem.lower().endswith(FILE_ENDINGS):
        stem = stem[: stem.rindex(".")]
    return stem
