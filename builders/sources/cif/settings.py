"""Every setting of the space groups by number, name and Hall symbol: spglib's 530, and what gemmi's table adds."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gemmi
import numpy as np
import spglib

from builders.sources.cif.operations import DENOMINATOR, Operations, from_gemmi

_MARKUP = re.compile(r"</?su[bp]>|[\s_~\"'\\]", re.IGNORECASE)
_BRACKETED_SCREW = re.compile(r"(?<=\d)\((\d)\)")
_REMARK = re.compile(r"[({\[]([^)}\]]*)[)}\]]")
_REMARKS = {
    "originchoice1": "1",
    "originchoice2": "2",
    "originchoice:1": "1",
    "originchoice:2": "2",
    "origin1": "1",
    "origin2": "2",
    "hexagonalaxes": "h",
    "hexagonal": "h",
    "rhombohedralaxes": "r",
    "rhombohedral": "r",
}
_LETTERS = {"s": "1", "z": "2", "h": "h", "r": "r"}


@dataclass(frozen=True, eq=False)
class Setting:
    """One description of a space group.

    Attributes:
        number: of the space group in the International Tables.
        code: of the setting among those of its number, lower case, such as ``2``, ``h``, ``b2``, ``2cab``.
        name: as the International Tables write it.
        operations: what it consists of.
    """

    number: int
    code: str
    name: str
    operations: Operations

    @property
    def label(self) -> str:
        """For people: name, and code where there is one."""
        return f"{self.name} :{self.code}" if self.code else self.name


@dataclass(frozen=True)
class Name:
    """What a Hermann-Mauguin name says.

    Attributes:
        settings: all that it may mean.
        is_short: it is monoclinic and does not say which axis is unique.
        is_exact: it states its setting or origin.
    """

    settings: tuple[Setting, ...]
    is_short: bool = False
    is_exact: bool = False


@dataclass(frozen=True)
class Table:
    """All settings, and how to find them."""

    settings: tuple[Setting, ...]
    by_name: dict[str, tuple[Setting, ...]]
    by_number: dict[int, tuple[Setting, ...]]
    by_key: dict[frozenset[int], Setting]
    short: frozenset[str]


@lru_cache(maxsize=1)
def table() -> Table:
    """Return the table, made at the first call in about 30 ms."""
    names: dict[str, list[Setting]] = {}
    by_key: dict[frozenset[int], Setting] = {}
    by_number: dict[int, list[Setting]] = {}
    short: set[str] = set()

    def add(setting: Setting, spellings: set[str]) -> None:
        for spelling in spellings:
            there = names.setdefault(normal(spelling), [])
            if setting not in there:
                there.append(setting)

    for hall in range(1, 531):
        kind = _quietly(spglib.get_spacegroup_type, hall)
        monoclinic = 3 <= kind.number <= 15
        name = (kind.international_full if monoclinic else kind.international).replace("_", "")
        setting = Setting(kind.number, kind.choice.lower(), name, _of_spglib(hall))
        by_key.setdefault(setting.operations.key, setting)
        by_number.setdefault(setting.number, []).append(setting)
        add(setting, _spellings(setting, kind.international_full))
        if monoclinic:
            short.add(normal(_without_ones(setting.name)))
    for group in gemmi.spacegroup_table():
        operations = from_gemmi(group.operations())
        there = by_key.get(operations.key)
        if there is None:
            there = Setting(group.number, _code_of(group), group.hm, operations)
            by_key[operations.key] = there
        add(there, _spellings(there, group.hm))
    return Table(
        tuple(by_key.values()),
        {name: tuple(found) for name, found in names.items()},
        {number: tuple(found) for number, found in by_number.items()},
        by_key,
        frozenset(short),
    )


def _of_spglib(hall: int) -> Operations:
    found = _quietly(spglib.get_symmetry_from_database, hall)
    return Operations(found["rotations"], np.rint(found["translations"] * DENOMINATOR))


def _code_of(group: gemmi.SpaceGroup) -> str:
    return (group.ext if group.ext != "\0" else "").lower() + group.qualifier.lower()


def _without_ones(name: str) -> str:
    lattice, *axes = name.split()
    return " ".join([lattice, *(axis for axis in axes if axis != "1")])


def _spellings(setting: Setting, other: str) -> set[str]:
    found = {setting.name, other.replace("_", "")}
    if 3 <= setting.number <= 15:
        found |= {_without_ones(name) for name in found}
    if setting.number >= 195:
        found |= {name.replace("-3", "3") for name in found}
    if setting.number in (39, 41, 64):  # a double glide plane had the letter of either before 1992
        found |= {name.replace("e", letter) for name in found for letter in "abc"}
    return found


def normal(name: str) -> str:
    """Return a name without what people write in different ways: spaces, underscores, case, markup, ``2(1)``."""
    return _MARKUP.sub("", _BRACKETED_SCREW.sub(r"\1", name)).lower()


@lru_cache(maxsize=4096)
def find_name(text: str) -> Name | None:
    """Return what a Hermann-Mauguin name may mean; None if it is not known."""
    name, code, number = _taken_apart(text)
    known = table().by_name.get(name)
    if known is None and not code and name[-1:] in _LETTERS:
        code, known = _LETTERS[name[-1]], table().by_name.get(name[:-1])
        name = name[:-1]
    if known is None or (number is not None and all(setting.number != number for setting in known)):
        return None
    if not code:
        return Name(known, is_short=name in table().short)
    chosen = of_code(known, code)
    return Name(chosen, is_exact=True) if chosen else None


def of_code(settings: Iterable[Setting], code: str) -> tuple[Setting, ...]:
    """Return the settings that a code names: ``2``, ``h``, ``b2``, ``2cab``; a digit alone may be the origin only."""
    settings = tuple(settings)
    code = code.removesuffix("abc")
    exact = tuple(setting for setting in settings if setting.code == code)
    if exact or code not in ("1", "2"):
        return exact
    return tuple(setting for setting in settings if setting.code.startswith(code))


def _taken_apart(text: str) -> tuple[str, str, int | None]:
    """Return the name alone, the code of its setting, and the number that stands beside it."""
    code, number = "", None
    text = _BRACKETED_SCREW.sub(r"\1", text)
    for remark in _REMARK.findall(text):
        plain = normal(remark).removeprefix("no.").removeprefix("#")
        if plain.isdecimal() and len(plain) <= 3:
            number = int(plain)
        else:
            code = _REMARKS.get(plain, "?")
    name, _, after = _REMARK.sub("", text).partition(":")
    after = normal(after)
    return normal(name), _LETTERS.get(after, after) or code, number


@lru_cache(maxsize=4096)
def find_hall(text: str) -> Operations | None:
    """Return the operations of a Hall symbol; None if it is none."""
    try:
        return from_gemmi(gemmi.symops_from_hall(text.replace("_", " ").strip()))
    except (ValueError, RuntimeError):
        return None


@lru_cache(maxsize=256)
def number_of_key(key: frozenset[int], operations: Operations) -> int | None:
    """Return the number of the space group that operations are; None if spglib does not know."""
    setting = table().by_key.get(key)
    if setting is not None:
        return setting.number
    rotations = operations.rotations.astype("intc")
    kind = _quietly(spglib.get_spacegroup_type_from_symmetry, rotations, operations.translations)
    return None if kind is None else int(kind.number)


def _quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call spglib without its notice that its way of telling faults will change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return function(*arguments)
