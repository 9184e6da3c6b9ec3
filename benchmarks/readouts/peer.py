"""Crystal features of CHGNet, another network, on the same crystals.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), 10.1038/s42256-023-00716-3: 64 numbers for each crystal, trained on
energies, forces, stresses and magnetic moments of the Materials Project, so that it has very likely seen these crystals
or their like. They are slow to make and are kept in the folder of the cache.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from builders.structures.table import StructureTable
from embeddings.store.home import cache_folder

PEER = "CHGNet"
AT_ONCE = 32


def is_there() -> bool:
    """Whether CHGNet is installed."""
    return find_spec("chgnet") is not None


def name() -> str:
    """Return the name of the peer with its version."""
    return f"{PEER} {version('chgnet')}"


def peer_vectors(table: StructureTable) -> np.ndarray:
    """Return the mean over atoms for each crystal, (n, 64) float32; what CHGNet calls crystal features is the sum."""
    return _sums(table) / table.n_sites[:, None].astype(np.float32)


def _sums(table: StructureTable) -> np.ndarray:
    """Return the features of all crystals, (n, 64) float32, out of the cache where they were made before."""
    kept = _place(table)
    if kept.is_file():
        return np.asarray(np.load(kept))
    model = import_module("chgnet.model.model").CHGNet.load(use_device="cpu", verbose=False)
    found = []
    for start in range(0, len(table), AT_ONCE):
        some = [_structure(table, row) for row in range(start, min(start + AT_ONCE, len(table)))]
        told = model.predict_structure(some, task="e", return_crystal_feas=True, batch_size=AT_ONCE)
        found += [one["crystal_fea"] for one in (told if isinstance(told, list) else [told])]
    vectors = np.array(found, dtype=np.float32)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, vectors)
    return vectors


def _place(table: StructureTable) -> Path:
    """Return the file of the features of these very crystals."""
    told = hashlib.sha256(version("chgnet").encode())
    for array in (table.lattices, table.offsets, table.atomic_numbers, table.frac_coords):
        told.update(np.ascontiguousarray(array).tobytes())
    return cache_folder() / "benchmarks" / f"chgnet-{told.hexdigest()[:16]}.npy"


def _structure(table: StructureTable, row: int) -> Structure:
    atoms = table.atoms_of(np.array([row]))
    return Structure(Lattice(table.lattices[row]), table.atomic_numbers[atoms].tolist(), table.frac_coords[atoms])
