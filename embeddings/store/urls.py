"""What tells a URL from a path."""

from __future__ import annotations

import re
from pathlib import PurePath

SEPARATOR = "://"

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+:")
"""How an address begins; the name of a drive has one letter."""


def is_url(text: object) -> bool:
    """Whether this is the address of a place, and not a path."""
    return isinstance(text, str) and SEPARATOR in text


def url_in(path: PurePath) -> str | None:
    """Return the address that was taken for a path, such as ``s3://bucket/a`` for ``s3:/bucket/a``; None for a path."""
    if not path.parts or not _SCHEME.fullmatch(path.parts[0]):
        return None
    return path.parts[0].rstrip(":") + SEPARATOR + "/".join(path.parts[1:])
