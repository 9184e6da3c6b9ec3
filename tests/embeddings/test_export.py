"""Exported files hold the catalog's numbers, the policy is never silent, and a failure leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embeddings.cli import main
from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, ElementUnknown, InputInvalid, MissingExtra, OutputInvalid
from embeddings.export import CLIENTS, POLICIES, element_rows, table_by_number, write
from embeddings.export.alignn import fill_species_table, jarvis_features
from embeddings.export.cgcnn import SiteDataset
from testing.toys import toy_catalog, write_toy

TOY = toy_catalog()
ANY_ELEMENTS = [client for client in CLIENTS if client not in ("aviary", "crabnet")]
"""Clients that take any elements; the others want all, or fill them in and say so: test_export_peers.py."""
MEAN = [1.1666666, 1.1666666]


def test_rows_keep_the_order_that_was_asked_for() -> None:
    rows = element_rows(TOY, ["Fe", 1, "O", "Fe"])
    assert rows.symbols == ("Fe", "H", "O")
    assert rows.atomic_numbers.tolist() == [26, 1, 8]
    assert rows.vectors.tolist() == [[3, 4], [1, 0], [0, 1]]
    assert element_rows(TOY).symbols == TOY.symbols


def test_what_has_no_vector_is_named_whatever_the_policy() -> None:
    with pytest.raises(ElementNotCovered, match=r"no vector for Si, Po\. .*\"impute\", \"mean\""):
        element_rows(TOY, ["Si", "Fe", "Po"])
    for policy, expected in (("mean", MEAN), ("zeros", [0, 0])):
        with pytest.warns(UserWarning, match="no vector for Si, Po; each gets "):
            rows = element_rows(TOY, ["Si", "Fe", "Po"], missing=policy)
        np.testing.assert_allclose(rows.vectors, [expected, [3, 4], expected], rtol=1e-6)
        with pytest.warns(UserWarning, match="He, Li"):
            assert element_rows(TOY, missing=policy).symbols == SYMBOLS


def test_a_stand_in_is_the_nearest_covered_element_as_in_pooling() -> None:
    with pytest.warns(UserWarning, match="no vector for S; each gets the vector of the nearest covered element"):
        assert element_rows(TOY, ["S", "O"], missing="impute").vectors.tolist() == [TOY["O"].tolist()] * 2


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_changes_or_mentions_what_is_covered(policy: str, recwarn: pytest.WarningsRecorder) -> None:
    assert element_rows(TOY, TOY.symbols, missing=policy).vectors.tolist() == TOY.vectors.tolist()
    assert not recwarn.list


def test_the_table_by_number_has_no_row_that_could_pass_for_another() -> None:
    table = table_by_number(TOY, ["Fe", "Co"])
    assert table.shape == (119, 2)
    assert table[0].tolist() == [0, 0]
    assert table[26:28].tolist() == [[3, 4], [4, 3]]
    assert np.isnan(table).all(axis=1).sum() == 116


@pytest.mark.parametrize(
    ("arguments", "error", "part"),
    [
        ({"elements": ["Fe", "Xx"]}, ElementUnknown, '"Xx" is not an element symbol'),
        ({"elements": []}, InputInvalid, "No elements"),
        ({"missing": "mena"}, InputInvalid, 'Did you mean "mean"'),
        ({"missing": "skip"}, InputInvalid, 'missing="skip" cannot be used here. Known: raise, impute, mean, zeros'),
    ],
)
def test_what_cannot_be_asked_for(arguments: dict[str, Any], error: type[Exception], part: str) -> None:
    with pytest.raises(error, match=part):
        element_rows(TOY, **arguments)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(vectors=arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_text_gives_back_every_bit(vectors: np.ndarray, tmp_path: Path) -> None:
    catalog = toy_catalog(dict(zip(("H", "O", "Fe"), vectors, strict=True)))
    for client in ("json", "csv", "cgcnn"):
        write(catalog, client, tmp_path / client)
    lines = (tmp_path / "csv").read_text().splitlines()
    assert lines[0] == "element,0,1,2,3"
    read = {
        "json": list(json.loads((tmp_path / "json").read_text()).values()),
        "cgcnn": list(json.loads((tmp_path / "cgcnn").read_text()).values()),
        "csv": [line.split(",")[1:] for line in lines[1:]],
    }
    for values in read.values():
        assert np.array(values, dtype=np.float32).tobytes() == vectors.tobytes()


def test_files_by_number(tmp_path: Path) -> None:
    write(TOY, "cgcnn", tmp_path / "cgcnn", elements=["O", "Fe"])
    assert json.loads((tmp_path / "cgcnn").read_text()) == {"8": [0, 1], "26": [3, 4]}
    write(TOY, "megnet", tmp_path / "table.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "table.npy"), table_by_number(TOY))


def test_alignn_gets_every_element_that_it_knows(tmp_path: Path) -> None:
    write(TOY, "alignn", tmp_path / "raise")
    features = json.loads((tmp_path / "raise").read_text())
    assert list(features) == [str(z) for z in range(1, 104)]
    assert features["26"] == [3, 4]
    assert {z for z, vector in features.items() if isinstance(vector, list)} == {"1", "8", "11", "17", "26", "27"}
    assert features["100"] != features["100"], "the one that stands in for strangers"
    with pytest.warns(UserWarning, match="Md, No, Lr; each gets the mean"):
        write(TOY, "alignn", tmp_path / "mean", missing="mean")
    assert json.loads((tmp_path / "mean").read_text())["100"] == pytest.approx(MEAN)
    with pytest.raises(ElementUnknown, match="beyond Lr the features of Fm, so it cannot take Rf, Og"):
        write(TOY, "alignn", tmp_path / "x", missing="zeros", elements=["Fe", "Rf", "Og"])


def test_hdf5_says_what_it_is(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with pytest.warns(UserWarning, match="Si"):
        write(TOY, "hdf5", tmp_path / "x.h5", missing="mean", elements=["Fe", "Si"])
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["symbol"][()].tolist() == [b"Fe", b"Si"]
        assert file["atomic_number"][()].tolist() == [26, 14]
        assert file["n_structures"][()].tolist() == [20, 0]
        np.testing.assert_allclose(file["vector"], [[3, 4], MEAN], rtol=1e-6)
        assert (file.attrs["name"], file.attrs["licence"]) == ("toy", "CC-BY-4.0")


def test_torch_files_are_read_without_pickle(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    write(TOY, "torch", tmp_path / "layer.pt")
    layer = torch.nn.Embedding(119, 2, padding_idx=0)
    layer.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    np.testing.assert_array_equal(layer.weight.detach().numpy(), table_by_number(TOY))
    write(TOY, "matgl", tmp_path / "table.pt", elements=["Fe", "H"])
    table = torch.load(tmp_path / "table.pt", weights_only=True)
    assert table["element_types"] == ["Fe", "H"]
    assert table["weight"].tolist() == [[3, 4], [1, 0]]


def test_a_layer_of_the_elements_that_a_model_needs() -> None:
    pytest.importorskip("torch")
    from embeddings.featurizers.torch import embedding_layer

    with pytest.warns(UserWarning, match="no vector for Si"):
        layer = embedding_layer(TOY, freeze=False, missing="zeros", elements=["Fe", "Si"])
    assert layer.weight[[0, 14, 26]].tolist() == [[0, 0], [0, 0], [3, 4]]
    assert layer.weight[27].isnan().all()
    assert layer.weight.requires_grad
    with pytest.raises(ElementNotCovered, match="Si"):
        embedding_layer(TOY, elements=["Fe", "Si"])


@pytest.mark.parametrize("client", ANY_ELEMENTS)
def test_the_same_catalog_gives_the_same_bytes(client: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(TOY, client, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a", "b"]


@pytest.mark.parametrize("client", ANY_ELEMENTS)
def test_a_failure_leaves_things_as_they_were(client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ElementNotCovered, match="Si"):
        write(TOY, client, path, elements=["Fe", "Si"])
    with pytest.raises(OutputInvalid, match="there is no folder"):
        write(TOY, client, tmp_path / "absent" / "file")
    with pytest.raises(OutputInvalid, match="it is a folder"):
        write(TOY, client, tmp_path)

    def read_only(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", read_only)
    with pytest.raises(OutputInvalid, match="Permission denied"):
        write(TOY, client, path)
    assert [path.read_text() for path in tmp_path.iterdir() if path.is_file()] == ["old"]


def test_an_unknown_client_is_named() -> None:
    with pytest.raises(InputInvalid, match=r'for "cgnn".*Did you mean "cgcnn"'):
        write(TOY, "cgnn", "x")


def test_writing_text_needs_no_heavy_package(tmp_path: Path) -> None:
    code = f"""
