"""What a BibTeX text says, as far as it can be read: enough to cite it in other formats.

Readers of BibTeX on the registries are larger than this library; a citation needs names, titles and years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"@\s*(?P<kind>[A-Za-z]+)\s*\{\s*(?P<key>[^\s,{}]*)\s*,")
_FIELD = re.compile(r"\s*,?\s*(?P<name>[A-Za-z][\w-]*)\s*=\s*")
_BARE = re.compile(r"[^\s,{}]+")


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        kind: such as ``"article"``, in lower case.
        fields: name in lower case -> text without its outer braces or quotes, on one line.
    """

    kind: str
    fields: dict[str, str]

    @property
    def authors(self) -> tuple[tuple[str, str], ...]:
        """Family and given names of each author; a name in braces, or of one word, has no given names."""
        stated = re.split(r"\s+and\s+", self.fields.get("author", ""))
        return tuple(_parts(name) for name in map(str.strip, stated) if name and name != "others")


def read_bibtex(text: str) -> list[Entry]:
    """Return the entries of a BibTeX text; what cannot be read is left out.

    Args:
        text: any.
    """
    return [Entry(head["kind"].lower(), dict(_fields(text, head.end()))) for head in _HEAD.finditer(text)]


def plain(text: str) -> str:
    """Return a value without the braces that keep the case of its letters."""
    return re.sub(r"(?<!\\)[{}]", "", text)


def _fields(text: str, at: int) -> Iterator[tuple[str, str]]:
    """Yield the fields of an entry from a place in the text on."""
    while found := _FIELD.match(text, at):
        value, at = _value(text, found.end())
        yield found["name"].lower(), " ".join(value.split())


def _value(text: str, at: int) -> tuple[str, int]:
    """Return a value in braces, in quotes or bare, and where it ends."""
    if text[at : at + 1] == '"':
        end = text.find('"', at + 1)
        return (text[at + 1 : end], end + 1) if end > 0 else ("", len(text))
    if text[at : at + 1] != "{":
        bare = _BARE.match(text, at)
        return (bare[0], bare.end()) if bare else ("", len(text))
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[at + 1 : place], place + 1
    return "", len(text)


def _parts(name: str) -> tuple[str, str]:
    """Return family and given names."""
    if name.startswith("{") and name.endswith("}"):
        return plain(name), ""
    family, comma, given = plain(name).partition(",")
    if comma:
        return family.strip(), given.strip()
    first, _, last = plain(name).rpartition(" ")
    return last, first.strip()
