"""The text of a CIF as blocks of items: names in any case, values without quotes, a broken block by itself."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import cast

from gemmi import cif as gemmi_cif

from builders.sources.structures import Unusable

_UNKNOWN = frozenset(("", ".", "?"))
_HEADER = re.compile(r"^[ \t]*data_(\S*)", re.IGNORECASE)
_UNCERTAINTY = re.compile(r"\(\d*\)?$")
_ASIDE = re.compile(r"""(?<!\S)(?:'[^\n]*?'(?!\S)|"[^\n]*?"(?!\S)|\#.*)""")
"""Quoted values and remarks of a line."""

_STRANGE = re.compile(r"[^\t\r\n -~]")
_CIF2 = "#\\#CIF_2.0"
_LARGEST = 1e12
_OF_STRUCTURE = ("_cell", "_symmetry", "_space_group", "_atom_site", "_chemical_formula")
_CHECKED = (*_OF_STRUCTURE, "_atom_type", "_exptl_crystal_density")
"""How the names of items begin that are read; any other may be repeated."""

_ENDS = b"\0\x1a \t\r\n"
"""White space, and what old systems put behind the last line of a text file."""


class Block:
    """One data block.

    Names of items are asked for in lower case and with underscores only: ``_Cell_Length_A`` and ``_cell.length_a`` are
    ``_cell_length_a``. A value ``.`` or ``?`` is None.
    """

    def __init__(self, block: gemmi_cif.Block) -> None:
        self.name: str = block.name.strip()
        self._places: dict[str, tuple[gemmi_cif.Block, str]] = {}
        _drop_repetitions(block)
        for tag in _tags(block):
            self._add(tag, block)

    def _add(self, tag: str, block: gemmi_cif.Block) -> None:
        name = tag.lower().replace(".", "_").rstrip("_")
        if name in self._places and name.startswith(_CHECKED):
            other = self._places[name][1]
            if other.lower() == tag.lower() or list(block.find_values(other)) != list(block.find_values(tag)):
                raise Unusable("unreadable", f"{tag} stands there twice")
        self._places[name] = (block, tag)

    def inherit(self, other: Block) -> None:
        """Take what another block of the same file says and this one does not."""
        for name, place in other._places.items():
            self._places.setdefault(name, place)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def column(self, name: str) -> list[str | None] | None:
        """Return the values of an item, one for each row of its loop; None if the block does not have it."""
        place = self._places.get(name)
        if place is None:
            return None
        block, tag = place
        return [_plain(value) for value in block.find_values(tag)]

    def texts(self, name: str) -> list[str]:
        """Return the values of an item that are known."""
        return [value for value in self.column(name) or () if value is not None]

    def text(self, name: str) -> str | None:
        """Return the one value of an item; None if it is not known.

        Raises:
            Unusable: it has several that differ.
        """
        known = list(dict.fromkeys(self.texts(name)))
        if len(known) > 1:
            raise Unusable("unreadable", f"{name} has several values: {known[0]}, {known[1]}")
        return known[0] if known else None

    def number(self, name: str) -> float | None:
        """Return the one value of an item as a number; None if it is not known.

        Raises:
            Unusable: it is not a finite number.
        """
        text = self.text(name)
        return None if text is None else number_of(text, name)


def _drop_repetitions(block: gemmi_cif.Block) -> None:
    """Keep one of the items that say the same twice, or nothing the second time, as AMCSD writes its formula sum."""
    repeated: dict[str, list[gemmi_cif.Item]] = {}
    for item in block:
        if item.pair is not None:
            repeated.setdefault(cast(tuple[str, str], item.pair)[0].lower(), []).append(item)
    for items in [items for items in repeated.values() if len(items) > 1]:
        values = [_plain(cast(tuple[str, str], item.pair)[1]) for item in items]
        known = [value for value in values if value is not None]
        if len(set(known)) < 2:
            kept = values.index(known[0]) if known else 0
            for place, item in enumerate(items):
                if place != kept:
                    item.erase()


def _tags(block: gemmi_cif.Block) -> Iterator[str]:
    for item in block:
        if item.pair is not None:
            yield cast(tuple[str, str], item.pair)[0]
        elif item.loop is not None:
            yield from item.loop.tags
        elif item.frame is not None:
            _stop_at_structure(item.frame)


def _stop_at_structure(frame: gemmi_cif.Block) -> None:
    """What a save frame says of a crystal would be passed over."""
    for tag in _tags(frame):
        if tag.lower().startswith(_OF_STRUCTURE):
            raise Unusable("unsupported_feature", f'{tag} stands in the save frame "{frame.name}"')


def _plain(value: str) -> str | None:
    if value in _UNKNOWN:
        return None
    if value[0] in "'\";":
        value = gemmi_cif.as_string(value).strip()
    return None if value in _UNKNOWN else value


def number_of(text: str, name: str) -> float:
    """Return a number that may carry its standard uncertainty, such as ``5.64(2)``.

    Raises:
        Unusable: it is not a finite number.
    """
    try:
        value = float(_UNCERTAINTY.sub("", text))
    except ValueError as error:
        raise Unusable("unreadable", f'{name} is "{text[:40]}", which is not a number') from error
    if not math.isfinite(value) or abs(value) > _LARGEST or "_" in text:
        raise Unusable("not_finite", f"{name} is {text[:40]}")
    return value


def last_digit(text: str) -> float:
    """Return what one unit of the last digit of a number is worth: 0.01 for ``2.16(2)``, 1 at most, as for ``1e3``."""
    mantissa, _, exponent = _UNCERTAINTY.sub("", text).lower().partition("e")
    return 10.0 ** min(0, int(exponent or 0) - len(mantissa.partition(".")[2]))


def read_blocks(data: bytes) -> list[Block | tuple[str, Unusable]]:
    """Return the blocks of a file in order; for a block that cannot be read, its name and the fault.

    Raises:
        Unusable: there is not one block that can be read.
    """
    text = _decoded(data)
    try:
        return [_block(block) for block in gemmi_cif.read_string(text, check_level=0)]
    except (ValueError, RuntimeError, IndexError) as error:
        pieces, fault = _pieces(text), Unusable("unreadable", _message(error, text))
        if len(pieces) < 2:
            raise fault from error
    found = [found for name, piece in pieces for found in _read_piece(name, piece)]
    if not any(isinstance(block, Block) for block in found):
        raise next((block[1] for block in found if not isinstance(block, Block)), fault)
    return found


def _block(block: gemmi_cif.Block) -> Block | tuple[str, Unusable]:
    try:
        return Block(block)
    except Unusable as fault:
        return block.name.strip(), fault


def _read_piece(name: str, text: str) -> list[Block | tuple[str, Unusable]]:
    try:
        return [_block(block) for block in gemmi_cif.read_string(text, check_level=0)]
    except (ValueError, RuntimeError, IndexError) as error:
        fault = Unusable("unreadable", f'block "{name}": {_message(error, text)}')
        if "_atom_site" in text.lower():
            return [(name, fault)]
        if any(tag in text.lower() for tag in ("_symmetry_", "_space_group_")):
            raise fault from error  # what holds for the crystals of the other blocks is not known
        return []


def _message(error: Exception, text: str) -> str:
    """What the parser says, and what it does not: a character or a version of the format that it cannot read."""
    said = re.sub(r"^string:", "line ", str(error))
    if "unterminated '" in said or 'unterminated "' in said:
        return f"{said}: only a quote before a space or the end of a line ends a value"
    if strange := _strange(text):
        line, character = strange
        name = unicodedata.name(character, "a control character")
        return f"line {line} has U+{ord(character):04X} ({name}) outside of quotes; {said}"
    if text.startswith(_CIF2):
        return f"it is CIF 2.0, whose lists, tables and triple quotes are not read; {said}"
    return said


def _strange(text: str) -> tuple[int, str] | None:
    """Return the first character outside of quotes, text fields and remarks that CIF does not have, and its line."""
    in_field = False
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith(";"):
            in_field = not in_field
        elif not in_field and (found := _STRANGE.search(_ASIDE.sub("", line))):
            return number, found[0]
    return None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    data = data.rstrip(_ENDS) + b"\n"
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _pieces(text: str) -> list[tuple[str, str]]:
    """Cut a text at its block headers, those inside of text fields apart."""
    pieces: list[tuple[str, list[str]]] = []
    in_field = False
    for line in text.splitlines(keepends=True):
        header = None if in_field else _HEADER.match(line)
        if header:
            pieces.append((header[1], []))
        elif line.startswith(";"):
            in_field = not in_field
        if pieces:
            pieces[-1][1].append(line)
    return [(name, "".join(lines)) for name, lines in pieces]
