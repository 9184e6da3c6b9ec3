"""The order of atoms as CGCNN, matgl and all who read CIF with pymatgen have it.

Pymatgen sorts the sites of a CIF by electronegativity, then by what is on them; sites of one kind stay in the order
of the file, the images of each in the order of the operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

import numpy as np

from builders.sources.cif.cell import Atoms
from builders.sources.cif.sites import FULL, SiteList
from embeddings.formula.canonical import ELECTRONEGATIVITY

_TOLERANCE = 1e-8


class _Key:
    """Compares as a site of pymatgen does, where an electronegativity may be no number."""

    __slots__ = ("text", "value")

    def __init__(self, value: float, text: str) -> None:
        self.value, self.text = value, text

    def __lt__(self, other: _Key) -> bool:
        if self.value < other.value:
            return True
        if self.value > other.value:
            return False
        return self.text < other.text


def order_of_atoms(sites: SiteList, atoms: Atoms) -> np.ndarray:
    """Return the places (n,) of the atoms in their order for people: that of pymatgen's ``Structure.from_file``."""
    contents = [_content(share, sites.species[k]) for k, share in enumerate(atoms.shares)]
    kinds = dict.fromkeys(content for content in contents if content)
    if len(kinds) == 1:
        return np.arange(len(atoms.owners))
    ranks = {kind: rank for rank, kind in enumerate(sorted(kinds, key=cmp_to_key(_compare)))}
    rank_of_site = np.array([ranks.get(content, -1) for content in contents])
    grouped = np.argsort(rank_of_site[atoms.owners], kind="stable")
    keys = {kind: _site_key(kind) for kind in kinds}
    if any(value != value for value, _ in keys.values()):
        members = [contents[owner] for owner in atoms.owners[grouped].tolist()]
        wrapped = {kind: _Key(*key) for kind, key in keys.items()}
        return grouped[sorted(range(len(members)), key=lambda k: wrapped[members[k]])]
    places = {kind: place for place, kind in enumerate(sorted(kinds, key=lambda kind: (keys[kind], ranks[kind])))}
    place_of_site = np.array([places.get(content, -1) for content in contents])
    return grouped[np.argsort(place_of_site[atoms.owners[grouped]], kind="stable")]


Content = tuple[tuple[str, str, float], ...]
"""Symbol, spelling and share of everything on a site."""


def _content(share: dict[str, float], species: str) -> Content:
    if len(share) == 1:
        ((symbol, part),) = share.items()
        plain = _as_element(symbol)
        return ((plain, species if species.startswith(plain) else plain, part),)
    return tuple((_as_element(symbol), _as_element(symbol), part) for symbol, part in share.items())


def _as_element(symbol: str) -> str:
    return "H" if symbol in ("D", "T") else symbol


def _rank(symbol: str) -> tuple[float, str]:
    return (ELECTRONEGATIVITY[symbol], symbol)


def _charge(spelling: str, symbol: str) -> float:
    text = spelling[len(symbol) :]
    if not text:
        return 0.0
    return float(text[-1] + (text[:-1] or "1"))


def _compare(one: Content, other: Content) -> int:
    """Compositions: the larger has more of the most electropositive element in which they differ."""
    mine, theirs = ({(symbol, spelling): part for symbol, spelling, part in content} for content in (one, other))
    for key in sorted(mine | theirs, key=lambda key: (*_rank(key[0]), _charge(key[1], key[0]))):
        gap = mine.get(key, 0.0) - theirs.get(key, 0.0)
        if abs(gap) >= _TOLERANCE:
            return 1 if gap > 0 else -1
    return 0


def _site_key(content: Content) -> tuple[float, str]:
    total = sum(part for _, _, part in content)
    values: Sequence[float] = [_rank(symbol)[0] * part for symbol, _, part in content]
    mean = sum(value if value != float("inf") else float("nan") for value in values) / total
    if len(content) == 1 and total >= FULL:
        return mean, content[0][1]
    ordered = sorted(content, key=lambda entry: _rank(entry[0]))
    return mean, ", ".join(f"{spelling}:{part:.3}" for _, spelling, part in ordered)
