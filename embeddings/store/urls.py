"""What tells a URL from a path."""

from __future__ import annotations

SEPARATOR = "://"


def is_url(text: object) -> bool:
    """Whether this is the address of a place, and not a path."""
    return isinstance(text, str) and SEPARATOR in text
