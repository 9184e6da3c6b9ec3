"""Which operations a block means: those that it lists, else those of its Hall symbol, its name, its number.

Everything that it says of its symmetry must agree; where what it says leaves several settings open, all are returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from builders.sources.cif.operations import (
    IDENTITY,
    MOST_OPERATIONS,
    Operations,
    differ_by_origin,
    distinct_operations,
    from_pairs,
    listed_operations,
)
from builders.sources.cif.settings import Name, Setting, find_hall, find_name, normal, number_of_key, of_code, table
from builders.sources.cif.text import Block
from builders.sources.structures import Unusable
from embeddings.display.numbers import counted

_LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAMES = (
    "_space_group_name_h-m_alt",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m",
    "_symmetry_space_group_name_h_m",
    "_space_group_name_h-m",
)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_CODE = "_space_group_it_coordinate_system_code"
_TRANSFORM = "_space_group_transform_pp_abc"
_MAGNETIC = ("_space_group_symop_magn_operation_xyz", "_space_group_symop_magn_centering_xyz")
_MODULATED = ("_cell_modulation_dimension", "_space_group_symop_ssg_operation_algebraic", "_space_group_ssg_name")
_MAGNETIC_NAMES = ("_space_group_magn_number_bns", "_space_group_magn_name_bns", "_space_group_magn_number_og")
_NO_STATEMENT = ("_space_group_id", "_symmetry_entry_id", "_space_group_symop_id", "_symmetry_equiv_pos_site_id")


@dataclass(frozen=True)
class Candidate:
    """Operations that a block may mean, and where they come from, for people."""

    operations: Operations
    label: str


@dataclass(frozen=True)
class _Said:
    """What a block says of its symmetry; None or empty where it says nothing.

    Attributes:
        hall: operations of its Hall symbol, and the symbol.
        names: text -> what it may mean.
        unknown: names and symbols that no table has.
        number: of the space group.
        code: of the setting.
    """

    hall: tuple[str, Operations] | None
    names: dict[str, Name]
    unknown: tuple[str, ...]
    number: int | None
    code: str | None


def candidates(block: Block, metric: np.ndarray) -> list[Candidate]:
    """Return the operations that a block may mean and its cell allows.

    Args:
        block: of a crystal.
        metric: (3, 3), products of the vectors of its cell.

    Raises:
        Unusable: what it says is not known, contradicts itself, or does not fit the cell.
    """
    if any(block.texts(name) not in ([], ["0"]) for name in _MODULATED):
        raise Unusable("unknown_setting", "it is a modulated structure: its atoms do not repeat with the cell")
    listed = _listed(block)
    if block.texts(_MAGNETIC[0]):
        return _fitting([Candidate(_magnetic(block), "the magnetic operations that it lists")], metric)
    if any(block.texts(name) for name in _MAGNETIC_NAMES) and listed is None:
        raise Unusable("unknown_setting", "it names a magnetic space group and lists no operations")
    said = _said(block)
    if listed is not None:
        _compare(f"the {counted(len(listed), 'operation')} that it lists", listed, said, any_origin=True)
        return _fitting([Candidate(listed, "the operations that it lists")], metric)
    if said.hall is not None:
        _compare(f'the Hall symbol "{said.hall[0]}"', said.hall[1], said)
        return _fitting([Candidate(said.hall[1], f'Hall symbol "{said.hall[0]}"')], metric)
    if said.unknown:
        raise Unusable("unknown_setting", f'"{said.unknown[0]}" is in no table of space groups')
    if not said.names and said.number is None:
        return [Candidate(_nothing_said(block), "no symmetry")]
    if (block.text(_TRANSFORM) or "a,b,c;0,0,0").replace(" ", "") != "a,b,c;0,0,0":
        raise Unusable("unknown_setting", f"{_TRANSFORM} is {block.text(_TRANSFORM)}, and no operations are listed")
    return _conventional(_fitting(_of_settings(said), metric), said)


def _listed(block: Block) -> Operations | None:
    found = [listed_operations(tuple(texts)) for name in _LISTED if (texts := block.texts(name))]
    if len(found) == 2 and found[0].key != found[1].key:
        raise Unusable("setting_disagrees", f"{_LISTED[0]} and {_LISTED[1]} list different operations")
    return found[0] if found else None


def _magnetic(block: Block) -> Operations:
    """Every operation with every centering, the reversal of time left out: all atoms of the magnetic cell.

    Neither list alone has to be a group: the square of a glide may be a centering.
    """
    operations, centerings = (
        from_pairs(distinct_operations(_without_time(text) for text in block.texts(name) or ["x,y,z"]))
        for name in _MAGNETIC
    )
    rotations = np.einsum("cij,njk->cnik", centerings.rotations, operations.rotations)
    shifts = np.einsum("cij,nj->cni", centerings.rotations, operations.shifts) + centerings.shifts[:, None]
    every = np.concatenate([rotations.reshape(-1, 9), shifts.reshape(-1, 3) % 24], axis=1)
    _, first = np.unique(every, axis=0, return_index=True)
    if len(first) > MOST_OPERATIONS:
        raise Unusable("too_large", f"{len(first):,} symmetry operations; the limit is {MOST_OPERATIONS}")
    distinct = every[np.sort(first)]
    found = Operations(distinct[:, :9], distinct[:, 9:])
    if found.quotients is None:
        raise Unusable("setting_disagrees", "the magnetic operations that it lists are not a group")
    return found


def _without_time(text: str) -> str:
    return ",".join(text.split(",")[:3])


def _said(block: Block) -> _Said:
    names, unknown, halls = dict[str, Name](), list[str](), dict[str, Operations]()
    for text in dict.fromkeys(text for tag in _NAMES if (text := block.text(tag))):
        meaning = find_name(text)
        if meaning is None:
            unknown.append(text)
        else:
            names[text] = meaning
    for text in dict.fromkeys(text for tag in _HALL if (text := block.text(tag))):
        operations = find_hall(text)
        if operations is None:
            unknown.append(text)
        else:
            halls[text] = operations
    if len({operations.key for operations in halls.values()}) > 1:
        raise Unusable("setting_disagrees", f"two Hall symbols that differ: {' and '.join(halls)}")
    return _Said(next(iter(halls.items()), None), names, tuple(unknown), _number(block), _code(block))


def _number(block: Block) -> int | None:
    found = {text for tag in _NUMBERS if (text := block.text(tag))}
    if len(found) > 1:
        raise Unusable("setting_disagrees", f"two space group numbers: {' and '.join(sorted(found))}")
    text = next(iter(found), None)
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text[:9]) <= 230:
        raise Unusable("unknown_setting", f"{text[:20]} is not a space group number")
    return int(text)


def _code(block: Block) -> str | None:
    text = block.text(_CODE)
    return normal(text) if text else None


def _compare(what: str, operations: Operations, said: _Said, *, any_origin: bool = False) -> None:
    """Stop if operations are not those of the Hall symbol, the names and the number beside them."""
    if said.hall is not None and said.hall[1].key != operations.key:
        raise Unusable("setting_disagrees", f'{what} are not those of the Hall symbol "{said.hall[0]}"')
    for text, meaning in said.names.items():
        if not any(_agree(operations, setting, meaning, any_origin=any_origin) for setting in meaning.settings):
            there = ", ".join(f"{setting.label} has {len(setting.operations)}" for setting in meaning.settings[:2])
            raise Unusable("setting_disagrees", f'{what} are not those of "{text}" ({there})')
    if said.number is not None:
        number = number_of_key(operations.key, operations)
        if number != said.number:
            raise Unusable("setting_disagrees", f"{what} are those of space group {number}, not {said.number}")


def _agree(operations: Operations, setting: Setting, meaning: Name, *, any_origin: bool) -> bool:
    if operations.key == setting.operations.key:
        return True
    if not any_origin or meaning.is_exact:
        return False
    is_other_cell = len(operations) != len(setting.operations)  # a primitive, or a larger one with translations inside
    if is_other_cell or _is_of_type(meaning, setting):
        return number_of_key(operations.key, operations) == setting.number
    return differ_by_origin(operations, setting.operations)


def _is_of_type(meaning: Name, setting: Setting) -> bool:
    """True if a name is that of the group in any axes, too: ``Pmm2`` and ``P2_1/c``, not ``P21/n`` or ``P 1 21/c 1``.

    SHELX files, pymatgen (``refine_struct=False``) and all who write spglib's name have it beside operations that are
    those of the axes.
    """
    is_monoclinic = 3 <= setting.number <= 15
    return setting is table().by_number[setting.number][0] and (meaning.is_short or not is_monoclinic)


def _of_settings(said: _Said) -> list[Candidate]:
    """The settings that all names, the number and the code allow."""
    remaining = list(table().by_number[said.number]) if said.number is not None and not said.names else None
    for meaning in said.names.values():
        keys = {setting.operations.key for setting in meaning.settings}
        kept = [s for s in (meaning.settings if remaining is None else remaining) if s.operations.key in keys]
        if not kept:
            raise Unusable("setting_disagrees", f"its names of the space group differ: {', '.join(said.names)}")
        remaining = kept
    named = ", ".join(said.names) or f"space group {said.number}"
    if said.number is not None:
        remaining = [setting for setting in remaining or () if setting.number == said.number]
        if not remaining:
            raise Unusable("setting_disagrees", f"the number is {said.number}, which is not that of {named}")
    is_only = said.code == "1" and len(remaining or ()) == 1  # as EasyDiffraction writes it for every group
    if said.code and not is_only:
        remaining = list(of_code(remaining or (), said.code))
        if not remaining:
            raise Unusable("unknown_setting", f"the code of the setting is {said.code}, which {named} does not have")
    distinct = {setting.operations.key: setting for setting in reversed(remaining or [])}
    return [Candidate(setting.operations, setting.label) for setting in reversed(distinct.values())]


def _fitting(found: Iterable[Candidate], metric: np.ndarray) -> list[Candidate]:
    """The candidates that leave the cell as it is."""
    found = list(found)
    fitting = [candidate for candidate in found if candidate.operations.fit_cell(metric)]
    if not fitting:
        labels = " or ".join(candidate.label for candidate in found[:3])
        raise Unusable("setting_disagrees", f"the lengths and angles of the cell do not have the symmetry of {labels}")
    return fitting


def _conventional(found: list[Candidate], said: _Said) -> list[Candidate]:
    """A short monoclinic name means the unique axis b wherever the cell allows it, else c."""
    if len(found) < 2 or not any(meaning.is_short for meaning in said.names.values()) or said.code:
        return found
    keys = {
        letter: {
            setting.operations.key
            for meaning in said.names.values()
            for setting in meaning.settings
            if setting.code.lstrip("-")[:1] == letter
        }
        for letter in "bc"
    }
    for letter in "bc":
        kept = [candidate for candidate in found if candidate.operations.key in keys[letter]]
        if kept:
            return kept
    return found


def _nothing_said(block: Block) -> Operations:
    """The identity, if the block really says nothing of a symmetry."""
    name = symmetry_item(block)
    if name:
        raise Unusable("unknown_setting", f"{name} is {block.texts(name)[0][:40]}, without operations or a space group")
    return IDENTITY


def symmetry_item(block: Block) -> str | None:
    """Return the first item with which a block says anything of a symmetry, None if it says nothing."""
    for name in block:
        is_of_symmetry = name.startswith(("_symmetry_", "_space_group_"))
        if is_of_symmetry and name not in _NO_STATEMENT and name != _CODE and block.texts(name):
            return name
    return None
