"""What the network may and may not see: invariances, and agreement with sums written out edge by edge."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from builders.methods.crystal_transformer.batches import Batch, PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer, Mixing, PairRadial, RadialBasis
from builders.structures.graphs import NeighborGraphs, neighbor_graphs
from builders.structures.primitive import cell_columns
from embeddings.store.readout import READOUTS, Readout
from testing.crystals import (
    Crystal,
    random_crystal,
    recelled,
    rocksalt,
    rotated,
    shuffled,
    structure_table,
    supercell,
    translated,
)

SMALL = CrystalTransformerConfig(dim=16, width=32, depth=2, n_heads=4, feed_forward=32, n_radial=8, message_dim=4)
CARTESIAN = CrystalTransformerConfig(geometry="cartesian", dim=16, width=32, depth=2, n_heads=4, feed_forward=32)


def network(config: CrystalTransformerConfig = SMALL) -> CrystalTransformer:
    torch.manual_seed(1)
    model = CrystalTransformer(config, n_targets=2).eval()
    with torch.no_grad():
        model.table.weight.mul_(20)  # an untrained table is nearly blind to the elements
    return model


def graphs_and_batch(crystals: list[Crystal], cutoff: float = SMALL.cutoff) -> tuple[NeighborGraphs, Batch]:
    table = structure_table(crystals)
    graphs = neighbor_graphs(table, cutoff)
    packed = PackedCrystals(table, graphs, np.full((len(table), 1), np.nan), cell_columns(table))
    return graphs, packed.batch(np.arange(len(table)))


def outputs(model: CrystalTransformer, crystals: list[Crystal]) -> tuple[np.ndarray, np.ndarray]:
    _, batch = graphs_and_batch(crystals)
    with torch.inference_mode():
        return model(batch).numpy(), model.encode(batch).numpy()


CRYSTALS = {
    "rocksalt": rocksalt(11, 17, 5.6),
    "triclinic": random_crystal(np.random.default_rng(3)),
    "two atoms far apart": (9.0 * np.eye(3), np.array([3, 9]), np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])),
    "one atom": (3.0 * np.eye(3), np.array([26]), np.zeros((1, 3))),
}
MOVES = {
    "order": shuffled,
    "rotation": rotated,
    "translation": translated,
    "cell": recelled,
    "supercell": lambda crystal, rng: supercell(crystal, (2, 1, 3)),
    "all at once": lambda crystal, rng: shuffled(
        rotated(translated(recelled(supercell(crystal, (1, 2, 2)), rng), rng), rng), rng
    ),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("readout", [None, *READOUTS])
def test_periodic_network_sees_the_crystal_not_its_description(readout: Readout | None, name: str, move: str) -> None:
    model = network(dataclasses.replace(SMALL, readout=readout))
    moved = MOVES[move](CRYSTALS[name], np.random.default_rng(7))
    for before, after in zip(outputs(model, [CRYSTALS[name]]), outputs(model, [moved]), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-4)


def test_periodic_network_tells_crystals_apart() -> None:
    model = network()
    salt = rocksalt(11, 17, 5.6)
    others = [rocksalt(11, 35, 5.6), rocksalt(11, 17, 5.9), CRYSTALS["triclinic"]]
    prediction, _ = outputs(model, [salt, *others])
    assert (np.abs(prediction[1:] - prediction[0]).max(axis=1) > 1e-3).all()


ALL_LAYERS = dataclasses.replace(SMALL, readout="all layers and cell")


@pytest.mark.parametrize("config", [SMALL, ALL_LAYERS, CARTESIAN], ids=["periodic", "all layers", "cartesian"])
def test_padding_changes_nothing(config: CrystalTransformerConfig) -> None:
    model = network(config)
    alone, _ = outputs(model, [CRYSTALS["triclinic"]])
    padded, _ = outputs(model, [CRYSTALS["triclinic"], supercell(CRYSTALS["rocksalt"], (2, 1, 1))])
    np.testing.assert_allclose(padded[0], alone[0], atol=1e-5)


def test_cartesian_network_reads_out_the_first_atom() -> None:
    model = network(CARTESIAN)
    _, batch = graphs_and_batch([CRYSTALS["triclinic"]])
    with torch.inference_mode():
        assert torch.equal(model.encode(batch), model.encode_atoms(batch)[:, 0])
        rolled = Batch(
            batch.atomic_numbers.roll(1, 1),
            batch.counts.roll(1, 1),
            batch.coords.roll(1, 1),
            batch.pairs,
            batch.distances,
            batch.labels,
            batch.cells,
        )
        assert not torch.allclose(model.encode(rolled), model.encode(batch), atol=1e-3)


def dense(basis: RadialBasis, distances: torch.Tensor) -> torch.Tensor:
    """All functions at each distance, (E, n_radial)."""
    numbers, values = basis(distances)
    return distances.new_zeros(len(distances), basis.n_radial).scatter_add_(1, numbers, values)


def test_radial_functions_are_cubic_b_splines_under_an_envelope() -> None:
    basis = RadialBasis(n_radial=8, cutoff=4.0)
    distances = np.linspace(0, 4, 101)
    found = dense(basis, torch.tensor(distances, dtype=torch.float32)).numpy()
    for number in range(8):
        knots = 0.5 * np.arange(number - 3, number + 2)  # the last function ends at the cutoff
        expected = BSpline.basis_element(knots, extrapolate=False)(distances)
        envelope = 0.5 * (1 + np.cos(np.pi * distances / 4))
        np.testing.assert_allclose(found[:, number], np.nan_to_num(expected) * envelope, atol=1e-5)
    assert np.abs(found[-1]).max() == 0


def test_mixing_equals_sums_over_every_image_of_every_neighbour() -> None:
    """Attention and messages are computed for pairs of the cell; here they are written out, one image at a time."""
    config = dataclasses.replace(SMALL, width=12, n_heads=3, message_dim=5)
    graphs, batch = graphs_and_batch([random_crystal(np.random.default_rng(5), 4)])
    torch.manual_seed(0)
    mixing, radial = Mixing(config), PairRadial(config.n_radial, config.cutoff)
    tokens = torch.randn(1, 4, 12)
    with torch.inference_mode():
        found = mixing(tokens, batch.mask, radial(batch))[0]
        query, key, value, message = mixing.take(tokens)[0].split(mixing.widths, dim=-1)
        query, key, value = (part.view(4, 3, 4) for part in (query, key, value))
        for atom in range(4):
            edges = np.flatnonzero(graphs.centers == atom)
            neighbor = torch.tensor([atom, *graphs.neighbors[edges].tolist()])
            basis = dense(radial.basis, torch.tensor([0.0, *graphs.distances[edges].tolist()]))  # (n_edges, n_radial)
            strength = basis @ torch.nn.functional.softplus(mixing.radial_weight).T  # (n_edges, n_heads)
            score = torch.einsum("hd,ehd->eh", query[atom], key[neighbor]) / 2 + strength.log()
            heads = torch.einsum("eh,ehd->hd", score.softmax(0), value[neighbor]).flatten()
            messages = torch.einsum("er,ed->rd", basis, message[neighbor]).flatten()
            expected = mixing.give(torch.cat([heads, messages]))
            torch.testing.assert_close(found[atom], expected, atol=1e-5, rtol=1e-4)


def test_an_atom_beyond_the_cutoff_does_not_matter_however_high_its_score() -> None:
    """Next to its exponential those within the cutoff would vanish in single precision."""
    torch.manual_seed(0)
    mixing = Mixing(SMALL)
    tokens, mask = torch.randn(1, 3, SMALL.width), torch.ones(1, 3, dtype=torch.bool)
    pairs = torch.rand(1, 3, SMALL.n_radial, 3)
    pairs[:, :2, :, 2] = 0  # the third atom is out of reach of the first two
    with torch.no_grad():
        mixing.take.weight.mul_(8)
        near = mixing(tokens[:, :2], mask[:, :2], pairs[:, :2, :, :2])
        for size in (1, 100, 10_000):
            far = torch.cat([tokens[:, :2], size * tokens[:, 2:]], dim=1)
            torch.testing.assert_close(mixing(far, mask, pairs)[:, :2], near, rtol=1e-4, atol=1e-4)


def test_the_table_starts_small_and_row_z_is_element_z() -> None:
    torch.manual_seed(0)
    vectors = CrystalTransformer(CrystalTransformerConfig(), 1).element_vectors()
    assert vectors.shape == (119, 128)
    assert vectors[0].abs().max() == 0
    assert 0.04 < vectors[1:].std() < 0.06
