"""What a block states beside the atoms: formula, formula units, weight, density, multiplicities."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import gemmi
import numpy as np

from builders.sources.cif.cell import Atoms
from builders.sources.cif.sites import FULL, SiteList
from builders.sources.cif.text import Block, last_digit, number_of
from builders.sources.disorder import settle
from builders.sources.structures import Unusable
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import FormulaInvalid
from embeddings.formula import parse_formula

FORMULA_TOLERANCE = 0.02
"""Atoms in a formula unit by which an ordered crystal may differ from its formula."""

SHARED_TOLERANCE = 0.01
"""Relative, in addition, where sites are shared: occupancies are rounded."""

UNITS_TOLERANCE, DENSITY_TOLERANCE = 0.02, 0.02
"""Relative: of the number of formula units; of density and weight, which people round."""

_PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)(?:\(\d+\))?")
DEEPEST = 3
"""Brackets in brackets that are read."""

_GROUP = re.compile(r"[(\[{]([A-Z][^()\[\]{}]*)[)\]}](\d*\.?\d*)")
"""What shares a site in mineralogists' sums, ``(Mg.9 Fe.1)2 Si O4``, and how often it is there."""

_FORMULA = "_chemical_formula_sum"
_OTHER_FORMULAS = ("_chemical_formula_moiety", "_chemical_formula_structural")
_AROUND = re.compile(r"^\s*[\d.]*\s*(?=[(\[{A-Z])|\s+\d*[+-]\s*$")
"""Coefficient and charge of a part of such a formula: ``2(C6 H6)``, ``Cu 2+``."""

_UNITS = "_cell_formula_units_z"
_WEIGHT = "_chemical_formula_weight"
_DENSITY = "_exptl_crystal_density_diffrn"
_MULTIPLICITIES = ("_atom_site_site_symmetry_multiplicity", "_atom_site_symmetry_multiplicity")
_ORDER = "_atom_site_site_symmetry_order"
_GRAMS = 1.66053907
"""Density in g/cm3 of 1 u in 1 cubic angstrom."""


@dataclass(frozen=True)
class Formula:
    """A stated formula sum.

    Attributes:
        text: as the file has it.
        amounts: element -> amount; deuterium and tritium count as hydrogen.
        rounding: element -> by how much the digits of its amount may have been rounded.
    """

    text: str
    amounts: Mapping[str, float]
    rounding: Mapping[str, float]


def read_formula(block: Block) -> Formula | None:
    """Return the formula sum that a block states; None if it states none.

    Raises:
        Unusable: it cannot be read.
    """
    text = block.text(_FORMULA)
    if text is None:
        return None
    plain = re.sub(r"[\s,_~]|<[^>]*>", "", text)
    plain = _without_groups(re.sub(r"\d*[+-]$", "", plain) if plain[-1:] in "+-" else plain)
    parts = _PART.findall(plain)
    amounts, rounding = dict[str, float](), dict[str, float]()
    if not parts or "".join(symbol + amount for symbol, amount in parts) != re.sub(r"\(\d+\)", "", plain):
        raise Unusable("formula_unreadable", f'{_FORMULA} is "{text[:80]}"')
    for symbol, amount in parts:
        element = "H" if symbol in ("D", "T") else symbol
        if element not in ATOMIC_NUMBERS:
            raise Unusable("formula_unreadable", f'{_FORMULA} "{text[:80]}" names "{symbol}", which is not an element')
        value = number_of(amount, _FORMULA) if amount else 1.0
        amounts[element] = amounts.get(element, 0.0) + value
        rounding[element] = rounding.get(element, 0.0) + (last_digit(amount) / 2 if "." in amount else 0.0)
    if not any(amounts.values()):
        raise Unusable("formula_unreadable", f'{_FORMULA} is "{text[:80]}"')
    return Formula(text, {symbol: value for symbol, value in amounts.items() if value}, rounding)


