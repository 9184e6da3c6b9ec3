"""What ``import embeddings`` offers: names, types, one vocabulary, and a clear word for each slip."""

from __future__ import annotations

import ast
import inspect
import pickle
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest
from click.testing import CliRunner

import embeddings
from embeddings import (
    CompositionIndex,
    ElementCatalog,
    composition_distance,
    featurize,
    featurize_file,
    load_catalog,
    load_composition_encoder,
    load_crystal_encoder,
    load_encoder,
    load_uae,
    nearest_compositions,
    neighbor_overlap,
)
from embeddings.cli import main
from embeddings.errors import EmbeddingsError, FormulaInvalid, InputInvalid
from embeddings.export import element_rows, write
from embeddings.featurizers.torch import element_sets, embedding_layer
from embeddings.missing import FOR_FORMULAS, FOR_MODELS, FOR_TABLES, POLICIES, Missing
from embeddings.protocols import Catalog, Encoder
from testing.composition_encoders import write_toy_encoder
from testing.encoders import write_encoder_catalog
from testing.toys import write_toy
from tests.embeddings.test_vector_files import site_columns, structure_columns
from tests.embeddings.test_vector_files import write as write_vectors

ROOT = Path(__file__).parents[2]
ESTIMATORS = ("CrossModalClassifier", "CrossModalRegressor", "PropertyModel", "finetune", "load_model")
ROOMS = ("export", "featurizers", "formula", "pooling", "search", "store", "streaming", "vectors")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogs")
    write_toy(folder)
    write_toy_encoder(folder)
    write_encoder_catalog(folder, name="toy-crystals")
    return folder


@pytest.fixture
def named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the names of the toys be found."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))


