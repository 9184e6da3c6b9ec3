"""Sites that several elements share, or that are partly empty: one rule for every source.

A vacancy is a share like any other: what the shares of a site leave of 1. Isotopes count as their element. Under
``"majority"`` each site goes to its largest share, and stays empty if that is the vacancy; a crystal whose composition
changes by more than `MAX_COMPOSITION_CHANGE` would be another material, and is refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from builders.sources.values import is_number
from builders.structures.rejections import Unusable
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS

DEUTERIUM_AS_HYDROGEN = "deuterium_as_hydrogen"
MAJORITY_TAKEN = "majority_of_disordered_sites_taken"
LEFT_EMPTY = "mostly_vacant_sites_left_empty"
PARTIAL_OCCUPANCY = "partial_occupancy"

FULL = 1 - 1e-3
"""A site of one element with at least this occupancy is ordered."""

OVERFULL = 1 + 1e-2
"""Shares that add up to more than this are a mistake."""

MAX_COMPOSITION_CHANGE = 0.1
"""How far the atomic fraction of any element may move when each site goes to its largest share."""

VACANCY = "vacancy"
"""How a source may name the empty share of a site."""

_TIE = 1e-6
ISOTOPES = {"D": "H", "T": "H"}
"""Names of heavy hydrogen, and the element that they are."""

Site = Mapping[str, float]
"""Element symbol -> occupancy; the rest, up to 1, is vacant."""

_Shares = dict[int, float]
"""Atomic number -> occupancy, 0 for the vacancy."""


def settle(sites: Sequence[Site], disorder: str, notes: set[str]) -> tuple[list[int], list[int]]:
    """Decide which element each site gets.

    Args:
        sites: what the source puts on them.
        disorder: ``"majority"`` takes the largest share of a site; ``"drop"`` refuses shared sites.
        notes: counts of what was done are added here.

    Returns:
        Atomic numbers of the sites that are not left empty, and the indices of these sites.

    Raises:
        Unusable: a share is invalid, something is not an element, or shared sites cannot be resolved.
    """
    shares = [_shares(site, notes) for site in sites]
    numbers = [_sole(content) for content in shares]
    if None not in numbers:
        return [number for number in numbers if number], list(range(len(sites)))
    if disorder != "majority":
        shared = shares[numbers.index(None)]
        raise Unusable(PARTIAL_OCCUPANCY, f"a site is shared ({_spelled(shared)})")
    settled = [_largest(content, notes) for content in shares]
    kept = [place for place, number in enumerate(settled) if number]
    if not kept:
        raise Unusable("no_atoms", "the largest share of every site is the vacancy")
    _require_same_composition(shares, [settled[place] for place in kept])
    return [settled[place] for place in kept], kept


def composition(sites: Sequence[Site]) -> dict[int, float]:
    """Return the atomic fractions that the sites state, atomic number -> fraction.

    Raises:
        Unusable: a share is invalid, or something is not an element.
    """
    return _fractions([_shares(site, set()) for site in sites])


def _shares(site: Site, notes: set[str]) -> _Shares:
    """Return the elements of a site and what they leave vacant."""
    if not site:
        raise Unusable("no_structure", "a site has no element")
    if len(site) == 1 and (known := ATOMIC_NUMBERS.get(next(iter(site)))) and next(iter(site.values())) == 1:
        return {known: 1.0}
    shares: _Shares = {}
    for name, share in site.items():
        if isinstance(share, bool) or not is_number(share) or not (math.isfinite(share) and share >= 0):
            raise Unusable("occupancy_out_of_range", f"a share of {name} is {share}")
        number = 0 if name == VACANCY else _number(name, notes)
        if share > 0 and number:
            shares[number] = shares.get(number, 0.0) + share
    total = sum(shares.values()) + site.get(VACANCY, 0.0)
    if total > OVERFULL:
        raise Unusable("occupancy_out_of_range", f"the shares of a site add up to {total:g} ({_spelled(shares)})")
    vacant = 1 - sum(shares.values())
    if vacant > 1 - FULL or not shares:
        shares[0] = vacant
    return shares


def _number(name: str, notes: set[str]) -> int:
    if name in ISOTOPES:
        notes.add(DEUTERIUM_AS_HYDROGEN)
    number = ATOMIC_NUMBERS.get(ISOTOPES.get(name, name))
    if number is None:
        raise Unusable("unknown_element", f'"{name}" is not an element')
    return number


def _sole(shares: _Shares) -> int | None:
    """Return the element of an ordered site, None if it is shared."""
    return next(iter(shares)) if len(shares) == 1 and 0 not in shares else None


def _largest(shares: _Shares, notes: set[str]) -> int:
    """Return the largest share of a site; 0 if that is the vacancy."""
    if (sole := _sole(shares)) is not None:
        return sole
    first, *others = sorted(shares, key=lambda number: -shares[number])
    if others and shares[first] - shares[others[0]] < _TIE:
        raise Unusable("no_majority", f"the largest shares of a site are equal ({_spelled(shares)})")
    notes.add(MAJORITY_TAKEN if first else LEFT_EMPTY)
    return first


def _require_same_composition(shares: Sequence[_Shares], atomic_numbers: Sequence[int]) -> None:
    before = _fractions(shares)
    after = {number: n / len(atomic_numbers) for number, n in Counter(atomic_numbers).items()}
    changes = {number: abs(after.get(number, 0) - fraction) for number, fraction in before.items()}
    most = max(changes, key=lambda number: changes[number])
    if changes[most] > MAX_COMPOSITION_CHANGE + _TIE:
        raise Unusable(
            "composition_changed",
            f"with the largest share of each site the atomic fraction of {SYMBOLS[most - 1]} would go from "
            f"{before[most]:.3f} to {after.get(most, 0):.3f}; the limit is {MAX_COMPOSITION_CHANGE}",
        )


def _fractions(shares: Sequence[_Shares]) -> dict[int, float]:
    amounts: Counter[int] = Counter()
    for content in shares:
        amounts.update({number: share for number, share in content.items() if number})
    total = sum(amounts.values())
    return {number: amount / total for number, amount in amounts.items()}


def _spelled(shares: _Shares) -> str:
    return ", ".join(f"{SYMBOLS[number - 1] if number else VACANCY} {share:g}" for number, share in shares.items())
