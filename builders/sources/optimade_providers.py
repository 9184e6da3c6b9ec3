"""Databases that speak OPTIMADE: their addresses, the names of their own properties, and their terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from builders.sources.addresses import Address, parse_address, without_secrets
from builders.sources.origins import ORIGINS, Origin
from embeddings.errors import InputInvalid, did_you_mean

Path = tuple[str, ...]
"""Path of a value in the attributes of an entry."""


@dataclass(frozen=True)
class Provider:
    """A database.

    Attributes:
        url: its base address.
        origin: whose data it is.
        properties: our name -> path of the value.
        functional: of its calculations; None where they have none.
        auth: user and password, if the given address had them; never shown or stored.
    """

    url: str
    origin: Origin
    properties: Mapping[str, Path] = field(default_factory=dict)
    functional: str | None = None
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def address(self) -> Address:
        """Its address, with the secrets that are sent only there."""
        return Address(self.url, self.auth)


_OQMD = Origin(
    name="OQMD",
    licence="CC-BY-4.0",
    attribution="Contains data of the Open Quantum Materials Database (oqmd.org), licensed under CC BY 4.0.",
    bibtex="@article{saal2013oqmd, title = {Materials Design and Discovery with High-Throughput Density Functional "
    "Theory: The Open Quantum Materials Database (OQMD)}, author = {Saal, James E. and others}, journal = {JOM}, "
    "volume = {65}, pages = {1501--1509}, year = {2013}, doi = {10.1007/s11837-013-0755-4}}",
    doi="10.1007/s11837-013-0755-4",
)

_ALEXANDRIA = Origin(
    name="Alexandria",
    licence="CC-BY-4.0",
    attribution="Contains data of the Alexandria database (alexandria.icams.rub.de), licensed under CC BY 4.0.",
    bibtex="@article{schmidt2023alexandria, title = {Machine-Learning-Assisted Determination of the Global "
    "Zero-Temperature Phase Diagram of Materials}, author = {Schmidt, Jonathan and others}, journal = {Advanced "
    "Materials}, volume = {35}, pages = {2210788}, year = {2023}, doi = {10.1002/adma.202210788}}",
    doi="10.1002/adma.202210788",
)

_COD = Origin(
    name="Crystallography Open Database",
    licence="CC0-1.0",
    attribution="Contains data of the Crystallography Open Database (crystallography.net), in the public domain.",
    bibtex="@article{grazulis2012cod, title = {Crystallography Open Database (COD): an open-access collection of "
    "crystal structures and platform for world-wide collaboration}, author = {Gra{\\v{z}}ulis, Saulius and others}, "
    "journal = {Nucleic Acids Research}, volume = {40}, pages = {D420--D427}, year = {2012}, "
    "doi = {10.1093/nar/gkr900}}",
    doi="10.1093/nar/gkr900",
)

_ALEXANDRIA_PROPERTIES: Mapping[str, Path] = {
    "formation_energy_per_atom": ("_alexandria_formation_energy_per_atom",),
    "energy_above_hull": ("_alexandria_hull_distance",),
    "band_gap": ("_alexandria_band_gap",),
}

PROVIDERS: dict[str, Provider] = {
    "oqmd": Provider(
        "https://oqmd.org/optimade",
        _OQMD,
        properties={
            "formation_energy_per_atom": ("_oqmd_delta_e",),
            "energy_above_hull": ("_oqmd_stability",),
            "band_gap": ("_oqmd_band_gap",),
        },
        functional="PBE",
    ),
    "alexandria": Provider("https://alexandria.icams.rub.de/pbe", _ALEXANDRIA, _ALEXANDRIA_PROPERTIES, "PBE"),
    "alexandria-pbesol": Provider(
        "https://alexandria.icams.rub.de/pbesol", _ALEXANDRIA, _ALEXANDRIA_PROPERTIES, "PBEsol"
    ),
    "mp": Provider(
        "https://optimade.materialsproject.org",
        ORIGINS["materials-project"],
        properties={
            "formation_energy_per_atom": ("_mp_stability", "gga_gga+u_r2scan", "formation_energy_per_atom"),
            "energy_above_hull": ("_mp_stability", "gga_gga+u_r2scan", "energy_above_hull"),
        },
        functional="GGA, GGA+U and r2SCAN mixed",
    ),
    "cod": Provider("https://www.crystallography.net/cod/optimade", _COD),
}
"""Databases that have a name; any other is given by its address."""


def find_provider(name: str | None) -> Provider:
    """Return a provider by its name, or an unknown one by its address.

    Raises:
        InputInvalid: it is neither; the message names the closest and lists all.
    """
    known = f"Known: {', '.join(PROVIDERS)}; or give the base address of any other."
    if name is None:
        raise InputInvalid(f"The source optimade asks one database. Name it with --provider. {known}")
    if name in PROVIDERS:
        return PROVIDERS[name]
    if "://" in name:
        address = parse_address(name, "--provider")
        return Provider(address.url, Origin(address.url), auth=address.auth)
    shown = without_secrets(f"//{name}")[2:]  # a user and password may stand before an address without its scheme
    raise InputInvalid(f'No provider "{shown}".{did_you_mean(shown, PROVIDERS)} {known}')


def value_at(attributes: Mapping[str, Any], path: Path) -> float | None:
    """Return a number among the attributes of an entry, or None if it is not there."""
    value: Any = attributes
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf
