"""Composition encoders: formulas in, the vectors of a reference forward pass out; and every fault has its name."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings import load_catalog, load_encoder, load_uae
from embeddings.elements import SYMBOLS
from embeddings.encoder import CompositionEncoder, Network
from embeddings.errors import (
    CatalogCorrupt,
    CatalogExists,
    CatalogNotFound,
    ElementNotCovered,
    FormulaInvalid,
    InputInvalid,
    ManifestInvalid,
)
from embeddings.formula import element_fractions, fraction_matrix
from embeddings.pooling import POLICIES, feature_names, featurize_compositions, pool
from embeddings.search.compositions import CompositionIndex
from embeddings.store.encoder_files import read_encoder, read_formulas
from embeddings.store.manifest import read_manifest
from embeddings.store.roots import resolve
from testing.composition_encoders import (
    COVERED,
    FORMULAS,
    STATISTICS,
    content_of,
    provenance,
    tensors,
    write_toy_encoder,
)
from testing.toys import toy_catalog, write_toy

ROOT = Path(__file__).parents[2]
MANY = ["Fe2O3", "LiFePO4", "Si", "Ca(OH)2", "La0.7Sr0.3MnO3", "H2O", "CuInSe2", "Al2(SO4)3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an encoder of 90 elements."""
    return write_toy_encoder(tmp_path_factory.mktemp("catalogs"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> CompositionEncoder:
    return read_encoder(folder)


def reference(formula: Any, found: dict[str, np.ndarray], activation: str = "silu") -> np.ndarray:
    """Return what the network says of one formula, worked out by torch in double precision."""
    torch = pytest.importorskip("torch")
    named = {name: torch.tensor(values, dtype=torch.float64) for name, values in found.items()}
    fractions = element_fractions(formula)
    vectors = named["elements"][[SYMBOLS.index(symbol) + 1 for symbol in fractions]]
    weights = torch.tensor(list(fractions.values()), dtype=torch.float64)[:, None]
    mean = (weights * vectors).sum(0)
    pooled = torch.cat([mean, (weights * (vectors - mean) ** 2).sum(0).sqrt(), vectors.amax(0)])
    x = (pooled - named["input_mean"]) / named["input_scale"]
    n_layers = sum(name.endswith("weight") for name in named)
    for k in range(n_layers):
        x = torch.nn.functional.linear(x, named[f"layers.{k}.weight"], named[f"layers.{k}.bias"])
        if k < n_layers - 1:
            x = getattr(torch.nn.functional, activation)(x)
    return x.numpy()


@pytest.mark.parametrize("activation", ["silu", "relu"])
@pytest.mark.parametrize("widths", [(4,), (12, 7, 4)])
def test_equals_the_reference(tmp_path: Path, activation: str, widths: tuple[int, ...]) -> None:
    found = tensors(widths=widths)
    settings = {"statistics": STATISTICS, "activation": activation, "dim": 4}
    encoder = load_encoder(write_toy_encoder(tmp_path, found, hyperparameters=settings))
    vectors = encoder.encode(MANY)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(MANY), 4))
    expected = np.stack([reference(formula, found, activation) for formula in MANY])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_huge_numbers_do_not_overflow(tmp_path: Path) -> None:
    found = tensors()
    found["layers.0.bias"] = np.where(np.arange(12) % 2, 1e4, -1e4).astype(np.float32)
    vectors = read_encoder(write_toy_encoder(tmp_path, found)).encode(MANY)
    np.testing.assert_allclose(vectors, [reference(formula, found) for formula in MANY], rtol=1e-5)


@given(st.lists(st.sampled_from(MANY), max_size=30))
def test_a_formula_has_one_vector_whatever_stands_beside_it(encoder: CompositionEncoder, column: list[str]) -> None:
    alone = {formula: encoder.encode([formula])[0] for formula in MANY}
    together = encoder.encode(column)
    assert together.shape == (len(column), 4)
    for formula, vector in zip(column, together, strict=True):
        np.testing.assert_allclose(vector, alone[formula], atol=1e-6)


