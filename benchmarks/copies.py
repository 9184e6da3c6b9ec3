"""A table of as many structures as wanted: those of a table, and strained and substituted copies of them.

The first copy of each structure is itself. In the others, elements give way to others of their group, and the cell is
strained by some percent. Row k depends on k, the seed and the table alone, so that a longer table begins with a
shorter one. They are crystals to be counted, not to be believed.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import crystal_files
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import STRUCTURE_COLUMNS, StructureTable, read_structure_table
from embeddings.elements import N_ELEMENTS, atomic_number

ROWS_PER_FILE, ROWS_PER_GROUP = 100_000, 20_000
STRAIN = 0.03
"""The standard deviation of each component of the strain."""

GROUPS = (
    "Li Na K Rb Cs", "Be Mg Ca Sr Ba", "Sc Y La", "Ti Zr Hf", "V Nb Ta", "Cr Mo W", "Mn Tc Re", "Fe Ru Os",
    "Co Rh Ir", "Ni Pd Pt", "Cu Ag Au", "Zn Cd Hg", "B Al Ga In Tl", "C Si Ge Sn Pb", "N P As Sb Bi", "O S Se Te",
    "F Cl Br I", "Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu",
)  # fmt: skip
"""Elements that stand in for each other; all others stay."""

METADATA = {
    "name": "strained and substituted copies",
    "licence": "CC-BY-4.0",
    "attribution": "Made from structures of the Materials Project, or of the starter set; for measuring only.",
}


def copies(table: StructureTable, start: int, stop: int, *, seed: int = 0) -> pa.Table:
    """Return rows of the long table in the structure schema.

    Args:
        table: what is copied, in its order.
        start: the first row.
        stop: the row behind the last.
        seed: of strains and substitutions.
    """
    rows = np.arange(start, stop)
    which, copy = rows % len(table), rows // len(table)
    taken = table.take(which)
    draws = np.stack([np.random.default_rng([seed, row]).standard_normal(7) for row in rows.tolist()])
    shift = np.where(copy == 0, 0, 1 + np.floor(np.abs(draws[:, 6]) * 1000).astype(np.int64) % 12)
    numbers = _SUBSTITUTES[np.repeat(shift, taken.n_sites), taken.atomic_numbers]
    strain = np.where(copy == 0, 0.0, STRAIN)[:, None, None] * draws[:, [0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(-1, 3, 3)
    changed = StructureTable(
        material_ids=np.array([f"{name}-{k:04d}" for name, k in zip(taken.material_ids, copy, strict=True)]),
        lattices=taken.lattices @ (np.eye(3) + strain),
        offsets=taken.offsets,
        atomic_numbers=numbers,
        frac_coords=taken.frac_coords,
    )
    columns = (
        pa.array(changed.material_ids, pa.string()),
        pa.array(reduced_formulas_of(changed), pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(changed.lattices.ravel()), 9),
        pa.ListArray.from_arrays(pa.array(changed.offsets, pa.int32()), pa.array(numbers, pa.uint8())),
        pa.ListArray.from_arrays(pa.array(3 * changed.offsets, pa.int32()), pa.array(changed.frac_coords.ravel())),
    )
    return pa.table(list(columns), names=list(STRUCTURE_COLUMNS)).replace_schema_metadata(METADATA)


def write_copies(folder: Path, table: StructureTable, n: int, *, seed: int = 0) -> None:
    """Write a table of n rows into an empty folder, as files of `ROWS_PER_FILE` rows."""
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, n, ROWS_PER_FILE)):
        stop, path = min(n, start + ROWS_PER_FILE), folder / f"part-{number:05d}.parquet"
        schema = copies(table, 0, 1).schema
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for first in range(start, stop, ROWS_PER_GROUP):
                writer.write_table(copies(table, first, min(stop, first + ROWS_PER_GROUP), seed=seed))


def _substitutes() -> np.ndarray:
    """Return which element stands in for which, (shift, atomic number) -> atomic number, int16."""
    table = np.tile(np.arange(N_ELEMENTS + 1, dtype=np.int16), (13, 1))
    for group in GROUPS:
        numbers = [atomic_number(symbol) for symbol in group.split()]
        for shift in range(len(table)):
            table[shift, numbers] = np.roll(numbers, -shift)
    return table


_SUBSTITUTES = _substitutes()


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="EMBEDDINGS_TEST_DATA", default=Path(),
              help="Folder of the development data; without its table, the starter set is copied.")  # fmt: skip
@click.option("--n", type=click.IntRange(1), default=1_000_000, show_default=True, help="Rows.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder that is made.")
def main(data: Path, n: int, seed: int, out: Path) -> None:
    """Write a table of many structures; it is never committed."""
    file = crystal_files(data)[0][-1]
    write_copies(out, read_structure_table(file.path), n, seed=seed)
    click.echo(f"{out}: {n:,} structures made from {file.name}, seed {seed}")


if __name__ == "__main__":
    main()
