"""The exact reader: one formula in, the amount of every element out, or a reason at a position.

The grammar (docs/formulas.md tells it with examples)::

    formula  = parts [ charge ]
    parts    = part { dot part }                   dot is one of · • ∙ ⋅ ・ *, or a full stop before an element
    part     = [ number ] unit { unit }            a leading number only where there is a dot
    unit     = ( symbol | "(" parts ")" ) [ number ]                also [ ] and { }
    number   = 2 | 0.5 | 1e-05 | 2/3 | (2/3)

D and T count as hydrogen. White space may stand between the words, subscript digits are digits, and charges and
oxidation numbers change nothing. What can be read in two ways is refused, and the readings are named: every spelling
that a message proposes can be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from embeddings.errors import FormulaInvalid
from embeddings.formula.advice import advice
from embeddings.formula.alloys import refuse_alloys
from embeddings.formula.capitals import refuse_capitals
from embeddings.formula.charges import without_charges
from embeddings.formula.full_stops import refuse_unclear_stops
from embeddings.formula.reader import MAX_AMOUNT, MIN_AMOUNT, OUT_OF_BOUNDS, element, read_amounts
from embeddings.formula.refusal import MAX_SPELLING, Refusal, invalid, shown
from embeddings.formula.shorthand import refuse_shorthand
from embeddings.formula.species import ion, mapped_amounts
from embeddings.formula.zeros import refuse_zeros
from embeddings.protocols import is_structure

MAX_LENGTH = 1000
"""Characters in the longest formula that is read."""

NOT_CRYSTALS = (
    "Give its formula (structure.composition, atoms.get_chemical_formula()), or encode the crystal itself with "
    "load_crystal_encoder."
)
"""What is said of a crystal structure in the place of a formula."""

_MAX_SPELLINGS = 4
_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉•∙⋅・*\u2010\u2011\u2012\u2013\u2014\u2212", "0123456789·····------")
_SUBSCRIPT_THEN_CHARGE = re.compile(r"(?<=[₀-₉])(?=[0-9]*[+-]+\s*$)")
_SPACED_WATER = re.compile(r"(?<=[A-Za-z)\]])(?<!\s[xX])\s+(?=[0-9]+(?:\.[0-9]+)?(?:H2O|D2O|NH3)(?![0-9a-z]))")
_SUBSCRIPT_THEN_DIGIT = re.compile(r"(?<=[₀-₉])\.?(?=[0-9])|(?<=[0-9])(?=[₀-₉])")


def parse_formula(formula: Any) -> dict[str, float]:
    """Read one formula into the amount of each element per formula unit.

    Args:
        formula: a string (``"Ca(OH)2"``), a mapping (``{"Ca": 1, "O": 2, "H": 2}``; keys may carry an oxidation
            state and a spin, ``"Fe2.5+,spin=5"``), a pymatgen ``Composition``, or anything with an ``as_dict`` of
            that kind.

    Returns:
        Symbol to amount, in order of first appearance; all amounts are positive and finite.

    Raises:
        FormulaInvalid: the formula cannot be read, or can be read in two ways; the message holds the formula
            (shortened), the position counted from 1, the reason, and spellings that can be read where some are known.
    """
    if isinstance(formula, str):
        return _read(formula)
    if is_structure(formula):
        raise FormulaInvalid(f"{type(formula).__name__} is a crystal structure, not a formula. {NOT_CRYSTALS}")
    given = formula
    if not isinstance(formula, Mapping) and hasattr(formula, "as_dict"):
        formula = formula.as_dict()
    if not isinstance(formula, Mapping):
        raise FormulaInvalid(
            f"{shown(given)} of type {type(given).__name__} is not a formula; "
            "give a string such as Fe2O3, a mapping of symbols to amounts, or a Composition."
        )
    try:
        return _checked(mapped_amounts(formula))
    except Refusal as refusal:
        raise invalid(formula, refusal) from None


def element_fractions(formula: Any) -> dict[str, float]:
    """Read one formula into atomic fractions: symbol to amount over the sum of amounts.

    Raises:
        FormulaInvalid: as :func:`parse_formula`.
    """
    amounts = parse_formula(formula)
    total = sum(amounts.values())
    return {symbol: amount / total for symbol, amount in amounts.items()}


def _read(formula: str) -> dict[str, float]:
    """Read a string, or raise with the spellings that were probably meant and can be read."""
    try:
        return _amounts(formula)
    except Refusal as refusal:
        if not refusal.final and (not refusal.spellings or refusal.guessed):
            refusal = advice(formula.translate(_PLAIN), refusal, is_readable)
        known = _known(refusal)
        if refusal.spellings and not known and not refusal.final:
            refusal = advice(refusal.spellings[0], refusal, is_readable)
            known = _known(refusal)
        if sum(map(len, known)) > 2 * MAX_SPELLING:
            known = known[:2]
        told = Refusal(refusal.position, refusal.reason, known[:_MAX_SPELLINGS], guessed=refusal.guessed)
        raise invalid(formula, told) from None


def _known(refusal: Refusal) -> list[str]:
    """Return the spellings of a refusal that are short and can be read."""
    tidy = [" ".join(spelling.split()) for spelling in refusal.spellings]
    return [text for text in tidy if len(text) <= MAX_SPELLING and text.isprintable() and is_readable(text)]


def is_readable(formula: str) -> bool:
    """Whether a string is read, and in one way."""
    try:
        _amounts(formula)
    except Refusal:
        return False
    return True


def _amounts(formula: str) -> dict[str, float]:
    """Read a string: settle what reads two ways, then walk the tokens."""
    if len(formula) > MAX_LENGTH:
        raise Refusal(None, f"it has {len(formula):,} characters, and at most {MAX_LENGTH:,} are read")
    if not formula.strip():
        raise Refusal(None, "it is empty")
    text = formula.rstrip()
    if "*" in text or not text.isascii():
        _refuse_mixed_digits(text)
        text = _SUBSCRIPT_THEN_CHARGE.sub("^", text).translate(_PLAIN)
    single = ion(text)
    if single:
        return {element(*single, formula): 1.0}
    refuse_alloys(text)
    refuse_capitals(text)
    _refuse_spaced_water(text)
    text = without_charges(text)
    refuse_zeros(text)
    refuse_shorthand(text)
    refuse_unclear_stops(text, _piece)
    return _checked(read_amounts(text))


def _refuse_spaced_water(text: str) -> None:
    """Refuse ``LiOH 2H2O``, where a number stands apart from the symbol before it and right before a molecule."""
    found = _SPACED_WATER.search(text)
    if found:
        head, tail = text[: found.start()], text[found.start() :].lstrip()
        raise Refusal(found.start() + 1, "its number has two readings", [f"{head}·{tail}", f"{head}{tail}"])


def _refuse_mixed_digits(formula: str) -> None:
    """Refuse ``CuSO₄5H₂O``, where a subscript and a plain digit meet that belong to two numbers."""
    text = _SUBSCRIPT_THEN_CHARGE.sub("^", formula)
    found = _SUBSCRIPT_THEN_DIGIT.search(text)
    if found:
        parts, joined = (_SUBSCRIPT_THEN_DIGIT.sub(by, text).translate(_PLAIN) for by in ("·", r"\g<0>"))
        raise Refusal(found.start(), "a subscript digit stands next to a plain one", [parts, joined])


def _piece(text: str) -> dict[str, float] | None:
    """Return the amounts of a piece of a formula, or None where it cannot be read alone."""
    try:
        return read_amounts(text)
    except Refusal:
        return None


def _checked(amounts: dict[str, float]) -> dict[str, float]:
    """Return the amounts if there are any and all are within bounds."""
    if not amounts:
        raise Refusal(None, "it is empty")
    for symbol, amount in amounts.items():
        if not MIN_AMOUNT <= amount <= MAX_AMOUNT:
            raise Refusal(None, f"the amount of {symbol}, {amount:g}, {OUT_OF_BOUNDS}")
    return amounts
