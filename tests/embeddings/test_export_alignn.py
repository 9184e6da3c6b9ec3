"""ALIGNN without DGL, and the table of jarvis-tools behind it, with our vectors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, InputInvalid
from embeddings.export import alignn
from testing.clients import CATALOG, CRYSTALS, DIM, HOW, LAYERS, ORDERS, STRUCTURES, sites_of, torch, train, vectors_of


@pytest.fixture(autouse=True)
def same_start() -> None:
    torch.manual_seed(0)


@pytest.fixture
def client() -> SimpleNamespace:
    graphs = pytest.importorskip("alignn.torch_graph_builder", reason=HOW)
    from alignn.models import alignn_atomwise_pure as pure
    from jarvis.core.atoms import Atoms
    from jarvis.core.specie import get_node_attributes

    return SimpleNamespace(pure=pure, graphs=graphs, Atoms=Atoms, get_node_attributes=get_node_attributes)


def small_model(client: SimpleNamespace) -> Any:
    config = client.pure.ALIGNNAtomWisePureConfig(
        name="alignn_atomwise_pure",
        alignn_layers=1,
        gcn_layers=1,
        hidden_features=8,
        atom_input_features=DIM,
        calculate_gradient=False,
    )
    return client.pure.ALIGNNAtomWisePure(config).eval()  # no batch statistics: one crystal leaves others alone


def pairs_of(client: SimpleNamespace) -> list[Any]:
    centre = [[0, 0, 0], [0.5, 0.5, 0.5]]
    return [
        client.graphs.build_pure_torch_graph(
            client.Atoms(lattice_mat=a * np.eye(3), coords=centre, elements=pair), two_body_cutoff=4.0
        )
        for *pair, a in CRYSTALS
    ]


def output_of(client: SimpleNamespace, model: Any, pairs: list[Any]) -> Any:
    graph, line_graph = client.graphs.batch_torch_graph_pairs(pairs)
    lattices = torch.stack([a * torch.eye(3) for *_, a in CRYSTALS])
    return model((graph, line_graph, lattices))["out"]


def test_it_trains_with_our_features(client: Any) -> None:
    with alignn.jarvis_features(CATALOG):
        pairs = pairs_of(client)
    np.testing.assert_array_equal(pairs[1][0].ndata["atom_features"], [CATALOG["Fe"], CATALOG["O"]])
    model = small_model(client)
    train(model, lambda: output_of(client, model, pairs))


def test_the_usual_features_come_back(client: Any) -> None:
    usual = client.get_node_attributes("Fe", "cgcnn")
    with alignn.jarvis_features(CATALOG):
        assert len(client.get_node_attributes("Fe", "cgcnn")) == DIM
    assert client.get_node_attributes("Fe", "cgcnn") == usual
    with pytest.raises(RuntimeError, match="mine"), alignn.jarvis_features(CATALOG):
        raise RuntimeError("mine")
    with pytest.raises(ElementNotCovered, match="Po"), alignn.jarvis_features(CATALOG, elements=["Po"]):
        pass
    assert client.get_node_attributes("Fe", "cgcnn") == usual


@pytest.mark.parametrize("element", ["Po", "Fm", "Rf", "Og"])
def test_an_element_without_features_fails_at_once(client: Any, element: str) -> None:
    crystal = client.Atoms(lattice_mat=3 * np.eye(3), coords=[[0, 0, 0]], elements=[element])
    with alignn.jarvis_features(CATALOG), pytest.raises(TypeError, match="not iterable"):
        client.graphs.build_pure_torch_graph(crystal, two_body_cutoff=4.0)


def test_its_data_sets_look_the_same_features_up(client: Any) -> None:
    graphs = pytest.importorskip("alignn.graphs", reason=HOW)
    with alignn.jarvis_features(CATALOG):
        table = graphs.StructureDataset._get_attribute_lookup("cgcnn")
    np.testing.assert_array_equal(np.float32(table[26]), CATALOG["Fe"])
    assert np.isnan(table[84]).all()


def test_the_species_table(client: Any) -> None:
    model = small_model(client)
    alignn.fill_species_table(model, CATALOG)
    table = model._species_table.numpy()
    for z, symbol in enumerate(SYMBOLS, start=1):
        np.testing.assert_array_equal(table[z], CATALOG[symbol] if symbol in CATALOG else [np.nan] * DIM)
    assert np.isnan(table[119]).all()
    with alignn.jarvis_features(CATALOG):
        model.register_species_table()
    for symbol, z in (("Fe", 26), ("O", 8)):
        np.testing.assert_array_equal(model._species_table[z], CATALOG[symbol])


def test_sites_take_the_place_of_elements(client: Any) -> None:
    with alignn.jarvis_features(CATALOG):
        pairs = pairs_of(client)
    for (graph, _), structure in zip(pairs, STRUCTURES, strict=True):
        alignn.set_site_vectors(graph, sites_of(structure))
    model = small_model(client)
    train(model, lambda: output_of(client, model, pairs), steps=1)
    before = output_of(client, model, pairs)
    alignn.set_site_vectors(pairs[2][0], sites_of(STRUCTURES[2], seed=1))
    assert (output_of(client, model, pairs) != before).tolist() == [False, False, True, False]
    with pytest.raises(InputInvalid, match=r"has 2 sites and takes \(2, dim\), not \(1, 6\)"):
        alignn.set_site_vectors(pairs[0][0], (np.ones((1, DIM)), np.array([11])))
    with pytest.raises(InputInvalid, match="Site 1 of salt is Cl in the graph, but its vector is that of Fe"):
        alignn.set_site_vectors(pairs[0][0], (np.ones((2, DIM)), np.array([11, 26])), name="salt")
    with pytest.raises(InputInvalid, match="does not say which atom is which"):
        alignn.set_site_vectors(pairs[0][0], np.ones((2, DIM)))
    del pairs[0][0].ndata["Z"]
    with pytest.raises(InputInvalid, match="holds no atomic numbers"):
        alignn.set_site_vectors(pairs[0][0], sites_of(STRUCTURES[0]))


def test_which_site_has_which_vector_matters(client: Any) -> None:
    crystal = client.Atoms(lattice_mat=np.diag([3, 3, 9]), coords=LAYERS, elements=["O", "Fe", "O"])
    with alignn.jarvis_features(CATALOG):
        graph, line_graph = client.graphs.build_pure_torch_graph(crystal, two_body_cutoff=4.0)
    model, outputs = small_model(client), []
    for order in ORDERS:
        numbers = np.array([8, 26, 8])
        alignn.set_site_vectors(graph, (vectors_of(crystal.elements)[order], numbers))
        outputs.append(model((graph, line_graph, torch.diag(torch.tensor([3.0, 3, 9]))[None]))["out"].item())
    assert outputs[0] == outputs[2]
    assert abs(outputs[1] - outputs[0]) > 1e-5
