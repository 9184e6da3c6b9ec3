"""The atom sites that a block lists: element, share and place of each, or the reason why it cannot be known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from builders.sources.cif.text import Block, number_of
from builders.sources.structures import Unusable
from embeddings.display.numbers import counted
from embeddings.elements import ATOMIC_NUMBERS

MOST_SITES = 20_000
"""Sites in a cell; a larger one is not read."""

MOST_OCCUPANCY = 1.02
"""Refinements end a little above 1: up to here a site is full."""

FULL = 1 - 1e-3

_SYMBOLS = frozenset(ATOMIC_NUMBERS) | {"D", "T"}
_TYPE = re.compile(r"(\d{1,3})?([A-Za-z]{1,2})(?:\d*\.?\d*[+-]?|[+-]\d*\.?\d*)")
_HEAVY = {("2", "H"): "D", ("3", "H"): "T"}
"""Mass and symbol of heavy hydrogen, and its own symbol."""

_LETTERS = re.compile(r"[A-Za-z]+")
_GROUPS = frozenset("BH CF CN CO HF HO NH NO PO".split())
"""Capitals that are two elements as often as one: of these the formula decides."""

_WATER = re.compile(r"[HODW]")
_SITE_TAGS = ("_atom_site_label", "_atom_site_type_symbol", "_atom_site_fract_x", "_atom_site_cartn_x")
_AXES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")


@dataclass(frozen=True)
class SiteList:
    """The sites of the asymmetric unit, in the order of the file.

    Attributes:
        labels: for people.
        symbols: element of each, ``D`` and ``T`` among them.
        occupancies: (n,) float64.
        coords: (n, 3) float64, fractional.
        rows: (n,) of each site in the loop of the file; sites that are empty are left out.
        species: symbol with the oxidation state that the file gives its type, as other readers sort by it.
    """

    labels: list[str]
    symbols: list[str]
    occupancies: np.ndarray
    coords: np.ndarray
    rows: np.ndarray
    species: list[str]

    def __len__(self) -> int:
        return len(self.symbols)


def has_sites(block: Block) -> bool:
    """True if a block lists atoms, whether they can be read or not."""
    return any(name in block for name in _SITE_TAGS)


def read_sites(block: Block, formula: Mapping[str, float] | None) -> SiteList:
    """Return the sites of a block.

    Args:
        block: of a crystal.
        formula: element -> amount, where the block states it: it decides what an unclear label means.

    Raises:
        Unusable: an element, a place or a share is not known, or atoms are left out of the list.
    """
    columns = [block.column(name) for name in _AXES]
    if any(column is None for column in columns):
        given = "only Cartesian coordinates" if "_atom_site_cartn_x" in block else "no fractional coordinates"
        raise Unusable("no_position", f"its atoms have {given}")
    n = len(columns[0] or ())
    if n > MOST_SITES:
        raise Unusable("too_large", f"{n:,} sites; the limit is {MOST_SITES:,}")
    labels, types = _column(block, "_atom_site_label", n), _column(block, "_atom_site_type_symbol", n)
    names = [label or kind or f"site {k + 1}" for k, (label, kind) in enumerate(zip(labels, types, strict=True))]
    if "_atom_site_calc_flag" in block:
        _stop_at_dummies(block, names, n)
    symbols = [_element(kind, label, formula) for kind, label in zip(types, labels, strict=True)]
    _stop_at_hydrogens(block, names, n)
    occupancies = _occupancies(block, names, n)
    coords = np.array([_coordinates(names, column or (), axis) for axis, column in zip("xyz", columns, strict=True)]).T
    rows = np.flatnonzero(occupancies > 0)
    if not len(rows):
        raise Unusable("no_structure", "it has no sites")
    _stop_at_alternatives(block, names, occupancies, n)
    species = _species(block, types, symbols)
    kept = rows.tolist()
    return SiteList(
        [names[k] for k in kept], [symbols[k] for k in kept], occupancies[rows], coords[rows], rows,
        [species[k] for k in kept],
    )  # fmt: skip


def _column(block: Block, name: str, n: int) -> list[str | None]:
    column = block.column(name) or [None] * n
    if len(column) != n:
        raise Unusable("unreadable", f"{name} has {counted(len(column), 'value')} for {counted(n, 'site')}")
    return column


def _coordinates(names: list[str], column: list[str | None] | tuple[()], axis: str) -> list[float]:
    try:
        values = [float(value) for value in column]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        values = [_coordinate(name, value, axis) for name, value in zip(names, column, strict=True)]
    if not all(-1e4 < value < 1e4 for value in values) or "_" in "".join(map(str, column)):
        raise Unusable("not_finite", f"a coordinate {axis} is not a place in a cell")
    return values


def _coordinate(name: str, value: str | None, axis: str) -> float:
    if value is None:
        raise Unusable("no_position", f"the place of {name} is not known ({axis} is . or ?)")
    return number_of(value, f"{axis} of {name}")


def _element(kind: str | None, label: str | None, formula: Mapping[str, float] | None) -> str:
    """The element that a type says, or, where there is none, a label."""
    if kind is not None:
        match = _TYPE.fullmatch(kind)
        symbol = _as_symbol(match[2], formula) if match else None
        if symbol is None:
            raise Unusable("unknown_element", f'"{kind}" is not an element' + (f" (site {label})" if label else ""))
        return _HEAVY.get((match[1], symbol), symbol) if match else symbol
    if label is None:
        raise Unusable("unknown_element", "a site has neither a label nor a type")
    symbol = _element_of_label(label, formula)
    if symbol is None:
        raise Unusable("unknown_element", f'the label "{label}" does not say which element it is')
    return symbol


def _as_symbol(letters: str, formula: Mapping[str, float] | None) -> str | None:
    symbol = letters.title()
    if symbol not in _SYMBOLS:
        return None
    if letters in _GROUPS and symbol not in (formula or ()):
        return None
    return symbol


def _element_of_label(label: str, formula: Mapping[str, float] | None) -> str | None:
    """The longest beginning that is an element, if what follows is not part of a group of atoms."""
    match = _LETTERS.match(label)
    if match is None:
        return None
    letters, rest = match[0], label[match.end() :]
    if formula:  # whatever is read is compared with the formula afterwards
        options = (letters[:2].title(), letters[:1].upper())
        return next((symbol for symbol in options if (_as_hydrogen(symbol) in formula)), None)
    if letters.title() == "T" or _WATER.search(rest):
        return None
    return _as_symbol(letters, None) if len(letters) <= 2 else None


def _as_hydrogen(symbol: str) -> str:
    return "H" if symbol in ("D", "T") else symbol


def _stop_at_dummies(block: Block, names: list[str], n: int) -> None:
    for name, flag in zip(names, _column(block, "_atom_site_calc_flag", n), strict=True):
        if flag is not None and flag.lower() == "dum":
            raise Unusable("unknown_element", f'"{name}" is a dummy, not an atom (_atom_site_calc_flag is dum)')


def _stop_at_hydrogens(block: Block, names: list[str], n: int) -> None:
    tag = "_atom_site_attached_hydrogens"
    if tag not in block:
        return
    for name, text in zip(names, _column(block, tag, n), strict=True):
        if text is not None and number_of(text, tag) > 0:
            raise Unusable("missing_hydrogens", f"{name} carries {text} hydrogen atoms that have no place ({tag})")


def _occupancies(block: Block, names: list[str], n: int) -> np.ndarray:
    """Shares, 1 where the file gives none; a little above 1 is 1."""
    tag = "_atom_site_occupancy"
    values = [1.0 if text is None else number_of(text, tag) for text in _column(block, tag, n)]
    for name, value in zip(names, values, strict=True):
        if not 0 <= value <= MOST_OCCUPANCY:
            raise Unusable("occupancy_out_of_range", f"{name} has the occupancy {value:g}")
    return np.minimum(values, 1.0)


def _stop_at_alternatives(block: Block, names: list[str], occupancies: np.ndarray, n: int) -> None:
    """Full sites of two groups of one assembly exclude each other."""
    tag = "_atom_site_disorder_group"
    if tag not in block:
        return
    first: dict[str, tuple[str, str]] = {}
    groups, assemblies = _column(block, tag, n), _column(block, "_atom_site_disorder_assembly", n)
    for name, group, assembly, share in zip(names, groups, assemblies, occupancies, strict=True):
        if group is None or group == "0" or share < FULL:
            continue
        other, other_group = first.setdefault(assembly or "", (name, group))
        if other_group != group:
            raise Unusable("partial_occupancy", f"{other} and {name} are alternatives, each with the occupancy 1")


def _species(block: Block, types: list[str | None], symbols: list[str]) -> list[str]:
    """Symbols with the oxidation states of the types, spelled so that they sort as in pymatgen."""
    kinds, states = block.column("_atom_type_symbol"), block.column("_atom_type_oxidation_number")
    if not kinds or not states or len(kinds) != len(states):
        return symbols
    try:
        charges = [float(re.sub(r"\(.+\)*", "", state or "0")) for state in states]
    except ValueError:
        return symbols
    by_type = {re.sub(r"\d?[\+,\-]?$", "", kind or ""): c for kind, c in zip(kinds, charges, strict=True)}
    by_type |= {kind or "": charge for kind, charge in zip(kinds, charges, strict=True)}
    return [
        f"{symbol}{_amount(by_type.get(kind or '', by_type.get(symbol, 0.0)))}"
        for kind, symbol in zip(types, symbols, strict=True)
    ]


def _amount(charge: float) -> str:
    number = "" if abs(charge) == 1 else f"{abs(charge):.8g}"
    return number + ("+" if charge >= 0 else "-")
