"""JSON that carries the hash of its own content, so that a changed byte is noticed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

SEAL = "seal"
"""The key under which the hash stands, last."""


def sealed(document: dict[str, Any], *, indent: int | None = None) -> str:
    """Return a JSON object with its seal, and a line feed."""
    separators = None if indent else (",", ":")
    content = json.dumps(document, indent=indent, separators=separators)
    seal = hashlib.sha256(content.encode()).hexdigest()
    return json.dumps(document | {SEAL: seal}, indent=indent, separators=separators) + "\n"


def unsealed(text: str, *, indent: int | None = None) -> dict[str, Any]:
    """Return the JSON object of a text that `sealed` wrote.

    Raises:
        ValueError: not a byte of it may differ, and one does.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict):
            document.pop(SEAL, None)
            if sealed(document, indent=indent) == text:
                return document
    except RecursionError:
        pass
    raise ValueError("its content does not fit its seal")
