"""Crystals to measure on: the packaged starter set, and Materials Project structures where they are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.options import DATA_ENV
from builders.methods import find_recipe
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe as Recipe
from builders.sources.starter import STARTER_FILE
from builders.structures.cleaning import clean
from builders.structures.table import StructureTable, read_structure_table
from embeddings.errors import InputInvalid

MATERIALS_PROJECT = "mp_structures.parquet"
ABSENT = f"Materials Project: not measured; it needs {MATERIALS_PROJECT} in the folder that {DATA_ENV} names."


@dataclass(frozen=True)
class CrystalFile:
    """A file of crystals.

    Attributes:
        name: for people.
        path: Parquet file in the structure schema.
        recipe: what is made of it.
    """

    name: str
    path: Path
    recipe: Recipe


def crystal_recipe(name: str) -> Recipe:
    """Return the recipe of a crystal transformer.

    Raises:
        InputInvalid: there is none of this name, or it is one of another method.
    """
    recipe = find_recipe(name)
    if not isinstance(recipe, Recipe):
        raise InputInvalid(f'"{name}" is a recipe of {recipe.method}; only those of crystal transformers vary here.')
    return recipe


def materials_project_file(data: Path) -> CrystalFile:
    """Return the structures of the Materials Project in the folder of the development data; they may not be there."""
    return CrystalFile("Materials Project", data / MATERIALS_PROJECT, crystal_recipe("ct-multi"))


def crystal_files(data: Path) -> tuple[list[CrystalFile], list[str]]:
    """Return the files that are there, the starter set first, and a sentence about what is not."""
    starter = CrystalFile("starter", STARTER_FILE, crystal_recipe("starter"))
    development = materials_project_file(data)
    return ([starter, development], []) if development.path.is_file() else ([starter], [ABSENT])


def sample(path: Path, n: int, *, max_sites: int | None) -> StructureTable:
    """Return ``n`` usable crystals of at most ``max_sites`` atoms, or as many as there are, drawn with a fixed seed."""
    table = read_structure_table(path)
    small = np.arange(len(table)) if max_sites is None else np.flatnonzero(table.n_sites <= max_sites)
    drawn = np.random.default_rng(0).permutation(small)[:n]
    return clean(table.take(np.sort(drawn)))[0]
