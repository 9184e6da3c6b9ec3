"""The encoder of a catalog: what it gives, what must not matter to it, and what it refuses."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.weights import encoder_bytes
from builders.structures.graphs import neighbor_graphs
from builders.structures.objects import tabulate
from builders.structures.primitive import cell_columns
from embeddings import load_encoder
from embeddings.errors import CatalogCorrupt, ElementNotCovered, InputInvalid, ManifestInvalid, TrainingError
from embeddings.store.readout import READOUTS, Readout
from embeddings.store.roots import user_root, verify
from embeddings.store.tensors import read_tensors
from testing.attacks import replace_file, replace_manifest
from testing.composition_encoders import content_of
from testing.crystals import (
    Crystal,
    cscl,
    random_crystal,
    recelled,
    rocksalt,
    rotated,
    sample_crystals,
    structure_table,
    supercell,
    translated,
)
from testing.encoders import CONFIG, network, write_encoder_catalog
from testing.toys import write_toy


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> CrystalEncoder:
    return read_crystal_encoder(write_encoder_catalog(tmp_path_factory.mktemp("catalogs")))


CRYSTALS = {"rocksalt": rocksalt(11, 17, 5.6), "triclinic": random_crystal(np.random.default_rng(3))}
each_crystal = pytest.mark.parametrize("crystal", CRYSTALS.values(), ids=CRYSTALS)


def sites(encoder: CrystalEncoder, crystal: Crystal) -> np.ndarray:
    return encoder.encode_sites(structure_table([crystal]))[0]


@each_crystal
@pytest.mark.parametrize("move", [rotated, translated, recelled])
def test_the_description_of_a_crystal_does_not_matter(encoder: CrystalEncoder, crystal: Crystal, move) -> None:  # type: ignore[no-untyped-def]
    moved = move(crystal, np.random.default_rng(7))
    np.testing.assert_allclose(sites(encoder, moved), sites(encoder, crystal), atol=1e-4)


@each_crystal
def test_the_order_of_the_atoms_is_the_order_of_the_vectors(encoder: CrystalEncoder, crystal: Crystal) -> None:
    lattice, numbers, coords = crystal
    order = np.random.default_rng(7).permutation(len(numbers))
    found = sites(encoder, (lattice, numbers[order], coords[order]))
    np.testing.assert_allclose(found, sites(encoder, crystal)[order], atol=1e-4)


@each_crystal
def test_a_supercell_repeats_the_vectors(encoder: CrystalEncoder, crystal: Crystal) -> None:
    found = sites(encoder, supercell(crystal, (2, 1, 3)))
    np.testing.assert_allclose(found, np.tile(sites(encoder, crystal), (6, 1)), atol=1e-4)


def test_atoms_of_one_element_differ_by_their_context(encoder: CrystalEncoder) -> None:
    in_salt, in_fluoride = sites(encoder, rocksalt(11, 17, 5.6))[0], sites(encoder, rocksalt(11, 9, 4.6))[0]
    assert np.abs(in_salt - in_fluoride).max() > 0.1


def test_many_crystals_at_once_are_each_crystal_alone(encoder: CrystalEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    crystals = sample_crystals(9)[0] + [random_crystal(np.random.default_rng(5), 7)]
    alone = [sites(encoder, crystal) for crystal in crystals]
    monkeypatch.setattr("builders.methods.crystal_transformer.encoder.AT_ONCE", 4)
    vectors, offsets = encoder.encode_sites(structure_table(crystals))
    assert offsets.tolist() == [0, *np.cumsum([len(each) for each in alone])]
    np.testing.assert_allclose(vectors, np.concatenate(alone), atol=1e-5)


def test_a_crystal_is_the_mean_of_its_sites(encoder: CrystalEncoder) -> None:
    table = structure_table(sample_crystals(9)[0])
    vectors, offsets = encoder.encode_sites(table)
    means = [vectors[a:b].mean(0) for a, b in pairwise(offsets)]
    np.testing.assert_allclose(encoder.encode(table), means, atol=1e-5)
    assert encoder.encode(table).dtype == vectors.dtype == np.float32


def test_half_precision_on_disk_stays_near_the_trained_network(encoder: CrystalEncoder) -> None:
    table = structure_table(sample_crystals(9)[0])
    batch = PackedCrystals(table, neighbor_graphs(table, CONFIG.cutoff), np.zeros((9, 0))).batch(np.arange(9))
    with torch.inference_mode():
        trained = network().encode(batch).numpy()
    np.testing.assert_allclose(encoder.encode(table), trained, atol=0.02)
    assert encoder.model.table.weight.dtype == torch.float32


def test_the_cartesian_geometry_has_an_encoder_too(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, geometry="cartesian")
    cartesian = read_crystal_encoder(write_encoder_catalog(tmp_path, config))
    table = structure_table(sample_crystals(3)[0])
    vectors, offsets = cartesian.encode_sites(table)
    np.testing.assert_allclose(cartesian.encode(table), vectors[offsets[:-1]], atol=1e-5)


def test_the_same_weights_give_the_same_bytes_without_heads() -> None:
    assert encoder_bytes(network()) == encoder_bytes(network())
    assert encoder_bytes(network()) != encoder_bytes(network(seed=2))
    assert b"heads" not in encoder_bytes(network())


def test_weights_beyond_half_precision_are_refused() -> None:
    model = network()
    with torch.no_grad():
        model.project.bias[0] = 1e5
    with pytest.raises(TrainingError, match=r"project\.bias"):
        encoder_bytes(model)


def test_structures_of_other_packages_are_taken_as_they_are(encoder: CrystalEncoder) -> None:
    from pymatgen.core import Structure

    atoms_of_ase = pytest.importorskip("ase").Atoms
    lattice, numbers, coords = rocksalt(11, 17, 5.6)
    structure = Structure(lattice, numbers, coords)
    atoms = atoms_of_ase(numbers, scaled_positions=coords, cell=lattice, pbc=True)
    vectors, offsets = encoder.encode_sites([structure, atoms])
    assert offsets.tolist() == [0, 8, 16]
    expected = sites(encoder, rocksalt(11, 17, 5.6))
    np.testing.assert_allclose(vectors, np.tile(expected, (2, 1)), atol=1e-5)


@pytest.mark.parametrize("wrong", ["NaCl", 7, None])
def test_what_is_no_structure_is_named_by_its_place(wrong: object) -> None:
    with pytest.raises(InputInvalid, match=f"Structure 0 is {type(wrong).__name__}"):
        tabulate([wrong])  # type: ignore[list-item]


def test_shared_sites_are_refused() -> None:
    from pymatgen.core import Structure

    shared = Structure(3 * np.eye(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    with pytest.raises(InputInvalid, match=r"Structure 0 .*Fe 0.5, Ni 0.5"):
        tabulate([shared])


def test_elements_without_training_are_named_and_can_be_left_out(encoder: CrystalEncoder) -> None:
    table = structure_table([cscl(11, 17, 3.4), cscl(94, 8, 3.4), cscl(94, 95, 3.4)])
    with pytest.raises(ElementNotCovered, match="Pu, Am, in 2 of 3 structures"):
        encoder.encode_sites(table)
    assert encoder.covers(table).tolist() == [True, False, False]
    assert encoder.encode(table.take(np.flatnonzero(encoder.covers(table)))).shape == (1, CONFIG.width)


def test_a_structure_without_atoms_is_refused(encoder: CrystalEncoder) -> None:
    empty = (3 * np.eye(3), np.zeros(0, dtype=int), np.zeros((0, 3)))
    with pytest.raises(InputInvalid, match="1 of 2 structures has no atoms"):
        encoder.encode(structure_table([cscl(11, 17, 3.4), empty]))


FLAT = (np.diag([1000, 1000, 0.01]), np.array([11]), np.zeros((1, 3)))
LONG = (np.diag([5, 5, 1e8]), np.array([11]), np.zeros((1, 3)))
LOST = (4 * np.eye(3), np.array([11]), np.array([[np.nan, 0, 0]]))
AWAY = (4 * np.eye(3), np.array([11]), np.array([[1e300, 0, 0]]))
LARGE = (40 * np.eye(3), np.full(2001, 11), np.random.default_rng(0).uniform(size=(2001, 3)))


@pytest.mark.parametrize(
    ("crystal", "reason"),
    [
        (FLAT, "degenerate_cell"),
        (LONG, "degenerate_cell"),
        (LOST, "not_finite"),
        (AWAY, "far_outside_cell"),
        (LARGE, "too_many_sites"),
    ],
)
def test_impossible_structures_are_refused(encoder: CrystalEncoder, crystal: Crystal, reason: str) -> None:
    table = structure_table([rocksalt(11, 17, 5.6), crystal])
    for encode in (encoder.encode, encoder.encode_sites):
        with pytest.raises(InputInvalid, match=f"1 of 2 structures cannot be encoded: 1 {reason}"):
            encode(table)


def test_a_pymatgen_structure_in_a_flat_cell_is_refused(encoder: CrystalEncoder) -> None:
    core = pytest.importorskip("pymatgen.core", reason="needs the extra build")
    with pytest.raises(InputInvalid, match="1 degenerate_cell"):
        encoder.encode([core.Structure(core.Lattice(FLAT[0]), ["Na"], [[0, 0, 0]])])


def test_a_lack_of_memory_is_named(encoder: CrystalEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10000000000 bytes.")

    monkeypatch.setattr(encoder.model, "encode", full)
    with pytest.raises(InputInvalid, match="largest structure, which has 8"):
        encoder.encode(structure_table([rocksalt(11, 17, 5.6)]))


def test_by_name(own_cache: Path) -> None:
    folder = write_encoder_catalog(user_root())
    verify(folder)
    assert repr(load_encoder("toy")) == 'CrystalEncoder("toy@0.1.0", dim=32)'
    assert 'load_encoder("toy@0.1.0")' in (folder / "CARD.md").read_text()


def test_a_catalog_without_an_encoder_says_how_to_get_one(own_cache: Path) -> None:
    write_toy(user_root())
    with pytest.raises(InputInvalid, match=r"toy 0\.1\.0 carries no encoder.*embeddings build --source toy"):
        load_encoder("toy")


def test_a_table_has_no_encoder_to_build(own_cache: Path) -> None:
    with pytest.raises(InputInvalid, match=r"properties .* it is a table.* such as ct-multi"):
        load_encoder("properties")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_damaged_encoder_is_named(damage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write_encoder_catalog(tmp_path)
    damage(folder / "encoder.safetensors")
    with pytest.raises(CatalogCorrupt, match=r"encoder\.safetensors"):
        read_crystal_encoder(folder)


def test_an_encoder_of_another_network_is_noticed(tmp_path: Path) -> None:
    from embeddings.store.tables import write_catalog
    from testing.encoders import provenance
    from testing.toys import toy_table

    wider = encoder_bytes(network(dataclasses.replace(CONFIG, width=64)))
    folder = write_catalog(tmp_path, provenance(), toy_table(), encoder=wider)
    with pytest.raises(CatalogCorrupt, match="does not fit its manifest"):
        read_crystal_encoder(folder)


HYPERPARAMETERS = ("model", "hyperparameters", "model")
SIZES = {
    "cutoff": [0, -1, 1e300, 1e-300, 25.0, "5", None, float("inf")],
    "width": [0, -32, 10**9, 2**53, 33, 64, 32.5],
    "n_heads": [0, 3, 10**9],
    "depth": [-1, 0, 1, 10**9, 200],
    "feed_forward": [0, 10**12],
    "dim": [0, 17, 10**9],
    "n_radial": [0, 10**9, 9],
    "message_dim": [0, -4, 10**9],
    "dropout": [-1, 2, 10**300],
    "geometry": ["cartesian", "x", None, []],
    "surplus": [1],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with an encoder, written once."""
    return write_encoder_catalog(tmp_path_factory.mktemp("written"))


