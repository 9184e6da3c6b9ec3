"""Arrays in files: made once, found again, made anew when they are not what was written, and never half there."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from builders.runs.arrays import INDEX, ArrayWriter, MappedArrays, scratch_arrays, stored_arrays
from embeddings.errors import OutputInvalid

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


class Maker:
    """Writes two arrays, and counts how often."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, writer: ArrayWriter) -> None:
        self.n += 1
        writer.about["made"] = "by a test"
        writer.append("rows", ROWS[:4])
        writer.append("rows", ROWS[4:])
        writer.append("none", np.zeros((0, 3), dtype=np.int16))


def check(arrays: MappedArrays) -> None:
    assert set(arrays) == {"rows", "none"}
    np.testing.assert_array_equal(arrays["rows"], ROWS)
    assert arrays["rows"].dtype == np.float32
    assert (arrays["none"].shape, arrays["none"].dtype) == ((0, 3), np.int16)
    assert arrays.about["made"] == "by a test"


def test_arrays_are_made_once_and_are_plain_numpy_files(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(2):
        check(stored_arrays(tmp_path / "arrays", "this", make))
    assert make.n == 1
    np.testing.assert_array_equal(np.load(tmp_path / "arrays" / "rows.npy"), ROWS)


def test_what_was_read_can_be_given_back_and_read_again(tmp_path: Path) -> None:
    arrays = stored_arrays(tmp_path / "arrays", "this", Maker())
    view = arrays["rows"][2:]
    arrays.release()
    check(arrays)
    np.testing.assert_array_equal(view, ROWS[2:])
    with pytest.raises(ValueError, match="read-only"):
        arrays["rows"][0] = 0


@pytest.mark.parametrize("fault", ["cut", "altered", "missing", "index", "identity"])
def test_arrays_that_are_not_what_was_written_are_made_again(fault: str, tmp_path: Path) -> None:
    folder, make = tmp_path / "arrays", Maker()
    earlier = stored_arrays(folder, "this", make)
    rows = folder / "rows.npy"
    content = rows.read_bytes()
    if fault in ("cut", "altered", "missing"):
        rows.unlink()  # the earlier arrays keep their file
        replaced = {"cut": content[:-8], "altered": content[:-1] + b"?"}
        if fault in replaced:
            rows.write_bytes(replaced[fault])
    elif fault == "index":
        (folder / INDEX).write_text("{}")
    check(stored_arrays(folder, "that" if fault == "identity" else "this", make))
    assert make.n == 2
    check(earlier)
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    def full(writer: ArrayWriter) -> None:
        writer.append("rows", ROWS)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputInvalid, match=r"No space left on device\. Make room"):
        stored_arrays(tmp_path / "arrays", "this", full)
    assert list(tmp_path.iterdir()) == []


def test_two_that_make_the_same_arrays_at_once_both_have_them(tmp_path: Path) -> None:
    folder, others = tmp_path / "arrays", []

    def overtaken(writer: ArrayWriter) -> None:
        others.append(stored_arrays(folder, "this", Maker()))
        Maker()(writer)

    check(stored_arrays(folder, "this", overtaken))
    check(others[0])
    check(stored_arrays(folder, "this", overtaken))
    assert len(others) == 1


def test_scratch_is_seen_by_nobody(tmp_path: Path) -> None:
    arrays = scratch_arrays(tmp_path / "arrays", Maker())
    assert list(tmp_path.iterdir()) == []
    check(arrays)