def test_only_the_composition_counts(encoder: CompositionEncoder) -> None:
    vectors = encoder.encode(["Fe2O3", "Fe4O6", "O3Fe2", {"Fe": 0.4, "O": 0.6}])
    np.testing.assert_allclose(vectors, vectors[:1].repeat(4, axis=0), atol=1e-5)


def test_threads_change_nothing(encoder: CompositionEncoder) -> None:
    column = [f"Fe{i}O{i + j}" for i in range(1, 40) for j in range(40)]
    np.testing.assert_allclose(encoder.encode(column, n_jobs=2), encoder.encode(column), atol=1e-6)


def test_memory_does_not_grow_with_the_layers(tmp_path: Path) -> None:
    wide = read_encoder(write_toy_encoder(tmp_path, tensors(widths=(512, 4))))
    matrix = fraction_matrix([f"Fe{i}O{j}" for i in range(1, 200) for j in range(1, 200)])
    tracemalloc.start()
    try:
        pool(matrix, wide)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    hidden_layer_of_all_rows = len(matrix) * 512 * 4
    assert peak < hidden_layer_of_all_rows / 4


def test_needs_nothing_heavy(folder: Path) -> None:
    heavy = ("torch", "pyarrow", "pandas", "scipy", "sklearn", "builders")
    code = (
        f"import sys; from embeddings import load_encoder; e = load_encoder({str(folder)!r})\n"
        "assert e.encode(['Fe2O3', 'LiFePO4']).shape == (2, 4); assert e.overlap(['FeO', 'KCl']) == ['FeO']\n"
        f"print(*(name for name in {heavy!r} if name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_says_what_it_is(encoder: CompositionEncoder) -> None:
    assert repr(encoder) == 'CompositionEncoder("toy-encoder@0.1.0", 90 elements, dim=4)'
    assert (encoder.name, encoder.version, encoder.dim) == ("toy-encoder", "0.1.0", 4)
    assert encoder.missing_elements == SYMBOLS[90:]
    assert encoder.elements.n_structures["Fe"] == 26
    assert np.array_equal(encoder.elements["Fe"], tensors()["elements"][26])


def test_overlap_and_training_formulas(folder: Path, encoder: CompositionEncoder) -> None:
    assert encoder.overlap(["Fe2O3", "KCl", "ClNa", "FeO2"]) == ["Fe2O3", "ClNa"]
    assert read_formulas(folder) == ["Fe2O3", "FeO", "H2O", "NaCl"]
    assert encoder.manifest.n_rows == len(read_formulas(folder))


def test_copies_compute_the_same(encoder: CompositionEncoder) -> None:
    for again in (pickle.loads(pickle.dumps(encoder)), copy.deepcopy(encoder)):
        assert np.array_equal(again.encode(MANY), encoder.encode(MANY))
        assert not any(array.flags.writeable for array in again.network.arrays)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    again = write_toy_encoder(tmp_path)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_encoders_are_features_like_catalogs(encoder: CompositionEncoder) -> None:
    both = [toy_catalog(), encoder]
    features = featurize_compositions(["H2O", "NaCl"], both, stats=("mean", "max"))
    assert features.shape == (2, 8)
    np.testing.assert_allclose(features[:, 4:], encoder.encode(["H2O", "NaCl"]), atol=1e-6)
    assert feature_names(both, ("mean", "max"))[3:6] == ["toy_max_001", "toy-encoder_000", "toy-encoder_001"]
    assert CompositionIndex(["H2O", "NaCl"], encoder).nearest("NaCl", k=1)[0][0] == "NaCl"


# What the training never saw


def test_an_unseen_element_is_named(encoder: CompositionEncoder) -> None:
    with pytest.raises(ElementNotCovered, match=r'"toy-encoder" has no vector for U \(2 rows\), Pu \(1 row\)'):
        encoder.encode(["UO2", "PuUO4", "FeO"])


@pytest.mark.parametrize("missing", POLICIES)
def test_policies(encoder: CompositionEncoder, missing: str) -> None:
    if missing == "raise":
        with pytest.raises(ElementNotCovered):
            encoder.encode(["UO2"], missing=missing)
        return
    vectors = encoder.encode(["UO2", "FeO", "U"], missing=missing)
    expected = {"nan": None, "skip": encoder.encode(["O", "FeO"]), "impute": encoder.encode(["ThO2", "FeO", "Th"])}
    assert vectors.shape == (3, 4)
    np.testing.assert_allclose(vectors[1], encoder.encode(["FeO"])[0], atol=1e-6)
    assert np.isnan(vectors[2]).all() == (missing != "impute")
    if missing == "nan":
        assert np.isnan(vectors[0]).all()
    else:
        np.testing.assert_allclose(vectors[0], expected[missing][0], atol=1e-6)
    with_coverage = featurize_compositions(["UO2"], encoder, missing=missing)
    assert with_coverage.shape[1] == len(feature_names(encoder, missing=missing)) == 4 + (missing == "skip")


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        (["FeO", "nacl"], FormulaInvalid, r"^Row 1 "),
        (["FeO", None], FormulaInvalid, r"^Row 1 "),
        ("FeO", InputInvalid, "not one str"),
    ],
)
def test_what_is_no_formula_is_named(encoder: CompositionEncoder, column: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        encoder.encode(column)
    with pytest.raises(InputInvalid, match='Did you mean "nan"'):
        encoder.encode(["FeO"], missing="nam")


def test_nothing_in_nothing_out(encoder: CompositionEncoder) -> None:
    assert encoder.encode([]).shape == (0, 4)


# Damaged and foreign files


def changed(**tensors_: Any) -> dict[str, np.ndarray]:
    return tensors() | {name.replace("__", "."): np.asarray(v, dtype=np.float32) for name, v in tensors_.items()}


def without(name: str) -> dict[str, np.ndarray]:
    return {key: values for key, values in tensors().items() if key != name}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (without("elements"), "it lacks elements"),
        (without("layers.1.bias"), r"it has layers\.2"),
        (changed(log_std=[1.0]), "it has log_std"),
        ({"table.weight": np.zeros((3, 3), np.float32)}, "it lacks elements, .* it has table.weight"),
        (changed(elements=np.zeros((5, 5))), r"shape \(5, 5\)"),
        (changed(elements=np.zeros((119, 5))), "119 elements, not the ones that the manifest counts"),
        (tensors(covered=COVERED[:-1]), "89 elements, not the ones"),
        (tensors(statistics=("mean", "std")), "3 statistics of 5 numbers make 15, not 10"),
        (tensors(widths=(12, 7, 3)), "3 numbers, and the manifest says 4"),
        (changed(layers__1__weight=np.zeros((7, 11))), "do not fit each other"),
        (changed(layers__0__bias=np.full(12, np.nan)), "NaN or infinity"),
        (changed(input_scale=np.zeros(15)), "not positive"),
        (changed(input_scale=np.ones((3, 5))), "do not fit each other"),
    ],
)
def test_a_foreign_or_damaged_file_is_never_published(tmp_path: Path, found: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(CatalogCorrupt, match=said):
        write_toy_encoder(tmp_path, found)
    assert list(tmp_path.iterdir()) == []


def test_an_element_with_half_a_vector_is_refused(tmp_path: Path) -> None:
    found = tensors()
    found["elements"][26, 2] = np.nan
    with pytest.raises(CatalogCorrupt, match="Fe has a vector that is not finite"):
        write_toy_encoder(tmp_path, found)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"activation": "silu", "dim": 4}, ManifestInvalid, "needs statistics"),
        ({"statistics": STATISTICS, "dim": 4}, ManifestInvalid, "needs activation"),
        ({"statistics": STATISTICS, "activation": "silu"}, ManifestInvalid, "needs dim"),
        ({"statistics": STATISTICS, "activation": "gelu", "dim": 4}, CatalogCorrupt, 'No activation "gelu"'),
        ({"statistics": ("mean", "std", "median"), "activation": "silu", "dim": 4}, CatalogCorrupt, '"median"'),
        ({"statistics": STATISTICS, "activation": ["silu"], "dim": 4}, CatalogCorrupt, "does not fit"),
        ({"statistics": 3, "activation": "silu", "dim": 4}, CatalogCorrupt, "does not fit"),
        ({"statistics": STATISTICS, "activation": "silu", "dim": "4"}, ManifestInvalid, "dim"),
    ],
)
def test_settings_that_cannot_be_computed_with(tmp_path: Path, settings: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        write_toy_encoder(tmp_path, hyperparameters=settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["encoder.safetensors", "training_formulas.npy", "formulas.parquet", "CARD.md"])
@pytest.mark.parametrize("load", [load_encoder, load_catalog])
def test_damage_is_noticed_on_loading(tmp_path: Path, load: Any, name: str) -> None:
    path = write_toy_encoder(tmp_path) / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CatalogCorrupt, match=name.replace(".", r"\.")):
        load(path.parent)
    path.unlink()
    with pytest.raises(CatalogCorrupt, match=name.replace(".", r"\.")):
        load(path.parent)


