"""How the numbers of vectors are stored: as they are in float32, or shorter, each times a scale that the schema states.

``vector = stored * scale``; the scale stands in the metadata of the column ``vector`` and is one for all files of a
folder. Readers give float32 again. A number differs from what was encoded by at most half a step: by ``scale / 2`` in
int8, and in float16 by 2 ** -11 of itself or, if that is more, by 2 ** -25 times the scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt, InputInvalid

if TYPE_CHECKING:
    import pyarrow as pa

Dtype = Literal["float32", "float16", "int8"]

SCALE = b"scale"
"""Entry of the column's metadata."""

ARROW_NAMES: dict[str, Dtype] = {"float": "float32", "halffloat": "float16", "int8": "int8"}
"""Name of a type in Arrow -> dtype."""

_LEAST_HALF, _LARGEST_HALF = 0.01, 60_000.0
"""A largest number between these is stored in float16 without a scale."""

_LARGEST_INT8 = 127
_MOST_LOST = 0.1
"""Share of a vector's length that rounding may take; beyond, its cosines mean little."""


def scale_for(largest: float, dtype: Dtype) -> float:
    """Return the scale of vectors whose largest absolute number is given."""
    if dtype == "float32" or largest == 0 or (dtype == "float16" and _LEAST_HALF <= largest <= _LARGEST_HALF):
        return 1.0
    return largest / _LARGEST_INT8 if dtype == "int8" else largest


def shortened(column: pa.ChunkedArray, dtype: Dtype, scale: float) -> pa.Array:
    """Return a column of float32 vectors as another dtype.

    Args:
        column: fixed-size lists of float32.
        dtype: float16 or int8.
        scale: as `scale_for` gives it.

    Raises:
        InputInvalid: a vector is so short beside the longest that int8 leaves little of it.
    """
    import pyarrow as pa

    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    flat = flat / np.float32(scale) if scale != 1 else flat
    if dtype == "int8":
        rounded = np.rint(flat).clip(-_LARGEST_INT8, _LARGEST_INT8)
        _check_lost(flat.reshape(-1, column.type.list_size), rounded.reshape(-1, column.type.list_size))
        flat = rounded
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.astype(dtype)), column.type.list_size)


def _check_lost(vectors: np.ndarray, rounded: np.ndarray) -> None:
    lost = np.linalg.norm(rounded - vectors, axis=1) > _MOST_LOST * np.linalg.norm(vectors, axis=1)
    if lost.any():
        raise InputInvalid(
            f"{counted(int(lost.sum()), 'vector', 'is')} so much shorter than the longest that int8 would lose them: "
            "all share one scale. Use --dtype float16."
        )


def lengthened(column: pa.ChunkedArray, scale: float) -> pa.ChunkedArray:
    """Return a column of vectors as float32, and one that is float32 as it is."""
    import pyarrow as pa

    if dtype_of(column.type) == "float32":
        return column
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    if scale != 1:
        flat *= np.float32(scale)
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(pa.array(flat), column.type.list_size)])


def dtype_of(kind: pa.DataType) -> Dtype | None:
    """Return the dtype of a column of vectors; None if it is no such column."""
    return ARROW_NAMES.get(str(kind.value_type)) if hasattr(kind, "list_size") else None


def scale_in(schema: pa.Schema) -> float:
    """Return the scale that a schema states.

    Raises:
        CatalogCorrupt: it is no positive number, or there is none where one is needed.
    """
    field = schema.field("vector")
    stated = (field.metadata or {}).get(SCALE)
    if stated is None:
        if dtype_of(field.type) == "float32":
            return 1.0
        raise CatalogCorrupt("its vectors are scaled, but it does not state the scale")
    try:
        scale = float(stated)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale > 0):
        raise CatalogCorrupt(f"the scale of its vectors is {stated[:40]!r}")
    return scale