def structure() -> Any:
    from pymatgen.core import Lattice, Structure

    return Structure(Lattice.cubic(4), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def atoms() -> Any:
    from ase.build import bulk

    return bulk("LiF", "rocksalt", a=4)


def test_what_checkers_see_is_what_is_imported() -> None:
    tree = ast.parse(inspect.getsource(embeddings))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name for node in imports for alias in node.names}
    assert seen | {"__version__"} == set(dir(embeddings)) == {*embeddings.__all__, *ESTIMATORS}
    assert [name for name in embeddings.__all__ if getattr(embeddings, name) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'load_uea'"):
        embeddings.load_uea  # noqa: B018


@pytest.mark.parametrize("name", ["embeddings", *(f"embeddings.{room}" for room in ROOMS)])
def test_no_name_hides_a_module(name: str) -> None:
    package = import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules.isdisjoint(getattr(package, "__all__", ()))
    assert all(isinstance(vars(package).get(module, package), ModuleType) for module in modules)


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import embeddings; print(*(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name for name in found.split() if name.startswith(("embeddings", "numpy"))} == {
        "embeddings",
        "embeddings._version",
    }


SNIPPET = """
import numpy as np

from embeddings import CompositionIndex, ElementCatalog, featurize, load_catalog, load_crystal_encoder, load_encoder

uae = load_catalog("ct-multi")
iron: np.ndarray = uae["Fe"]
print(uae.lookup(["Fe", "O"]), uae.name, uae.version, uae.dim)
uae.nonsense  # type: ignore[attr-defined]
if isinstance(uae, ElementCatalog):
    print(uae.neighbors("Fe"))
encoder = load_encoder("cromel-multi")
vectors: np.ndarray = encoder.encode(["Fe2O3"])
features: np.ndarray = featurize(["Fe2O3"], [uae, encoder, "starter"], missing="skip")
featurize(["Fe2O3"], uae, missing="skipp")  # type: ignore[arg-type]
index = CompositionIndex(["FeO"], encoder)
rows, offsets = load_crystal_encoder("ct-multi").encode_sites([])
"""

SETTINGS = """
[mypy]
strict = true
follow_imports = silent
[mypy-numpy.*,torch.*,builders.*,pyarrow.*,pandas.*,scipy.*,sklearn.*]
follow_imports = skip
ignore_missing_imports = true
"""


@pytest.mark.slow
def test_a_type_checker_can_follow_a_user(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(SNIPPET)
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run([*command, tmp_path / "user.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def everything(root: Path) -> dict[str, Any]:
    structures = write_vectors(root / "structures.parquet", "structure", **structure_columns())
    sites = write_vectors(root / "sites.parquet", "site", **site_columns())
    return {
        "elements": load_catalog(root / "toy" / "0.1.0"),
        "formulas": load_catalog(root / "toy-encoder" / "0.1.0"),
        "structures": load_catalog(structures),
        "sites": load_catalog(sites),
        "crystals": load_encoder(root / "toy-crystals" / "0.1.0"),
    }


@pytest.mark.parametrize("kind", ["elements", "formulas", "structures", "sites", "crystals"])
def test_every_catalog_and_encoder_has_the_same_face(everything: dict[str, Any], kind: str) -> None:
    one = everything[kind]
    key = {"elements": "Fe", "formulas": "NaCl", "crystals": structure()}.get(kind) or next(iter(one))
    assert isinstance(one, Catalog)
    assert isinstance(one, Encoder) == (kind in ("formulas", "crystals"))
    assert one.name.startswith("toy")
    assert one.version == "0.1.0"
    assert one[key].shape[-1] == one.dim
    looked_up = one.lookup([key, key])
    vectors = looked_up[0] if kind == "sites" else looked_up
    np.testing.assert_allclose(vectors, np.concatenate([np.atleast_2d(one[key])] * 2), rtol=1e-5, atol=1e-6)
    if kind != "crystals":
        assert pickle.loads(pickle.dumps(one)).name == one.name
    page = one._repr_html_()
    assert type(one).__name__ in page
    assert len(page) < 2000


def test_what_a_notebook_shows_is_escaped(tmp_path: Path) -> None:
    page = load_uae(write_toy(tmp_path, description="<script>alert(1)</script> & more"))._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page


@pytest.mark.usefixtures("named")
def test_a_name_does_wherever_a_catalog_does(tmp_path: Path) -> None:
    toy, formulas = load_uae("toy"), ["FeO", "NaCl"]
    for catalog in ("toy", "toy@0.1.0", ["toy", "toy-encoder"]):
        loaded = [load_catalog(name) for name in ([catalog] if isinstance(catalog, str) else catalog)]
        np.testing.assert_array_equal(featurize(formulas, catalog), featurize(formulas, loaded))
    assert CompositionIndex(formulas, "toy").nearest("CoO") == CompositionIndex(formulas, toy).nearest("CoO")
    assert nearest_compositions("CoO", formulas, "toy-encoder", k=1)[0][0] in formulas
    assert composition_distance("FeO", "CoO", "toy") == composition_distance("FeO", "CoO", toy)
    assert composition_distance("FeO", "CoO", "toy", metric="element-mover") > 0
    assert neighbor_overlap("toy", toy, k=2) == 1
    assert element_rows("toy", ["Fe"]).vectors.tolist() == [toy["Fe"].tolist()]
    write("toy", "json", tmp_path / "toy.json")
    assert embedding_layer("toy").weight.shape == (119, 2)
    assert element_sets(formulas, "toy").n_formulas == 2
    (tmp_path / "in.csv").write_text("formula\nFeO\n")
    assert featurize_file(tmp_path / "in.csv", tmp_path / "out.csv", "toy", stats="mean").features == 2
    assert isinstance(load_composition_encoder("toy-encoder")["FeO"], np.ndarray)


@pytest.mark.usefixtures("named")
def test_a_name_of_another_kind_is_refused() -> None:
    for use, said in {
        lambda: element_rows("toy-encoder"): "not a catalog of elements",
        lambda: composition_distance("FeO", "CoO", "toy-encoder", metric="element-mover"): "not a catalog of elements",
        lambda: load_composition_encoder("toy"): "not a composition encoder",
        lambda: load_crystal_encoder("toy-encoder"): "encodes formulas, not crystals",
        lambda: featurize(["FeO"], load_encoder("toy-crystals")): "not a catalog of elements or a composition encoder",
    }.items():
        with pytest.raises(InputInvalid, match=said):
            use()


def test_one_vocabulary_for_what_has_no_vector() -> None:
    assert set(POLICIES) == set(get_args(Missing)) == {*FOR_FORMULAS, *FOR_MODELS, *FOR_TABLES}
    for command, known in {"featurize": FOR_FORMULAS, "export": FOR_TABLES}.items():
        option = next(one for one in main.get_command(None, command).params if one.name == "missing")  # type: ignore[arg-type, union-attr]
        assert tuple(option.type.choices) == known  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("use", "known"),
    [
        (lambda toy, word: featurize(["FeO"], toy, missing=word), FOR_FORMULAS),
        (lambda toy, word: CompositionIndex(["FeO"], toy, missing=word), FOR_FORMULAS),
        (lambda toy, word: element_sets(["FeO"], toy, missing=word), FOR_FORMULAS),
        (lambda toy, word: element_rows(toy, ["Fe"], missing=word), FOR_TABLES),
        (lambda toy, word: embedding_layer(toy, elements=["Fe"], missing=word), FOR_TABLES),
    ],
)
def test_a_policy_that_is_not_known_is_answered_with_those_that_are(
    everything: dict[str, Any], use: Any, known: tuple[str, ...]
) -> None:
    for word in {*POLICIES, "drop"}:
        if word in known:
            use(everything["elements"], word)
        else:
            with pytest.raises(InputInvalid, match=f'missing="{word}".*Known: {", ".join(known)}'):
                use(everything["elements"], word)


@pytest.mark.parametrize(
    ("kind", "use", "said"),
    [
        ("elements", lambda uae: uae[None], "None of type NoneType is not an element. Give a symbol"),
        ("elements", lambda uae: uae[["Fe", "O"]], r"for several: catalog.lookup\(\['Fe', 'O'\]\)"),
        ("elements", lambda uae: uae[np.array([26, 8])], r"for several: catalog.lookup\(\[26, 8\]\)"),
        ("elements", lambda uae: uae["Iron"], 'Did you mean "Fe"'),
        (
            "elements",
            lambda uae: uae.lookup("Fe"),
            r"lookup takes a list of elements; for one of them: catalog\['Fe'\]",
        ),
        ("structures", lambda catalog: catalog.lookup("mp-1"), r'for one of them: catalog\["mp-1"\]'),
        ("structures", lambda catalog: catalog[["mp-1"]], "for several: catalog.lookup"),
        ("sites", lambda catalog: catalog[["mp-1"]], "for several: catalog.lookup"),
        ("formulas", lambda encoder: encoder.encode("NaCl"), r"A column of formulas is expected.*For one: \[formula\]"),
        ("formulas", lambda encoder: encoder.encode(structure()), "not one Structure. Give its formula"),
        ("formulas", lambda encoder: encoder.encode([structure()]), "Structure is a crystal structure, not a formula"),
        ("formulas", lambda encoder: encoder[atoms()], "Atoms is a crystal structure, not a formula"),
        ("crystals", lambda encoder: encoder.encode(structure()), r"not one Structure.*encode\(\[structure\]\)"),
        ("crystals", lambda encoder: encoder.encode_sites(atoms()), r"not one Atoms.*encoder\[structure\]"),
        ("crystals", lambda encoder: encoder.encode(["NaCl"]), "For formulas, use a composition encoder"),
    ],
)
def test_a_slip_gets_a_clear_word(everything: dict[str, Any], kind: str, use: Any, said: str) -> None:
    with pytest.raises(EmbeddingsError, match=said):
        use(everything[kind])


def test_one_crystal_is_looked_up_as_one_element_is(everything: dict[str, Any]) -> None:
    encoder = everything["crystals"]
    np.testing.assert_array_equal(encoder[structure()], encoder.encode([structure()])[0])
    assert encoder.covers([structure(), atoms()]).all()


def test_a_formula_is_never_read_from_a_structure() -> None:
    with pytest.raises(FormulaInvalid, match=r"structure\.composition"):
        embeddings.parse_formula(structure())
    assert embeddings.parse_formula(structure().composition) == {"Li": 1, "F": 1}


@pytest.mark.usefixtures("named")
def test_embed_with_a_composition_encoder_says_what_it_is(tmp_path: Path) -> None:
    command = ["embed", "--catalog", "toy-encoder", "--source", "starter", "-o", str(tmp_path / "v.parquet")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "toy-encoder 0.1.0 encodes formulas, not crystals" in result.stderr
    assert "embeddings featurize" in result.stderr


WITHOUT = """
import os, sys

from importlib.machinery import PathFinder

found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *where: None if name.partition(".")[0] == {missing!r} else found(name, *where)
os.environ["EMBEDDINGS_CATALOGS"] = {root!r}
import embeddings
from embeddings.errors import MissingExtra
try:
    {code}
except MissingExtra as error:
    print(error)
"""


def run_without(missing: str, root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, in which a package cannot be found."""
    code = WITHOUT.format(missing=missing, root=str(root), code=code)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "code",
    [
        "embeddings.load_encoder('toy-crystals')",
        "embeddings.load_crystal_encoder('toy-crystals')",
        "embeddings.CrossModalRegressor('toy-encoder').fit(['NaCl', 'KCl'], [1.0, 2.0])",
        "import embeddings.featurizers.torch",
        "import embeddings.export; embeddings.export.writer('torch')",
        "import embeddings.export; embeddings.export.writer('matgl')",
    ],
)
def test_without_torch_the_extra_is_named(root: Path, code: str) -> None:
    done = run_without("torch", root, code)
    assert done.stdout.startswith("torch is not installed"), done.stderr


@pytest.mark.parametrize("code", ["from embeddings import *; print(load_uae('toy').dim)", "help(embeddings)"])
def test_without_scikit_learn_all_the_rest_is_there(root: Path, code: str) -> None:
    done = run_without("sklearn", root, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2\n" or "featurize(" in done.stdout


def test_without_scikit_learn_the_estimators_name_the_extra(root: Path) -> None:
    assert "[sklearn]" in run_without("sklearn", root, "embeddings.CrossModalRegressor").stdout


def test_a_catalog_is_found_by_its_class(everything: dict[str, Any]) -> None:
    assert isinstance(everything["elements"], ElementCatalog)
    assert isinstance(everything["structures"], embeddings.StructureCatalog)
    assert isinstance(everything["sites"], embeddings.SiteCatalog)
    assert isinstance(everything["formulas"], embeddings.CompositionEncoder)
