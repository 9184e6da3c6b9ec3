"""The reader of safetensors files: what the library reads, except what is ambiguous; damage has one name."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import safetensors.numpy as library
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.errors import CatalogCorrupt
from embeddings.store.tensors import read_tensors
from testing.composition_encoders import content_of, tensors

GOOD = content_of({"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, dtype=np.float16)})
ARRAYS = hnp.arrays(
    st.sampled_from([np.float16, np.float32]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
)


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), ARRAYS, max_size=4))
def test_reads_what_the_library_writes(named: dict[str, np.ndarray]) -> None:
    found = read_tensors(library.save(named, metadata={"format": "np"}), where="x")
    assert set(found) == set(named)
    for name, values in named.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values, equal_nan=True)


def test_reads_what_the_library_reads() -> None:
    content = content_of(tensors())
    expected, found = library.load(content), read_tensors(content, where="x")
    assert set(found) == set(expected)
    assert all(np.array_equal(found[name], expected[name], equal_nan=True) for name in expected)


def test_tensors_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_tensors(GOOD, where="x")["a"][0] = 1


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_a_file_that_was_cut_off_anywhere_is_noticed(size: int) -> None:
    with pytest.raises(CatalogCorrupt, match=r"^model\.safetensors is not a file of tensors"):
        read_tensors(GOOD[:size], where="model.safetensors")


@settings(max_examples=200)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_an_altered_byte_gives_numbers_or_the_named_error(place: int, byte: int) -> None:
    with suppress(CatalogCorrupt):
        read_tensors(GOOD[:place] + bytes([byte]) + GOOD[place + 1 :], where="x")


@given(st.binary(max_size=64))
def test_any_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(CatalogCorrupt):
        read_tensors(content, where="x")


def with_header(header: Any, data: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"a": entry(dtype="BF16")}, "invalid shape, data type"),
        ({"a": entry(dtype="F64", shape=[1])}, "a holds float64 numbers, not float16 or float32"),
        ({"a": entry(dtype="F8_E4M3", shape=[8])}, "F8_E4M3"),
        ({"a": entry(shape=[3])}, "invalid shape"),
        ({"a": entry(shape=[-1, -2])}, "integer `-1`"),
        ({"a": entry(shape=["2"])}, "not a file"),
        ({"a": entry(data_offsets=[0, 12], shape=[3])}, "file not fully covered"),
        ({"a": entry(data_offsets=[0, 4], shape=[1])}, "file not fully covered"),
        ({"a": entry(), "b": entry()}, "invalid offset"),
        ({"a": entry(data_offsets=[8, 0])}, "invalid offset"),
        ({"a": entry(data_offsets=None)}, "not a file"),
        ({"a": entry(colour="red")}, "colour"),
        ({"a": 3}, "not a file"),
        ([1, 2], "not a file"),
        (b"{", "not a file"),
        (b"\xff\xfe", "not a file"),
        (b"[" * 100_000, "not a file"),
    ],
)
def test_a_wrong_header_is_refused(header: Any, said: str) -> None:
    with pytest.raises(CatalogCorrupt, match=said):
        read_tensors(with_header(header), where="x")
