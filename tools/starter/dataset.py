"""From raw results to the table: references, formation energies, filters with counts, Parquet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.errors import SourceError
from embeddings.store.folders import atomic_file
from tools.starter.compute import site_symbols, structure_at
from tools.starter.decorate import Decoration
from tools.starter.potential import MODEL_NAME

VERSION = "1.0.0"
"""Of the dataset: another number for another choice of crystals or another method."""
BIBTEX = """@article{deng2023chgnet,
  title = {CHGNet as a pretrained universal neural network potential for charge-informed atomistic modelling},
  author = {Deng, Bowen and Zhong, Peichen and Jun, KyuJung and Riebesell, Janosh and Han, Kevin and others},
  journal = {Nature Machine Intelligence},
  volume = {5},
  pages = {1031--1041},
  year = {2023},
  doi = {10.1038/s42256-023-00716-3}
}"""
ORIGIN = {
    "name": "starter set (prototype crystals computed with CHGNet)",
    "licence": "CC-BY-4.0",
    "attribution": "Contains the starter set of materials-embeddings: prototype crystals computed with the "
    "machine-learned potential CHGNet, not with DFT.",
    "bibtex": BIBTEX,
    "doi": "10.1038/s42256-023-00716-3",
    "database_version": VERSION,
    "synthetic": "true",
}
"""What the file says of itself; builders.sources.origins reads these keys."""
UNITS = {
    "formation_energy_per_atom": "eV/atom",
    "volume_per_atom": "A^3/atom",
    "bulk_modulus": "GPa",
    "magnetic_moment_per_atom": "mu_B/atom",
}
"""Property column -> unit."""
MAX_FORMATION_ENERGY = 0.5  # eV/atom
MAX_BULK_MODULUS = 600.0  # GPa
BULK_MODULUS_DERIVATIVES = (-10.0, 20.0)
MAX_RESIDUAL = 0.003  # eV/atom

Row = Mapping[str, Any]
Reference = tuple[str, float]


@dataclass(frozen=True)
class Dataset:
    """What a run made: the table's rows, what was left out and what energies count from.

    Attributes:
        rows: one mapping per crystal, keys as the table's columns, sorted by material id.
        dropped: reason -> number of crystals.
        references: symbol -> (form, eV/atom).
        computed: prototype -> number of crystals computed.
    """

    rows: list[dict[str, Any]]
    dropped: Counter[str]
    references: dict[str, Reference]
    computed: Counter[str]


def reference_energies(
    elemental: Mapping[Decoration, Row], ground_states: Mapping[str, Mapping[str, float]]
) -> dict[str, Reference]:
    """Return the lowest energy of each element over all its forms.

    Args:
        elemental: results of the elemental prototypes.
        ground_states: symbol -> form -> eV/atom, relaxed.

    Returns:
        Symbol -> (form, eV/atom).
    """
    forms = [(symbol, energy, form) for symbol, of in ground_states.items() for form, energy in of.items()]
    forms += [(d.symbols[0], row["energy"], d.prototype) for d, row in elemental.items() if _fault(row) is None]
    return {symbol: (form, energy) for symbol, energy, form in sorted(forms, reverse=True)}  # the lowest comes last


def _fault(row: Row) -> str | None:
    """Say why the equation of state cannot be used, or None."""
    if "dropped" in row:
        return str(row["dropped"])
    low, high = BULK_MODULUS_DERIVATIVES
    if not 0 < row["bulk_modulus"] <= MAX_BULK_MODULUS:
        return f"bulk modulus not in (0, {MAX_BULK_MODULUS:g}] GPa"
    if row["residual"] > MAX_RESIDUAL or not low <= row["bulk_modulus_derivative"] <= high:
        return "energy-volume curve not smooth"
    return None if math.isfinite(row["magnetic_moment"]) else "isolated atoms"


def formation_energy(energy: float, symbols: Sequence[str], references: Mapping[str, Reference]) -> float:
    """Return the formation energy of a crystal.

    Args:
        energy: eV/atom.
        symbols: the element of each site.
        references: symbol -> (form, eV/atom).

    Returns:
        eV/atom.

    Raises:
        SourceError: an element without a reference.
    """
    missing = sorted(set(symbols) - set(references))
    if missing:
        raise SourceError(f"No form of {', '.join(missing)} gave a reference energy. Known: {sorted(references)}")
    return energy - sum(references[symbol][1] for symbol in symbols) / len(symbols)


def _judge(decoration: Decoration, row: Row, references: Mapping[str, Reference]) -> float | str:
    """Return the formation energy, eV/atom, or the reason to drop the crystal."""
    fault = _fault(row)
    if fault:
        return fault
    energy = formation_energy(row["energy"], site_symbols(decoration), references)
    too_high = f"formation energy above {MAX_FORMATION_ENERGY:g} eV/atom"
    return energy if energy <= MAX_FORMATION_ENERGY else too_high


def _columns(decoration: Decoration, row: Row, energy: float) -> dict[str, Any]:
    """Turn one result into the table's columns, rounded to what it is worth."""
    structure = structure_at(decoration, row["volume"])
    return {
        "material_id": decoration.material_id,
        "formula": structure.composition.reduced_formula,
        "lattice": np.round(structure.lattice.matrix, 4).ravel(),
        "atomic_numbers": list(structure.atomic_numbers),
        "frac_coords": structure.frac_coords.ravel(),
        "formation_energy_per_atom": round(energy, 4),
        "volume_per_atom": round(row["volume"], 3),
        "bulk_modulus": round(row["bulk_modulus"], 2),
        "magnetic_moment_per_atom": round(row["magnetic_moment"], 4),
        "prototype": decoration.prototype,
    }


