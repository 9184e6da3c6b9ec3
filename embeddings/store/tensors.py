"""Files of named tensors in the safetensors format, read with NumPy alone.

Eight bytes of length, a JSON header of that length, and the numbers: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from embeddings.errors import CatalogCorrupt

_TYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_METADATA = "__metadata__"


def read_tensors(content: bytes, *, where: object) -> dict[str, np.ndarray]:
    """Return the tensors of a file by name, as read-only views of its content.

    Args:
        content: of the file.
        where: its path, for the message.

    Raises:
        CatalogCorrupt: the content is damaged, of another format, or holds other numbers than float16 and float32.
    """
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        if not 8 < start <= len(content):
            raise ValueError(f"its header should end at byte {start}, and it has {len(content)}")
        header: dict[str, Any] = json.loads(content[8:start], object_pairs_hook=_without_repeats)
        entries = {name: entry for name, entry in header.items() if name != _METADATA}
        _check_gapless([entry["data_offsets"] for entry in entries.values()], len(content) - start)
        return {name: _tensor(content, start, **entry) for name, entry in entries.items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
        advice = "Install or build this version again."
        raise CatalogCorrupt(f"{where} is not a file of tensors that can be read here ({error}). {advice}") from error


def read_metadata(content: bytes) -> dict[str, str]:
    """Return what a file of tensors that can be read says of itself: text by name."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = header.get(_METADATA, {})
    return {key: value for key, value in metadata.items() if isinstance(value, str)} if metadata else {}


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in its header")
    return dict(pairs)


def _check_gapless(spans: list[list[int]], size: int) -> None:
    """Refuse tensors that overlap, leave bytes unused or reach beyond the end."""
    edge = 0
    for start, stop in sorted(spans):
        if start != edge or stop < start:
            raise ValueError(f"its tensors do not follow each other at byte {edge}")
        edge = stop
    if edge != size:
        raise ValueError(f"its header tells of {edge} bytes, and {size} are there")


def _tensor(content: bytes, start: int, *, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    if dtype not in _TYPES:
        raise ValueError(f"its numbers are {dtype}, not one of {', '.join(_TYPES)}")
    first, last = data_offsets
    count = math.prod(shape)
    if count * _TYPES[dtype].itemsize != last - first or min(shape, default=0) < 0:
        raise ValueError(f"{last - first} bytes do not make a tensor of shape {shape} and type {dtype}")
    return np.frombuffer(content, _TYPES[dtype], count, start + first).reshape(shape)
