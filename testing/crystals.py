"""Small crystals: real ones, random ones, and moves that must not matter."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS

Crystal = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lattice (3, 3), atomic numbers (n,), fractional coordinates (n, 3)."""


def rocksalt(a: int, b: int, length: float) -> Crystal:
    """The conventional cubic cell, 8 atoms."""
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    coords = np.concatenate([corners, (corners + 0.5) % 1])
    return length * np.eye(3), np.array([a] * 4 + [b] * 4), coords


def cscl(a: int, b: int, length: float) -> Crystal:
    """Two atoms in a cube."""
    return length * np.eye(3), np.array([a, b]), np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])


def random_crystal(rng: np.random.Generator, n_atoms: int = 5) -> Crystal:
    """A triclinic cell whose atoms keep about 1.5 angstrom apart."""
    side = 3.0 * n_atoms ** (1 / 3)
    lattice = side * (np.eye(3) + 0.2 * rng.uniform(-1, 1, (3, 3)))
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
    coords: list[np.ndarray] = []
    while len(coords) < n_atoms:
        trial = rng.random(3)
        gaps = [np.linalg.norm((trial - other + images) @ lattice, axis=1).min() for other in coords]
        if not gaps or min(gaps) > 1.5:
            coords.append(trial)
    return lattice, rng.integers(1, 90, n_atoms), np.array(coords)


def shuffled(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """The same atoms in another order."""
    lattice, numbers, coords = crystal
    order = rng.permutation(len(numbers))
    return lattice, numbers[order], coords[order]


def rotated(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """The whole crystal turned, and mirrored or not."""
    lattice, numbers, coords = crystal
    orthogonal, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return lattice @ orthogonal, numbers, coords


def translated(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Another origin."""
    lattice, numbers, coords = crystal
    return lattice, numbers, (coords + rng.random(3)) % 1


def recelled(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Another choice of lattice vectors for the same lattice."""
    lattice, numbers, coords = crystal
    shear = np.eye(3)
    shear[0, 1], shear[1, 2] = rng.integers(-1, 2, 2)
    return shear @ lattice, numbers, (coords @ np.linalg.inv(shear)) % 1


def supercell(crystal: Crystal, repeats: tuple[int, int, int]) -> Crystal:
    """The crystal repeated along its axes."""
    lattice, numbers, coords = crystal
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), axis=-1).reshape(-1, 3)
    everywhere = ((coords[None] + shifts[:, None]) / np.array(repeats)).reshape(-1, 3)
    return np.diag(repeats) @ lattice, np.tile(numbers, len(shifts)), everywhere


def structure_table(crystals: list[Crystal], **properties: list[float]) -> StructureTable:
    """Crystals as a table."""
    lengths = [len(numbers) for _, numbers, _ in crystals]
    return StructureTable(
        material_ids=np.array([f"test-{k}" for k in range(len(crystals))], dtype=object),
        lattices=np.stack([lattice for lattice, _, _ in crystals]).astype(float),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        atomic_numbers=np.concatenate([numbers for _, numbers, _ in crystals]).astype(np.int16),
        frac_coords=np.concatenate([coords for _, _, coords in crystals]).astype(float),
        properties={name: np.asarray(values, dtype=float) for name, values in properties.items()},
    )


def arrow_table(crystals: list[Crystal], **columns: object) -> pa.Table:
    """Crystals in the structure schema, with further columns by name, or others in place of its own."""
    own = {
        "material_id": pa.array([f"test-{k}" for k in range(len(crystals))]),
        "formula": pa.array(["".join(SYMBOLS[int(z) - 1] for z in numbers) for _, numbers, _ in crystals]),
        "lattice": pa.array([lattice.ravel().tolist() for lattice, _, _ in crystals], pa.list_(pa.float32(), 9)),
        "atomic_numbers": pa.array([numbers.tolist() for _, numbers, _ in crystals], pa.list_(pa.uint8())),
        "frac_coords": pa.array([coords.ravel().tolist() for _, _, coords in crystals], pa.list_(pa.float32())),
    }
    return pa.table({name: column for name, column in (own | columns).items() if column is not None})


def sample_crystals(n: int = 60, seed: int = 0) -> tuple[list[Crystal], dict[str, list[float]]]:
    """Rocksalt and CsCl crystals of many pairs of elements, with two labels that depend on the elements."""
    rng = np.random.default_rng(seed)
    crystals, energy, gap = [], [], []
    for k in range(n):
        a, b = (int(z) for z in rng.choice(np.arange(3, 20), 2, replace=False))
        make = rocksalt if k % 2 else cscl
        crystals.append(make(a, b, (5.5 if k % 2 else 3.4) + 0.01 * (a + b)))
        energy.append(np.sin(a / 2) + np.sin(b / 2) + 0.1 * (k % 2))
        gap.append(abs(a - b) / 5 if k % 3 else float("nan"))
    return crystals, {"formation_energy_per_atom": energy, "band_gap": gap}


def write_labeled(path: Path, names: Iterable[str], n: int = 60) -> Path:
    """Write `sample_crystals` as a Parquet file, with their energies under each of the names."""
    crystals, labels = sample_crystals(n)
    energies = pa.array(labels["formation_energy_per_atom"])
    pq.write_table(arrow_table(crystals, **dict.fromkeys(names, energies)), path)
    return path


def write_sample(path: Path, n: int = 60, seed: int = 0) -> Path:
    """Write `sample_crystals` as a Parquet file."""
    crystals, labels = sample_crystals(n, seed)
    pq.write_table(arrow_table(crystals, **{name: pa.array(v, from_pandas=True) for name, v in labels.items()}), path)
    return path
