"""The scikit-learn transformer: scikit-learn's own checks, and the contract that they do not cover."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from embeddings.errors import CatalogCorrupt, CatalogNotFound, FormulaInvalid, InputInvalid
from embeddings.featurizers.sklearn import CompositionFeaturizer
from embeddings.loaders import load_encoder, load_uae
from embeddings.pooling import feature_names, featurize_compositions
from embeddings.store.tables import write_catalog
from testing.composition_encoders import tensors, write_toy_encoder
from testing.toys import TOY_VECTORS, toy_catalog, toy_provenance, toy_table, write_toy

FORMULAS = ["H2O", "NaCl", "Fe2O3", "FeCo", "Co3O4", "Na2O", "HCl", "FeO"]
ENERGIES = np.linspace(-1, 1, len(FORMULAS))
TOY = toy_catalog()
POOLED = featurize_compositions(FORMULAS, TOY)
MEANS = featurize_compositions(FORMULAS, TOY, stats="mean")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of catalogs with ``toy`` (two dimensions) and ``other`` (one)."""
    root = tmp_path / "catalogs"
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    write_toy(root)
    write_catalog(
        root, toy_provenance(name="other"), toy_table({symbol: (x,) for symbol, (x, _) in TOY_VECTORS.items()})
    )
    return root


class OfNumbers(CompositionFeaturizer):
    """The featurizer behind numbers, so that scikit-learn's checks, which know no formulas, run on it."""

    def __init__(self, catalog: Any = "toy", stats: Any = ("mean", "range"), missing: str = "raise") -> None:
        super().__init__(catalog, stats, missing)

    def fit(self, X: Any, y: Any = None) -> OfNumbers:
        return super().fit(self._formulas(X, reset=True))

    def transform(self, X: Any) -> np.ndarray:
        return super().transform(self._formulas(X, reset=not hasattr(self, "n_features_in_")))

    def _formulas(self, X: Any, *, reset: bool) -> list[dict[str, float]]:
        numbers = np.abs(validate_data(self, X, reset=reset, dtype=np.float64)) % 1e6 + 1
        return [dict(zip(("H", "O", "Na", "Cl", "Fe", "Co"), row, strict=False)) for row in numbers.tolist()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.no_validation = True, False, False
        return tags


@pytest.mark.usefixtures("root")
def test_passes_every_check_of_scikit_learn() -> None:
    """Behind numbers; asked with formulas alone, scikit-learn runs next to none of its checks."""
    results = check_estimator(OfNumbers(), on_fail=None, on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert failed == {}
    assert sum(result["status"] == "passed" for result in results) > 40


CONTAINERS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "array of objects": lambda formulas: np.array(formulas, dtype=object),
    "array (n, 1)": lambda formulas: np.array(formulas).reshape(-1, 1),
    "pandas Series": lambda formulas: pytest.importorskip("pandas").Series(formulas),
    "pandas Series of objects": lambda formulas: pytest.importorskip("pandas").Series(formulas, dtype=object),
    "pandas DataFrame": lambda formulas: pytest.importorskip("pandas").DataFrame({"formula": formulas}),
    "polars Series": lambda formulas: pytest.importorskip("polars").Series(formulas),
    "polars DataFrame": lambda formulas: pytest.importorskip("polars").DataFrame({"formula": formulas}),
    "arrow array": lambda formulas: pytest.importorskip("pyarrow").array(formulas),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_reads_one_column_in_any_container(container: str) -> None:
    column = CONTAINERS[container](FORMULAS)
    assert np.array_equal(CompositionFeaturizer(TOY).fit_transform(column), POOLED)


def test_reads_compositions_and_mappings() -> None:
    composition = pytest.importorskip("pymatgen.core").Composition
    column = [{"H": 2, "O": 1}, composition("NaCl"), "Fe2O3"]
    assert np.array_equal(CompositionFeaturizer(TOY).transform(column), POOLED[:3])


def test_two_columns_are_named_and_refused() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"formula": FORMULAS, "energy": ENERGIES})
    for method in ("fit", "transform", "fit_transform"):
        with pytest.raises(InputInvalid, match=r"shape \(8, 2\) \(formula, energy\)"):
            getattr(CompositionFeaturizer(TOY), method)(frame)
    with pytest.raises(InputInvalid, match=r"ndarray has shape \(8, 0\)"):
        CompositionFeaturizer(TOY).transform(np.empty((8, 0)))