import sys
from embeddings import load_uae
from embeddings.export import write
catalog = load_uae({str(write_toy(tmp_path))!r})
for client in ("cgcnn", "megnet", "alignn", "csv", "json"):
    write(catalog, client, {str(tmp_path / "file")!r})
print(*({{"torch", "pandas", "h5py", "pyarrow", "jarvis"}} & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("h5py", "jarvis", "jarvis.core"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"h5py .*\[hdf5\]"):
        write(TOY, "hdf5", tmp_path / "x.h5")
    with pytest.raises(MissingExtra, match=r"jarvis-tools .*\[backends\]"), jarvis_features(TOY):
        pass


def test_species_tables_of_another_width_are_refused() -> None:
    torch = pytest.importorskip("torch")

    class Model:
        _species_table = torch.zeros(120, 92)

    with pytest.raises(InputInvalid, match=r"takes 92 features .* has 2\. Build it with atom_input_features=2"):
        fill_species_table(Model, TOY)
    with pytest.raises(InputInvalid, match="object has no species table"):
        fill_species_table(object(), TOY)


FEATURES = {11: [0.0, 1.0], 17: [1.0, 0.0], 19: [0.0, 1.0]}
"""What a data set has for sodium, chlorine, and potassium, which it does not tell from sodium."""


def test_site_vectors_have_to_fit_the_crystal() -> None:
    torch = pytest.importorskip("torch")
    item = ((torch.tensor([FEATURES[11], FEATURES[17]]), "bonds", "neighbors"), "target", "a")

    def first_of(sites: Any) -> Any:
        return SiteDataset([item], sites, features=FEATURES)[0]

    (atoms, *rest), *others = first_of({"a": (np.array([[1.0], [2.0]]), [11, 17])})
    assert (atoms.tolist(), rest, others) == ([[1], [2]], ["bonds", "neighbors"], ["target", "a"])
    two = np.ones((2, 1))
    for sites, part in (
        ({"b": (two, [11, 17])}, 'No site vectors for "a"'),
        ({"a": (np.ones((3, 1)), [11, 17, 17])}, r"a has 2 sites and takes \(2, dim\), not \(3, 1\)"),
        ({"a": (np.ones(2), [11, 17])}, r"not \(2,\)"),
        ({"a": (two, [11])}, r"atomic numbers of shape \(1,\)"),
        ({"a": (np.array([[1], [np.nan]]), [11, 17])}, "not all finite"),
        ({"a": (two, [17, 11])}, "Site 0 of a is Na in the graph, but its vector is that of Cl"),
        ({"a": (two, [11, 0])}, "Site 1 of a is Cl in the graph, but its vector is that of element 0"),
        ({"a": (two, [11, 19])}, "features of Na and K are the same"),
        ({"a": two}, "come as ndarray, which does not say which atom is which"),
    ):
        with pytest.raises(InputInvalid, match=part):
            first_of(sites)


def test_a_data_set_says_what_its_features_are() -> None:
    torch = pytest.importorskip("torch")
    whole = [((torch.tensor([FEATURES[17]]), "bonds", "neighbors"), "target", "a")]
    sites = {"a": (np.ones((1, 1)), [17])}
    with pytest.raises(InputInvalid, match="list does not hold CGCNN's features"):
        SiteDataset(whole, sites)
    with pytest.raises(InputInvalid, match="features that belong to none of the data set's elements"):
        SiteDataset(whole, sites, features={11: FEATURES[11]})[0]

    class Data(list[Any]):
        ari = SimpleNamespace(state_dict=lambda: FEATURES)

    part = torch.utils.data.Subset(Data(whole), [0])
    assert SiteDataset(part, sites)[0][2] == "a"


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    write_toy(tmp_path / "catalogs")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["export", *arguments])

    return run


@pytest.mark.parametrize("client", ANY_ELEMENTS)
def test_the_command_writes_what_the_function_writes(export: Any, client: str, tmp_path: Path) -> None:
    result = export("toy", "--to", client, "--elements", "Fe, O", "-o", "out")
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert result.stderr == f"out: toy@0.1.0 for {client}\n"
    if client != "hdf5":
        write(TOY, client, tmp_path / "same", elements=["Fe", "O"])
        assert (tmp_path / "out").read_bytes() == (tmp_path / "same").read_bytes()


def test_the_command_says_what_it_filled_in(export: Any) -> None:
    result = export("toy", "--to", "cgcnn", "--elements", "Fe,Si,Po", "--missing", "zeros", "-o", "out")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: ")
    assert "no vector for Si, Po; each gets a vector of zeros." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["toy", "--to", "cgcnn", "--elements", "Fe,Si", "-o", "out"], 1, "no vector for Si"),
        (["toy", "--to", "cgcnn", "--elements", "Fe,si", "-o", "out"], 1, 'Did you mean "Si"'),
        (["toy", "--to", "cgcnn", "--elements", ",", "-o", "out"], 1, "No elements"),
        (["tyo", "--to", "cgcnn", "-o", "out"], 1, 'Did you mean "toy"'),
        (["toy", "--to", "cgcnn", "-o", "absent/out"], 1, "there is no folder absent"),
        (["toy", "--to", "cgnn", "-o", "out"], 2, "cgnn"),
        (["toy", "--to", "cgcnn", "--missing", "skip", "-o", "out"], 2, "skip"),
        (["toy", "--to", "cgcnn"], 2, "--out"),
        (["toy", "--to", "csv", "-o", "out.json"], 1, "Call it out.csv, or name another kind: --to json"),
        (["toy", "--to", "matgl", "-o", "out.NPY"], 1, 'out.NPY ends in ".npy"'),
    ],
)
def test_errors_of_the_command(export: Any, arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    result = export(*arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert code == 2 or result.stderr.count("\n") == 1
    assert not list(tmp_path.glob("out*"))


def test_the_help_names_every_client(export: Any) -> None:
    text = export("--help").output
    assert all(client in text for client in CLIENTS)
    assert "embeddings export starter --to cgcnn" in text
