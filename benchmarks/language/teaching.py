"""Teachers beside that of the recipe: what a catalog's network, or a file, gives the same crystals, pooled and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.language.source import Source
from builders.learning.lessons import ENERGY, pool_polymorphs
from builders.learning.teachers import Teacher, read_teachers
from builders.methods.cromel.teacher import structure_vectors
from builders.methods.crystal_transformer.encoder import CrystalEncoder
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings import load_crystal_encoder
from embeddings.store.folders import atomic_file

CATALOG = "ct-multi@3.0.0"
"""Whose network teaches in place of that of the recipe: it learned more properties."""


@dataclass(frozen=True)
class Further:
    """A teacher, whose vectors are made once they are needed.

    Attributes:
        encoder: name and version of its network.
        sha256: of the network, or of the file of vectors.
        kept: file of the pooled vectors.
        make: returns its vectors of the drawn crystals, pooled over the polymorphs of each formula, and of how many
            crystals it has one.
    """

    encoder: str
    sha256: str
    kept: Path
    make: Callable[[], tuple[np.ndarray, int]]

    @cached_property
    def vectors(self) -> np.ndarray:
        """(n, dim) of the formulas of the lessons, NaN rows where it knows none of the crystals."""
        return self._arrays["vectors"]

    @property
    def about(self) -> dict[str, Any]:
        """What a result says of it."""
        return {
            "encoder": self.encoder,
            "sha256": self.sha256,
            "structures": int(self._arrays["n_structures"]),
            "formulas": int(np.isfinite(self.vectors).all(axis=1).sum()),
        }

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        if not self.kept.exists():
            vectors, n_structures = self.make()
            with atomic_file(self.kept) as temporary, temporary.open("wb") as file:
                np.savez(file, vectors=vectors, n_structures=n_structures)
        with np.load(self.kept) as arrays:
            return dict(arrays)


def further_teachers(
    source: Source, crystals: Callable[[], StructureTable], temperature: float, folder: Path, *, file: Path | None
) -> dict[str, Further]:
    """Return teachers by the name of their encoders.

    Args:
        source: what all variants learn from.
        crystals: returns those that its formulas were drawn with.
        temperature: of polymorphs, as for the recipe's teacher.
        folder: where vectors are kept.
        file: file or folder of structure vectors; None for none.

    Raises:
        CatalogNotFound: there is no such catalog or file.
        InputInvalid: the file holds no structure vectors.
    """

    def pooled(vectors_of: Callable[[StructureTable], np.ndarray]) -> tuple[np.ndarray, int]:
        table = crystals()
        vectors, energies = vectors_of(table), table.properties[ENERGY]
        lessons = pool_polymorphs(
            reduced_formulas_of(table), {ENERGY: energies}, [vectors], energies=energies, temperature=temperature
        )
        return lessons.vectors, int(np.isfinite(vectors).all(axis=1).sum())

    def further(encoder: str, sha256: str, vectors_of: Callable[[StructureTable], np.ndarray]) -> Further:
        kept = folder / f"taught-{identity_of(source.identity, sha256)[:16]}.npz"
        return Further(encoder, sha256, kept, lambda: pooled(vectors_of))

    def found() -> Iterator[tuple[str, Further]]:
        encoder = load_crystal_encoder(CATALOG)
        yield encoder.name, further(CATALOG, encoder.sha256, partial(_encoded, encoder))
        for one in read_teachers([] if file is None else [file]):
            yield one.footer.catalog.name, further(one.name, one.sha256, partial(_read, one))

    return dict(found())


def _encoded(encoder: CrystalEncoder, table: StructureTable) -> np.ndarray:
    return structure_vectors(encoder, table, reporter=Reporter())


def _read(teacher: Teacher, table: StructureTable) -> np.ndarray:
    return teacher.matched(table.material_ids, reduced_formulas_of(table), np.arange(len(table))).vectors()