@pytest.mark.parametrize("bad", ["", None, float("nan"), 7, ["FeO"], "nacl"])
def test_a_bad_row_is_named_and_never_becomes_nan(bad: Any) -> None:
    with pytest.raises(FormulaInvalid, match=r"^Row 2 "):
        CompositionFeaturizer(TOY, missing="nan").transform(["H2O", "NaCl", bad])


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"catalog": "tyo"}, CatalogNotFound, 'Did you mean "toy"'),
        ({"catalog": ["toy", "tyo"]}, CatalogNotFound, 'Did you mean "toy"'),
        ({"catalog": None}, InputInvalid, "None is not a catalog"),
        ({"catalog": []}, InputInvalid, "at least one"),
        ({"stats": ("meen",)}, InputInvalid, 'Did you mean "mean"'),
        ({"missing": "zero"}, InputInvalid, "Known: raise, nan"),
    ],
)
@pytest.mark.usefixtures("root")
def test_parameters_are_checked_by_fit_and_not_before(parameters: Any, error: type, said: str) -> None:
    featurizer = CompositionFeaturizer(**{"catalog": "toy", **parameters})
    with pytest.raises(error, match=said):
        featurizer.fit(FORMULAS)


@pytest.mark.usefixtures("root")
def test_parameters_are_kept_as_they_were_given() -> None:
    given: dict[str, Any] = {"catalog": ["toy", "other"], "stats": ["mean"], "missing": "skip"}
    featurizer = CompositionFeaturizer(**given)
    assert all(featurizer.get_params()[name] is value for name, value in given.items())
    featurizer.fit(FORMULAS)
    assert featurizer.get_params() == given
    assert clone(featurizer).get_params() == given


@pytest.mark.usefixtures("root")
def test_works_without_fit_and_follows_its_parameters() -> None:
    featurizer = CompositionFeaturizer("toy")
    assert np.array_equal(featurizer.transform(FORMULAS), POOLED)
    featurizer.set_params(catalog="other", stats="max")
    assert np.array_equal(
        featurizer.transform(FORMULAS), featurize_compositions(FORMULAS, load_uae("other"), stats="max")
    )
    assert featurizer.get_feature_names_out().tolist() == ["other_max_000"]


@pytest.mark.usefixtures("root")
def test_several_catalogs_stand_side_by_side() -> None:
    featurizer = CompositionFeaturizer(["toy", "other"], stats=("mean", "std"), missing="skip").fit(FORMULAS)
    catalogs = [load_uae("toy"), load_uae("other")]
    assert featurizer.transform(FORMULAS).shape == (len(FORMULAS), 8)
    assert featurizer.get_feature_names_out().tolist() == feature_names(catalogs, ("mean", "std"), missing="skip")


def test_says_what_it_is() -> None:
    tags = get_tags(CompositionFeaturizer())
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit
    assert "CompositionFeaturizer" in repr(CompositionFeaturizer())


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_set_output_gives_named_columns(kind: str) -> None:
    pytest.importorskip(kind)
    frame = CompositionFeaturizer(TOY, stats="mean").set_output(transform=kind).fit_transform(FORMULAS)
    assert type(frame).__module__.startswith(kind)
    assert list(frame.columns) == ["toy_mean_000", "toy_mean_001"]
    assert np.array_equal(frame.to_numpy(), MEANS)


@pytest.mark.parametrize("as_frame", [False, True])
def test_set_output_keeps_the_index(as_frame: bool) -> None:
    pd = pytest.importorskip("pandas")
    series = pd.Series(FORMULAS, index=[f"mp-{i}" for i in range(7, -1, -1)], name="formula")
    out = CompositionFeaturizer(TOY).set_output(transform="pandas").transform(series.to_frame() if as_frame else series)
    assert out.index.equals(series.index)
    assert np.array_equal(out.to_numpy(), POOLED)


def test_works_inside_a_column_transformer() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"formula": FORMULAS, "t": ENERGIES}, index=range(50, 58))
    for column in ("formula", ["formula"]):
        parts = ColumnTransformer(
            [("comp", CompositionFeaturizer(TOY, stats="mean"), column), ("rest", "passthrough", ["t"])]
        )
        out = parts.set_output(transform="pandas").fit_transform(frame)
        assert list(out.columns) == ["comp__toy_mean_000", "comp__toy_mean_001", "rest__t"]
        assert out.index.equals(frame.index)
        assert np.array_equal(out.to_numpy()[:, :2], MEANS)


def test_works_inside_unions_and_pipelines() -> None:
    union = make_union(CompositionFeaturizer(TOY, stats="mean"), CompositionFeaturizer(TOY, stats="max"))
    model = make_pipeline(union, RandomForestRegressor(n_estimators=3, random_state=0)).fit(FORMULAS, ENERGIES)
    assert model.predict(FORMULAS).shape == (len(FORMULAS),)
    assert len(model[:-1].get_feature_names_out()) == 4


