"""One hash that identifies whatever is made from plain values."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def identity_of(*parts: Any) -> str:
    """Return the SHA-256 of JSON values, equal for equal values in any order of keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
