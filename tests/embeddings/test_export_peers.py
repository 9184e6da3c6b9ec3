"""Files for the packages of the field, each read by the package itself where it is installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, InputInvalid
from embeddings.export import write
from embeddings.store.tables import measure
from testing.toys import toy_provenance, toy_table

UAE = ElementCatalog(measure(toy_provenance(), toy_table()), toy_table())
WIDE = toy_table({"H": np.arange(300.0), "Fe": np.ones(300)})


def need(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def test_pymatgen_has_names_for_its_numbers(tmp_path: Path) -> None:
    write(UAE, "pymatgen", tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["Fe"] == {"toy 0": 3.0, "toy 1": 4.0}


def test_pymatgen_itself_reads_it(tmp_path: Path) -> None:
    need("pymatgen")
    from pymatgen.core import periodic_table

    write(UAE, "pymatgen", tmp_path / "t.json")
    known, added = periodic_table._PT_DATA, json.loads((tmp_path / "t.json").read_text())
    assert set(added) <= set(known)
    assert {type(value) for value in known["Fe"].values()} >= {float}
    assert not set(added["Fe"]) & set(known["Fe"])


def test_matminer_reads_it_and_wide_vectors_are_refused(tmp_path: Path) -> None:
    wide = ElementCatalog(measure(toy_provenance(), WIDE), WIDE)
    with pytest.raises(InputInvalid, match="keeps 200 numbers"):
        write(wide, "matminer", tmp_path / "t.json")
    need("matminer")
    from matminer.utils import data

    (tmp_path / "data_files").mkdir()
    write(UAE, "matminer", tmp_path / "data_files" / "matscholar_els.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "module_dir", str(tmp_path))
        read = data.MatscholarElementData(impute_nan=False)
    assert [read.get_elemental_property("Fe", f"embedding {k}") for k in (1, 2)] == [3.0, 4.0]


def test_element_embeddings_reads_it(tmp_path: Path) -> None:
    write(UAE, "element-embeddings", tmp_path / "t.json")
    need("elementembeddings")
    core = pytest.importorskip("elementembeddings.core")
    read = core.Embedding.from_json(str(tmp_path / "t.json"), "toy")
    assert read.dim == 2
    assert np.array_equal(read.embeddings["Fe"], UAE["Fe"])


def test_aviary_reads_it_and_its_zeros_are_named(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"aviary gives zeros .* He, Li") as caught:
        write(UAE, "aviary", tmp_path / "t.json")
    assert "Fe" not in str(caught[0].message).partition(": ")[2].split(", ")
    with pytest.warns(UserWarning, match=r"aviary gives zeros .*: H, He, Li, Be, B, C, N\.") as caught:
        write(UAE, "aviary", tmp_path / "u.json", missing="mean", elements=["O", "F"])
    assert [str(one.message).partition(" ")[0] for one in caught].count("aviary") == 1
    need("aviary")
    model_utils = pytest.importorskip("aviary.utils")
    layer = model_utils.get_element_embedding(str(tmp_path / "t.json"))
    assert np.allclose(layer.weight[26].detach().numpy(), UAE["Fe"])


def test_crabnet_has_all_elements_in_order(tmp_path: Path) -> None:
    with pytest.raises(ElementNotCovered):
        write(UAE, "crabnet", tmp_path / "t.csv")
    with pytest.raises(InputInvalid, match="all 118"):
        write(UAE, "crabnet", tmp_path / "t.csv", elements=["Fe"])
    with pytest.warns(UserWarning, match="each gets"):
        write(UAE, "crabnet", tmp_path / "t.csv", missing="mean")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "element,0,1"
    assert [line.partition(",")[0] for line in lines[1:]] == list(SYMBOLS)
    assert lines[26] == "Fe,3.0,4.0"


def test_crabnets_own_way_of_reading(tmp_path: Path) -> None:
    """CrabNet: ``pandas.read_csv(path, index_col=0).values``, a row of zeros on top, and rows by atomic number."""
    pd = pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="each gets"):
        write(UAE, "crabnet", tmp_path / "t.csv", missing="zeros")
    values = pd.read_csv(tmp_path / "t.csv", index_col=0).values
    table = np.concatenate([np.zeros((1, values.shape[1])), values])
    assert table.shape == (119, 2)
    assert np.array_equal(table[26], UAE["Fe"])


def test_pyg_reads_it_from_tensors_alone(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    geometric = pytest.importorskip("torch_geometric.data")
    write(UAE, "pyg", tmp_path / "t.pt")
    data = geometric.Data.from_dict(torch.load(tmp_path / "t.pt", weights_only=True))
    assert np.array_equal(data.x[data.row_of[26]].numpy(), UAE["Fe"])
    assert data.row_of[92] == -1
