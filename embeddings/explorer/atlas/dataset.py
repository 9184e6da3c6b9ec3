"""The table that the viewer loads: what is shown of each structure, where it is drawn, and its neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embeddings.explorer.atlas.charts import NEAREST, ROW, X, Y
from embeddings.explorer.atlas.nearest import Nearest
from embeddings.explorer.atlas.places import Places

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = 4


def dataset(table: pa.Table, places: Places, nearest: Nearest | None, k: int) -> bytes:
    """Return the table as Parquet.

    Args:
        table: what is shown, a row for each structure.
        places: where they are drawn.
        nearest: at least `k` neighbors of each; None if k is 0.
        k: how many of them are kept.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    hidden = {ROW: pa.array(np.arange(len(table), dtype=np.int32))}
    hidden |= {name: pa.array(np.ascontiguousarray(places.at[:, axis])) for axis, name in enumerate((X, Y))}
    if nearest is not None and k:
        distances = np.maximum(np.round(1 - nearest.cosines[:, :k], _DIGITS), 0)
        lists = [_lists(values) for values in (nearest.rows[:, :k], distances)]
        hidden[NEAREST] = pa.StructArray.from_arrays(lists, ["ids", "distances"])
    for name, values in hidden.items():
        table = table.append_column(name, values)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _lists(values: np.ndarray) -> pa.Array:
    """Return (n, k) numbers as a column of lists."""
    import pyarrow as pa

    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))
