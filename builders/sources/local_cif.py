"""The crystals of a CIF file as records: one is named after its file, several after their blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from builders.sources import Rejected
from builders.sources.attempts import attempt
from builders.sources.cif import CifCrystal, read_cif
from builders.sources.structures import StructureRecord, make_record
from builders.structures.rejections import Unusable


def parse_cif(
    name: str, content: bytes, material_id: str, properties: Mapping[str, float | None], disorder: str
) -> StructureRecord | list[StructureRecord | Rejected]:
    """Return the crystal of a file, or all of them where there are several: ``file#block`` is the name of each.

    Args:
        name: of the file.
        content: of the file.
        material_id: of its crystal.
        properties: target -> value, if a table labels the file.
        disorder: what to do with shared sites.

    Raises:
        Unusable: the file or its only crystal cannot be used, or several crystals share one label.
    """
    found = read_cif(content)
    if len(found) == 1:
        return _record(found[0][1], material_id, properties, disorder)
    names = _distinct([name for name, _ in found])
    if properties:
        listed = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        raise Unusable("several_crystals", f"one label, and {len(names)} crystals: {listed}")
    return [
        attempt(name, partial(_record, crystal, f"{material_id}#{block}", properties, disorder), place=block)
        for block, (_, crystal) in zip(names, found, strict=True)
    ]


def _record(
    crystal: CifCrystal | Unusable, material_id: str, properties: Mapping[str, float | None], disorder: str
) -> StructureRecord:
    if isinstance(crystal, Unusable):
        raise crystal
    return make_record(
        material_id, crystal.lattice, crystal.sites, crystal.frac_coords, disorder=disorder, properties=properties
    )


def _distinct(names: list[str]) -> list[str]:
    """Return the names of the blocks, numbered where they are empty or repeated."""
    counts = Counter(name.lower() for name in names)
    taken = {name for name in names if name and counts[name.lower()] == 1}
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        if name not in taken:
            name = f"{name or 'block'}-{number}"
            while name in taken:
                name += "'"
            taken.add(name)
        found.append(name)
    return found
