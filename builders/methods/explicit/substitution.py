"""How readily one element takes the place of another in known crystals, mined from data by others.

The weights are those of Hautier et al., Inorg. Chem. 50, 656 (2011), 10.1021/ic102031h, which pymatgen carries for
pairs of ions. Formulas do not state charges, so the probabilities of all charges of a pair of elements are summed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS
from embeddings.errors import MissingExtra

Pair = tuple[str, str, float]
"""Two ions and the weight of their substitution."""

NEVER = -5.0
"""Weight of a pair of ions that was never seen, as in pymatgen."""

_ION = re.compile(r"([A-Z][a-z]?)\d*[+-]")


@cache
def substitution_probabilities() -> np.ndarray:
    """Return the probability that a place held by one element is taken by another, (119, 119), by atomic number.

    Row ``new``, column ``old``: conditional on the old element, so that columns of known elements sum to one; elements
    without data have NaN.

    Raises:
        MissingExtra: pymatgen is not installed.
    """
    try:
        data = files("pymatgen.core.structure_prediction") / "data" / "lambda.json"
        pairs = json.loads(data.read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MissingExtra.of("pymatgen", "build") from error
    return conditional(pairs)


def conditional(pairs: Iterable[Pair]) -> np.ndarray:
    """Sum the probabilities of pairs of ions over the charges of their elements, (119, 119); see above."""
    weights = {frozenset((a, b)): float(value) for a, b, value in pairs if "D1+" not in (a, b)}
    ions = sorted({ion for pair in weights for ion in pair})
    elements = np.array([ATOMIC_NUMBERS[_ION.match(ion)[1]] for ion in ions])  # type: ignore[index]
    place = {ion: k for k, ion in enumerate(ions)}
    joint = np.full((len(ions), len(ions)), np.exp(NEVER))
    for pair, value in weights.items():
        a, b = place[min(pair)], place[max(pair)]
        joint[a, b] = joint[b, a] = np.exp(value)
    summed = np.zeros((N_ELEMENTS + 1, N_ELEMENTS + 1))
    np.add.at(summed, (elements[:, None], elements[None, :]), joint)
    totals = summed.sum(axis=0)
    result: np.ndarray = np.divide(summed, totals, out=np.full_like(summed, np.nan), where=(totals > 0)[None, :])
    result[totals == 0] = np.nan
    return result
