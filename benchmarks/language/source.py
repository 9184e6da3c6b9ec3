"""What all variants learn from: lessons of some formulas, and the formulas that are read, drawn once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data import MATERIALS_PROJECT
from benchmarks.options import check_there
from builders.learning.lessons import ENERGY, Lessons, pool_polymorphs
from builders.learning.targets import derive_targets, labels_of
from builders.methods.cromel.teacher import structure_vectors
from builders.methods.language.recipes import LanguageRecipe
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.structures.cleaning import clean, drop_unlabelled
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_crystal_encoder
from embeddings.formula import reduced_formulas
from embeddings.store.folders import atomic_file

CORPUS = "compositions/compositions.parquet"
ENUMERATED = "in_oqmd"
"""Column of the corpus; formulas that no other column vouches for were enumerated."""


@dataclass(frozen=True)
class Sizes:
    """How much is drawn.

    Attributes:
        n_formulas: with structures and labels.
        n_corpus: that are read.
        max_sites: larger cells are left out.
        seed: of the draws.
    """

    n_formulas: int
    n_corpus: int
    max_sites: int
    seed: int


@dataclass(frozen=True)
class Source:
    """What all variants learn from.

    Attributes:
        lessons: labels and vectors of structures.
        corpus: (n,) canonical formulas that are read.
        enumerated: (n,) those of the variant whose corpus is drawn from OQMD as well.
        identity: hash of all three.
    """

    lessons: Lessons
    corpus: np.ndarray
    enumerated: np.ndarray
    identity: str

    @property
    def about(self) -> dict[str, Any]:
        """What a result says of it."""
        return {
            "formulas": len(self.lessons),
            "with structures": int(self.lessons.has_vectors.sum()),
            "read": len(self.corpus),
            "read, with OQMD": len(self.enumerated),
            "identity": self.identity[:16],
        }


def read_source(data: Path, folder: Path, recipe: LanguageRecipe, sizes: Sizes, *, excluded: Sequence[str]) -> Source:
    """Return the lessons and the corpus, made if they are not kept.

    Args:
        data: folder of the development data.
        folder: where they are kept.
        recipe: its teacher encodes structures, and its targets are labels.
        sizes: how much is drawn.
        excluded: canonical formulas of all sets that are tested.

    Raises:
        InputInvalid: a file is not there.
        CatalogNotFound: no catalog goes by the teacher's name.
    """
    crystals, listed = data / MATERIALS_PROJECT, data / CORPUS
    for path in (crystals, listed):
        check_there(path)
    teacher = load_crystal_encoder(recipe.teacher)
    left_out = sorted(set(excluded))
    identity = identity_of(
        _sha256(crystals), _sha256(listed), teacher.sha256, recipe.targets, recipe.temperature, asdict(sizes), left_out
    )
    kept = folder / f"source-{identity[:16]}.npz"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        table = drawn(data, recipe, sizes, excluded=left_out)
        cache = folder / f"teacher-{identity[:16]}.npy"
        vectors = structure_vectors(teacher, table, cache=cache, reporter=Reporter())
        labels = dict(zip(recipe.targets, labels_of(table, recipe.targets).T, strict=True))
        energies = table.properties[ENERGY]
        lessons = pool_polymorphs(
            reduced_formulas_of(table), labels, [vectors], energies=energies, temperature=recipe.temperature
        )
        corpora = corpora_of(listed, sizes, left_out)
        with atomic_file(kept) as temporary, temporary.open("wb") as file:
            np.savez(
                file, formulas=lessons.formulas, labels=lessons.labels, vectors=lessons.vectors,
                corpus=corpora[0], enumerated=corpora[1],
            )  # fmt: skip
    with np.load(kept) as arrays:
        lessons = Lessons(arrays["formulas"], recipe.targets, arrays["labels"], arrays["vectors"])
        return Source(lessons, arrays["corpus"], arrays["enumerated"], identity)


def corpora_of(path: Path, sizes: Sizes, excluded: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return formulas drawn from what is vouched for, and as many drawn from all, both canonical and sorted."""
    table = pq.read_table(path)
    others = [table[name] for name in table.column_names if name.startswith("in_") and name != ENUMERATED]
    vouched = table.filter(reduce(pc.or_, others))["formula"]
    return tuple(
        _draw(column.to_pylist(), sizes.n_corpus, sizes.seed, excluded) for column in (vouched, table["formula"])
    )


def drawn(data: Path, recipe: LanguageRecipe, sizes: Sizes, *, excluded: Sequence[str]) -> StructureTable:
    """Return all usable crystals of formulas that were drawn; see `read_source`."""
    table, _ = clean(read_structure_table(data / MATERIALS_PROJECT), max_sites=sizes.max_sites)
    table, _ = drop_unlabelled(derive_targets(table, recipe.targets), recipe.targets)
    formulas = np.array(reduced_formulas_of(table))
    return table.take(np.flatnonzero(np.isin(formulas, _draw(formulas, sizes.n_formulas, sizes.seed, excluded))))


def _draw(formulas: Sequence[str] | np.ndarray, n: int, seed: int, excluded: Sequence[str]) -> np.ndarray:
    """Return so many formulas, or all where there are fewer, sorted, none of them excluded."""
    allowed = np.setdiff1d(reduced_formulas(formulas), excluded)
    return np.sort(np.random.default_rng(seed).permutation(allowed)[:n])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
