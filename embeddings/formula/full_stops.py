"""The full stop: a decimal point in ``La0.7Sr0.3MnO3``, a separator in ``CuSO4.5H2O``, and which of them when.

A stop before a capital letter joins parts. A number such as ``3.6`` is an amount, unless what stands before its stop
and what stands after it are both whole compounds; then there are two readings, and both are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from embeddings.formula.reader import SEPARATOR
from embeddings.formula.refusal import Refusal

Read = Callable[[str], "dict[str, float] | None"]
"""The amounts of a piece of a formula, or None where it cannot be read."""

_CANDIDATE = re.compile(r"[A-Za-z)\]}]\s*[1-9][0-9]*(?P<stop>\.)[1-9][0-9]*(?:/[0-9]+)?(?=\s*[A-Z(\[{])")
_SEVERAL = re.compile(r"(?P<before>[0-9]*)(?:\.\.+|\.(?P<middle>[0-9]+)\.)(?P<after>[0-9]+)(?=\s*[A-Z(\[{])")
_NO_DIGIT = re.compile(r"(?<![0-9])\.\s*(?=[0-9])")
_SPACED = re.compile(r"(?:\s+\.\s*|\.\s+)(?=[0-9])")
_ONE_WRITTEN = re.compile(r"[A-Za-z]1(?![0-9.])")  # tables of amounts write the 1, names of compounds do not
_NONMETALS = frozenset("H C N O F P S Cl Se Br I".split())
_MAX_NAMED = 4

_STATES = {
    "Li Na K Rb Cs Ag": (1, 1),
    "Be Mg Ca Sr Ba Ra Zn Cd": (2, 2),
    "Al Sc Y La Nd Pm Gd Dy Ho Er Lu Ga B Bi": (3, 3),
    "Ce Pr Tb": (3, 4),
    "Sm Eu Tm Yb Fe Co Ni": (2, 3),
    "Si Ge Zr Hf Th": (4, 4),
    "Cu Hg": (1, 2),
    "In Tl Au": (1, 3),
    "Sn Pb Pd Pt": (2, 4),
    "Ti": (2, 4),
    "V": (2, 5),
    "Nb Ta": (4, 5),
    "Cr Mo W": (2, 6),
    "U": (3, 6),
    "Mn Re": (2, 7),
    "Rh Ir Ru Os": (2, 6),
    "O": (-2, -2),
    "F": (-1, -1),
    "H": (-1, 1),
    "Cl Br I": (-1, 7),
    "S Se Te": (-2, 6),
    "N P As Sb": (-3, 5),
    "C": (-4, 4),
}
_STATE = {symbol: bounds for symbols, bounds in _STATES.items() for symbol in symbols.split()}


def refuse_unclear_stops(text: str, read: Read) -> None:
    """Refuse full stops that can be read in two ways.

    Raises:
        Refusal: with a spelling for each reading.
    """
    if "." not in text:
        return
    _refuse_several(text)
    splits = [] if not _CANDIDATE.search(text) else _splits(text, read)
    if splits:
        chosen = [set(splits), *({split} for split in splits if len(splits) > 1)]
        spellings = [_spelled(text, splits, some) for some in [*chosen[: _MAX_NAMED - 1], set()]]
        spellings += [_all_parts(text)] if _NO_DIGIT.search(text) else []
        reason = "its full stop has two readings, as a decimal point and between two parts"
        raise Refusal(splits[0] + 1, reason, spellings)
    _refuse_no_digit(text, read)


def _refuse_several(text: str) -> None:
    """Refuse ``CaSO4.0.5H2O`` and ``CuSO4..5H2O``."""
    found = _SEVERAL.search(text)
    if not found:
        return
    before, middle, after = found["before"], found["middle"], found["after"]
    head, tail = text[: found.start()], text[found.end() :]
    if middle is None:
        spellings = [f"{head}{before}·{after}{tail}", f"{head}{before}·0.{after}{tail}"]
        raise Refusal(found.start() + len(before), "two full stops in a row have two readings", spellings)
    spellings = [f"{head}{before}·{middle}.{after}{tail}", f"{head}{before}.{middle}·{after}{tail}"]
    reason = "a number with two full stops has two readings"
    raise Refusal(found.start() + len(before), reason, spellings if before else spellings[:1])


def _refuse_no_digit(text: str, read: Read) -> None:
    """Refuse ``Ba.4K.6Fe2As2`` and ``CuSO4 . 5H2O``: a stop without a digit directly before or after it."""
    found = _SPACED.search(text) or _NO_DIGIT.search(text)
    if not found:
        return
    joined = _SPACED.sub("·", text)
    parts, decimal = _NO_DIGIT.sub("·", joined), _NO_DIGIT.sub("0.", text)
    bracketed = f"({decimal[: found.start()]}" + re.sub(r"^(0\.[0-9]+)", r"\1)", decimal[found.start() :])
    reason = "a full stop without a digit before it is a decimal point (0.) or joins two parts (·)"
    spellings = [_all_parts(text), parts, bracketed, decimal] if _are_compounds(_all_parts(text), read) else [decimal]
    raise Refusal(text.index(".", found.start()), reason, spellings)


def _are_compounds(text: str, read: Read) -> bool:
    """Whether every part that can be read alone is of several elements in whole amounts; ``5Na`` is no part."""
    found = [read(re.sub(r"^\s*[0-9]+", "", part)) for part in text.split("·")]
    return all(part is None or (len(part) > 1 and _whole(part)) for part in found)


def _all_parts(text: str) -> str:
    """Return a formula with every stop that may join parts as a dot: ``3CaO·2SiO2·3H2O``."""
    parts = _NO_DIGIT.sub("·", _SPACED.sub("·", text))
    stops = {match.start("stop") for match in _CANDIDATE.finditer(parts)}
    return "".join("·" if position in stops else character for position, character in enumerate(parts))


def _splits(text: str, read: Read) -> list[int]:
    """Return the positions of the stops in numbers that may join two compounds."""
    joined = any(text[match.start()] == "." for match in SEPARATOR.finditer(text))
    found: list[int] = []
    for stops, cuts, end in _levels(text):
        edge = end
        for stop in reversed(stops):
            after = min([cut for cut in [*cuts, edge] if cut > stop])
            starts = [cut + 1 for cut in cuts if cut < stop], [other + 1 for other in stops if other < stop]
            before = {max(starts[0])} | {max([*starts[0], *starts[1]])}
            if _joins(text[stop + 1 : after], [text[start:stop] for start in before], joined, read):
                found.append(stop)
                edge = stop
    return sorted(found)


def _levels(text: str) -> Iterator[tuple[list[int], list[int], int]]:
    """Yield, for each bracket that holds candidates, their stops, what cuts them (a start, dots) and the end."""
    candidates = {match.start("stop") for match in _CANDIDATE.finditer(text)}
    dots = {match.start() for match in SEPARATOR.finditer(text)}
    open_levels: list[tuple[list[int], list[int]]] = [([], [-1])]
    for position, character in enumerate(text):
        if character in "([{":
            open_levels.append(([], [position]))
        elif character in ")]}" and len(open_levels) > 1:
            stops, cuts = open_levels.pop()
            yield stops, cuts, position
        elif position in candidates:
            open_levels[-1][0].append(position)
        elif position in dots:
            open_levels[-1][1].append(position)
    for stops, cuts in open_levels:
        yield stops, cuts, len(text)


def _joins(after: str, befores: list[str], joined: bool, read: Read) -> bool:
    """Whether a stop may join what stands after it to what stands before it."""
    if _ONE_WRITTEN.search(after):
        return False
    right = read(re.sub(r"^\s*[0-9]+(?:\.[0-9]+|/[0-9]+)?", "", after))
    if right is None or len(right) < 2 or not _whole(right):
        return False
    if right.keys() <= _NONMETALS and "H" in right:
        return True  # water, ammonia, hydrogen chloride, methanol
    lefts = [left for before in befores if (left := read(re.sub(r"^\s*[0-9]+(?=[A-Z(\[{])", "", before)))]
    return any(len(left) > 1 and _whole(left) and (joined or (balanced(left) and balanced(right))) for left in lefts)


def _whole(amounts: dict[str, float]) -> bool:
    return all(amount.is_integer() for amount in amounts.values())


def balanced(amounts: dict[str, float]) -> bool:
    """Whether common oxidation numbers can add up to zero."""
    if not amounts.keys() <= _STATE.keys():
        return False
    low, high = (sum(_STATE[symbol][side] * amount for symbol, amount in amounts.items()) for side in (0, 1))
    return low <= 0 <= high


def _spelled(text: str, splits: list[int], as_parts: set[int]) -> str:
    """Write a formula so that these stops join parts, and those of the other splits are decimal points."""
    spelled = ""
    done = 0
    for stop in splits:
        if stop in as_parts:
            spelled += text[done:stop] + "·"
            done = stop + 1
            continue
        end = re.compile(r"[0-9]+").match(text, stop + 1).end()  # type: ignore[union-attr]
        spelled += text[done:end]
        start = _part_start(spelled)
        spelled = f"{spelled[:start]}({spelled[start:]})"
        done = end
    return spelled + text[done:]


def _part_start(text: str) -> int:
    """Return where the last part begins, behind its coefficient."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        character = text[position]
        depth += (character in ")]}") - (character in "([{")
        dot = SEPARATOR.match(text, position)
        if depth < 0 or (depth == 0 and dot):
            return position + 1 + len(re.match(r"\s*(?:[0-9.]+(?=[A-Z(\[{]))?", text[position + 1 :])[0])  # type: ignore[index]
    return len(re.match(r"\s*(?:[0-9.]+(?=[A-Z(\[{]))?", text)[0])  # type: ignore[index]
