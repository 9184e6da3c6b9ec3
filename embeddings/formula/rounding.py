"""Which formulas a digest holds, also where their amounts were rounded: ``Nb0.25As0.055556O0.694444`` is Nb9As2O25.

The digest holds hashes of whole formulas, so those that a rounded one can stand for are listed and looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embeddings.formula.canonical import canonical_spelling
from embeddings.formula.digest import as_integers, hash_canonical, hash_formulas
from embeddings.formula.grammar import parse_formula

MIN_DECIMALS, MAX_DECIMALS = 2, 9
"""Decimals of a formula that is taken as rounded; one decimal says too little, and more are exact."""
MAX_ATOMS = 500
"""Atoms in the largest formula unit that is looked for."""

_SLACK = 1e-9
_DECIMALS = re.compile(r"[0-9]\.([0-9]+)")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def seen_formulas(formulas: Sequence[Any], digest: np.ndarray) -> np.ndarray:
    """Return which formulas stand in a digest, as written or as the rounding of a formula that does.

    Args:
        formulas: n formulas, see `embeddings.formula.parse_formula`.
        digest: (n_hashes, 5) uint8 from `embeddings.formula.formula_digest`.

    Returns:
        (n,) bool.

    Raises:
        FormulaInvalid: a formula cannot be read.
    """
    if not len(formulas):
        return np.zeros(0, dtype=bool)
    known = as_integers(digest)
    seen = np.isin(as_integers(hash_formulas(formulas)), known)
    rows, spellings = [], []
    for row in np.flatnonzero(~seen).tolist():
        whole = whole_formulas(formulas[row])
        rows += [row] * len(whole)
        spellings += whole
    if rows:
        hit = np.isin(as_integers(hash_canonical(spellings)), known)
        seen[np.array(rows)[hit]] = True
    return seen


def whole_formulas(formula: Any) -> list[str]:
    """Return the formulas that one can be the rounding of, in canonical spelling, smallest first; none if it is exact.

    Raises:
        FormulaInvalid: it cannot be read.
    """
    amounts, n_decimals = _as_rounded(formula)
    if not MIN_DECIMALS <= n_decimals <= MAX_DECIMALS:
        return []
    return [canonical_spelling(unit) for unit in rounded_units(amounts, n_decimals)]


def _as_rounded(formula: Any) -> tuple[dict[str, float], int]:
    """Return the amounts, and the largest number of decimals among them; thousandths (``Al333Nd667``) are decimals."""
    amounts = parse_formula(formula)
    total = sum(amounts.values())
    for digits in range(3, 7):
        if total == 10**digits and all(amount.is_integer() for amount in amounts.values()):
            return {symbol: amount / total for symbol, amount in amounts.items()}, digits
    if isinstance(formula, str):
        written = _DECIMALS.findall(formula.translate(_SUBSCRIPTS))
    else:
        written = [np.format_float_positional(amount, trim="-").partition(".")[2] for amount in amounts.values()]
    return amounts, max(map(len, written), default=0)


def rounded_units(amounts: Mapping[str, float], n_decimals: int) -> list[dict[str, int]]:
    """Return the whole formulas that can be written with these amounts at that many decimals, smallest first.

    A formula fits if some multiple of it lies within half a unit of the last decimal of every amount, and is equal to
    the amounts that are whole. Units of up to 500 atoms are tried, and only as many as the decimals tell apart.

    Args:
        amounts: symbol to amount.
        n_decimals: of the amounts as written.
    """
    values = np.array(list(amounts.values()))
    half = np.where(values == np.rint(values), 0.0, 0.5 * 10.0**-n_decimals) + _SLACK
    total = values.sum()
    most = int(min(MAX_ATOMS, total / (4 * half.max())))
    atoms = np.arange(len(values), most + 1)[:, None]  # (n_units, 1)
    units = np.rint(atoms * values / total).astype(np.int64)  # (n_units, n_elements)
    low = (units / (values + half)).max(axis=1)
    high = (units / np.maximum(values - half, _SLACK)).min(axis=1)
    fits = (low <= high) & (units > 0).all(axis=1)
    fits &= np.gcd.reduce(units, axis=1) == 1
    return [dict(zip(amounts, unit, strict=True)) for unit in np.unique(units[fits], axis=0).tolist()]
