"""The benchmark of distances to the training: what it measures, and that it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import Request
from benchmarks.unlike import measuring
from benchmarks.unlike.crystals import copies
from benchmarks.unlike.tables import table
from embeddings.errors import InputInvalid
from testing.crystals import sample_crystals, structure_table


def test_copies_are_wrong_in_one_way_each() -> None:
    table = structure_table(sample_crystals(12)[0])
    found = copies(table, np.arange(1, 90), np.random.default_rng(0))
    stretched, moved, other = found["stretched by 15%"], found["atoms moved by 0.1 A"], found["all elements replaced"]
    np.testing.assert_allclose(stretched.lattices, 1.15 * table.lattices)
    assert np.array_equal(moved.lattices, table.lattices)
    apart = (moved.frac_coords - table.frac_coords + 0.5) % 1 - 0.5
    lengths = np.einsum("ni,nij->nj", apart, table.lattices[np.repeat(np.arange(12), table.n_sites)])
    assert 0.08 < lengths.std() < 0.12
    assert (other.atomic_numbers != table.atomic_numbers).mean() > 0.9
    replaced = found["one element replaced"].atomic_numbers != table.atomic_numbers
    assert (np.add.reduceat(replaced, table.offsets[:-1]) == table.n_sites // 2).all()
    dealt = found["elements dealt anew"]
    assert np.array_equal(np.sort(dealt.atomic_numbers), np.sort(table.atomic_numbers))


def test_the_nearest_reference_counts_and_rare_pairs_are_far() -> None:
    trained_on = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    for way, distance in measuring.ways(trained_on):
        near, far = distance(trained_on).mean(), distance(trained_on + 9).mean()
        assert near < far, way
    table = structure_table(sample_crystals(30)[0])
    for _, rare in measuring.rarities(table):
        assert (rare(table) < 0).all()
        assert len(rare(table)) == 30


def test_half_of_what_is_alike_lies_farther() -> None:
    assert measuring._auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert measuring._auroc(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.5


def test_quick_crystals_are_measured_and_told() -> None:
    result = measuring.run(Request(quick=True)) | {"name": "distances", "title": "Made up"}
    text = table(result)
    assert "| all elements replaced | 20 |" in text
    assert "| 2,048 centers |" in text
    assert "| rarest pair of elements |" in text
    assert "formation_energy_per_atom, eV/atom" in text


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"mp_structures\.parquet.*--data"):
        measuring.run(Request(quick=False, data=tmp_path))