def _without_groups(text: str) -> str:
    """``(Mg.9Fe.1)2SiO4`` -> ``Mg1.8Fe0.2SiO4``."""
    for _ in range(DEEPEST):
        text = _GROUP.sub(lambda group: _multiplied(group[1], group[2]), text)
    return text


def _multiplied(text: str, times: str) -> str:
    def amount(part: re.Match[str]) -> str:
        product = number_of(part[2] or "1", _FORMULA) * number_of(times, _FORMULA)
        return part[1] + f"{product:.9f}".rstrip("0").rstrip(".")

    return _PART.sub(amount, text) if times else text


def check_statements(block: Block, formula: Formula | None, sites: SiteList, atoms: Atoms, volume: float) -> None:
    """Stop if the atoms of the cell are not what the block states.

    Args:
        block: of the crystal.
        formula: that it states.
        sites: of the asymmetric unit.
        atoms: of the cell.
        volume: of the cell in cubic angstrom.

    Raises:
        Unusable: names what is stated and what the atoms make.
    """
    _check_multiplicities(block, sites, atoms)
    counts = _counts(sites, atoms)
    is_shared = any(share and (len(share) > 1 or sum(share.values()) < FULL) for share in atoms.shares)
    asked: Mapping[str, float] = counts
    if is_shared and formula and not _agrees(formula, counts, is_shared):
        asked = _counts_by_majority(atoms, formula) or counts
    units = _check_formula(block, formula, asked, is_shared)
    if formula is None:
        _check_elements(block, counts)
    mass = sum(gemmi.Element(symbol).weight * n for symbol, n in counts.items())
    _check_density(block, mass / volume * _GRAMS)
    _check_weight(block, mass, units)


def _counts(sites: SiteList, atoms: Atoms) -> dict[str, float]:
    """Atoms of each kind in the cell, isotopes of hydrogen apart."""
    counts: dict[str, float] = {}
    for share, multiplicity in zip(atoms.shares, atoms.multiplicities.tolist(), strict=True):
        for symbol, part in share.items():
            counts[symbol] = counts.get(symbol, 0.0) + part * multiplicity
    return counts


