"""Vectors in fewer bits: what rounding may take, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embeddings.errors import InputInvalid
from embeddings.vectors.numbers import scale_for, shortened


def column(vectors: np.ndarray) -> pa.ChunkedArray:
    flat = pa.array(vectors.astype(np.float32).ravel())
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])])


def test_a_vector_that_int8_would_erase_is_refused() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8))
    scale = scale_for(float(np.abs(vectors).max()), "int8")
    assert str(shortened(column(vectors), "int8", scale).type.value_type) == "int8"
    vectors[3] *= 1e-3
    vectors[4] = 0  # nothing of it can be lost
    with pytest.raises(InputInvalid, match="1 vector is so much shorter"):
        shortened(column(vectors), "int8", scale)
    assert str(shortened(column(vectors), "float16", 1.0).type.value_type) == "halffloat"
