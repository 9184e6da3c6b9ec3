"""What is known of the elements themselves: electronegativity, radii, melting points ... as arrays by atomic number.

Measured and tabulated values are those of pymatgen; group and period are those of `embeddings.elements`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS, group, period
from embeddings.errors import InputInvalid, did_you_mean, needs


@dataclass(frozen=True)
class ElementProperty:
    """One property of the elements.

    Attributes:
        label: for people.
        unit: of the values; empty where they have none.
        attribute: what ``pymatgen.core.Element`` calls it; None for what this library knows itself.
    """

    label: str
    unit: str
    attribute: str | None


PROPERTIES: dict[str, ElementProperty] = {
    "electronegativity": ElementProperty("Electronegativity (Pauling)", "", "X"),
    "atomic_radius": ElementProperty("Atomic radius", "A", "atomic_radius"),
    "van_der_waals_radius": ElementProperty("Van der Waals radius", "A", "van_der_waals_radius"),
    "ionization_energy": ElementProperty("First ionization energy", "eV", "ionization_energy"),
    "electron_affinity": ElementProperty("Electron affinity", "eV", "electron_affinity"),
    "melting_point": ElementProperty("Melting point", "K", "melting_point"),
    "boiling_point": ElementProperty("Boiling point", "K", "boiling_point"),
    "density": ElementProperty("Density of the solid", "kg/m^3", "density_of_solid"),
    "molar_volume": ElementProperty("Molar volume", "cm^3/mol", "molar_volume"),
    "bulk_modulus": ElementProperty("Bulk modulus", "GPa", "bulk_modulus"),
    "thermal_conductivity": ElementProperty("Thermal conductivity", "W/(K m)", "thermal_conductivity"),
    "mendeleev_number": ElementProperty("Mendeleev number", "", "mendeleev_no"),
    "group": ElementProperty("Group", "", None),
    "period": ElementProperty("Period", "", None),
}
"""Every property by its name."""


def find_property(name: str) -> ElementProperty:
    """Return the description of a property.

    Raises:
        InputInvalid: no property goes by this name.
    """
    if name not in PROPERTIES:
        known = ", ".join(PROPERTIES)
        raise InputInvalid(f'No elemental property "{name}".{did_you_mean(name, PROPERTIES)} Known: {known}.')
    return PROPERTIES[name]


@cache
def property_values(name: str) -> np.ndarray:
    """Return a property of all elements, in order of atomic number, NaN where it is not tabulated.

    Args:
        name: one out of :data:`PROPERTIES`.

    Returns:
        (118,) float64, read-only; element ``z`` is at ``z - 1``.

    Raises:
        InputInvalid: no property goes by this name.
        MissingExtra: pymatgen is not installed.
    """
    attribute = find_property(name).attribute
    if attribute is None:
        values = [_number({"group": group, "period": period}[name](z)) for z in range(1, N_ELEMENTS + 1)]
    else:
        values = _tabulated(attribute)
    array = np.array(values)
    array.flags.writeable = False
    return array


def _tabulated(attribute: str) -> list[float]:
    with needs("pymatgen", "plot"):
        from pymatgen.core import Element
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one for each element without a value
        return [_read(Element(symbol), attribute) for symbol in SYMBOLS]


def _read(element: Any, attribute: str) -> float:
    try:
        return _number(getattr(element, attribute))
    except KeyError:  # electron affinities beyond those that pymatgen tabulates
        return math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
