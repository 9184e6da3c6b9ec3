"""One crystal from a source, checked; and many of them as a table in the structure schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from builders.sources.disorder import Site, settle
from builders.sources.values import MOST_PROPERTIES, clean_properties, fault_of_name
from builders.structures.rejections import Unusable
from embeddings.display.numbers import counted
from embeddings.display.text import one_line
from embeddings.elements import SYMBOLS
from embeddings.errors import SourceError
from embeddings.formula import reduced_formula

if TYPE_CHECKING:
    from pymatgen.core import Structure


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
        notes: what was done to it that is worth counting.
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
    properties: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    notes: Iterable[str] = (),
) -> StructureRecord:
    """Check a crystal and make a record from it.

    Args:
        material_id: identifier.
        lattice: nine numbers, rows a, b, c in angstrom.
        sites: what is on each site.
        frac_coords: three numbers for each site.
        disorder: what to do with sites that are shared or partly empty; see `builders.sources.disorder`.
        properties: name -> number; see `builders.sources.values` for other values.
        texts: name -> text.
        notes: what was already done to it.

    Raises:
        Unusable: no sites, shared sites, something that is not an element, arrays that do not fit together or are not
            finite, or a name that cannot be kept.
    """
    if not sites:
        raise Unusable("no_structure", "it has no sites")
    if fault := fault_of_name(material_id):
        raise Unusable("bad_name", f"its identifier {fault}")
    done = set(notes)
    atomic_numbers, kept = settle(sites, disorder, done)
    cell, coords = _arrays(lattice, frac_coords, len(sites))
    words = {name: None if text is None else one_line(str(text)) for name, text in (texts or {}).items()}
    numbers = clean_properties(properties or {}, words, done)
    return StructureRecord(material_id, cell, atomic_numbers, coords[kept], numbers, words, tuple(sorted(done)))


def _arrays(lattice: Any, frac_coords: Any, n_sites: int) -> tuple[np.ndarray, np.ndarray]:
    cell, coords = rows_of_three(lattice, "lattice"), rows_of_three(frac_coords, "positions")
    if len(cell) != 3 or len(coords) != n_sites:
        raise Unusable(
            "no_structure",
            f"{counted(n_sites, 'site')}, {counted(len(coords), 'position')}, {len(cell)} lattice vectors",
        )
    if not (np.isfinite(cell).all() and np.isfinite(coords).all()):
        raise Unusable("not_finite", "a number of its lattice or its positions is missing or not finite")
    return cell, coords


def rows_of_three(values: Any, name: str) -> np.ndarray:
    """Return numbers in rows of three, (n, 3) float64, that are given so or one after the other.

    Raises:
        Unusable: they are not; three rows of ``n`` would be other places.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        rows = values if isinstance(values, list | tuple) else ()
        bad = [place for place, row in enumerate(rows, 1) if not (isinstance(row, list | tuple) and len(row) == 3)]
        which = f": row {bad[0]} is {str(rows[bad[0] - 1])[:40]}" if bad else ""
        raise Unusable("no_structure", f"its {name} are not numbers in rows of three{which}") from error
    is_flat = found.ndim == 1 and found.size % 3 == 0
    if not is_flat and (found.ndim != 2 or found.shape[1] != 3):
        shape = " x ".join(map(str, found.shape)) or "one"
        raise Unusable("no_structure", f"its {name} are {shape} numbers, not rows of three")
    return found.reshape(-1, 3)


def structure_parts(document: Mapping[str, Any]) -> tuple[Any, list[Site], list[Any]]:
    """Return lattice, sites and fractional coordinates of a structure in pymatgen's JSON form.

    Reads the document directly, twenty times faster than building the object.

    Raises:
        Unusable: it is not such a document, or one that is not periodic in three directions.
    """
    if not isinstance(document, Mapping):
        form = "the text of an object" if isinstance(document, str) else type(document).__name__
        raise Unusable("no_structure", f"it is {form}, not an object with lattice and sites")
    try:
        sites, lattice = document["sites"], document["lattice"]
        content: list[Site] = [_species(site["species"]) for site in sites]
        parts = lattice["matrix"], content, [site["abc"] for site in sites]
        require_periodic(lattice.get("pbc") or (True, True, True))
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error
    if not content:
        raise Unusable("no_structure", "it has no sites")
    return parts


def require_periodic(directions: Iterable[Any]) -> None:
    """Check that a structure is a crystal.

    Args:
        directions: whether it is periodic along a, b and c.

    Raises:
        Unusable: it is not periodic along one of them.
    """
    stated = [bool(direction) for direction in directions]
    if stated != [True, True, True]:
        spelled = ", ".join(map(str, stated))
        raise Unusable("no_cell", f"it is not periodic in three directions (along a, b, c: {spelled})")


def fractional(lattice: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return fractional coordinates of Cartesian positions.

    Args:
        lattice: (3, 3) rows a, b, c.
        positions: (n_atoms, 3), in the unit of the lattice.

    Raises:
        Unusable: the lattice vectors lie in one plane, or a number is missing or not finite.
    """
    if not (np.isfinite(lattice).all() and np.isfinite(positions).all()):
        raise Unusable("not_finite", "a number of its lattice or its positions is missing or not finite")
    try:
        coords: np.ndarray = np.linalg.solve(lattice.T, positions.T).T
    except np.linalg.LinAlgError as error:
        raise Unusable("no_volume", "its lattice vectors lie in one plane") from error
    return coords


def _species(species: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    site: dict[str, float] = {}
    for entry in species:
        site[entry["element"]] = site.get(entry["element"], 0.0) + entry["occu"]
    return site


def parts_of(structure: Structure) -> tuple[Any, list[Site], Any]:
    """Return lattice, sites and fractional coordinates of a pymatgen structure.

    Raises:
        Unusable: it is not periodic in three directions.
    """
    require_periodic(structure.lattice.pbc)
    sites: list[Site] = []
    for site in structure:
        content: dict[str, float] = {}
        for kind, share in site.species.items():
            name = _name_of(kind)
            content[name] = content.get(name, 0.0) + share
        sites.append(content)
    return structure.lattice.matrix, sites, structure.frac_coords


def _name_of(kind: Any) -> str:
    """Return the symbol of an element, isotope or dummy; pymatgen's own symbol of deuterium is H."""
    element = getattr(kind, "element", None) or kind
    return str(getattr(element, "name", None) or kind.symbol)


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
        properties: columns of numbers, in order; None for those of the records.
        texts: columns of text, in order; None for those of the records.
        units: property -> unit, kept in the metadata of its column.

    Raises:
        SourceError: the records have more properties than a table can have.
    """
    numbers = dict.fromkeys(properties or (name for record in records for name in record.properties))
    words = dict.fromkeys(texts or (name for record in records for name in record.texts))
    if len(numbers) > MOST_PROPERTIES:
        raise SourceError(
            f"The structures have {len(numbers):,} properties of different names; the limit is {MOST_PROPERTIES:,}. "
            "Give what is the same one name, and remove what is not wanted."
        )
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
