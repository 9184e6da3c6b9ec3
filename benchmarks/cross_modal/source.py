"""The whole source of an encoder: labels and structure vectors of all crystals, one row for each formula."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cross_modal.ways import Workshop
from builders.learning.lessons import ENERGY, Lessons, pool_polymorphs
from builders.learning.targets import derive_targets, labels_of
from builders.methods.cromel.recipes import RECIPES
from builders.methods.cromel.teacher import structure_vectors
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.structures.cleaning import clean, drop_unlabelled
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings import load_encoder
from embeddings.store.folders import atomic_file


def full_workshop(path: Path, teacher: str, folder: Path) -> Workshop:
    """Return the workshop of all crystals of a file, as the recipe ``cromel-multi`` uses them.

    Args:
        path: a Parquet file of structures.
        teacher: name or path of the catalog whose network encodes them.
        folder: where lessons and encoders are kept.
    """
    recipe = RECIPES["cromel-multi"]
    encoder = load_encoder(teacher)
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    source = identity_of(content, encoder.sha256, recipe.targets, recipe.max_sites)
    kept = folder / f"lessons-{source[:16]}.npz"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        table, _ = clean(read_structure_table(path))
        table, _ = drop_unlabelled(derive_targets(table, recipe.targets), recipe.targets)
        table = table.take(np.flatnonzero(table.n_sites <= (recipe.max_sites or np.inf)))
        vectors = structure_vectors(encoder, table, reporter=Reporter())
        labels = dict(zip(recipe.targets, labels_of(table, recipe.targets).T, strict=True))
        lessons = pool_polymorphs(reduced_formulas_of(table), labels, [vectors], energies=table.properties[ENERGY])
        with atomic_file(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, formulas=lessons.formulas, labels=lessons.labels, vectors=lessons.vectors)
    with np.load(kept) as arrays:
        lessons = Lessons(arrays["formulas"], recipe.targets, arrays["labels"], arrays["vectors"])
    return Workshop(lessons, replace(recipe), folder, f"{path.name} by {encoder.manifest.name}, {source[:16]}")
