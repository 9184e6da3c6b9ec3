"""One crystal as it comes from a source, checked, and many of them as a table in the structure schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.formula import reduced_formula

if TYPE_CHECKING:
    from pymatgen.core import Structure

DEUTERIUM_AS_HYDROGEN = "deuterium_as_hydrogen"
MAJORITY_TAKEN = "majority_of_disordered_sites_taken"
PARTIAL_OCCUPANCY = "partial_occupancy"

FULL = 1 - 1e-3
"""A site of one element with at least this occupancy is ordered."""

_ISOTOPES = {"D": "H", "T": "H"}

Site = Mapping[str, float]
"""Element symbol -> occupancy."""


class Unusable(Exception):
    """Something is not a usable structure; ``reason`` is one of few words, ``detail`` says what exactly."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class StructureRecord:
    """One crystal.

    Attributes:
        material_id: identifier.
        lattice: (3, 3) float64, rows a, b, c in angstrom.
        atomic_numbers: (n_atoms,) of every site.
        frac_coords: (n_atoms, 3) float64.
        properties: name -> number, None where unknown.
        texts: name -> text, for columns that are not learned.
        notes: what was done to it and is worth counting.
    """

    material_id: str
    lattice: np.ndarray
    atomic_numbers: Sequence[int]
    frac_coords: np.ndarray
    properties: Mapping[str, float | None] = field(default_factory=dict)
    texts: Mapping[str, str | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def make_record(
    material_id: str,
    lattice: Any,
    sites: Sequence[Site],
    frac_coords: Any,
    *,
    disorder: str = "drop",
    properties: Mapping[str, float | None] | None = None,
    texts: Mapping[str, str | None] | None = None,
) -> StructureRecord:
    """Check a crystal and make a record of it.

    Args:
        material_id: identifier.
        lattice: nine numbers, rows a, b, c in angstrom.
        sites: what is on each site.
        frac_coords: three numbers for each site.
        disorder: ``"majority"`` takes the element with the largest share of a site; ``"drop"`` refuses shared sites.
        properties: name -> number.
        texts: name -> text.

    Raises:
        Unusable: no sites, shared sites, something that is not an element, or arrays that do not fit together.
    """
    if not sites:
        raise Unusable("no_structure", "it has no sites")
    notes = set[str]()
    atomic_numbers = [_atomic_number(site, disorder, notes) for site in sites]
    try:
        cell = np.asarray(lattice, dtype=np.float64).reshape(3, 3)
        coords = np.asarray(frac_coords, dtype=np.float64).reshape(len(sites), 3)
    except (TypeError, ValueError) as error:
        raise Unusable("no_structure", f"its arrays do not fit together: {error}") from error
    return StructureRecord(
        material_id, cell, atomic_numbers, coords, properties or {}, texts or {}, tuple(sorted(notes))
    )


def _atomic_number(site: Site, disorder: str, notes: set[str]) -> int:
    if not site:
        raise Unusable("no_structure", "a site has no element")
    name, occupancy = max(site.items(), key=lambda item: item[1])
    if len(site) > 1 or occupancy < FULL:
        if disorder != "majority":
            shares = ", ".join(f"{name} {share:g}" for name, share in site.items())
            raise Unusable(PARTIAL_OCCUPANCY, f"a site is shared ({shares})")
        notes.add(MAJORITY_TAKEN)
    if name in _ISOTOPES:
        notes.add(DEUTERIUM_AS_HYDROGEN)
    number = ATOMIC_NUMBERS.get(_ISOTOPES.get(name, name))
    if number is None:
        raise Unusable("unknown_element", f'"{name}" is not an element')
    return number


def structure_parts(document: Mapping[str, Any]) -> tuple[Any, list[Site], list[Any]]:
    """Return lattice, sites and fractional coordinates of a structure in pymatgen's JSON form.

    Read directly, without building the object: twenty times faster.

    Raises:
        Unusable: it is not such a document.
    """
    try:
        sites = document["sites"]
        content: list[Site] = [_species(site["species"]) for site in sites]
        return document["lattice"]["matrix"], content, [site["abc"] for site in sites]
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error


def _species(species: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    site: dict[str, float] = {}
    for entry in species:
        site[entry["element"]] = site.get(entry["element"], 0.0) + entry["occu"]
    return site


def parts_of(structure: Structure) -> tuple[Any, list[Site], Any]:
    """Return lattice, sites and fractional coordinates of a pymatgen structure."""
    sites: list[Site] = []
    for site in structure:
        content: dict[str, float] = {}
        for kind, share in site.species.items():
            name = getattr(kind, "element", kind).name
            content[name] = content.get(name, 0.0) + share
        sites.append(content)
    return structure.lattice.matrix, sites, structure.frac_coords


def structures_to_arrow(
    records: Sequence[StructureRecord],
    *,
    properties: Iterable[str] | None = None,
    texts: Iterable[str] | None = None,
    units: Mapping[str, str] | None = None,
) -> pa.Table:
    """Return records as a table in the structure schema.

    Args:
        records: crystals.
        properties: columns of numbers, in order; those of the records if None.
        texts: columns of text, in order; those of the records if None.
        units: property -> unit, kept in the metadata of its column.
    """
    numbers = dict.fromkeys(properties or (name for record in records for name in record.properties))
    words = dict.fromkeys(texts or (name for record in records for name in record.texts))
    columns: dict[str, pa.Array] = {
        "material_id": pa.array([record.material_id for record in records], pa.string()),
        "formula": pa.array([_formula(record) for record in records], pa.string()),
        "lattice": pa.array([record.lattice.ravel() for record in records], pa.list_(pa.float64(), 9)),
        "atomic_numbers": pa.array([record.atomic_numbers for record in records], pa.list_(pa.uint8())),
        "frac_coords": pa.array([record.frac_coords.ravel() for record in records], pa.list_(pa.float64())),
    }
    for name in numbers:
        columns[name] = pa.array([record.properties.get(name) for record in records], pa.float64())
    for name in words:
        columns[name] = pa.array([record.texts.get(name) for record in records], pa.string())
    fields = [
        pa.field(name, column.type, metadata={"unit": units[name]} if units and name in units else None)
        for name, column in columns.items()
    ]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def _formula(record: StructureRecord) -> str:
    numbers, counts = np.unique(record.atomic_numbers, return_counts=True)
    return reduced_formula({SYMBOLS[z - 1]: int(n) for z, n in zip(numbers, counts, strict=True)})


def count_notes(records: Iterable[StructureRecord]) -> dict[str, int]:
    """Return how many records carry each note."""
    counts: dict[str, int] = {}
    for record in records:
        for note in record.notes:
            counts[note] = counts.get(note, 0) + 1
    return counts
