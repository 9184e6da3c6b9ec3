"""From a summary document of the Materials Project to a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from builders.sources.structures import StructureRecord, make_record, structure_parts
from builders.structures.rejections import Unusable
from builders.structures.table import LARGEST_VALUE

SYNTHETIC = "synthetic"
"""Documents whose ``builder_meta.batch_id`` begins like this are made up for tests; what is built from them says so."""

SPDX = {"BY-C": "CC-BY-4.0", "BY-NC": "CC-BY-NC-4.0"}
NON_COMMERCIAL = SPDX["BY-NC"]

CENSUS_FIELDS = ("material_id", "last_updated", "builder_meta")

FIELDS = (
    *CENSUS_FIELDS,
    *("structure", "nsites", "formation_energy_per_atom", "energy_per_atom", "energy_above_hull", "band_gap"),
    *("bulk_modulus", "shear_modulus", "total_magnetization", "volume", "density"),
)

UNITS = {
    "formation_energy_per_atom": "eV/atom",
    "energy_per_atom": "eV/atom",
    "energy_above_hull": "eV/atom",
    "band_gap": "eV",
    "bulk_modulus": "GPa",
    "shear_modulus": "GPa",
    "log10_k_vrh": "log10(GPa)",
    "log10_g_vrh": "log10(GPa)",
    "magnetic_moment_per_atom": "mu_B/atom",
    "volume_per_atom": "angstrom^3/atom",
    "density": "g/cm^3",
}
"""Properties of a record, and their units."""

TEXTS = ("source_id", "last_updated", "licence")
"""Text columns of a record."""


def normal_id(material_id: str) -> str:
    """Return an identifier in the usual form, ``mp-149``, however the database writes it."""
    from emmet.core.types.typing import format_identifier

    return str(format_identifier(material_id, legacy=True))


def sort_key(material_id: str) -> str:
    """Return a sort key that orders identifiers by number."""
    from emmet.core.types.typing import format_identifier

    return str(format_identifier(material_id, legacy=False))


@dataclass(frozen=True, slots=True)
class CensusEntry:
    """What the census knows about a document.

    Attributes:
        source_id: its identifier as the database writes it.
        last_updated: time of its last change.
        licence: SPDX identifier.
        synthetic: whether it says that it is made up.
    """

    source_id: str
    last_updated: str
    licence: str
    synthetic: bool


def census_entry(document: Mapping[str, Any]) -> CensusEntry:
    """Return the census entry of a document."""
    made_by = str((document.get("builder_meta") or {}).get("batch_id") or "")
    return CensusEntry(
        source_id=str(document["material_id"]),
        last_updated=last_updated(document),
        licence=licence_of(document),
        synthetic=made_by.startswith(SYNTHETIC),
    )


def last_updated(document: Mapping[str, Any]) -> str:
    """Return the time of the last change as text."""
    value = document.get("last_updated")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value["$date"] if isinstance(value, dict) else value)


def licence_of(document: Mapping[str, Any]) -> str:
    """Return the SPDX identifier of a document's license."""
    stated = (document.get("builder_meta") or {}).get("license") or "BY-C"
    return SPDX.get(stated, f"LicenseRef-{stated}")


def record_of(document: Mapping[str, Any], *, disorder: str) -> StructureRecord:
    """Return the record of a document.

    Raises:
        Unusable: it has no identifier, no structure, or one that cannot be used.
    """
    if not document.get("material_id"):
        raise Unusable("no_id", "the document has no identifier")
    if not document.get("structure"):
        raise Unusable("no_structure", "the document has none")
    lattice, sites, coords = structure_parts(document["structure"])
    return make_record(
        normal_id(document["material_id"]),
        lattice,
        sites,
        coords,
        disorder=disorder,
        properties=_properties(document, len(sites)),
        texts={
            "source_id": str(document["material_id"]),
            "last_updated": last_updated(document),
            "licence": licence_of(document),
        },
    )


def _properties(document: Mapping[str, Any], n_sites: int) -> dict[str, float | None]:
    bulk, shear = (_average(document.get(name)) for name in ("bulk_modulus", "shear_modulus"))
    moment, volume = _number(document.get("total_magnetization")), _number(document.get("volume"))
    derived = {
        "bulk_modulus": bulk,
        "shear_modulus": shear,
        "log10_k_vrh": _log10(bulk),
        "log10_g_vrh": _log10(shear),
        "magnetic_moment_per_atom": None if moment is None else moment / n_sites,
        "volume_per_atom": None if volume is None else volume / n_sites,
    }
    return {name: derived[name] if name in derived else document.get(name) for name in UNITS}


def _average(modulus: Any) -> float | None:
    """Return the average of Voigt, Reuss and Hill."""
    return _number(modulus.get("vrh")) if isinstance(modulus, Mapping) else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_VALUE
    return float(value) if is_number else None


def _log10(value: float | None) -> float | None:
    return math.log10(value) if value is not None and value > 0 else None
