"""The catalog `properties`: tabulated, standardized, its holes marked, trained on nothing."""

from __future__ import annotations

import sqlite3
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from embeddings.errors import InputInvalid
from embeddings.loaders import load_uae
from embeddings.store.manifest import Column
from tools.properties.columns import PROPERTIES


@pytest.fixture(scope="module")
def columns() -> dict[str, tuple[int, Column]]:
    table = load_uae("properties").manifest.table
    assert table is not None
    return {column.name: (place, column) for place, column in enumerate(table.columns)}


def test_over_a_hundred_elements_with_about_25_properties() -> None:
    uae = load_uae("properties")
    assert len(uae) > 100
    assert len(PROPERTIES) >= 25
    assert all(each.source for each in PROPERTIES)


def test_values_come_back_with_mean_and_deviation(columns: dict[str, tuple[int, Column]]) -> None:
    uae, known = load_uae("properties"), {
        ("melting_point", "Fe"): 1811,
        ("electronegativity_pauling", "F"): 3.98,
        ("first_ionization_energy", "H"): 13.598,
        ("modified_pettifor", "H"): 103,
        ("density", "Au"): 19.3,
        ("bulk_modulus", "W"): 310,
        ("atomic_weight", "U"): 238.03,
    }  # fmt: skip
    for (name, element), value in known.items():
        place, column = columns[name]
        assert column.mean is not None
        assert column.std is not None
        assert float(uae[element][place]) * column.std + column.mean == pytest.approx(value, rel=0.01), name


def test_standardized_over_what_is_tabulated_and_marked_where_it_is_not(columns: dict[str, tuple[int, Column]]) -> None:
    uae = load_uae("properties")
    for each in PROPERTIES:
        place, column = columns[each.name]
        there = np.array([name not in column.missing for name in uae.symbols])
        values = uae.vectors[there, place]
        assert abs(values.mean()) < 1e-5
        assert abs(values.std() - 1) < 1e-5
        assert (uae.vectors[~there, place] == 0).all()
        if column.missing:
            assert np.array_equal(uae.vectors[:, columns[f"{each.name}_is_missing"][0]], ~there)
        else:
            assert f"{each.name}_is_missing" not in columns


def test_overlap_is_not_none() -> None:
    with pytest.raises(InputInvalid, match="nothing was trained, its columns are tabulated"):
        load_uae("properties").overlap(["NaCl"])


@pytest.mark.skipif(
    find_spec("mendeleev") is None or find_spec("pymatgen") is None, reason="needs the extra properties"
)
def test_the_generator_gives_the_packaged_vectors(tmp_path: Path) -> None:
    from tools.properties.generate import generate

    made = load_uae(generate(tmp_path))
    assert np.array_equal(made.vectors, load_uae("properties").vectors)
    assert made.symbols == load_uae("properties").symbols


def test_the_generator_reads_a_database_of_mendeleevs_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.properties.values import _mendeleev

    with sqlite3.connect(":memory:") as database:
        database.execute("create table elements (atomic_number int, density real)")
        database.execute("create table phasetransitions (id int, atomic_number int, melting_point real)")
        database.execute("insert into elements values (1, 0.5), (2, null)")
        database.execute("insert into phasetransitions values (1, 6, null), (2, 15, 317), (3, 15, 852)")
        assert _mendeleev(database, "density")[:1] == [0.5]
        assert np.isnan(_mendeleev(database, "density")[1])
        assert _mendeleev(database, "phase:melting_point")[14] == 317
