"""Texts of many rows in one array of Arrow: no object for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_AT_ONCE = 10_000
"""Texts that are objects together while a loop goes over all of them."""


class Texts(Sequence[str]):
    """Texts of ``n`` rows; who takes some of them gets an array of NumPy, and who takes one gets a string.

    Attributes:
        array: all of them, in Arrow; its buffers may lie in files.
    """

    def __init__(self, array: pa.LargeStringArray) -> None:
        self.array = array

    @classmethod
    def of(cls, parts: Iterable[Iterable[str]]) -> Texts:
        """Return the texts of all parts, one after the other."""
        content, ends = bytearray(), [np.zeros(1, dtype=np.int64)]
        for part in parts:
            encoded = [text.encode() for text in part]
            ends.append(len(content) + np.cumsum([len(text) for text in encoded], dtype=np.int64))
            content += b"".join(encoded)
        return cls.in_buffers(np.concatenate(ends), np.frombuffer(content, dtype=np.uint8))

    @classmethod
    def in_buffers(cls, offsets: np.ndarray, content: np.ndarray) -> Texts:
        """Return texts that are there in UTF-8, without a copy.

        Args:
            offsets: (n + 1,) int64; text ``i`` is ``content[offsets[i]:offsets[i + 1]]``.
            content: (n_bytes,) uint8.
        """
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(content)]
        return cls(pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers))

    def __len__(self) -> int:
        return len(self.array)

    @overload  # type: ignore[override]
    def __getitem__(self, rows: int) -> str: ...
    @overload
    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray: ...
    def __getitem__(self, rows: Any) -> Any:
        """Return one text, or those at some rows as (n,) objects: a slice, row numbers or a mask."""
        if isinstance(rows, slice | np.ndarray):
            return _objects(self.array[rows] if isinstance(rows, slice) else self.take(rows).array)
        return self.array[range(len(self))[rows]].as_py()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self.array.slice(start, _AT_ONCE).to_pylist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return bool(self.array.equals(other.array))
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all of them as NumPy wants them: (n,) objects, or of another type."""
        whole = _objects(self.array)
        return whole if dtype is None else whole.astype(dtype)

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:
        """Return all of them as Arrow wants them."""
        return self.array if type is None else self.array.cast(type)

    def tolist(self) -> list[str]:
        """Return all of them as strings."""
        return list(self)

    def take(self, rows: np.ndarray) -> Texts:
        """Return those at the given rows, or where a mask is true."""
        rows = np.asarray(rows)
        return Texts(self.array.take(_indices(np.flatnonzero(rows) if rows.dtype == bool else rows)))

    @property
    def n_distinct(self) -> int:
        """How many distinct ones there are."""
        return len(self.distinct()[0])

    def distinct(self) -> tuple[Texts, np.ndarray]:
        """Return the distinct ones, ascending, and which of them each row has, (n,) int64: as `numpy.unique` does."""
        order = pc.array_sort_indices(self.array).to_numpy()
        ranked = self.take(order).array
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = pc.not_equal(ranked[1:], ranked[:-1]).to_numpy(zero_copy_only=False)
        which = np.empty(len(order), dtype=np.int64)
        which[order] = np.cumsum(is_first) - 1
        return Texts(ranked.take(_indices(np.flatnonzero(is_first)))), which


def _indices(rows: np.ndarray) -> pa.Array:
    """Return row numbers as Arrow wants them, without a copy."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows, np.int64))])


def _objects(array: pa.Array) -> np.ndarray:
    found: np.ndarray = array.to_numpy(zero_copy_only=False)
    return found
