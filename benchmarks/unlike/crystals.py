"""Crystals to tell apart: those held out from a training, copies of them that are wrong, and those of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.data import MATERIALS_PROJECT
from benchmarks.options import check_there
from builders.learning.targets import labels_of
from builders.methods.crystal_transformer.encoder import CrystalEncoder
from builders.structures.cells import volumes
from builders.structures.cleaning import clean
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_uae
from testing.crystals import sample_crystals, structure_table

MAX_SITES = 100
"""Of a crystal that the network was trained on."""

N_TRAINED_ON, N_HELD_OUT, N_COPIES, N_OTHERS = 16_384, 4096, 600, 1500
"""Crystals that are encoded, drawn at random."""

OTHERS = {"AFLOW": "aflow.parquet", "cubic perovskites": "cmr_perovskites.parquet"}

VOLUME = "volume"
TARGETS = ("formation_energy_per_atom", "band_gap", "log10_k_vrh")
UNITS = {"formation_energy_per_atom": "eV/atom", "band_gap": "eV", "log10_k_vrh": "log10 GPa", VOLUME: "ln(A^3/atom)"}


@dataclass(frozen=True, eq=False)
class Crystals:
    """What is encoded.

    Attributes:
        trained_on: crystals of formulas that the network was trained on.
        held_out: crystals of formulas that it was not.
        sets: name -> crystals that may be unlike the training.
        targets: that are learned from vectors, beside the volume.
    """

    trained_on: StructureTable
    held_out: StructureTable
    sets: dict[str, StructureTable]
    targets: tuple[str, ...]


def labels(table: StructureTable, targets: tuple[str, ...]) -> np.ndarray:
    """Return the targets and the logarithm of the volume of an atom, (n, n_targets + 1); NaN where unknown."""
    volume = np.log(volumes(table.lattices) / table.n_sites)
    return np.column_stack([labels_of(table, targets), volume]) if targets else volume[:, None]


def real(folder: Path, encoder: CrystalEncoder) -> Crystals:
    """Draw crystals out of the files in a folder.

    Raises:
        InputInvalid: one of the files is not there.
    """
    rng = np.random.default_rng(0)
    table = _read(folder / MATERIALS_PROJECT, encoder)
    formulas = reduced_formulas_of(table)
    seen = np.isin(formulas, load_uae(f"{encoder.name}@{encoder.version}").overlap(sorted(set(formulas))))
    trained_on, held_out = _drawn(table, seen, N_TRAINED_ON, rng), _drawn(table, ~seen, N_HELD_OUT, rng)
    sets = copies(_drawn(held_out, np.ones(len(held_out), bool), N_COPIES, rng), encoder.atomic_numbers, rng)
    for name, file in OTHERS.items():
        others = _read(folder / file, encoder)
        sets[name] = _drawn(others, np.ones(len(others), bool), N_OTHERS, rng)
    return Crystals(trained_on, held_out, sets, TARGETS)


def made_up(encoder: CrystalEncoder) -> Crystals:
    """Return 40 crystals that are made up, every second of which was held out, so to speak."""
    crystals, known = sample_crystals(60)
    table = structure_table(crystals, **known)
    rows = np.flatnonzero(encoder.covers(table))[:40]
    trained_on, held_out = table.take(rows[::2]), table.take(rows[1::2])
    sets = copies(held_out, encoder.atomic_numbers, np.random.default_rng(0))
    return Crystals(trained_on, held_out, sets, TARGETS[:1])


def copies(table: StructureTable, elements: np.ndarray, rng: np.random.Generator) -> dict[str, StructureTable]:
    """Return copies of crystals that are wrong, by what is wrong with them.

    Args:
        table: the crystals.
        elements: atomic numbers that others are drawn from.
        rng: draws.
    """
    anywhere = rng.random(table.frac_coords.shape).astype(table.frac_coords.dtype)
    return {
        "atoms moved by 0.1 A": _moved(table, 0.1, rng),
        "atoms moved by 0.3 A": _moved(table, 0.3, rng),
        "stretched by 5%": replace(table, lattices=table.lattices * 1.05),
        "stretched by 15%": replace(table, lattices=table.lattices * 1.15),
        "compressed by 10%": replace(table, lattices=table.lattices * 0.9),
        "atoms anywhere": replace(table, frac_coords=anywhere),
        "elements dealt anew": _by_crystal(table, rng.permutation),
        "one element replaced": _by_crystal(table, lambda numbers: _one_replaced(numbers, elements, rng)),
        "all elements replaced": _by_crystal(table, lambda numbers: _replaced(numbers, elements, rng)),
    }


def _moved(table: StructureTable, distance: float, rng: np.random.Generator) -> StructureTable:
    """Move each atom by this standard deviation in angstrom along each axis."""
    inverse = np.linalg.inv(table.lattices)[np.repeat(np.arange(len(table)), table.n_sites)]
    moves = np.einsum("ni,nij->nj", rng.normal(0, distance, table.frac_coords.shape), inverse)
    return replace(table, frac_coords=((table.frac_coords + moves) % 1).astype(table.frac_coords.dtype))


def _by_crystal(table: StructureTable, change: Callable[[np.ndarray], np.ndarray]) -> StructureTable:
    parts = np.split(table.atomic_numbers, table.offsets[1:-1])
    return replace(table, atomic_numbers=np.concatenate([change(part) for part in parts]))


def _replaced(numbers: np.ndarray, elements: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    distinct, place = np.unique(numbers, return_inverse=True)
    return rng.choice(elements, len(distinct), replace=False).astype(numbers.dtype)[place]


def _one_replaced(numbers: np.ndarray, elements: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    other = rng.choice(np.setdiff1d(elements, numbers))
    return np.where(numbers == rng.choice(numbers), other, numbers).astype(numbers.dtype)


def _drawn(table: StructureTable, fine: np.ndarray, n: int, rng: np.random.Generator) -> StructureTable:
    return clean(table.take(np.sort(rng.permutation(np.flatnonzero(fine))[:n])))[0]


def _read(path: Path, encoder: CrystalEncoder) -> StructureTable:
    check_there(path)
    table = read_structure_table(path)
    return table.take(np.flatnonzero(encoder.covers(table) & (table.n_sites <= MAX_SITES)))
