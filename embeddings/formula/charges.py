"""Charges and oxidation numbers: they change no composition, so they are blanked out before the tokens are read.

``Fe(III)2O3`` is read as ``Fe2O3``, ``[Hg^{II}I4]^2-`` as ``HgI4``. Iodine stays iodine: ``(I3)``, ``HgI2``, ``VI3``.
"""

from __future__ import annotations

import re

from embeddings.formula.refusal import Refusal

ROMAN = "VIII|VII|VI|IV|V|III|II|I"

_INSIDE = re.compile(
    rf"\^\{{\s*(?:{ROMAN}|[0-9]*(?:\.[0-9]+)?[+-])\s*\}}|[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻](?![⁰¹²³⁴⁵⁶⁷⁸⁹])"  # not at the end alone
)
_AT_END = re.compile(r"(?:\^(?:\{[0-9.]*[+-]\}|[0-9.]*[+-]|[+-][0-9]+)|[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻]|\s[0-9]*[+-]|\++|-+)$")
_DIGITS_AND_SIGN = re.compile(r"(?P<body>.*?[^0-9.\s^{+-])(?P<digits>[0-9.]+)(?P<sign>[+-]+)$", re.DOTALL)
_IN_BRACKETS = re.compile(rf"([A-Z][a-z]?)\s*([(\[{{]\s*((?:{ROMAN})(?:\s*[,/]\s*(?:{ROMAN}))*)\s*[)\]}}])")
_AFTER_AMOUNT = re.compile(rf"[A-Z][a-z]?[0-9.]+\s*([(\[{{]\s*(?:{ROMAN})\s*[)\]}}])(?![0-9])")
_BARE = re.compile(rf"([A-Z][a-z]?)\s*((?:{ROMAN})(?![a-z]))")
_CARET = re.compile(rf"\^(?:{ROMAN})(?![a-z])")

_CHARGE_INSIDE = re.compile(r"\^\{\s*[0-9]*[+-]\s*\}|[⁺⁻](?!$)")
_ANION_AT_END = re.compile(r"(?<=[A-Za-z])([1-4])-$")
_PHASE_NUMBER = re.compile(r"^(?:VIII|VII|VI|IV|III|II)[\s_-]+|[\s_-]+(?:VIII|VII|VI|IV|III|II)$")

_NEVER = frozenset("H Li Na K Rb Cs Fr Be Mg Ca Sr Ba Ra B Al O F".split())
"""Elements with a single oxidation number, which nobody writes out."""
_ONE = frozenset("Cu Ag Au Hg Tl In Ga Rh Ir".split())
_FIVE = frozenset("V Nb Ta P As Sb Bi U Np Pu Pa Cr Mo W Mn Tc Re Ru Os Ir Au Pt N Cl Br".split())
_SIX = frozenset("Cr Mo W S Se Te".split())
"""Elements that follow vanadium in materials formulas, so that VI behind them is a number."""
_ANIONS = re.compile(r"(?:N|P|As|O|S|Se|Te|F|Cl|Br)(?![a-z])")


def without_charges(text: str) -> str:
    """Return a formula with blanks in place of charges and oxidation numbers.

    Raises:
        Refusal: a charge, a number or iodine and vanadium can be meant.
    """
    if text[-1:] in "+-":
        _refuse_two_charges(text)
    if "^" in text or not text.isascii():
        bare = _INSIDE.sub(lambda match: " " * len(match[0]), text)
        _refuse_anion_at_end(text, bare)
        text = bare
    if "I" in text or "V" in text:
        text = _without_roman(text)
    return _AT_END.sub("", text)


def _refuse_two_charges(text: str) -> None:
    """Refuse digits before a sign that may belong to the amount, to the charge, or to both."""
    found = _DIGITS_AND_SIGN.match(text)
    if not found:
        return
    body, digits, sign = found.groups()
    if len(digits) < 2 and body[-1] not in ")]}":
        return
    cut = max(digits.rfind(".") - 1, 0) if "." in digits else len(digits) - 1
    reason = (
        f"it has two readings, {_short(body + digits[:cut])} with charge {digits[cut:]}{sign}, "
        f"and {_short(body + digits)} with charge {sign}"
    )
    spellings = [f"{body}{digits[:cut]}^{digits[cut:]}{sign}", f"{body}{digits}^{sign}"]
    raise Refusal(found.start("digits") + cut, reason, spellings)


