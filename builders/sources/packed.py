"""Structure files that were packed with gzip, bzip2 or xz, read as if they were not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from builders.structures.rejections import Unusable

PACKED = (".gz", ".bz2", ".xz")
"""Endings of files that are unpacked while they are read."""

NOT_UNPACKED = (".zst", ".zip", ".7z", ".rar", ".lz4", ".lzma", ".br", ".z")
"""Endings of other ways to pack a file, in small letters."""

ARCHIVES = (".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".txz", ".7z", ".rar")
"""Endings of files that hold other files, in small letters; a zip file may be a data set."""

_OPENERS: tuple[tuple[re.Pattern[bytes], Callable[[Any], Any]], ...] = (
    (re.compile(rb"\x1f\x8b"), gzip.open),
    (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), bz2.open),  # a comment may begin with BZh
    (re.compile(rb"\xfd7zXZ\x00"), lzma.open),
)
"""First bytes of a packed file, and what opens it; contents decide, not names."""

_OTHERS = {b"\x28\xb5\x2f\xfd": "Zstandard", b"PK\x03\x04": "zip", b"7z\xbc\xaf\x27\x1c": "7-Zip"}


def plain_name(name: str) -> str:
    """Return the name of a file without the ending of its packing."""
    return next((name[: -len(ending)] for ending in PACKED if name.lower().endswith(ending)), name)


def packed_otherwise(name: str) -> str | None:
    """Return the name of a file without the ending of a packing that is not undone here; None if it has none."""
    return next((name[: -len(ending)] for ending in NOT_UNPACKED if name.lower().endswith(ending)), None)


def unpacked(content: bytes, at_most: int) -> bytes:
    """Return the content of a file, unpacked if it is packed.

    Args:
        content: of the file.
        at_most: bytes that are unpacked; a small file can hold gigabytes of zeros.

    Raises:
        Unusable: it is damaged, larger than that, or packed in another way.
    """
    for start, kind in _OTHERS.items():
        if content.startswith(start):
            raise Unusable("packed", f"it is packed with {kind}")
    opener = next((opener for start, opener in _OPENERS if start.match(content)), None)
    if opener is None:
        return content
    try:
        with opener(BytesIO(content)) as file:
            found: bytes = file.read(at_most + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise Unusable("unreadable", f"it is packed, and damaged or cut: {error}") from error
    if len(found) > at_most:
        raise Unusable("too_large", f"more than {at_most:,} bytes once unpacked")
    return found