def test_what_is_read_without_hashes_is_still_checked(tmp_path: Path) -> None:
    folder = write_toy_encoder(tmp_path)
    (folder / "formulas.parquet").write_bytes(b"PAR1")
    with pytest.raises(CatalogCorrupt, match=r"formulas\.parquet"):
        read_formulas(folder)
    (folder / "encoder.safetensors").write_bytes(content_of(tensors(widths=(4,)))[:-1])
    with pytest.raises(CatalogCorrupt, match=r"encoder\.safetensors"):
        read_encoder(folder)
    (folder / "encoder.safetensors").unlink()
    with pytest.raises(CatalogCorrupt, match="cannot be read"):
        read_encoder(folder)


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    folder = write_toy_encoder(tmp_path)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 3'))
    for load in (load_encoder, load_catalog, load_uae):
        with pytest.raises(ManifestInvalid, match="has 3 and needs a newer library"):
            load(folder)


def test_a_version_is_never_overwritten_unless_forced(tmp_path: Path) -> None:
    write_toy_encoder(tmp_path)
    with pytest.raises(CatalogExists):
        write_toy_encoder(tmp_path)
    write_toy_encoder(tmp_path, tensors(seed=1), force=True)
    assert not np.array_equal(
        load_encoder(tmp_path / "toy-encoder" / "0.1.0").elements["Fe"], tensors()["elements"][26]
    )


