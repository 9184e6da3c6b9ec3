"""What to write instead of a notation that is not a formula: phases, decimal commas, markup, abbreviations.

Each rule takes something away or rewrites it. They are applied one after the other until the formula can be read; what
comes out is proposed, never read in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from embeddings.formula.refusal import Refusal
from embeddings.formula.shorthand import GROUPS, expanded

Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """A notation, what to put in its place, and what to say about it."""

    pattern: re.Pattern[str]
    replacement: Replacement
    reason: str


def _equal_shares(found: re.Match[str]) -> str:
    symbols = [symbol.strip() for symbol in found[1].split(",")]
    return "(" + "".join(f"{symbol}{1 / len(symbols):.3g}" for symbol in symbols) + ")"


def _decimal(found: re.Match[str]) -> str:
    number = float(found[0]) if len(found[0]) < 40 else 0.0
    return f"{number:.9f}".rstrip("0").rstrip(".") if number < 1e9 else found[0]


_ROMAN = "(?:VIII|VII|VI|IV|V|III|II|I)"
_GREEK = "\u03b1-\u03c9"
_PRIME = "'\u2032"
_UNSEEN = "it holds a character that cannot be seen"
_MARKUP = "markup is not read"
_PHASE = "the name of a phase is not part of a formula"
_JOINED = "parts are joined by a middle dot"
_ISOTOPE = "isotopes are not told apart"
_NUMERAL = "an oxidation number has capital letters, (III), or is left out"

_REWRITES: list[tuple[str, Replacement, str]] = [
    (r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]", "", _UNSEEN),
    (r"^\s*[\"'`]+|[\"'`]+\s*$|[$]|\\(?:mathrm|ce|rm|text|chem)\b", "", _MARKUP),
    (r"</?su[bp]>|</?[bi]>|_(?=\{?[0-9])", "", _MARKUP),
    (r"\{([0-9.]+)\}", r"\1", _MARKUP),
    (r"^\{(.*)\}$", r"\1", _MARKUP),
    (r"(?<=[0-9])\s*,\s*(?=[0-9])", ".", "a decimal comma is not read"),
    (
        r"\(([A-Z][a-z]?(?:\s*,\s*[A-Z][a-z]?)+)\)",
        _equal_shares,
        "a list of elements needs amounts, such as equal ones",
    ),
    (
        r"\([A-Z][a-z]?[0-9.]+(?:\s*,\s*[A-Z][a-z]?[0-9.]+)+\)",
        lambda found: re.sub(r"\s*,\s*", "", found[0]),
        "no comma stands between elements",
    ),
    (r"\s*[(\[](?:s|l|g|aq|cr|am|vit|c|gas|solid|liquid|sol|amorphous|glass)[)\]]\s*$", "", _PHASE),
    (r"\s*[(\[]\s*(?:i{1,3}|iv|vi{0,3})\s*[)\]]", "", _NUMERAL),
    (rf"\s+{_ROMAN}(?![a-zA-Z0-9])", "", _NUMERAL),
    (r"(?<=[(\[])\s*[0-9]+(?=[A-Z])|\^\{?[0-9]+\}?(?=[A-Z])", "", _ISOTOPE),
    (r"[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+(?=[A-Z])", "", _ISOTOPE),
    (
        r"[\u25a1\u25a0\u2b1c\u25fb\u2610][0-9.]*|(?<![A-Za-z])(?:Vac|Va)(?![a-z])[0-9.]*",
        "",
        "a vacancy is not an element and is left out",
    ),
    (
        rf"^\s*(?:[0-9]+[A-Z][{_PRIME}]?|[a-z{_GREEK}]+[{_PRIME}]?|T|[0-9][A-Z][a-z0-9']*)\s*[-_ ]\s*(?=[A-Z(\[0-9])",
        "",
        _PHASE,
    ),
    (rf"\s*[-_ ,]?\s*[(\[][a-z{_GREEK}][\w{_PRIME} -]*[)\]]\s*$", "", _PHASE),
    (rf"\s*[-_ ,]\s*[a-z{_GREEK}][a-z{_GREEK}{_PRIME} -]*$|[{_GREEK}]$", "", _PHASE),
    (r"\s*[\u00d7\u2715]\s*(?=(?:[0-9.]+\s*)?[A-Z(])", "·", _JOINED),
    (r"\s+[xX]\s+(?=(?:[0-9.]+\s*)?[A-Z(])|\s*[xX]\s*(?=[0-9.]+\s*[A-Z(])", "·", _JOINED),
    (r"\.(?=[0-9]+/[0-9]+)", "·", _JOINED),
    (r"(?<=[A-Za-z0-9)\]])\s+(?=[0-9][0-9./]*\s*[(\[]?(?:H2O|D2O|NH3))", "·", _JOINED),
    (r"\s*-\s*(?=[A-Z(\[])|(?<=[0-9)\]])\s*-\s*(?=[0-9.]+\s*[A-Z(\[])", "·", _JOINED),
    (r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+", _decimal, "or the number is written out"),
    (r"(?<=[A-Za-z0-9)\]])([+-])([0-9]+(?:\.[0-9]+)?)\s*$", r"^\2\1", "a charge has its sign last"),
    (r"[A-Z][a-z]?0(?:\.0*)?(?![0-9.])", "", "an element of amount 0 is left out"),
    (r"(?<=[A-Za-z0-9)\]])\s*[.,;:!?]+\s*$|^\s*[.,;:]+", "", "a mark at the end is not part of a formula"),
    (r"^\s*[0-9]+(?:\.[0-9]+)?\s*(?=[A-Z(\[])", "", "a number before it all counts units or nucleons, and is left out"),
]
_RULES = [Rule(re.compile(pattern), replacement, reason) for pattern, replacement, reason in _REWRITES]

_ABBREVIATION = re.compile(rf"(?:{'|'.join(sorted(GROUPS, key=len, reverse=True))})(?![a-z])")
_VARIABLE = re.compile(
    r"[0-9)\]]\s*[-+\u00b1]\s*(?:[0-9.]*[xyzdnmw\u03b4])\s*$|[0-9]\s*[-+\u00b1]\s*[xyz\u03b4](?![a-z])"
)
_UNKNOWN = re.compile(r"(?:[A-Z][a-z]?|[0-9)\]·.])([xz]|(?<!D)y)(?![a-z0-9.])|[·.]\s*(n)(?=[A-Z(])")
"""A letter in the place of an amount. No symbol ends in x or z, and only that of dysprosium in y."""

_DOPANT = re.compile(r":\s*[0-9.%]*\s*[A-Z]")
_PLACEHOLDER = re.compile(r"(?:Ln|RE|R|M|X|A|L|Q|E|G|J|Z)(?![a-z])")


def advice(text: str, refusal: Refusal, readable: Callable[[str], bool]) -> Refusal:
    """Return a refusal that says what to write, or the one given where nothing helps.

    Args:
        text: a formula that cannot be read.
        refusal: why, as the reader says.
        readable: whether a formula can be read.
    """
    normal = unicodedata.normalize("NFKC", text).replace("\u2044", "/") if len(text) <= 200 else text
    if (unknown := _UNKNOWN.search(text[:200])) and "needs a number" not in refusal.reason:
        letter = unknown[1] or unknown[2]
        return Refusal(refusal.position, f"{refusal.reason}; an amount such as {letter} needs a number")
    if len(text) > 200 or _VARIABLE.search(text):
        return refusal
    if normal != text and readable(normal):
        return Refusal(refusal.position, refusal.reason, [normal])
    for start in (text, normal):
        found = _rewritten(start, readable)
        if found is not None:
            spelling, reasons = found
            return Refusal(refusal.position, f"{refusal.reason}; {reasons[-1]}", [spelling])
    if _DOPANT.search(text):
        amount = "say how much of a dopant there is: Zn0.98Al0.02O, not ZnO:Al"
        return Refusal(refusal.position, f"{refusal.reason}; {amount}")
    name = refusal.reason.split('"')[1] if refusal.reason.endswith(" is not an element") else ""
    if _PLACEHOLDER.fullmatch(name) and re.search("[a-z]", text):
        return Refusal(refusal.position, f'"{name}" is not an element; if it stands for one, write that one')
    return refusal


def _rewritten(text: str, readable: Callable[[str], bool]) -> tuple[str, list[str]] | None:
    """Apply the rules in order until the formula can be read; return the spelling and the reasons."""
    reasons: list[str] = []
    for rule in _RULES:
        changed = rule.pattern.sub(rule.replacement, text)
        if changed == text:
            continue
        text, reasons = changed, [*reasons, rule.reason]
        if readable(text):
            return text, reasons
    changed = expanded(text)
    if changed != text and readable(changed):
        names = ", ".join(dict.fromkeys(found[0] for found in _ABBREVIATION.finditer(text)))
        return changed, [*reasons, f"{names} is written out"]
    return None