def assemble(
    decorations: Sequence[Decoration], results: Sequence[Row], ground_states: Mapping[str, Mapping[str, float]]
) -> Dataset:
    """Make the dataset from raw results.

    Args:
        decorations: every crystal computed.
        results: the rows of :func:`tools.starter.compute.compute_all`, in any order.
        ground_states: relaxed energies of elements, symbol -> form -> eV/atom.

    Returns:
        Rows that pass every filter, the counts of those that do not, and the references.
    """
    by_id = {row["material_id"]: row for row in results}
    found = {decoration: by_id[decoration.material_id] for decoration in sorted(decorations)}
    elemental = {d: row for d, row in found.items() if len(d.symbols) == 1}
    references = reference_energies(elemental, ground_states)
    verdicts = {decoration: _judge(decoration, row, references) for decoration, row in found.items()}
    rows = [_columns(d, found[d], energy) for d, energy in verdicts.items() if not isinstance(energy, str)]
    dropped = Counter(reason for reason in verdicts.values() if isinstance(reason, str))
    return Dataset(rows, dropped, references, Counter(d.prototype for d in decorations))


def _schema(metadata: Mapping[str, str]) -> Any:
    import pyarrow as pa

    properties = [pa.field(name, pa.float32(), metadata={"unit": unit}) for name, unit in UNITS.items()]
    structure = [
        pa.field("material_id", pa.string()),
        pa.field("formula", pa.string()),
        pa.field("lattice", pa.list_(pa.float32(), 9), metadata={"unit": "A"}),
        pa.field("atomic_numbers", pa.list_(pa.uint8())),
        pa.field("frac_coords", pa.list_(pa.float32())),
    ]
    return pa.schema([*structure, *properties, pa.field("prototype", pa.string())], metadata=dict(metadata))


def write_table(dataset: Dataset, path: Path, *, chgnet_version: str) -> None:
    """Write the rows as one Parquet file, atomically.

    Args:
        dataset: what to write.
        path: the file.
        chgnet_version: version of the package that computed it, kept in the schema's metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    potential = {"potential": f"CHGNet {MODEL_NAME}", "potential_version": f"chgnet {chgnet_version}"}
    metadata = ORIGIN | potential
    table = pa.Table.from_pylist(dataset.rows, schema=_schema(metadata))
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19)
