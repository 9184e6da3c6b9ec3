"""The comparison of readouts: they mean what they say, splits share no formula, every readout is measured alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.harness import Request
from benchmarks.readouts import heads, measuring, peer, tasks
from benchmarks.readouts.readouts import READOUTS, Atoms, atoms_of, read_out
from benchmarks.readouts.tables import page, table
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings.errors import InputInvalid
from embeddings.store.roots import resolve
from testing.crystals import sample_crystals, structure_table, write_sample

NA, CL, FE = 11, 17, 26


def crystal(numbers: list[int], sites: list[list[float]]) -> Atoms:
    """Return one crystal whose network has two layers, the first of which gives ones."""
    last = np.array(sites, dtype=np.float32)
    cells = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    return Atoms(np.stack([np.ones_like(last), last]), np.array([0, len(numbers)]), np.array(numbers), cells)


def test_readouts_are_statistics_of_the_atoms() -> None:
    salt = crystal([NA, NA, CL], [[0.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    found = read_out(salt, "mean, spread, third")
    np.testing.assert_allclose(found, [[1.0, 1.0, np.sqrt(2), 0.0, np.cbrt(2), 0.0]], atol=1e-6)
    assert read_out(salt, "mean, min, max").tolist() == [[1.0, 1.0, 0.0, 1.0, 3.0, 1.0]]
    assert read_out(salt, "mean, groups").tolist() == [[1.0, 1.0, 3.0, 1.0, 0.0, 1.0]]
    assert read_out(salt, "mean, cell").tolist() == [[1.0, 1.0, 1.0, 2.0, 3.0]]
    assert read_out(salt, "layer 1").tolist() == [[1.0, 1.0]]
    assert read_out(salt, "all layers").tolist() == [[1.0, 1.0, 1.0, 1.0]]


def test_an_element_alone_is_both_groups() -> None:
    iron = crystal([FE, FE], [[1.0], [3.0]])
    assert read_out(iron, "mean, groups").tolist() == [[2.0, 2.0, 2.0]]


@pytest.mark.parametrize("name", [name for name in READOUTS if name != "layer 2"])
def test_a_supercell_is_read_out_like_its_cell(name: str) -> None:
    cell = crystal([NA, CL, CL], [[0.0, 1.0], [2.0, 1.0], [3.0, -1.0]])
    twice = Atoms(np.repeat(cell.layers, 2, axis=1), cell.offsets * 2, np.repeat(cell.atomic_numbers, 2), cell.cells)
    np.testing.assert_allclose(read_out(cell, name), read_out(twice, name), atol=1e-6)


def test_the_last_layer_is_what_the_encoder_gives() -> None:
    crystals, _ = sample_crystals(5)
    encoder, given = read_crystal_encoder(resolve(measuring.CATALOG)), structure_table(crystals)
    atoms = atoms_of(encoder, given)
    np.testing.assert_allclose(atoms.layers[-1], encoder.encode_sites(given)[0], atol=1e-5)
    np.testing.assert_allclose(read_out(atoms, "mean"), encoder.encode(given), atol=1e-5)
    assert len(atoms.layers) == encoder.model.config.depth
    assert not np.allclose(atoms.layers[0], atoms.layers[1])


def test_no_formula_is_on_both_sides() -> None:
    formulas = np.repeat([f"A{n}" for n in range(30)], 2)
    held = tasks.held_out(formulas, 1)
    assert held.sum() == 20
    assert not set(formulas[held]) & set(formulas[~held])


def test_of_several_structures_the_one_of_lowest_energy_is_taken(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "structures.parquet", 4)
    arrow = pq.read_table(path)
    formulas = ["LiF", "FLi", "NaCl", "KCl"]
    arrow = arrow.set_column(arrow.column_names.index("formula"), "formula", [formulas])
    place = arrow.column_names.index("formation_energy_per_atom")
    pq.write_table(arrow.set_column(place, "formation_energy_per_atom", [[None, -1.0, -2.0, -3.0]]), path)
    found, counts = tasks.most_stable(path, np.array(["LiF", "NaCl", "CsCl"]))
    assert list(found.material_ids) == arrow["material_id"].to_pylist()[1:3]
    assert counts == {"LiF": 2, "NaCl": 1}


def test_the_better_head_is_chosen_on_training_rows() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(240, 3)).astype(np.float32)
    line = features @ [1.0, 2.0, 3.0]
    values = np.stack([line, np.sign(features[:, 0]), np.exp(line)], axis=1)
    formulas = np.array([f"A{n}" for n in range(240)])
    tested = tasks.held_out(formulas, 0)
    units = {"line": "", "step": "", "power": ""}
    problem = tasks.Problem(tasks.made_up().table, formulas, units, values, [tested], [])
    found = heads.fit(features, problem, tested, 0)
    assert found.heads == ("ridge", "trees", "ridge, logarithm")
    assert found.errors[:, 0].mean() < 0.01
    assert found.errors[:, 1].mean() < found.ridge[:, 1].mean()
    assert np.median(found.errors[:, 2]) < 0.01 < np.median(found.ridge[:, 2])
    values[tested] = 1e3  # what is tested has no say in it
    assert heads.fit(features, problem, tested, 0).heads == found.heads


def test_logarithms_are_tried_of_positive_values_alone() -> None:
    assert heads.spans_a_decade(np.array([0.1, 1.0]))
    assert not heads.spans_a_decade(np.array([0.0, 1.0]))
    assert not heads.spans_a_decade(np.array([-1.0, 100.0]))
    assert not heads.spans_a_decade(np.array([2.0, 3.0]))


def test_a_logarithm_predicts_nothing_beyond_the_values() -> None:
    features = np.arange(1.0, 9.0)[:, None]
    found = heads.predictions(features, 10 ** features[:, 0], np.array([[20.0]]), 0, logarithms=True)
    assert found["ridge, logarithm"][0] == pytest.approx(1e8)
    assert found["ridge and trees"][0] == pytest.approx((found["ridge"][0] + found["trees"][0]) / 2)


def test_all_readouts_are_measured_in_the_same_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "N_TREES", 3)
    result = measuring.run(Request(quick=True), name="aflow") | {"name": "aflow", "title": "Made up"}
    assert list(result["settings"]["widths"]) == list(READOUTS)
    assert len({row["n_tested"] for row in result["rows"]}) == 1
    assert all(np.isfinite(row["mae"]) for row in result["summary"])
    assert [row["p"] for row in result["summary"] if row["readout"] == "mean"] == [None]
    assert "ct-multi@3.0.0 was not trained on" in table(result)
    assert "| mean, spread | 256 |" in page([result])


def test_what_came_out_ahead_is_measured_again_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "N_TREES", 3)
    first, again = tasks.drawn(np.ones(4_000, dtype=bool), 0), tasks.drawn(np.ones(4_000, dtype=bool), 1)
    assert (len(first), len(again), len(np.intersect1d(first, again))) == (1_500, 1_500, 0)
    result = measuring.run(Request(quick=True), name="aflow-again") | {"name": "aflow-again", "title": "Others"}
    assert list(result["settings"]["widths"]) == [measuring.PLAIN, *measuring.AHEAD]
    assert page([result]).startswith("What came out ahead, alone")


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"aflow\.parquet.*--data"):
        measuring.run(Request(quick=False, data=tmp_path), name="aflow")


def test_the_peer_is_a_mean_over_atoms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_sums", lambda table: 2 * table.n_sites[:, None].astype(np.float32))
    assert (peer.peer_vectors(tasks.made_up().table) == 2).all()


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = tasks.made_up()
    monkeypatch.setattr(peer, "is_there", lambda: False)
    monkeypatch.setattr(measuring, "READOUTS", ())
    notes: list[str] = []
    atoms = crystal([NA], [[0.0]])
    assert not list(measuring._all_features("aflow", Request(quick=False), problem, atoms, notes))
    assert notes == ["CHGNet: not measured; it is not installed."]
