"""CGCNN's own reader and network, as the registry has them, with our vectors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embeddings.errors import InputInvalid
from embeddings.export import cgcnn, write
from embeddings.vectors.sites import Sites
from testing.clients import CATALOG, DIM, HOW, STRUCTURES, sites_of, torch, train


@pytest.fixture(autouse=True)
def same_start() -> None:
    torch.manual_seed(0)


@pytest.fixture
def client() -> SimpleNamespace:
    data = pytest.importorskip("cgcnn2.data", reason=HOW)
    model = pytest.importorskip("cgcnn2.model", reason=HOW)
    return SimpleNamespace(
        CIFData=data.CIFData, collate_pool=data.collate_pool, Network=model.CrystalGraphConvNet, data=data
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, structure in enumerate(STRUCTURES):
        structure.to(str(tmp_path / f"c{k}.cif"))
    (tmp_path / "id_prop.csv").write_text("".join(f"c{k},{k}\n" for k in range(4)))
    return tmp_path


def output_of(client: SimpleNamespace, model: Any, dataset: Any) -> Any:
    crystals, *_ = client.collate_pool([dataset[k] for k in range(len(dataset))])
    return model(*crystals)[0]


def test_it_reads_the_file_and_trains(client: Any, folder: Path) -> None:
    write(CATALOG, "cgcnn", folder / "atom_init.json")
    dataset = client.CIFData(str(folder), radius=5)
    (atoms, bonds, _), *_ = dataset[1]
    np.testing.assert_array_equal(atoms, [CATALOG["Fe"], CATALOG["O"]])
    model = client.Network(atoms.shape[-1], bonds.shape[-1], 8, 1, 8)
    train(model, lambda: output_of(client, model, dataset))


def test_it_stops_at_an_element_that_is_not_in_the_file(client: Any, tmp_path: Path) -> None:
    write(CATALOG, "cgcnn", tmp_path / "atom_init.json")
    reader = client.data.AtomCustomJSONInitializer(str(tmp_path / "atom_init.json"))
    np.testing.assert_array_equal(np.float32(reader.get_atom_fea(26)), CATALOG["Fe"])
    with pytest.raises(AssertionError):
        reader.get_atom_fea(84)


def test_sites_take_the_place_of_elements(client: Any, folder: Path) -> None:
    write(CATALOG, "cgcnn", folder / "atom_init.json")
    elements = client.CIFData(str(folder), radius=5)
    sites = {f"c{k}": sites_of(structure, k) for k, structure in enumerate(STRUCTURES)}
    dataset = cgcnn.SiteDataset(elements, sites)
    model = client.Network(DIM, dataset[0][0][1].shape[-1], 8, 1, 8)
    train(model, lambda: output_of(client, model, dataset))
    model.eval()
    before = output_of(client, model, dataset)
    other = cgcnn.SiteDataset(elements, sites | {"c0": Sites(sites["c0"].vectors + 1, sites["c0"].atomic_numbers)})
    changed = (output_of(client, model, other) != before).ravel().tolist()
    assert changed == [True, False, False, False]


MIX = """data_mix
_cell_length_a 3.9
_cell_length_b 3.9
_cell_length_c 8.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
O1 O 0 0 0
Ti1 Ti 0 0 0.3
O2 O 0 0 0.55
Ca1 Ca 0.5 0.5 0.8
"""
"""Its atoms are not in the order in which pymatgen, and so CGCNN, sorts them."""


def test_the_order_of_the_file_is_refused_where_that_of_the_graph_differs(client: Any, tmp_path: Path) -> None:
    (tmp_path / "mix.cif").write_text(MIX)
    (tmp_path / "id_prop.csv").write_text("mix,1.0\n")
    write(CATALOG, "cgcnn", tmp_path / "atom_init.json")
    dataset = client.CIFData(str(tmp_path), radius=5)
    rows = np.array([[8, 1], [22, 2], [8, 3], [20, 4]], dtype=np.float32)
    with pytest.raises(InputInvalid, match="Site 0 of mix is Ca in the graph, but its vector is that of O"):
        cgcnn.SiteDataset(dataset, {"mix": (rows, rows[:, 0])})[0]
    with pytest.raises(InputInvalid, match=r"come as ndarray.*Give \(vectors, atomic_numbers\)"):
        cgcnn.SiteDataset(dataset, {"mix": rows})[0]  # type: ignore[dict-item]
    sorted_rows = rows[[3, 1, 0, 2]]
    (atoms, *_), *_ = cgcnn.SiteDataset(dataset, {"mix": (sorted_rows, sorted_rows[:, 0])})[0]
    np.testing.assert_array_equal(atoms, sorted_rows)


def test_element_embeddings_reads_both_texts(tmp_path: Path) -> None:
    core = pytest.importorskip("elementembeddings.core", reason="pip install ElementEmbeddings")
    for client in ("csv", "json"):
        write(CATALOG, client, tmp_path / f"ours.{client}")
        read = getattr(core.Embedding, f"from_{client}")(str(tmp_path / f"ours.{client}"), "ours").embeddings
        assert list(read) == list(CATALOG)
        np.testing.assert_array_equal(np.float32(read["Fe"]), CATALOG["Fe"])