def _refuse_anion_at_end(text: str, bare: str) -> None:
    """Refuse ``Zr^{4+}O2-``: behind other charges the last one may have its number, too."""
    found = _ANION_AT_END.search(bare)
    if found and _CHARGE_INSIDE.search(text):
        spellings = [f"{bare[: found.start()]}^{found[0]}", f"{bare[: found.start()]}{found[1]}^-"]
        reason = f"it has two readings, a charge of {found[0]} and {found[1]} atoms with a charge of -"
        raise Refusal(found.start(), reason, spellings)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"... {text[-36:]}"


def _without_roman(text: str) -> str:
    """Blank out Roman numerals in brackets; refuse those that may be iodine or vanadium, and bare ones."""
    phase = _PHASE_NUMBER.search(text)
    if phase:
        raise Refusal(phase.start(), "a Roman numeral that stands apart counts phases", [_PHASE_NUMBER.sub("", text)])
    caret = _CARET.search(text)
    if caret:
        reason = "the Roman numeral after ^ needs braces, such as Fe^{III}"
        raise Refusal(caret.start(), reason, [text[: caret.start()] + text[caret.end() :]])
    for found in _IN_BRACKETS.finditer(text):
        if _written_out(text, found):
            continue
        if not _is_oxidation_number(text, found):
            start, stop = found.span(2)
            spellings = [_drop(text, start, stop), f"{text[:start]}{found[3]}{text[stop:]}"]
            reason = f"({found[3]}) may be an oxidation number, or iodine or vanadium"
            raise Refusal(start, reason, spellings)
    text = _IN_BRACKETS.sub(
        lambda found: found[0] if _written_out(text, found) else found[1].ljust(len(found[0])), text
    )
    _refuse_after_amount(text)
    _refuse_bare(text)
    return text


def _refuse_after_amount(text: str) -> None:
    """Refuse ``Fe2(III)O3`` and ``Cu2(I)O``: nobody writes iodine in brackets without an amount."""
    found = _AFTER_AMOUNT.search(text)
    if found:
        start, stop = found.span(1)
        reason = f"{found[1]} after an amount may be an oxidation number, or iodine and vanadium"
        raise Refusal(start, reason, [_drop(text, start, stop), f"{text[:start]}{found[1][1:-1]}{text[stop:]}"])


def _written_out(text: str, found: re.Match[str]) -> bool:
    """Whether ``(VI)2`` at the end of a formula without anions is an anion group, as ``Cs(VI)2`` is reduced."""
    rest = text[found.end() :]
    return found[3] == "VI" and bool(re.fullmatch(r"[0-9]+", rest)) and not _ANIONS.search(text[: found.start(2)])


def _is_oxidation_number(text: str, found: re.Match[str]) -> bool:
    """Whether the element may have that number, and the formula holds something that it could be bound to."""
    symbol, numeral = found[1], found[3]
    if symbol in _NEVER:
        return False
    if numeral == "I":
        others = _IN_BRACKETS.sub(lambda match: match[1], text)
        return symbol in _ONE and bool(re.search(r"(?:N|P|As|O|S|Se|Te|F|Cl|Br|I|H|C)(?![a-z])", others))
    return numeral != "V" or symbol in _FIVE


def _refuse_bare(text: str) -> None:
    """Refuse ``FeIII2O3``: I twice in a row, ``IV``, or ``VI`` where no materials formula has vanadium."""
    for found in _BARE.finditer(text):
        symbol, numeral = found[1], found[2]
        if len(numeral) > 2 or numeral in ("II", "IV") or (numeral == "VI" and symbol in _SIX):
            start, stop = found.span(2)
            reason = f"{numeral} may be an oxidation number, or iodine and vanadium"
            raise Refusal(start, reason, [_drop(text, start, stop), _as_elements(text, start, stop)])
    repeated = re.search(r"I\s*I(?![a-z])", text)
    if repeated:
        reason = "I twice in a row may be a Roman numeral, or iodine"
        raise Refusal(repeated.start(), reason, [_as_elements(text, repeated.start(), repeated.end())])


def _as_elements(text: str, start: int, stop: int) -> str:
    """Return a run of I and V with iodine counted: ``FeIII2O3`` is ``FeI4O3``."""
    letters = text[start:stop].replace(" ", "")
    number = re.match(r"\s*([0-9]+)(?![0-9.])", text[stop:])
    last = int(number[1][:9]) if number else 1
    rest = text[stop + number.end() :] if number else text[stop:]
    vanadium = "V1" * letters.count("V")
    iodine = letters.count("I") - 1 + last if letters.endswith("I") else letters.count("I")
    if letters.endswith("V"):
        return f"{text[:start]}I{iodine}V{last}{rest}"
    return f"{text[:start]}{vanadium}I{iodine}{rest}"


def _drop(text: str, start: int, stop: int) -> str:
    return text[:start] + text[stop:]
