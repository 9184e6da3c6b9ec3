"""The crystal that an OPTIMADE entry describes: everything it says is taken into account, or it is refused by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from builders.sources.disorder import Site, composition
from builders.sources.structures import fractional, rows_of_three
from builders.structures.rejections import Unusable
from embeddings.display.numbers import counted
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS

ENTRY_FIELDS = (
    *("lattice_vectors", "cartesian_site_positions", "species", "species_at_sites", "nsites"),
    *("nperiodic_dimensions", "dimension_types", "structure_features", "assemblies", "chemical_formula_reduced"),
)
"""Fields that are needed from an entry."""

FORMULA_TOLERANCE, DISORDERED_TOLERANCE = 1e-6, 0.02
"""How far the formula may differ from the sites, in atomic fractions: formulas of disordered crystals are rounded."""

_WITHOUT_POSITION = ("implicit_atoms", "site_attachments", "unknown_positions")
_UNDERSTOOD = ("disorder",)
_WHOLE_CELL = (None, "unit_cell", "molecular_unit_cell")
"""What the sites may span if they are all atoms of the cell."""

_HEAVY_HYDROGEN = 1.5
"""A heavier hydrogen atom (unified atomic mass units) is deuterium or tritium."""

_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+", re.ASCII)
_TERM = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?", re.ASCII)


def attributes_of(entry: Any) -> Mapping[str, Any]:
    """Return the attributes of an entry.

    Raises:
        Unusable: it is not an entry of a structure.
    """
    if not isinstance(entry, Mapping):
        raise Unusable("no_structure", f"the entry is {type(entry).__name__}, not an object")
    if not isinstance(entry.get("id"), str | int) or not str(entry["id"]):
        raise Unusable("no_id", "the entry has no identifier")
    if entry.get("type") not in (None, "structures"):
        raise Unusable("no_structure", f"the entry is one of {entry['type']}, not of structures")
    attributes = entry.get("attributes")
    if not isinstance(attributes, Mapping):
        raise Unusable("no_structure", "the entry has no attributes")
    return attributes


def read_structure(attributes: Mapping[str, Any]) -> tuple[np.ndarray, list[Site], np.ndarray]:
    """Return lattice, sites and fractional coordinates.

    Raises:
        Unusable: it is not a crystal, some of its atoms have no position, it has a feature that is not understood, or
            what it says is contradictory.
    """
    _require_understood(attributes)
    _require_whole_cell(attributes)
    _require_three_dimensions(attributes)
    try:
        lattice = rows_of_three(attributes["lattice_vectors"], "lattice_vectors")
        positions = rows_of_three(attributes["cartesian_site_positions"], "cartesian_site_positions")
        names = attributes["species_at_sites"]
        if not isinstance(names, list):
            raise TypeError(f"species_at_sites is {type(names).__name__}")
        species = _species(attributes["species"], names)
        sites = [species[name] for name in names]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error
    n_stated = attributes.get("nsites")
    if len(positions) != len(sites) or n_stated not in (None, len(sites)):
        n_stated = len(positions) if n_stated in (None, len(sites)) else n_stated
        raise Unusable(
            "wrong_count",
            f"{counted(len(sites), 'site', 'has')} a species, of {n_stated} stated",
        )
    _require_formula(attributes.get("chemical_formula_reduced"), sites)
    _require_elements(attributes.get("elements"), attributes.get("nelements"), sites)
    return lattice, sites, fractional(lattice, positions)


def _require_understood(attributes: Mapping[str, Any]) -> None:
    features = attributes.get("structure_features") or []
    if not isinstance(features, list):
        raise Unusable("no_structure", "its structure_features are not a list")
    for feature in features:
        if feature in _WITHOUT_POSITION:
            raise Unusable("no_position", f"it has atoms without a position ({feature})")
    others = [str(feature) for feature in features if feature not in _UNDERSTOOD]
    others += ["assemblies"] if attributes.get("assemblies") and "assemblies" not in others else []
    if others:
        raise Unusable("unsupported_feature", f"its sites cannot be taken one by one ({', '.join(others)})")


def _require_whole_cell(attributes: Mapping[str, Any]) -> None:
    """Check that the sites are those of a cell, not what symmetry still has to repeat.

    OPTIMADE 1.3 has the field; it is not asked for by name, since servers of before refuse what they do not know.
    """
    span = attributes.get("site_coordinate_span")
    if span not in _WHOLE_CELL:
        raise Unusable("unsupported_feature", f"its sites are not all atoms of the cell (site_coordinate_span {span})")


def _require_three_dimensions(attributes: Mapping[str, Any]) -> None:
    """Check the stated periodicity; null or absent fields say nothing."""
    n_periodic, types = attributes.get("nperiodic_dimensions"), attributes.get("dimension_types")
    if n_periodic is not None and n_periodic != 3:
        raise Unusable("no_cell", f"it is not periodic in three directions (nperiodic_dimensions {n_periodic})")
    if types is not None and types != [None, None, None] and types != [1, 1, 1]:
        raise Unusable("no_cell", f"it is not periodic in three directions (dimension_types {types})")


def _species(stated: Sequence[Mapping[str, Any]], used: Sequence[str]) -> dict[str, Site]:
    """Return the species behind each name that is on a site."""
    wanted, species = set(used), dict[str, Site]()
    for kind in stated:
        if kind["name"] not in wanted:
            continue
        if kind["name"] in species:
            raise Unusable("no_structure", f'it has two species called "{kind["name"]}"')
        attached, counts = kind.get("attached"), kind.get("nattached")
        if any(count != 0 for count in counts or []) or (attached and not counts):
            raise Unusable("no_position", f'atoms without a position are attached to its "{kind["name"]}"')
        species[kind["name"]] = _site(kind)
    return species


def _site(kind: Mapping[str, Any]) -> Site:
    symbols, mass = kind["chemical_symbols"], kind.get("mass")
    masses = mass if isinstance(mass, list) else [mass] * len(symbols)
    site: dict[str, float] = {}
    for symbol, share, weight in zip(symbols, kind["concentration"], masses, strict=True):
        is_heavy = symbol == "H" and isinstance(weight, int | float) and weight > _HEAVY_HYDROGEN
        name = "D" if is_heavy else symbol
        site[name] = site.get(name, 0.0) + share
    return site


def _require_formula(formula: Any, sites: Sequence[Site]) -> None:
    """Check that the sites agree with the formula, if there is one."""
    if formula is None:
        return
    spelled = formula.replace(" ", "") if isinstance(formula, str) else ""
    if not _FORMULA.fullmatch(spelled):
        raise Unusable("formula_disagrees", f"its chemical_formula_reduced cannot be read: {str(formula)[:60]}")
    stated, found = _fractions(spelled), {SYMBOLS[z - 1]: share for z, share in composition(sites).items()}
    is_ordered = all(len(site) == 1 and next(iter(site.values())) == 1 for site in sites)
    tolerance = FORMULA_TOLERANCE if is_ordered else DISORDERED_TOLERANCE
    for symbol in stated | found:
        if abs(stated.get(symbol, 0.0) - found.get(symbol, 0.0)) > tolerance:
            raise Unusable(
                "formula_disagrees",
                f"by its formula {spelled[:60]} the atomic fraction of {symbol} is {stated.get(symbol, 0.0):.4f}, "
                f"by its sites {found.get(symbol, 0.0):.4f}",
            )


def _require_elements(stated: Any, n_stated: Any, sites: Sequence[Site]) -> None:
    """Check that the sites have the elements that the entry lists or counts, if it does."""
    found = {SYMBOLS[number - 1] for number in composition(sites)}
    if isinstance(stated, list) and {"H" if symbol in ("D", "T") else symbol for symbol in map(str, stated)} != found:
        raise Unusable(
            "formula_disagrees",
            f"its elements are {', '.join(map(str, stated))[:80]}, those of its sites {', '.join(sorted(found))}",
        )
    if n_stated not in (None, len(found)) and not isinstance(stated, list):
        raise Unusable("formula_disagrees", f"its nelements is {n_stated}, its sites have {', '.join(sorted(found))}")


def _fractions(formula: str) -> dict[str, float]:
    amounts: Counter[str] = Counter()
    for symbol, amount in _TERM.findall(formula):
        symbol = "H" if symbol in ("D", "T") else symbol
        if symbol not in ATOMIC_NUMBERS:
            raise Unusable("unknown_element", f'"{symbol}" in its formula is not an element')
        amounts[symbol] += float(amount or 1)  # type: ignore[assignment]
    total = sum(amounts.values())
    if not total:
        raise Unusable("formula_disagrees", f"its formula {formula[:60]} has no atoms")
    return {symbol: amount / total for symbol, amount in amounts.items()}
