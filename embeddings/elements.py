"""The 118 elements: atomic number and symbol, period, group and block."""

from __future__ import annotations

from functools import cache
from operator import index

from embeddings.display.text import shortened
from embeddings.errors import ElementUnknown

SYMBOLS: tuple[str, ...] = tuple(
    """
    H He
    Li Be B C N O F Ne
    Na Mg Al Si P S Cl Ar
    K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe
    Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
    Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()
)
"""Symbols in order of atomic number; ``SYMBOLS[z - 1]`` is element ``z``."""

ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}
"""Symbol to atomic number."""

NAMES: tuple[str, ...] = tuple(
    """
    hydrogen helium
    lithium beryllium boron carbon nitrogen oxygen fluorine neon
    sodium magnesium aluminum silicon phosphorus sulfur chlorine argon
    potassium calcium scandium titanium vanadium chromium manganese iron cobalt nickel copper zinc gallium germanium
    arsenic selenium bromine krypton
    rubidium strontium yttrium zirconium niobium molybdenum technetium ruthenium rhodium palladium silver cadmium indium
    tin antimony tellurium iodine xenon
    cesium barium lanthanum cerium praseodymium neodymium promethium samarium europium gadolinium terbium dysprosium
    holmium erbium thulium ytterbium lutetium hafnium tantalum tungsten rhenium osmium iridium platinum gold mercury
    thallium lead bismuth polonium astatine radon
    francium radium actinium thorium protactinium uranium neptunium plutonium americium curium berkelium californium
    einsteinium fermium mendelevium nobelium lawrencium rutherfordium dubnium seaborgium bohrium hassium meitnerium
    darmstadtium roentgenium copernicium nihonium flerovium moscovium livermorium tennessine oganesson
    """.split()
)
"""English names in order of atomic number; ``NAMES[z - 1]`` is element ``z``."""

N_ELEMENTS = len(SYMBOLS)

_NOBLE_GASES = (2, 10, 18, 36, 54, 86, 118)


def atomic_number(element: str | int) -> int:
    """Return the atomic number of a symbol (``"Fe"``) or of a number (``26``), checked.

    Raises:
        ElementUnknown: not one of the 118 elements, or neither text nor a whole number.
    """
    if isinstance(element, str):
        z = ATOMIC_NUMBERS.get(element)
        if z is None:
            raise ElementUnknown(f'"{shortened(element)}" is not an element symbol.{_probable_symbol(element)}')
        return z
    try:
        z = index(element)
    except TypeError:
        given = f"{shortened(repr(element))} of type {type(element).__name__}"
        raise ElementUnknown(f'{given} is not an element. Give a symbol ("Fe") or an atomic number (26).') from None
    if isinstance(element, bool) or not 1 <= z <= N_ELEMENTS:
        raise ElementUnknown(f"{element} is not an atomic number; elements run from 1 (H) to {N_ELEMENTS} (Og).")
    return z


def symbol(element: str | int) -> str:
    """Return the symbol of an atomic number (``26`` -> ``"Fe"``) or of a symbol, checked.

    Raises:
        ElementUnknown: not one of the 118 elements.
    """
    return SYMBOLS[atomic_number(element) - 1]


def period(element: str | int) -> int:
    """Return the row of the periodic table, 1 to 7."""
    z = atomic_number(element)
    return next(row for row, last in enumerate(_NOBLE_GASES, start=1) if z <= last)


def group(element: str | int) -> int | None:
    """Return the IUPAC group, 1 to 18, or None for the f block (57-70 and 89-102)."""
    z = atomic_number(element)
    row = period(z)
    if row == 1:
        return 1 if z == 1 else 18
    first = _NOBLE_GASES[row - 2] + 1
    from_left, from_right = z - first + 1, _NOBLE_GASES[row - 1] - z
    if from_left <= 2:
        return from_left
    if from_right < 6 or row <= 3:
        return 18 - from_right
    return 18 - from_right if from_right <= 15 else None


def block(element: str | int) -> str:
    """Return the block, ``"s"``, ``"p"``, ``"d"`` or ``"f"`` (He is s; La-Yb and Ac-No are f)."""
    z = atomic_number(element)
    column = group(z)
    if column is None:
        return "f"
    if column <= 2 or z == 2:
        return "s"
    return "p" if column >= 13 else "d"


@cache
def table_distance(element: str | int, other: str | int) -> tuple[int, bool, int]:
    """Return how far another element is from one in the periodic table, as a key to sort by.

    A step between groups counts twice a step between periods, since groups are what elements have in common; the f
    block counts as group 3. Of two elements equally far the one in the lower row, then the nearer number, comes first.
    """
    z, z_other = atomic_number(element), atomic_number(other)
    steps = 2 * abs((group(z) or 3) - (group(z_other) or 3)) + abs(period(z) - period(z_other))
    return steps, period(z_other) < period(z), abs(z - z_other)


def _probable_symbol(asked: str) -> str:
    """Return ``' Did you mean "Fe"?'`` for a symbol or an English name that was nearly written, or an empty string."""
    import difflib

    known = dict(zip(NAMES, SYMBOLS, strict=True)) | {name.lower(): name for name in SYMBOLS}
    close = difflib.get_close_matches(asked.strip().lower(), known, n=1)
    return f' Did you mean "{known[close[0]]}"?' if close else ""