@pytest.mark.parametrize("name", SIZES)
def test_sizes_that_do_not_fit_are_refused_before_anything_is_made(name: str, written: Path, tmp_path: Path) -> None:
    for number, value in enumerate(SIZES[name]):
        folder = shutil.copytree(written, tmp_path / f"copy-{number}")
        replace_manifest(folder, (*HYPERPARAMETERS, name), value)
        with pytest.raises((CatalogCorrupt, ManifestInvalid), match=r"does not fit its manifest|manifest\.json"):
            read_crystal_encoder(folder)
    for number, value in enumerate((None, [], {}, "periodic", 7)):
        folder = shutil.copytree(written, tmp_path / f"none-{number}")
        replace_manifest(folder, HYPERPARAMETERS, value)
        with pytest.raises(CatalogCorrupt):
            read_crystal_encoder(folder)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(number: float, written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    found = dict(read_tensors((folder / "encoder.safetensors").read_bytes(), where="here"))
    found["project.bias"] = np.where(np.arange(32) == 5, number, found["project.bias"]).astype(np.float16)
    replace_file(folder, "encoder.safetensors", content_of(found))
    for look in (read_crystal_encoder, verify):
        with pytest.raises(CatalogCorrupt, match=r"weights that are not numbers \(project\.bias\)"):
            look(folder)


def test_weights_so_large_that_no_number_comes_out_are_named(written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    found = dict(read_tensors((folder / "encoder.safetensors").read_bytes(), where="here"))
    huge = {name: np.full(tensor.shape, 3e38, np.float32) for name, tensor in found.items() if name.startswith("norm")}
    huge["project.weight"] = np.full(found["project.weight"].shape, 3e38, np.float32)
    replace_file(folder, "encoder.safetensors", content_of(found | huge))
    broken = read_crystal_encoder(folder)
    table = structure_table([cscl(11, 17, 3.4)])
    for encode in (broken.encode, broken.encode_sites):
        with pytest.raises(CatalogCorrupt, match=r"vectors? with NaN or infinity; the first is that of"):
            encode(table)


def test_an_encoder_in_the_place_of_another_is_corrupt(written: Path, own_cache: Path) -> None:
    shutil.copytree(written, user_root() / "other" / "0.1.0")
    with pytest.raises(CatalogCorrupt, match=r"other@0\.1\.0 belongs"):
        load_encoder("other")


def test_neither_training_code_nor_a_compiler_is_imported(written: Path) -> None:
    heavy = ("builders.methods.crystal_transformer.training", "builders.pipeline", "torch._dynamo")
    code = (
        f"import sys; from {CrystalEncoder.__module__} import read_crystal_encoder as r; r({str(written)!r}); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(("readout", "n_earlier"), [("mean and cell", 0), ("all layers and cell", 2)])
def test_the_vector_of_a_crystal_may_go_on_behind_the_mean(tmp_path: Path, readout: Readout, n_earlier: int) -> None:
    config, width = dataclasses.replace(CONFIG, depth=3, readout=readout), CONFIG.width
    encoder = read_crystal_encoder(write_encoder_catalog(tmp_path, config))
    table = structure_table([*CRYSTALS.values(), supercell(CRYSTALS["triclinic"], (2, 1, 2))])
    found = encoder.encode(table)
    assert (encoder.dim, encoder.site_dim) == ((1 + n_earlier) * width + 3, width)
    of_crystals, of_sites = encoder.encode_with_sites(table)
    np.testing.assert_array_equal(of_crystals, found)
    means = np.add.reduceat(of_sites, table.offsets[:-1]) / table.n_sites[:, None]
    earlier = [cut_after(encoder, depth).encode(table) for depth in range(1, 1 + n_earlier)]
    np.testing.assert_allclose(found, np.hstack([means, *earlier, cell_columns(table)]), atol=1e-5)
    np.testing.assert_allclose(found[2], found[1], atol=1e-4)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]
    turned = CrystalEncoder(encoder.manifest, encoder.model, turn).encode(table)
    np.testing.assert_allclose(turned[:, :width], found[:, :width] @ turn, atol=1e-4)
    np.testing.assert_array_equal(turned[:, width:], found[:, width:])


def cut_after(encoder: CrystalEncoder, depth: int) -> CrystalEncoder:
    """Return the encoder of a network that ends after so many layers, in the norm that stands behind them."""
    whole = encoder.model
    model = CrystalTransformer(dataclasses.replace(whole.config, depth=depth, readout=None), n_targets=0)
    model.load_state_dict(whole.state_dict(), strict=False)
    model.norm = whole.layers[depth].mixing_norm
    return CrystalEncoder(encoder.manifest, model)


@pytest.mark.parametrize("readout", READOUTS)
def test_first_atoms_are_not_read_out_with_a_cell(tmp_path: Path, readout: Readout) -> None:
    odd = dataclasses.replace(CONFIG, geometry="cartesian", readout=readout)
    with pytest.raises(CatalogCorrupt, match="has no readout"):
        read_crystal_encoder(write_encoder_catalog(tmp_path, odd))
