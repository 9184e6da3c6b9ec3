"""Text for a terminal: nothing in it moves the cursor, changes colors or turns the direction of reading."""

from __future__ import annotations

import re

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return text with control characters, marks of direction and halves of characters written as ``\u001b``.

    Line feeds and tabs stay. In JSON the result means the same.
    """
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
