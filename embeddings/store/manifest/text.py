"""The text of a manifest: JSON that can be read in one way only, and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from embeddings.display.text import shortened
from embeddings.errors import ManifestInvalid


def read_json(text: str) -> Any:
    """Return the document in the text of a manifest, whatever its fields.

    Raises:
        ManifestInvalid: not JSON, or JSON with repeated fields or with numbers that JSON does not have.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ManifestInvalid(f"The manifest is not valid JSON: {error}.") from error


def written(document: dict[str, Any]) -> str:
    """Return the text of a document: fields in order, indented by 2, a newline at the end."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def hash_of_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f'the field "{shortened(repeated)}" is there twice in one object')
    return document
