"""What networks learn from perturbed copies of their structures: of the copies themselves, or of their stiffness."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from builders.learning.material import Material
from builders.learning.splits import split_by_formula
from builders.learning.targets import derive_targets
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings.errors import InputInvalid

ANSWERS = ("log10_distortion_energy_per_atom", "log10_rms_force", "pressure", "log10_von_mises_stress")
"""What is learned of copies; forces and energies span orders of magnitude, and some are zero by symmetry."""

STIFFNESS = ("log10_bulk_stiffness", "log10_shear_stiffness", "log10_force_constant")
"""What is learned of structures whose copies tell it."""


@dataclass(frozen=True, eq=False)
class Copied:
    """What networks learn from beside the labels.

    Attributes:
        with_copies: the structures and their copies behind them, with what a potential says of all of them.
        with_stiffness: the structures, with what their copies say of them.
        n_copies: how many there are.
    """

    with_copies: Material
    with_stiffness: Material
    n_copies: int

    def told(self) -> dict[str, int]:
        """Return what a result says of the copies."""
        table = self.with_copies.table
        return {"n_copies": self.n_copies, "copies_max_sites": int(table.n_sites[-self.n_copies :].max())}


def read_copies(path: Path, material: Material, *, split_seed: int) -> Copied:
    """Read a file that `embeddings perturb` wrote, of the structures that are learned from or some of them.

    Args:
        path: the file.
        material: structures with labels; copies of others are left out.
        split_seed: with which the structures were split.

    Raises:
        InputInvalid: it holds no copies of these structures.
        SourceError: it is no table of structures.
    """
    table = derive_targets(read_structure_table(path), ANSWERS + STIFFNESS)
    if not {"copy_of", "move"} <= set(pq.read_schema(path).names):
        raise InputInvalid(f"{path} holds no copies. Make them with: embeddings perturb")
    texts = pq.read_table(path, columns=["copy_of", "move"])
    copy_of, move = (np.array(texts[name].to_pylist(), dtype=str) for name in ("copy_of", "move"))
    row_of = {str(name): row for row, name in enumerate(material.table.material_ids)}
    rows = np.array([row_of.get(name, -1) for name in copy_of])
    itself, moved = (np.flatnonzero((rows >= 0) & mask) for mask in (move == "none", move != "none"))
    if not len(itself) or not len(moved):
        raise InputInvalid(f"{path} holds copies of other structures than those that are learned from.")
    copies = table.take(moved)
    formulas = [material.formulas[row] for row in rows[moved]]
    if reduced_formulas_of(copies) != formulas:
        raise InputInvalid(f"{path} holds copies of other structures under the same identifiers.")
    answered = _with_columns(material, table.take(itself), rows[itself], ANSWERS)
    stiff = _with_columns(material, table.take(itself), rows[itself], STIFFNESS)
    return Copied(_joined(answered, copies, formulas, split_seed), stiff, len(moved))


def _with_columns(material: Material, said: StructureTable, rows: np.ndarray, names: tuple[str, ...]) -> Material:
    """Return the structures with further targets, which are known of some rows."""
    told = {name: np.full(len(material.table), np.nan) for name in names}
    for name, values in told.items():
        values[rows] = said.properties[name]
    properties, units = material.table.properties | told, material.table.units | said.units
    table = replace(material.table, properties=properties, units=units)
    return replace(material, table=table, targets=(*material.targets, *names))


def _joined(material: Material, copies: StructureTable, formulas: list[str], split_seed: int) -> Material:
    """Return the structures and their copies behind them, split as the structures are."""
    copies = derive_targets(copies, [name for name in material.targets if name == "volume_per_atom"])
    table = concatenated([material.table, copies], material.targets)
    whole = [*material.formulas, *formulas]
    training, held_out = split_by_formula(whole, validation_fraction=0.1, seed=split_seed, keep_elements=True)
    if set(held_out[held_out < len(material.table)]) != set(material.validation_rows):
        raise InputInvalid("The copies do not stay on the side of their structures.")
    return Material(table, whole, {}, material.targets, training, held_out)


def concatenated(tables: list[StructureTable], properties: tuple[str, ...]) -> StructureTable:
    """Return tables behind each other, with these properties, NaN where a table does not have them."""
    ends = np.cumsum([0, *(table.offsets[-1] for table in tables)])
    return StructureTable(
        material_ids=np.concatenate([np.asarray(table.material_ids, dtype=object) for table in tables]),
        lattices=np.concatenate([table.lattices for table in tables]),
        offsets=np.concatenate([[0], *(table.offsets[1:] + end for table, end in zip(tables, ends, strict=False))]),
        atomic_numbers=np.concatenate([table.atomic_numbers for table in tables]),
        frac_coords=np.concatenate([table.frac_coords for table in tables]),
        properties={
            name: np.concatenate([table.properties.get(name, np.full(len(table), np.nan)) for table in tables])
            for name in properties
        },
        units={name: unit for table in tables for name, unit in table.units.items()},
    )
