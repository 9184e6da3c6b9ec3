"""Which elements sit on which sites: chemically sensible choices, sampled the same way every time.

A role is a set of (element, charge) options. Ionic prototypes (those with an anion role) keep the decorations whose
charges add up to zero and whose anions are all more electronegative than their cations; intermetallic ones carry no
charges. Both obey the prototype's window of size ratios. A sample takes textbook compounds first and then turns over
the elements, so that each of them is met about equally often.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, cycle, islice, product

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from tools.starter.cells import Prototype, primitive_cell
from tools.starter.prototypes import PROTOTYPES
from tools.starter.textbook import TEXTBOOK

Symbols = tuple[str, ...]
Options = tuple[tuple[str, int], ...]

_UNKNOWN_TO_CHGNET = {"Po", "At", "Rn", "Fr", "Ra"}
ELEMENTS: Symbols = tuple(symbol for symbol in SYMBOLS[: ATOMIC_NUMBERS["Pu"]] if symbol not in _UNKNOWN_TO_CHGNET)
"""The 89 elements that CHGNet was trained on, in the order of their atomic numbers."""

# Common oxidation states, charge -> elements.
_CATIONS = {
    1: "Li Na K Rb Cs Cu Ag Au Hg In Tl",
    2: "Be Mg Ca Sr Ba Ti V Cr Mn Fe Co Ni Cu Zn Ru Pd Ag Cd Pt Hg Ge Sn Pb Sm Eu Tm Yb",
    3: "B Al Ga In Tl P As Sb Bi Sc Y Ti V Cr Mn Fe Co Ni Nb Mo Ru Rh Ir Au "
    "La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ac U Np Pu",
    4: "C Si Ge Sn Pb S Se Te Ti Zr Hf V Cr Fe Nb Ta Mn Mo W Tc Re Ru Os Rh Ir Pd Pt Ce Pr Tb Th Pa U Np Pu",
    5: "P As Sb Bi V Nb Ta Mo W Re Ru Os Ir Pa U Np",
    6: "S Se Te Cr Mo W Tc Re Os U Np Pu",
    7: "I Tc Re Mn",
}
_ANIONS = {-1: "H F Cl Br I", -2: "O S Se Te", -3: "N P As Sb Bi", -4: "C Si Ge"}
_DIMERS = {-1: "C N O S Se Te", -2: "P As Sb"}
_LARGE_CATIONS = {
    1: "Na K Rb Cs Ag Tl",
    2: "Ca Sr Ba Pb Sm Eu Yb",
    3: "Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ac U Np Pu Bi",
    4: "Zr Hf Ce Th Pa U Np Pu",
}
_UNIVALENT = {1: "Li Na Cu Ag"}
_OXO_CENTRES = {3: "B", 4: "C Si Ge", 5: "N P As V", 6: "S Se Cr"}

# Classes of elements for sites without charges.
_LARGE = "Ca Sr Ba Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Ac Th Pa U Np Pu Zr Hf"
_TRANSITION = "Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Tc Ru Rh Pd Ag Cd Hf Ta W Re Os Ir Pt Au Hg"
_MAIN = "Be Mg B Al Ga In Tl C Si Ge Sn Pb P As Sb Bi S Se Te Zn Cd Hg"
_SP_METALS = "Mg Al Ga In Tl Si Ge Sn Pb P As Sb Bi Te Zn Cd"
_METALLOIDS = "Al Ga In Tl Si Ge Sn Pb Sb Bi"
_ALKALI_AND_MG = "Li Na K Rb Cs Be Mg"
_INTERSTITIAL = "H B C N O"

_TERNARY_MARGIN = 0.3  # of electronegativity, Pauling's scale


def _charged(table: dict[int, str]) -> Options:
    return tuple((symbol, charge) for charge, symbols in table.items() for symbol in symbols.split())


def _neutral(*symbols: str) -> Options:
    return tuple((symbol, 0) for symbol in dict.fromkeys(" ".join(symbols).split()))


ROLES: dict[str, Options] = {
    "element": _neutral(*ELEMENTS),
    "cation": _charged(_CATIONS),
    "large-cation": _charged(_LARGE_CATIONS),
    "univalent": _charged(_UNIVALENT),
    "anion": _charged(_ANIONS),
    "dimer": _charged(_DIMERS),
    "ring": tuple((symbol, -1) for symbol in ("P", "As", "Sb")),
    "oxo-centre": _charged(_OXO_CENTRES),
    "large": _neutral(_LARGE),
    "transition": _neutral(_TRANSITION),
    "main": _neutral(_MAIN),
    "sp-metal": _neutral(_SP_METALS),
    "metal": _neutral(_LARGE, _TRANSITION, _METALLOIDS, _ALKALI_AND_MG),
    "interstitial": _neutral(_INTERSTITIAL),
}
"""Role -> (symbol, charge) options; charge 0 where a role counts none."""

CATIONIC = frozenset({"cation", "large-cation", "univalent", "oxo-centre"})
ANIONIC = frozenset({"anion", "dimer", "ring"})


@dataclass(frozen=True, order=True)
class Decoration:
    """One crystal to compute: a prototype with one element per label."""

    material_id: str
    prototype: str
    symbols: Symbols


@cache
def radius(symbol: str) -> float:
    """Return the element's atomic radius in A (Slater's; van der Waals where he gives none)."""
    from pymatgen.core import Element

    element = Element(symbol)
    return float(element.atomic_radius or element.van_der_waals_radius)


@cache
def _electronegativity(symbol: str) -> float:
    from pymatgen.core import Element

    return float(Element(symbol).X)


def _balanced_options(prototype: Prototype) -> Iterator[Options]:
    """Yield every choice of options whose charges add up to zero over the cell."""
    *multiplicities, last_multiplicity = primitive_cell(prototype).multiplicities
    *roles, last_role = prototype.roles
    closing: dict[int, list[str]] = defaultdict(list)
    for symbol, charge in ROLES[last_role]:
        closing[charge].append(symbol)
    for options in product(*(ROLES[role] for role in roles)):
        total = sum(charge * n for (_, charge), n in zip(options, multiplicities, strict=True))
        if total % last_multiplicity == 0:
            last = -total // last_multiplicity
            yield from ((*options, (symbol, last)) for symbol in closing.get(last, ()))


def _is_ordered(options: Options) -> bool:
    """Say whether each anion is more electronegative than each cation, with a margin beyond binaries."""
    margin = _TERNARY_MARGIN if len(options) > 2 else 0.0
    cations = [_electronegativity(symbol) for symbol, charge in options if charge > 0]
    anions = [_electronegativity(symbol) for symbol, charge in options if charge < 0]
    return max(cations, default=0.0) + margin < min(anions, default=10.0)


def _fits(options: Options, size: tuple[float, float]) -> bool:
    """Say whether a choice has distinct elements in the right order of electronegativity and size."""
    symbols = [symbol for symbol, _ in options]
    if len(set(symbols)) < len(symbols) or not _is_ordered(options):
        return False
    return len(symbols) == 1 or size[0] <= radius(symbols[0]) / radius(symbols[1]) <= size[1]


@cache
def _relabellings(prototype: Prototype) -> tuple[tuple[int, ...], ...]:
    labels = prototype.labels
    return tuple(tuple(map(labels.index, order)) for order in (labels, *prototype.equivalent))


def canonical(symbols: Symbols, prototype: Prototype) -> Symbols:
    """Return the first, in alphabetical order, of the relabellings that describe the same crystal."""
    return min(tuple(symbols[i] for i in order) for order in _relabellings(prototype))


def allowed_symbols(prototype: Prototype) -> list[Symbols]:
    """List every decoration of a prototype that chemistry allows, each crystal once.

    Args:
        prototype: the structure type with its roles.

    Returns:
        One tuple of element symbols per decoration, in the order of the labels, sorted.
    """
    found: dict[Symbols, Symbols] = {}
    for options in _balanced_options(prototype):
        if _fits(options, prototype.size):
            symbols = tuple(symbol for symbol, _ in options)
            found.setdefault(canonical(symbols, prototype), symbols)
    return sorted(found.values())


def _digest(prototype: Prototype, symbols: Symbols, seed: int) -> str:
    return sha256(f"{seed} {prototype.name} {symbols}".encode()).hexdigest()


def _in_turns(ordered: Iterable[Symbols]) -> Iterator[Symbols]:
    """Yield decorations element by element, so that no element waits for the others to finish."""
    queues: dict[str, deque[Symbols]] = defaultdict(deque)
    for symbols in ordered:
        for symbol in symbols:
            queues[symbol].append(symbols)
    waiting = sorted(queues)
    for symbol in cycle(waiting):
        if not any(queues.values()):
            return
        if queues[symbol]:
            yield queues[symbol].popleft()


def sample(decorations: list[Symbols], prototype: Prototype, *, seed: int) -> list[Symbols]:
    """Choose at most ``prototype.n_max`` decorations: textbook compounds, then an even share for every element.

    Args:
        decorations: what :func:`allowed_symbols` returned, or a part of it.
        prototype: the prototype that they decorate.
        seed: another seed gives another sample; the same seed gives the same one everywhere.

    Returns:
        The chosen decorations, sorted.
    """
    known = {canonical(symbols, prototype) for symbols in TEXTBOOK.get(prototype.name, ())}
    textbook = [symbols for symbols in decorations if canonical(symbols, prototype) in known]
    ordered = sorted(decorations, key=lambda symbols: _digest(prototype, symbols, seed))
    in_turns = dict.fromkeys(chain(textbook, _in_turns(ordered)))
    return sorted(islice(in_turns, prototype.n_max))


def _material_id(prototype: Prototype, symbols: Symbols) -> str:
    """Return e.g. ``starter-fluorite-CaF2``: the labels in order, anions last, with their smallest whole numbers."""
    from math import gcd

    multiplicities = primitive_cell(prototype).multiplicities
    divisor = gcd(*multiplicities)
    counts = [n // divisor for n in multiplicities]
    order = sorted(range(len(symbols)), key=lambda i: prototype.roles[i] in ANIONIC)
    formula = "".join(f"{symbols[i]}{counts[i] if counts[i] > 1 else ''}" for i in order)
    return f"starter-{prototype.name}-{formula}"


def list_decorations(*, seed: int = 0, prototypes: tuple[Prototype, ...] = PROTOTYPES) -> list[Decoration]:
    """List every crystal to compute, each once, sorted by material id.

    Args:
        seed: seed of the sampling.
        prototypes: structure types; of two that share a geometry, the earlier one keeps a crystal of both.

    Returns:
        The decorations, without duplicates.
    """
    seen: set[tuple[object, Symbols]] = set()
    decorations = []
    for prototype in prototypes:
        fresh = [s for s in allowed_symbols(prototype) if (prototype.geometry, canonical(s, prototype)) not in seen]
        for symbols in sample(fresh, prototype, seed=seed):
            seen.add((prototype.geometry, canonical(symbols, prototype)))
            decorations.append(Decoration(_material_id(prototype, symbols), prototype.name, symbols))
    return sorted(decorations)
