"""Lines of a JSON Lines file: the object on each, or what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


def as_json(value: Any) -> str:
    """Return a value as JSON, with letters as they are."""
    return json.dumps(value, ensure_ascii=False)


def object_of(text: str) -> dict[str, Any] | str:
    """Return the object on a line (empty for a blank line), or what is wrong with it."""
    if not text.strip():
        return {}
    try:
        row = json.loads(text, object_pairs_hook=without_repeats)
        if "\\u" in text:
            as_json(row).encode()
    except UnicodeEncodeError:
        return "The line has half of a character (a lone surrogate) in it."
    except (ValueError, RecursionError) as error:
        return f"The line is not JSON: {error}."
    return row if isinstance(row, dict) and row else f"The line holds {type(row).__name__}, not an object with keys."


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; as `object_pairs_hook`, it refuses one that has a key twice.

    Raises:
        ValueError: names the key.
    """
    row = dict(pairs)
    if len(row) < len(pairs):
        repeated = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        raise ValueError(f'the key "{repeated}" appears twice')
    return row