def _elements(counts: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for symbol, n in counts.items():
        element = "H" if symbol in ("D", "T") else symbol
        found[element] = found.get(element, 0.0) + n
    return found


def _check_formula(block: Block, formula: Formula | None, counts: Mapping[str, float], is_shared: bool) -> float | None:
    """Return the number of formula units in the cell, None if it cannot be known."""
    stated = block.number(_UNITS)
    if stated is not None and stated <= 0:
        raise Unusable("formula_disagrees", f"{_UNITS} is {stated:g}")
    if formula is None:
        most = max(counts.values())
        if stated is not None and not is_shared and most < (1 - UNITS_TOLERANCE) * stated:
            raise Unusable(
                "formula_disagrees", f"{_UNITS} is {stated:g}, and the cell has at most {most:g} of each kind of atom"
            )
        return stated
    there = _elements(counts)
    units = sum(there.values()) / sum(formula.amounts.values())
    if not _agrees(formula, counts, is_shared):
        raise Unusable(
            "formula_disagrees", f'{_FORMULA} is "{formula.text[:80]}", the atoms of the cell are {_spelled(there)}'
        )
    if (
        stated is not None
        and abs(units - stated) > UNITS_TOLERANCE * stated
        and not _is_of_cell(formula, units, stated)
    ):
        raise Unusable(
            "formula_disagrees",
            f'{_UNITS} is {stated:g} for "{formula.text[:80]}", the cell has {units:.4g} ({_spelled(there)})',
        )
    return units


def _agrees(formula: Formula, counts: Mapping[str, float], is_shared: bool) -> bool:
    there = _elements(counts)
    units = sum(there.values()) / sum(formula.amounts.values())
    for symbol in {**there, **formula.amounts}:
        wanted, found = formula.amounts.get(symbol, 0.0), there.get(symbol, 0.0) / units
        slack = FORMULA_TOLERANCE + formula.rounding.get(symbol, 0.0) + is_shared * SHARED_TOLERANCE * wanted
        if abs(wanted - found) > slack:
            return False
    return True


def _counts_by_majority(atoms: Atoms, formula: Formula) -> Mapping[str, float] | None:
    """Atoms of the cell with each site given to its largest share, if that is what a formula states: ASE writes so."""
    try:
        numbers, _ = settle([atoms.shares[owner] for owner in atoms.owners.tolist()], "majority", set())
    except Unusable:
        return None
    counts = Counter(SYMBOLS[number - 1] for number in numbers)
    return counts if _agrees(formula, counts, False) else None


def _check_elements(block: Block, counts: Mapping[str, float]) -> None:
    """Where no sum is stated, another formula that can be read names no element that is not there."""
    there = _elements(counts)
    for tag in _OTHER_FORMULAS:
        text = block.text(tag)
        missing = [symbol for symbol in _named(text or "") if symbol not in there]
        if missing:
            detail = f'{tag} is "{text:.80}", the atoms of the cell are {_spelled(there)}'
            raise Unusable("formula_disagrees", f"{detail}: {', '.join(missing)} is missing")


def _named(text: str) -> list[str]:
    """The elements of a formula of parts; none if one cannot be read: people write names and variables, too."""
    try:
        return [symbol for part in text.split(",") for symbol in parse_formula(_AROUND.sub("", part))]
    except FormulaInvalid:
        return []


def _is_of_cell(formula: Formula, units: float, stated: float) -> bool:
    """True if a formula is that of the whole cell, as pymatgen writes it beside the number of its reduced units."""
    parts = [amount / stated for amount in formula.amounts.values()]
    return abs(units - 1) < UNITS_TOLERANCE and all(abs(part - round(part)) < 1e-6 for part in parts)


def _spelled(counts: Mapping[str, float]) -> str:
    return " ".join(f"{symbol}{n:.6g}" for symbol, n in sorted(counts.items()))


def _check_density(block: Block, density: float) -> None:
    stated = block.number(_DENSITY)
    if stated is None:
        return
    slack = DENSITY_TOLERANCE * density + last_digit(block.text(_DENSITY) or "")
    if abs(stated - density) > slack:
        raise Unusable("density_disagrees", f"{_DENSITY} is {stated:g}, the atoms of the cell make {density:.4g} g/cm3")


def _check_weight(block: Block, mass: float, units: float | None) -> None:
    stated = block.number(_WEIGHT)
    if stated is None or units is None:
        return
    slack = DENSITY_TOLERANCE * stated + last_digit(block.text(_WEIGHT) or "")
    if abs(stated - mass / units) > slack:
        raise Unusable("formula_disagrees", f"{_WEIGHT} is {stated:g}, the atoms of the cell make {mass / units:.6g}")


def _check_multiplicities(block: Block, sites: SiteList, atoms: Atoms) -> None:
    """Stated multiplicities; the older of the two tags often holds the order of the site symmetry instead."""
    orders = atoms.n_operations / atoms.multiplicities
    newer, older = _MULTIPLICITIES
    for tag, allowed in ((newer, [atoms.multiplicities]), (older, [atoms.multiplicities, orders]), (_ORDER, [orders])):
        stated = _stated(block, tag, sites)
        if stated is None or any(((stated == values) | np.isnan(stated)).all() for values in allowed):
            continue
        k = int(np.argmax((stated != allowed[0]) & ~np.isnan(stated)))
        detail = f"{tag} of {sites.labels[k]} is {stated[k]:g}, that of its place is {allowed[0][k]:g}"
        raise Unusable("multiplicity_disagrees", detail)


def _stated(block: Block, tag: str, sites: SiteList) -> np.ndarray | None:
    column = block.column(tag)
    if column is None or len(column) <= int(sites.rows.max()):
        return None
    values = [np.nan if text is None else number_of(text, tag) for text in column]
    return np.array(values)[sites.rows]