@pytest.mark.usefixtures("root")
def test_grid_search_over_catalogs_and_statistics_in_two_processes() -> None:
    grid = {
        "compositionfeaturizer__catalog": ["toy", "other", ["toy", "other"]],
        "compositionfeaturizer__stats": [("mean",), ("mean", "std")],
    }
    search = GridSearchCV(make_pipeline(CompositionFeaturizer(), Ridge()), grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(FORMULAS, ENERGIES)
    alone = GridSearchCV(search.estimator, grid, cv=2, error_score="raise").fit(FORMULAS, ENERGIES)
    assert np.array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert len(set(search.cv_results_["mean_test_score"])) > 2


@pytest.mark.usefixtures("root")
def test_a_pickle_gives_the_same_features_and_holds_no_vectors() -> None:
    featurizer = CompositionFeaturizer(["toy", "other"], stats="std").set_output(transform="default").fit(FORMULAS)
    pickled = pickle.dumps(featurizer)
    again = pickle.loads(pickled)
    assert np.array_equal(again.transform(FORMULAS), featurizer.transform(FORMULAS))
    assert again.get_params() == featurizer.get_params()
    assert load_uae("toy").vectors.tobytes() not in pickled


@pytest.mark.parametrize("by_path", [False, True])
def test_a_pickle_refuses_other_vectors(root: Path, by_path: bool) -> None:
    pickled = pickle.dumps(CompositionFeaturizer(root / "toy" / "0.1.0" if by_path else "toy").fit(FORMULAS))
    moved = toy_table({**TOY_VECTORS, "Fe": (3.0, 4.5)})
    write_catalog(root, toy_provenance(), moved, force=True)
    with pytest.raises(CatalogCorrupt, match=r"toy.0\.1\.0 and vectors of SHA-256 [0-9a-f]{64}, but"):
        pickle.loads(pickled)


def test_a_pickle_keeps_its_version_when_the_default_moves_on(root: Path) -> None:
    pickled = pickle.dumps(CompositionFeaturizer("toy").fit(FORMULAS))
    later = toy_table({symbol: (y, x) for symbol, (x, y) in TOY_VECTORS.items()})
    write_catalog(root, toy_provenance(version="1.0.0"), later)
    assert load_uae("toy").version == "1.0.0"
    assert np.array_equal(pickle.loads(pickled).transform(FORMULAS), POOLED)


def test_a_pickle_needs_its_version(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(CompositionFeaturizer("toy").fit(FORMULAS))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root / "nowhere"))
    with pytest.raises(CatalogNotFound, match='"toy"'):
        pickle.loads(pickled)


def test_an_encoder_is_a_parameter_like_a_catalog(root: Path) -> None:
    encoder = load_encoder(write_toy_encoder(root))
    featurizer = CompositionFeaturizer(["toy", "toy-encoder"], stats=("mean", "max")).fit(FORMULAS)
    features = featurizer.transform(FORMULAS)
    assert featurizer.get_feature_names_out()[3:].tolist() == [
        "toy_max_001",
        *(f"toy-encoder_{i:03d}" for i in range(4)),
    ]
    assert np.array_equal(features[:, 4:], encoder.encode(FORMULAS))
    assert np.array_equal(CompositionFeaturizer(encoder).transform(FORMULAS), encoder.encode(FORMULAS))


def test_a_pickle_refuses_another_encoder(root: Path) -> None:
    write_toy_encoder(root)
    featurizer = CompositionFeaturizer("toy-encoder").fit(FORMULAS)
    pickled = pickle.dumps(featurizer)
    assert np.array_equal(pickle.loads(pickled).transform(FORMULAS), featurizer.transform(FORMULAS))
    changed = tensors() | {"layers.2.bias": np.ones(4, dtype=np.float32)}
    write_toy_encoder(root, changed, force=True)
    with pytest.raises(CatalogCorrupt, match=r"pickled with toy-encoder@0\.1\.0"):
        pickle.loads(pickled)


@pytest.mark.usefixtures("root")
def test_a_pickle_of_changed_parameters_follows_them() -> None:
    featurizer = CompositionFeaturizer("toy").fit(FORMULAS).set_params(catalog="other")
    assert pickle.loads(pickle.dumps(featurizer)).catalogs[0].name == "other"


def test_a_catalog_in_memory_is_pickled_whole() -> None:
    again = pickle.loads(pickle.dumps(CompositionFeaturizer(TOY).fit(FORMULAS)))
    assert np.array_equal(again.transform(FORMULAS), POOLED)
