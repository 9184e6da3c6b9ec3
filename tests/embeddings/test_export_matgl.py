"""matgl's models with our vectors: the table row by row, its trainer, and graphs that carry vectors of sites."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embeddings.errors import ElementNotCovered, InputInvalid
from embeddings.export import write
from testing.clients import (
    CATALOG,
    DIM,
    ELEMENTS,
    HOW,
    LAYERS,
    ORDERS,
    STRUCTURES,
    pymatgen,
    sites_of,
    torch,
    train,
    vectors_of,
)

WIDTHS = {
    "MEGNet": "dim_node_embedding",
    "M3GNet": "dim_node_embedding",
    "CHGNet": "dim_atom_embedding",
    "TensorNet": "units",
    "SO3Net": "dim_node_embedding",
}


@pytest.fixture(autouse=True)
def same_start() -> None:
    torch.manual_seed(0)


@pytest.fixture
def client() -> SimpleNamespace:
    models = pytest.importorskip("matgl.models", reason=HOW)
    from matgl.ext.pymatgen import Structure2Graph
    from torch_geometric.data import Batch

    from embeddings.export import matgl

    return SimpleNamespace(ours=matgl, models=models, Structure2Graph=Structure2Graph, Batch=Batch)


def megnet(client: SimpleNamespace, **settings: Any) -> Any:
    defaults = {"dim_node_embedding": DIM, "dim_edge_embedding": 8, "nblocks": 1, "element_types": ELEMENTS}
    return client.models.MEGNet(**(defaults | settings))


def graphs_of(client: SimpleNamespace, structures: list[Any]) -> list[Any]:
    converter, graphs = client.Structure2Graph(element_types=ELEMENTS, cutoff=4.0), []
    for structure in structures:
        graph, lattice, _ = converter.get_graph(structure)
        graph.pos, graph.pbc_offshift = graph.frac_coords @ lattice[0], graph.pbc_offset @ lattice[0]
        graphs.append(graph)
    return graphs


def output_of(client: SimpleNamespace, model: Any, graphs: list[Any]) -> Any:
    return model(client.Batch.from_data_list(graphs), torch.zeros(len(graphs), 2))


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_every_row_is_that_of_its_symbol(client: Any, name: str, width: str) -> None:
    model = getattr(client.models, name)(**{width: DIM}, element_types=ELEMENTS)
    client.ours.init_node_embedding(model, CATALOG, freeze=False)
    (table,) = [m for m in model.modules() if isinstance(m, torch.nn.Embedding) and m.weight.shape == (4, DIM)]
    rows = table(torch.arange(4))
    for symbol, row in zip(model.element_types, rows, strict=True):
        np.testing.assert_array_equal(row.detach(), CATALOG[symbol])
    rows.sum().backward()
    assert table.weight.grad.abs().sum(dim=1).all(), "every row learns, the first one too"


@pytest.mark.parametrize("freeze", [True, False])
def test_megnet_trains(client: Any, freeze: bool) -> None:
    model, graphs = megnet(client), graphs_of(client, STRUCTURES)
    client.ours.init_node_embedding(model, CATALOG, freeze=freeze)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, lambda: output_of(client, model, graphs))
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert ("embedding.layer_node_embedding.weight" in moved) is not freeze
    assert "node_encoder.layers.0.weight" in moved


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers and logging
@pytest.mark.parametrize("level", ["element", "site"])
def test_its_own_trainer_takes_both(client: Any, level: str, tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning", reason=HOW)
    from matgl.graph.data import MGLDataLoader, MGLDataset, collate_fn_graph
    from matgl.utils.training import ModelLightningModule

    converter = client.Structure2Graph(element_types=ELEMENTS, cutoff=4.0)
    labels = {"energy": [0.0, 1.0, 2.0, 3.0]}
    data = MGLDataset(structures=STRUCTURES, labels=labels, converter=converter, save_cache=False, root=str(tmp_path))
    model = megnet(client)
    if level == "site":
        client.ours.accept_site_vectors(model, DIM)
        for graph, structure in zip(data.graphs, STRUCTURES, strict=True):
            client.ours.set_site_vectors(graph, sites_of(structure), ELEMENTS)
    else:
        client.ours.init_node_embedding(model, CATALOG, freeze=True)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train_loader, _ = MGLDataLoader(data, data, collate_fn=collate_fn_graph, batch_size=2, num_workers=0)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", default_root_dir=tmp_path, **quiet)
    trainer.fit(ModelLightningModule(model), train_loader)
    moved = {name: not torch.equal(p, before[name]) for name, p in model.named_parameters()}
    assert moved["node_encoder.layers.0.weight"]
    assert moved.get("embedding.layer_node_embedding.weight") == (False if level == "element" else None)


def test_what_is_saved_comes_back(client: Any, tmp_path: Path) -> None:
    model = megnet(client)
    client.ours.init_node_embedding(model, CATALOG, freeze=True)
    model.save(tmp_path)
    weight = client.models.MEGNet.load(tmp_path).embedding.layer_node_embedding.weight
    assert weight.requires_grad, "the freeze is not kept, as the documentation says"
    np.testing.assert_array_equal(weight.detach(), [CATALOG[symbol] for symbol in ELEMENTS])


def test_the_file_is_the_state_of_the_table(client: Any, tmp_path: Path) -> None:
    write(CATALOG, "matgl", tmp_path / "table.pt", elements=ELEMENTS)
    table = torch.load(tmp_path / "table.pt")
    model = megnet(client, element_types=tuple(table["element_types"]))
    model.embedding.layer_node_embedding.load_state_dict({"weight": table["weight"]})
    expected = megnet(client)
    client.ours.init_node_embedding(expected, CATALOG)
    assert torch.equal(*(m.embedding.layer_node_embedding.weight for m in (model, expected)))


def test_models_that_do_not_fit(client: Any) -> None:
    model = megnet(client, element_types=("Fe", "Po", "Ra"))
    before = model.embedding.layer_node_embedding.weight.detach().clone()
    with pytest.raises(ElementNotCovered, match="no vector for Po, Ra"):
        client.ours.init_node_embedding(model, CATALOG)
    with pytest.raises(InputInvalid, match="MEGNet is 16 wide, but the vectors have 6 numbers"):
        client.ours.init_node_embedding(megnet(client, dim_node_embedding=16), CATALOG)
    with pytest.raises(InputInvalid, match="Linear is not a matgl model"):
        client.ours.init_node_embedding(torch.nn.Linear(2, 2), CATALOG)
    assert torch.equal(model.embedding.layer_node_embedding.weight, before)
    with pytest.warns(UserWarning, match="Po, Ra; each gets the mean"):
        client.ours.init_node_embedding(model, CATALOG, missing="mean")


def test_sites_take_the_place_of_elements(client: Any) -> None:
    model, graphs = megnet(client), graphs_of(client, STRUCTURES)
    client.ours.accept_site_vectors(model, DIM)
    with pytest.raises(InputInvalid, match="Call set_site_vectors on every graph"):
        output_of(client, model, graphs)
    for graph, structure in zip(graphs, STRUCTURES, strict=True):
        client.ours.set_site_vectors(graph, sites_of(structure), ELEMENTS)
    train(model, lambda: output_of(client, model, graphs), steps=1)
    before = output_of(client, model, graphs)
    client.ours.set_site_vectors(graphs[2], sites_of(STRUCTURES[2], seed=1), ELEMENTS)
    changed = (output_of(client, model, graphs) != before).tolist()
    assert changed == [False, False, True, False]
    with pytest.raises(InputInvalid, match=r"has 2 sites and takes \(2, dim\), not \(3, 6\)"):
        client.ours.set_site_vectors(graphs[0], (np.ones((3, DIM)), np.array([11, 17, 17])), ELEMENTS)
    with pytest.raises(InputInvalid, match="Site 0 of salt is Na in the graph, but its vector is that of Cl"):
        client.ours.set_site_vectors(graphs[0], (np.ones((2, DIM)), np.array([17, 11])), ELEMENTS, name="salt")
    with pytest.raises(InputInvalid, match="is Cl in the graph"):  # of another converter
        client.ours.set_site_vectors(graphs[0], sites_of(STRUCTURES[0]), ("Fe", "Na", "Cl", "O"))
    with pytest.raises(InputInvalid, match="an element of row 2, but 2 element types"):
        client.ours.set_site_vectors(graphs[0], sites_of(STRUCTURES[0]), ("Fe", "Na"))
    with pytest.raises(InputInvalid, match="does not say which atom is which"):
        client.ours.set_site_vectors(graphs[0], np.ones((2, DIM)), ELEMENTS)
    with pytest.raises(InputInvalid, match="is 6 wide, but the vectors have 5"):
        client.ours.accept_site_vectors(megnet(client), 5)


@pytest.mark.parametrize("freeze", [True, False])
def test_elements_stand_behind_their_sites_and_are_learned(client: Any, freeze: bool) -> None:
    model, graphs = megnet(client, dim_node_embedding=DIM + 3), graphs_of(client, STRUCTURES)
    client.ours.accept_site_vectors(model, 3, beside=CATALOG, freeze=freeze)
    crystal, graph = STRUCTURES[0], graphs[0]
    for _ in range(2):  # the second call replaces what the first one set
        for each, structure in zip(graphs, STRUCTURES, strict=True):
            vectors, numbers = sites_of(structure)
            client.ours.set_site_vectors(each, (vectors[:, :3], numbers), ELEMENTS)
    given = model.embedding.layer_node_embedding(graph.node_type).detach().numpy()
    np.testing.assert_array_equal(given[:, :3], vectors_of(crystal)[:, :3])
    np.testing.assert_array_equal(given[:, 3:], [CATALOG[site.specie.symbol] for site in crystal])
    before = model.embedding.layer_node_embedding.elements.weight.detach().clone()
    train(model, lambda: output_of(client, model, graphs))
    assert torch.equal(model.embedding.layer_node_embedding.elements.weight, before) is freeze
    other = megnet(client, dim_node_embedding=DIM + 3, element_types=("Fe", "Po"))
    with pytest.raises(ElementNotCovered, match="Po"):
        client.ours.accept_site_vectors(other, 3, beside=CATALOG)


@pytest.mark.parametrize("name", ["MEGNet", "M3GNet", "CHGNet", "TensorNet"])
def test_which_site_has_which_vector_matters(client: Any, name: str) -> None:
    crystal = pymatgen.Structure(pymatgen.Lattice.tetragonal(3, 9), ["O", "Fe", "O"], LAYERS)
    model = getattr(client.models, name)(**{WIDTHS[name]: DIM}, element_types=ELEMENTS)
    client.ours.accept_site_vectors(model, DIM)
    (graph,), outputs = graphs_of(client, [crystal]), []
    for order in ORDERS:
        client.ours.set_site_vectors(graph, (20 * vectors_of(crystal)[order], np.array([8, 26, 8])), ELEMENTS)
        outputs.append(output_of(client, model, [graph]).item())
    assert outputs[0] == outputs[2]
    assert abs(outputs[1] - outputs[0]) > 1e-5


def test_a_model_that_rounds_takes_no_site_vectors(client: Any) -> None:
    model = client.models.SO3Net(dim_node_embedding=DIM, element_types=ELEMENTS)
    with pytest.raises(InputInvalid, match="SO3Net rounds"):
        client.ours.accept_site_vectors(model, DIM)
