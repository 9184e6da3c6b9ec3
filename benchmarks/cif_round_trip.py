"""CIF written by others, read back: is every crystal the one that was written?

Run it with ``python -m benchmarks.cif_round_trip --path FILE.parquet``. Each crystal of a structure table is written by
pymatgen (all atoms, and the asymmetric unit), ASE and gemmi. What is read must have the same elements in the same
places of the same cell, to the digits of the file; for the asymmetric unit, the elements, number of atoms and volume of
the structure as pymatgen refines it.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq
from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from builders.sources.cif import CifCrystal, read_cif
from builders.structures.rejections import Unusable

SYMPREC = 0.01
MAX_SITES = 120
"""Larger cells are skipped: the comparison looks at all pairs of atoms."""

DIGITS = {"pymatgen": 6e-9, "ASE": 6e-9, "gemmi": 6e-6}
"""Writer -> half of the last digit that it writes of a coordinate, and a little."""


@click.command()
@click.option("--path", type=click.Path(path_type=Path, exists=True), required=True, help="A Parquet structure table.")
@click.option("--n", default=5_000, show_default=True, help="Structures, drawn at random.")
@click.option("--seed", default=1, show_default=True, help="Of the draw.")
def main(path: Path, n: int, seed: int) -> None:
    """Write and read back, and print what came out, by writer."""
    table = pq.read_table(path, columns=["material_id", "lattice", "atomic_numbers", "frac_coords"])
    rows = np.random.default_rng(seed).permutation(len(table))[:n]
    outcomes = Counter[tuple[str, str]]()
    for row in table.take(rows).to_pylist():
        if len(row["atomic_numbers"]) > MAX_SITES:
            outcomes["all", f"skipped: more than {MAX_SITES} sites"] += 1
            continue
        lattice, coords = np.reshape(row["lattice"], (3, 3)), np.reshape(row["frac_coords"], (-1, 3))
        structure = Structure(lattice, row["atomic_numbers"], coords)
        for writer, outcome in _outcomes(structure):
            outcomes[writer, outcome] += 1
            if outcome != "the same":
                print(row["material_id"], writer, outcome)
    for (writer, outcome), count in sorted(outcomes.items()):
        print(f"{writer:<24} {count:>6,}  {outcome}")


def _outcomes(structure: Structure) -> list[tuple[str, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [(name, _compared(write(structure), structure, DIGITS[name])) for name, write in WRITERS.items()]
        refined = SpacegroupAnalyzer(structure, SYMPREC).get_refined_structure()
        return [*found, ("pymatgen, symmetric", _compared(str(CifWriter(structure, symprec=SYMPREC)), refined, None))]


def _compared(text: str, expected: Structure, tolerance: float | None) -> str:
    """Return what is wrong with a file that was read back; coordinates are compared where a tolerance is given."""
    crystal = read_cif(text.encode())[0][1]
    if isinstance(crystal, Unusable):
        return f"refused: {crystal}"
    symbols = [next(iter(site)) for site in crystal.sites]
    if Counter(symbols) != Counter(site.specie.symbol for site in expected):
        return "other elements"
    if not np.isclose(abs(np.linalg.det(crystal.lattice)), expected.volume, rtol=1e-4):
        return "another volume"
    if tolerance is not None and _largest_gap(crystal, symbols, expected) > tolerance:
        return "other places"
    return "the same"


def _largest_gap(crystal: CifCrystal, symbols: list[str], expected: Structure) -> float:
    """Return the largest difference of a fractional coordinate, each atom beside the nearest of its element."""
    kinds = np.array([site.specie.symbol for site in expected])
    free, worst = np.ones(len(kinds), dtype=bool), 0.0
    for symbol, place in zip(symbols, crystal.frac_coords, strict=True):
        candidates = np.flatnonzero((kinds == symbol) & free)
        gaps = expected.frac_coords[candidates] - place
        distances = np.abs(gaps - np.rint(gaps)).max(axis=1)
        free[candidates[distances.argmin()]] = False
        worst = max(worst, float(distances.min()))
    return worst


def _by_ase(structure: Structure) -> str:
    from ase.io import write
    from pymatgen.io.ase import AseAtomsAdaptor

    text = io.BytesIO()
    write(text, AseAtomsAdaptor.get_atoms(structure), format="cif")
    return text.getvalue().decode()


def _by_gemmi(structure: Structure) -> str:
    import gemmi

    crystal = gemmi.SmallStructure()
    crystal.name, crystal.spacegroup_hm = "crystal", "P 1"
    crystal.cell = gemmi.UnitCell(*structure.lattice.parameters)
    for number, site in enumerate(structure, start=1):
        atom = gemmi.SmallStructure.Site()
        atom.type_symbol, atom.element = site.specie.symbol, gemmi.Element(site.specie.symbol)
        atom.label, atom.fract, atom.occ = f"{site.specie.symbol}{number}", gemmi.Fractional(*site.frac_coords), 1
        crystal.add_site(atom)
    crystal.setup_cell_images()
    return str(crystal.make_cif_block().as_string())


WRITERS: dict[str, Callable[[Structure], str]] = {
    "pymatgen": lambda structure: str(CifWriter(structure)), "ASE": _by_ase, "gemmi": _by_gemmi,
}  # fmt: skip


if __name__ == "__main__":
    main()
