"""Text from elsewhere made safe to show: what could control a terminal or reverse a line is spelled out."""

from __future__ import annotations

import re

_STEERING = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, such as the escape that begins terminal codes
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks and overrides of the direction of writing
    r"\u2028\u2029\ufeff\ufff9-\ufffb"  # separators of lines, byte order marks, annotations
    r"\ud800-\udfff"  # halves of characters, which cannot be encoded
)
_FORBIDDEN = re.compile(f"[{_STEERING}]")


def is_plain(text: str) -> bool:
    """Whether a text has no control characters except tabs and line breaks, and can be encoded."""
    return _FORBIDDEN.search(text) is None


def printable(text: str) -> str:
    r"""Return a text in which everything that `is_plain` refuses is spelled out, such as ``\x1b`` or ``\u202e``."""
    return _FORBIDDEN.sub(lambda found: _spelled(ord(found[0])), text)


def one_line(text: str) -> str:
    r"""Return a printable text with its tabs and line breaks spelled out too, such as ``\n``."""
    return printable(text).translate({9: "\\t", 10: "\\n", 13: "\\r"})


def shortened(text: str, limit: int = 60) -> str:
    """Return a printable text of at most `limit` characters."""
    shown = printable(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
