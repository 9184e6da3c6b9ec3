"""Files of named tensors, read by the safetensors library and held to stricter rules than its own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from embeddings.errors import CatalogCorrupt

_TYPES = (np.float16, np.float32)
_FIELDS = {"dtype", "shape", "data_offsets"}
_METADATA = "__metadata__"


def read_tensors(content: bytes, *, where: object) -> dict[str, np.ndarray]:
    """Return the tensors of a file by name, read-only.

    Args:
        content: of the file.
        where: its path, for the message.

    Raises:
        CatalogCorrupt: the content is damaged, of another format, or holds other numbers than float16 and float32.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: dict[str, np.ndarray] = load(content)
        _check_header(_header(content))
        for name, tensor in tensors.items():
            if tensor.dtype not in _TYPES:
                raise ValueError(f"{name} holds {tensor.dtype} numbers, not float16 or float32")
            tensor.flags.writeable = False
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError) as error:
        advice = "Install or build this version again."
        raise CatalogCorrupt(f"{where} is not a file of tensors that can be read here ({error}). {advice}") from error
    return tensors


def read_metadata(content: bytes) -> dict[str, str]:
    """Return what a file of tensors says about itself: text by name. `read_tensors` has to accept the file first."""
    return _header(content).get(_METADATA) or {}


def _header(content: bytes) -> dict[str, Any]:
    """Return the JSON at the beginning of a file, which the library checks and does not hand out."""
    header: dict[str, Any] = json.loads(
        content[8 : 8 + int.from_bytes(content[:8], "little")], object_pairs_hook=_without_repeats
    )
    return header


def _check_header(header: dict[str, Any]) -> None:
    """Refuse fields that the library passes over."""
    for name, entry in header.items():
        if name != _METADATA and entry.keys() != _FIELDS:
            raise ValueError(f"{name} has the fields {', '.join(entry)}, not {', '.join(sorted(_FIELDS))}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice in its header")
    return dict(pairs)
