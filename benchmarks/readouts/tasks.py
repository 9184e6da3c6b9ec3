"""Crystals with properties to predict, and which of them are tested: no formula is on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.data import ABSENT, MATERIALS_PROJECT
from benchmarks.options import check_there
from benchmarks.sets import SETS, read_set
from builders.learning.targets import labels_of
from builders.methods.crystal_transformer.encoder import CrystalEncoder
from builders.structures.cleaning import clean
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table, structures_from_arrow
from embeddings.errors import InputInvalid
from embeddings.formula import reduced_formulas
from testing.crystals import sample_crystals, structure_table

N_SEEDS = 3
TESTED = 1 / 3
"""Of the formulas, where there are no official folds."""

MAX_ROWS = 1_500
"""Of a set that are drawn at random, at most; those of two draws have none in common."""

MAX_SITES = 200
"""Larger cells of the Materials Project are left out."""


@dataclass(frozen=True)
class Drawn:
    """A file of crystals and their properties.

    Attributes:
        file: in the folder of the data.
        units: property -> unit.
        logarithm: whether the logarithm to base ten is predicted.
    """

    file: str
    units: dict[str, str]
    logarithm: bool


FILES = {
    "aflow": Drawn(
        "aflow.parquet",
        {
            "bulk_modulus": "log10 GPa",
            "shear_modulus": "log10 GPa",
            "debye_temperature": "log10 K",
            "thermal_conductivity_300k": "log10 W/(m K)",
            "thermal_expansion_300k": "log10 1/K",
        },
        logarithm=True,
    ),
    "perovskites": Drawn(
        "cmr_perovskites.parquet",
        {"formation_energy_per_cell": "eV", "band_gap_gllbsc": "eV", "total_magnetization": "mu_B"},
        logarithm=False,
    ),
}
"""AFLOW: 10.1103/PhysRevB.90.174107; perovskites: 10.1039/C2EE22341D."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is predicted of which crystals.

    Attributes:
        table: ``n`` crystals.
        formulas: (n,) canonical reduced formulas.
        units: property -> unit.
        values: (n, n_properties) float64.
        tested: of each split, (n,) bool: the crystals that are predicted, from all others.
        notes: sentences about what is used.
    """

    table: StructureTable
    formulas: np.ndarray
    units: dict[str, str]
    values: np.ndarray
    tested: Sequence[np.ndarray]
    notes: Sequence[str]


def pose(name: str, folder: Path, encoder: CrystalEncoder, *, draw: int = 0) -> Problem:
    """Return the problem of a case.

    Args:
        name: a key of `FILES`, or of `benchmarks.sets.SETS`.
        folder: of the data.
        encoder: that has to know all elements.
        draw: which rows are drawn.

    Raises:
        InputInvalid: the data are not there.
    """
    return _drawn(FILES[name], folder, encoder, draw) if name in FILES else _matched(name, folder, encoder, draw)


def made_up() -> Problem:
    """Return 60 crystals that are made up, and one split of them."""
    crystals, labels = sample_crystals(60)
    table = structure_table(crystals, **labels)
    target = "formation_energy_per_atom"
    formulas = np.array(reduced_formulas_of(table))
    return Problem(
        table, formulas, {target: "eV/atom"}, labels_of(table, (target,)), [held_out(formulas, 0)], ["Made up."]
    )


def held_out(formulas: np.ndarray, seed: int) -> np.ndarray:
    """Return which rows are held out, (n,) bool: those of a third of the formulas, drawn at random."""
    distinct, formula_of_row = np.unique(formulas, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    return (order < TESTED * len(distinct))[formula_of_row]


def drawn(fine: np.ndarray, draw: int) -> np.ndarray:
    """Return the numbers of `MAX_ROWS` rows of those that are fine, (n,) bool, in their order, or of all of them."""
    start = draw * MAX_ROWS
    return np.sort(np.random.default_rng(0).permutation(np.flatnonzero(fine))[start : start + MAX_ROWS])


def read_drawn(about: Drawn, folder: Path, encoder: CrystalEncoder) -> Problem:
    """Return all crystals of a file that have all properties; no split.

    Raises:
        InputInvalid: the data are not there.
    """
    path = folder / about.file
    check_there(path)
    table = _known(clean(read_structure_table(path))[0], encoder)
    values = labels_of(table, tuple(about.units))
    fine = np.isfinite(values).all(axis=1) & ((values > 0).all(axis=1) if about.logarithm else True)
    table, values = table.take(np.flatnonzero(fine)), values[fine]
    formulas = np.array(reduced_formulas_of(table))
    return Problem(table, formulas, about.units, np.log10(values) if about.logarithm else values, [], [])


def _drawn(about: Drawn, folder: Path, encoder: CrystalEncoder, draw: int) -> Problem:
    whole = read_drawn(about, folder, encoder)
    rows = drawn(np.ones(len(whole.formulas), dtype=bool), draw)
    formulas = whole.formulas[rows]
    note = (
        f"{len(rows):,} of {len(whole.formulas):,} crystals, drawn at random; a third of the formulas is tested, drawn "
        f"{N_SEEDS} times."
    )
    tested = [held_out(formulas, seed) for seed in range(N_SEEDS)]
    return Problem(whole.table.take(rows), formulas, whole.units, whole.values[rows], tested, [note])


def _matched(name: str, folder: Path, encoder: CrystalEncoder, draw: int) -> Problem:
    """Give the rows of a set of formulas the structures of the Materials Project."""
    task, path = read_set(folder, name), folder / MATERIALS_PROJECT
    if not path.is_file():
        raise InputInvalid(ABSENT)
    table, n_structures = most_stable(path, task.groups)
    table = _known(table, encoder)
    place = {formula: k for k, formula in enumerate(reduced_formulas_of(table))}
    crystal = np.array([place.get(formula, -1) for formula in task.groups])
    rows = drawn(crystal >= 0, draw)
    folds = task.folds(0)[rows]
    alone = sum(n_structures[formula] == 1 for formula in task.groups[rows])
    note = (
        f"{(crystal >= 0).sum():,} of {len(crystal):,} rows have a formula with a structure in {MATERIALS_PROJECT}, of "
        f"several the one of lowest energy; {len(rows):,} of these rows are used, {alone:,} of them with the only "
        "structure of their formula. Official folds."
    )
    return Problem(
        table.take(crystal[rows]),
        task.groups[rows],
        {name: SETS[name].metric.removeprefix("MAE").removeprefix(", ")},
        task.values[rows][:, None].astype(np.float64),
        [folds == fold for fold in np.unique(folds)],
        [note],
    )


def most_stable(path: Path, formulas: np.ndarray) -> tuple[StructureTable, dict[str, int]]:
    """Return, for each of the formulas that a file has, its structure of lowest energy, and how many it has.

    Where no energy is known, the first structure is taken.

    Args:
        path: a Parquet file in the structure schema, with formation energies.
        formulas: canonical reduced formulas.
    """
    arrow = pq.read_table(path)
    spelled = np.array(reduced_formulas(arrow["formula"].to_pylist()))
    rows = np.flatnonzero(np.isin(spelled, formulas))
    energies = arrow["formation_energy_per_atom"].take(rows).to_numpy().astype(np.float64)
    order = rows[np.lexsort([rows, np.where(np.isnan(energies), np.inf, energies)])]
    distinct, first, counts = np.unique(spelled[order], return_index=True, return_counts=True)
    table = structures_from_arrow(arrow.take(np.sort(order[first])), origin=path.name)
    return table, dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def _known(table: StructureTable, encoder: CrystalEncoder) -> StructureTable:
    return table.take(np.flatnonzero(known_crystals(table, encoder)))


def known_crystals(table: StructureTable, encoder: CrystalEncoder) -> np.ndarray:
    """Return which crystals an encoder takes, of at most `MAX_SITES` atoms, (n,) bool."""
    known: np.ndarray = encoder.covers(table) & (table.n_sites <= MAX_SITES)
    return known
