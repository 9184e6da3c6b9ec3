"""Memory does not grow with the number of structures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.embed import sorting, writing
from builders.embed.levels import element_sums, structure_rows
from builders.embed.targets import target_of
from builders.methods.crystal_transformer.extract import element_means
from builders.others.encoder import Encoded
from builders.progress import Reporter
from embeddings.vectors.file import open_vectors, vectors_of
from embeddings.vectors.footer import Level
from embeddings.vectors.numbers import Dtype
from testing.crystals import sample_crystals, structure_table
from testing.vector_files import write_structures

QUIET = Reporter(quiet=True)
DIM = 128
MB = 1 << 20


def arrow_peak(work: Callable[[], None]) -> float:
    """Return how many MB of Arrow's memory some work held at once, at most."""
    whole, own = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(own)
    try:
        work()
        return float(own.max_memory()) / MB
    finally:
        pa.set_memory_pool(whole)


def parts_of(folder: Path, rows: Callable[[Encoded], pa.Table], n_parts: int, n: int) -> list[Path]:
    """Write parts as `embed` makes them, of n structures each, whose identifiers are in no order."""
    folder.mkdir()
    rng, table = np.random.default_rng(0), structure_table(sample_crystals(20)[0]).take(np.arange(n) % 20)
    names = rng.permutation(n_parts * n).astype(str).astype(object).reshape(n_parts, n)
    parts = [folder / f"part-{number:05d}.parquet" for number in range(n_parts)]
    for path, some in zip(parts, names, strict=True):
        n_vectors = n if rows is structure_rows else len(table.atomic_numbers)
        vectors = rng.standard_normal((n_vectors, DIM)).astype(np.float32)
        pq.write_table(rows(Encoded(replace(table, material_ids=some), vectors, {})), path)
    return parts


def write(out: Path, level: Level, parts: list[Path], dtype: Dtype = "float32") -> None:
    toys = write_structures(out.with_suffix(".toys"), ["a"], ["Fe"], np.zeros((1, DIM)))
    footer = replace(open_vectors(toys)[1], level=level, n_structures=1)
    target = target_of(out, is_folder=out.suffix == "", rows_per_file=None, dtype=dtype)
    target.write(parts, footer, out.with_suffix(".scratch"), QUIET)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_a_folder_is_written_with_one_row_group_in_memory(
    dtype: Dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of 4 MB is held, and ranges of 1 MB that come next; what was written is not."""
    monkeypatch.setattr(writing, "GROUP_BYTES", 4 * MB)
    monkeypatch.setattr(sorting, "RANGE_BYTES", MB)
    monkeypatch.setattr(writing, "PIECE_BYTES", MB // 2)
    parts = parts_of(tmp_path / "parts", structure_rows, 25, 1_000)
    peak = arrow_peak(lambda: write(tmp_path / "out", "structure", parts, dtype))
    assert pq.read_metadata(tmp_path / "out" / "part-00000.parquet").num_row_groups > (dtype == "float32")
    assert peak < 10


def test_elements_are_added_up_part_by_part(tmp_path: Path) -> None:
    """A part holds 119 sums, 0.1 MB; the vectors are those of all sums together."""
    parts = parts_of(tmp_path / "parts", element_sums, 60, 20)
    peak = arrow_peak(lambda: write(tmp_path / "out.parquet", "element", parts))
    assert peak < 4
    tables = [pq.read_table(part) for part in parts]
    n_sites = np.sum([table["n_sites"].to_numpy() for table in tables], axis=0)
    means = element_means(np.sum([vectors_of(table["vector"]) for table in tables], axis=0), n_sites)
    written = vectors_of(pq.read_table(tmp_path / "out.parquet", columns=["vector"])["vector"])
    np.testing.assert_array_equal(written, means[n_sites > 0])