def test_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embeddings.store.encoder_files._write_formulas", fail)
    with pytest.raises(KeyboardInterrupt):
        write_toy_encoder(tmp_path)
    assert list((tmp_path / "toy-encoder").iterdir()) == []


# One door


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with an encoder and a catalog of elements."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    write_toy_encoder(tmp_path)
    write_toy(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("root")
def test_a_name_gives_what_goes_by_it() -> None:
    assert isinstance(load_encoder("toy-encoder@0.1"), CompositionEncoder)
    assert isinstance(load_catalog("toy-encoder"), CompositionEncoder)
    with pytest.raises(CatalogNotFound, match='Did you mean "toy-encoder"'):
        load_encoder("toy-encodr")


@pytest.mark.usefixtures("root")
def test_the_wrong_door_names_the_right_one() -> None:
    with pytest.raises(InputInvalid, match=r'"toy-encoder@0.1.0".* not a catalog of elements. Load it with load_enc'):
        load_uae("toy-encoder")
    with pytest.raises(InputInvalid, match="no encoder"):
        load_encoder("toy")
    with pytest.raises(InputInvalid, match='kind "element", not a composition-encoder'):
        read_encoder(resolve("toy"))


def test_the_manifest_and_the_card_say_what_it_is(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest.kind, manifest.dim) == ("composition-encoder", 4)
    assert manifest.training.formula_digest.n_formulas == len(set(FORMULAS)) - 1
    card = (folder / "CARD.md").read_text()
    for part in (
        'load_encoder("toy-encoder@0.1.0")',
        "Accuracy on held-out formulas",
        "90 elements.",
        "formulas.parquet",
    ):
        assert part in card
    assert "encode_sites" not in card
    assert provenance().model.name in card


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(InputInvalid, match="do not fit"):
        Network(("mean",), "silu", np.zeros(2), np.ones(2), (), ())
