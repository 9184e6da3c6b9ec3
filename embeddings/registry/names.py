"""Names that mislead: those that leave their folder, and those that look like another's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from embeddings.store.manifest import FileName

_FILE = get_args(FileName)[1:]
_LOOKS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""))


def is_file_name(text: str) -> bool:
    """Whether a text is a plain file name inside a version's folder."""
    return all(constraint.allows(text) for constraint in _FILE)


def look_alike(name: str, known: Iterable[str]) -> str | None:
    """Return the first known name that a reader could take this one for, as ``ct-mu1ti`` for ``ct-multi``."""
    shape = _shape(name)
    return next((other for other in known if other != name and _shape(other) == shape), None)


def _shape(name: str) -> str:
    """Return what a hasty reader sees: similar characters are one, and so are doubled ones."""
    for seen, meant in _LOOKS:
        name = name.replace(seen, meant)
    return "".join(c for i, c in enumerate(name) if i == 0 or name[i - 1] != c or c.isdigit())
