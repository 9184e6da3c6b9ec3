"""What to write instead of a notation that is not a formula: phases, decimal commas, markup, abbreviations.

Each rule takes something away or rewrites it. They are applied one after the other until the formula can be read; what
comes out is proposed, never read in silence.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from embeddings.formula.refusal import Refusal
from embeddings.formula.shorthand import expanded, groups_in

Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """A notation, what to put in its place, and what to say about it."""

    pattern: re.Pattern[str]
    replacement: Replacement
    reason: str


def _equal_shares(found: re.Match[str]) -> str:
    names = [name.strip() for name in found[1].split(",")]
    units = [f"({name})" if name in ("OH", "H2O") else name for name in names]
    return "(" + "".join(f"{unit}{1 / len(units):.3g}" for unit in units) + ")"


def _worked_out(found: re.Match[str]) -> str:
    """Return the sum or difference of two amounts: ``7-0.07``."""
    amount = float(found[1]) + float(found[2] + found[3])
    return f"{amount:.6g}" if amount > 0 else found[0]


def _without_states(found: re.Match[str]) -> str:
    """Leave out the oxidation numbers of cations, and that of an anion at the end: ``Mn2+O2-``."""
    bare = re.sub(r"\((?:[1-7][+-]|[+-][1-7])\)|\^\(?[1-7]?[+-]\)?(?=[A-Z0-9(\[]|$)", "", found[0])
    bare = re.sub(rf"(?<![A-Za-z])({_WITH_STATES})[1-7]\+(?=[0-9A-Z(\[])", r"\1", bare)
    return bare if bare == found[0] else re.sub(r"(?<=[A-Za-z])[1-4]?-$", "", bare)


def _without_percent(found: re.Match[str]) -> str:
    """Leave out ``mol%`` and ``at%`` where the numbers add up to 100; otherwise they say how much of the rest."""
    bare = re.sub(r"\s*[(\[]?\s*(?:mol|at)\.?\s*%\s*[)\]]?\s*", " ", found[0]).strip()
    coefficients = re.findall(r"(?<![A-Za-z0-9.)\]])[0-9]+(?:\.[0-9]+)?", bare)
    amounts = coefficients or re.findall(r"(?<=[A-Za-z)\]])[0-9]+(?:\.[0-9]+)?", bare)
    return bare if abs(sum(map(float, amounts)) - 100) < 0.5 else found[0]


def _rest_worked_out(found: re.Match[str]) -> str:
    """Give the first part what is left: ``PbTiO3-0.3BiScO3`` is 0.7 of the one and 0.3 of the other."""
    return f"{1 - float(found[2]):.6g}{found[1]}·{float(found[2]):.6g}{found[3]}"


def _number_behind(found: re.Match[str]) -> str:
    number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"({unit}){number}"


def _coefficients_joined(found: re.Match[str]) -> str:
    """Join parts that each begin with a coefficient: ``60Na2O-40SiO2``, ``74SiO2 16Na2O 10CaO``."""
    return re.sub(r"(?<=[A-Za-z0-9)\]])(?:\s*[-+]\s*|\s+)(?=[0-9]*\.?[0-9]+\s*[A-Z(\[])", "·", found[0])


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
_SUM = "a sum is not read"
_NUMERAL = "an oxidation number has capital letters, (III), or is left out"
_STATES = "an oxidation number stands as in Fe^{2+}, or is left out"
_WITH_STATES = "Ti|V|Cr|Mn|Fe|Co|Cu|As|Sn|Sb|Ce|Eu|Pb|U"
_LISTED = "(?:OH|H2O|[A-Z][a-z]?)"
_STRUCTURE = (
    "[OP][23]['\u2032]?(?=\\s*[-_ ]\\s*(?:Li|Na|K))|L1[02]|L21|B[12]|A15|D[0O](?:3|19|22)|C1[45]|[ZW]B|WZ|Td"
    "|[HLR]T|[ORM]"
)
"""Kinds of structures that are named like elements: ``P2-Na2/3MnO2``, ``B2-NiAl``, ``O-BaTiO3``."""

_REWRITES: list[tuple[str, Replacement, str]] = [
    (r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]", "", _UNSEEN),
    (r"^\s*[\"'`]+|[\"'`]+\s*$|[$]|\\(?:mathrm|ce|rm|text|chem)\b", "", _MARKUP),
    (r"^([^_]*[A-Za-z0-9)\]])_(?=[0-9.]*\s*(?:H2O|D2O|NH3)$)", r"\1·", _JOINED),
    (r"(?i)</?(?:su[bp]|inf|b|i)>|(?<![0-9])_(?=\{?[0-9]+(?:\.[0-9]+)?[^0-9._]|\{?[0-9.]+$)", "", _MARKUP),
    (r"([_~])([0-9]+(?:\.[0-9]+)?)\1|\^[0-9]*[+-]\^", r"\2", _MARKUP),
    (r"\{([0-9./]+)\}", r"\1", _MARKUP),
    (r"^\{(.*)\}$", r"\1", _MARKUP),
    (r"(?<=[A-Za-z0-9)\]])(?<!\s[xX])\s+(?=[0-9][0-9./]*\s*[(\[]?(?:H2O|D2O|NH3))", "·", _JOINED),
    (r"(?<=[A-Za-z0-9)\]])\s*[-_:;,+]\s*(?=(?:[0-9][0-9./]*\s*)?[(\[]?(?:H2O|D2O|NH3))", "·", _JOINED),
    (r"[\u2027\u2024\u25cf\u25e6\u2218]", "·", _JOINED),
    (r"(?<=[0-9])\s*,\s*(?=[0-9])", ".", "a decimal comma is not read"),
    (
        rf"\(({_LISTED}(?:\s*,\s*{_LISTED})+)\)",
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
    (r"(?<=[A-Za-z0-9)\]])\s*[-_ ]\s*[(\[]?[0-9]+[HRCT][)\]]?\s*$", "", _PHASE),
    (r"(?<=[(\[])\s*[0-9]+(?=[A-Z][a-z]?[)\]])|\^\{?[0-9]+\}?(?=[A-Z])", "", _ISOTOPE),
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
    (rf"^\s*(?:(?:{_STRUCTURE})\s*[-_]\s*|[{_GREEK}][{_PRIME}]?)(?=[A-Z(\[])", "", _PHASE),
    (r"^.*(?:mol|at)\.?\s*%.*$", _without_percent, "shares of atoms or moles stand without their mark"),
    (r"(?<=[)\]])_?n\s*$", "", "a unit that is repeated n times has the composition of one"),
    (rf"\s*[-_ ,]?\s*[(\[][a-z{_GREEK}][\w{_PRIME} -]*[)\]]\s*$", "", _PHASE),
    (rf"\s*[-_ ,]\s*[a-z{_GREEK}][a-z{_GREEK}{_PRIME} -]*$|[{_GREEK}]$", "", _PHASE),
    (r"\s*[\u00d7\u2715]\s*(?=(?:[0-9.]+\s*)?[A-Z(])", "·", _JOINED),
    (r"\s+[xX]\s+(?=(?:[0-9.]+\s*)?[A-Z(])|\s*[xX]\s*(?=[0-9.]+\s*[A-Z(])", "·", _JOINED),
    (r"\.(?=[0-9]+/[0-9]+)", "·", _JOINED),
    (
        r"^\(([0-9]+(?:\.[0-9]+)?)\s*([A-Z][^()]*)\)(?=\()|(?<=\))\(([0-9]+(?:\.[0-9]+)?)\s*([A-Z][^()]*)\)",
        _number_behind,
        "a number stands behind its brackets",
    ),
    (r"^\s*[0-9.]+\s*[A-Z(\[].*$", _coefficients_joined, _JOINED),
    (r"(?<=[A-Z]|[a-z])([0-9]+(?:\.[0-9]+)?)\s*(-)\s*(0?\.[0-9]+)(?=[A-Z][a-z]?\3(?![0-9]))", _worked_out, _SUM),
    (
        r"^([A-Z(\[][^-]*?)\s*-\s*(0?\.[0-9]+)\s*([A-Z(\[][^-]*)$",
        _rest_worked_out,
        "parts that add up to 1 are joined by a middle dot",
    ),
    (r"^[A-Z(\[].*$", lambda found: re.sub(r"\s*-\s*(?=[A-Z(\[])", "·", found[0]), _JOINED),
    (
        r"^.*\+.*$",
        _without_states,
        _STATES,
    ),
    (
        r"(?<=[A-Za-z)\]])\(?([0-9]+(?:\.[0-9]+)?)\s*([+-])\s*([0-9]*\.[0-9]+)\)?(?=\s*$)",
        _worked_out,
        _SUM,
    ),
    (r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+", _decimal, "or the number is written out"),
    (r"(?<=[A-Za-z0-9)\]])([+-])([1-9])\s*$", r"^\2\1", "a charge has its sign last"),
    (r"[A-Z][a-z]?0(?:\.0*)?(?![0-9.])", "", "an element of amount 0 is left out"),
    (r"(?<=[A-Za-z0-9)\]])\s*[.,;:!?]+\s*$|^\s*[.,;:]+", "", "a mark at the end is not part of a formula"),
    (r"^\s*[0-9]+(?:\.[0-9]+)?\s*(?=[A-Z(\[])", "", "a number before it all counts units or nucleons, and is left out"),
]
_RULES = [Rule(re.compile(pattern), replacement, reason) for pattern, replacement, reason in _REWRITES]

_VARIABLE = re.compile(
    r"[0-9)\]]\s*[-+\u00b1]\s*(?:[0-9.]*[xyzdnmw\u03b4])\s*$|[0-9]\s*[-+\u00b1]\s*[xyz\u03b4](?![a-z])"
)
_UNKNOWN = re.compile(r"(?:[A-Z][a-z]?|[0-9)\]·.])([xz]|(?<!D)y)(?![a-z0-9.])|[·.]\s*(n)(?=[A-Z(])")
"""A letter in the place of an amount. No symbol ends in x or z, and only that of dysprosium in y."""

_SHARE = re.compile(r"%|\bwt\b|\bvol\b")
_DOPANT = re.compile(r":\s*[0-9.%]*\s*[A-Z]")
_PLACEHOLDER = re.compile(r"(?:Ln|RE|R|M|X|A|L|Q|E|G|J|Z)(?![a-z])")


def advice(text: str, refusal: Refusal, readable: Callable[[str], bool]) -> Refusal:
    """Return a refusal that says what to write, or the one given where nothing helps.

    Args:
        text: a formula that cannot be read.
        refusal: why, as the reader says.
        readable: whether a formula can be read.
    """
    normal = _normal(text) if len(text) <= 200 else text
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
    if _SHARE.search(text):
        share = "a share by weight, volume or percent has to be turned into amounts of atoms"
        return Refusal(refusal.position, f"{refusal.reason}; {share}")
    if _DOPANT.search(text):
        amount = "say how much of a dopant there is: Zn0.98Al0.02O, not ZnO:Al"
        return Refusal(refusal.position, f"{refusal.reason}; {amount}")
    name = refusal.reason.split('"')[1] if refusal.reason.endswith(" is not an element") else ""
    if _PLACEHOLDER.fullmatch(name) and re.search("[a-z]", text):
        return Refusal(refusal.position, f'"{name}" is not an element; if it stands for one, write that one')
    return refusal


def _normal(text: str) -> str:
    """Return a text with the plain form of its characters: full width, ``&middot;``, ``1½``."""
    mixed = re.sub(
        r"(?<=[0-9])[\u00bc-\u00be\u2150-\u215e]", lambda found: f"{unicodedata.numeric(found[0]):.6g}"[1:], text
    )
    return unicodedata.normalize("NFKC", html.unescape(mixed)).replace("\u2044", "/")


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
        return changed, [*reasons, f"{', '.join(groups_in(text))} is written out"]
    return None
