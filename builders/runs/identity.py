"""The identity of what is made from plain values: one hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def identity_of(*parts: Any) -> str:
    """Return the SHA-256 of JSON values, the same for equal values whatever the order of their keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
