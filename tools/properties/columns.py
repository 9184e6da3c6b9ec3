"""The columns of the catalog `properties`: what each is, in which unit, and who tabulated it."""

from __future__ import annotations

from dataclasses import dataclass

MENDELEEV, PYMATGEN, OWN = "mendeleev", "pymatgen", "periodic table"


@dataclass(frozen=True)
class Property:
    """One property of the elements.

    Attributes:
        name: of the column.
        unit: of its values; empty where they have none.
        data: which of `MENDELEEV`, `PYMATGEN` and `OWN` has them.
        key: what it is called there.
        source: who measured, computed or tabulated it.
    """

    name: str
    unit: str
    data: str
    key: str
    source: str


PROPERTIES = (
    Property("atomic_number", "", OWN, "atomic_number", "periodic table"),
    Property("period", "", OWN, "period", "periodic table"),
    Property("group", "", OWN, "group", "periodic table; none for the f block"),
    Property("atomic_weight", "Da", MENDELEEV, "atomic_weight", "IUPAC (Meija 2016)"),
    Property("modified_pettifor", "", MENDELEEV, "glawe_number", "Glawe 2016, 10.1088/1367-2630/18/9/093011"),
    Property("covalent_radius", "pm", MENDELEEV, "covalent_radius_pyykko", "Pyykko 2009"),
    Property("van_der_waals_radius", "pm", MENDELEEV, "vdw_radius_alvarez", "Alvarez 2013, Vogt 2014"),
    Property("atomic_radius", "pm", MENDELEEV, "atomic_radius_rahm", "Rahm 2016, 2017 (computed)"),
    Property("electronegativity_pauling", "", MENDELEEV, "en_pauling", "CRC Handbook"),
    Property("electronegativity_allen", "eV", MENDELEEV, "en_allen", "Mann 2000"),
    Property("first_ionization_energy", "eV", MENDELEEV, "ionization:0", "NIST"),
    Property("second_ionization_energy", "eV", MENDELEEV, "ionization:1", "NIST"),
    Property("electron_affinity", "eV", MENDELEEV, "electron_affinity", "CRC Handbook; Andersen 2004"),
    Property("polarizability", "bohr^3", MENDELEEV, "dipole_polarizability", "Schwerdtfeger 2023"),
    Property("dispersion_c6", "hartree bohr^6", MENDELEEV, "c6_gb", "Gould 2016 (computed)"),
    Property("melting_point", "K", MENDELEEV, "phase:melting_point", "CRC Handbook"),
    Property("boiling_point", "K", MENDELEEV, "phase:boiling_point", "CRC Handbook"),
    Property("density", "g/cm^3", MENDELEEV, "density", "CRC Handbook; predicted for heavy elements"),
    Property("heat_of_fusion", "kJ/mol", MENDELEEV, "fusion_heat", "mendeleev"),
    Property("heat_of_evaporation", "kJ/mol", MENDELEEV, "evaporation_heat", "mendeleev"),
    Property("heat_of_atomization", "kJ/mol", MENDELEEV, "heat_of_formation", "CRC Handbook"),
    Property("molar_heat_capacity", "J/(mol K)", MENDELEEV, "molar_heat_capacity", "CRC Handbook"),
    Property("thermal_conductivity", "W/(m K)", MENDELEEV, "thermal_conductivity", "mendeleev"),
    Property("molar_volume", "cm^3/mol", PYMATGEN, "molar_volume", "pymatgen"),
    Property("bulk_modulus", "GPa", PYMATGEN, "bulk_modulus", "pymatgen"),
    Property("electrical_resistivity", "ohm m", PYMATGEN, "electrical_resistivity", "pymatgen"),
)
"""All of them, in order."""
