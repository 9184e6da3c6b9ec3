"""The unit that a file states for its lengths: only angstrom is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builders.structures.rejections import Unusable

_LENGTH = r"(?:length|distance|position|pos|coordinate|coord|cell|lattice)s?"
_KEY = re.compile(rf"(?:{_LENGTH}[_ -]?)?units?(?:[_ -]?{_LENGTH})?", re.IGNORECASE)
"""A key that names the unit of everything, or of lengths; not one of energies or forces."""

_OTHERS = frozenset(
    (
        *("bohr", "bohrs", "a0", "au", "a.u.", "atomic", "atomic units", "atomic unit"),
        *("nm", "nanometer", "nanometers", "nanometre", "nanometres", "pm", "picometer", "picometre", "m", "meter"),
        *("fractional", "scaled", "reduced", "direct", "crystal"),
        *("electron", "nano", "micro", "si", "cgs", "lj"),
    )
)
"""What is not angstrom; the last line has units of LAMMPS. Other words say nothing of lengths: ``eV``, ``metal``."""


def require_angstrom(stated: Mapping[str, str]) -> None:
    """Check that no key states another unit of length than angstrom.

    Args:
        stated: key -> its value as text.

    Raises:
        Unusable: one does.
    """
    for key, value in stated.items():
        if _KEY.fullmatch(key) and value.strip().lower().replace("_", " ") in _OTHERS:
            raise Unusable("unsupported_feature", f"its {key} is {value.strip()}; lengths are read in angstrom only")
