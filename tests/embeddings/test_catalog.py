"""ElementCatalog, on a toy whose numbers can be worked out by hand."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable

import numpy as np
import pytest

from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.errors import (
    ElementNotCovered,
    ElementUnknown,
    FormulaInvalid,
    InputInvalid,
    MissingExtra,
)
from embeddings.formula import formula_digest
from testing.toys import TOY_COUNTS, TOY_VECTORS, toy_catalog, toy_table


def test_reads_like_a_mapping() -> None:
    catalog = toy_catalog()
    assert list(catalog) == list(catalog.symbols) == ["H", "O", "Na", "Cl", "Fe", "Co"]
    assert len(catalog) == 6
    assert "Fe" in catalog
    assert 26 in catalog
    assert "Og" not in catalog
    assert "Xx" not in catalog
    assert 0 not in catalog
    assert None not in catalog


@pytest.mark.parametrize("key", ["Fe", 26, np.int64(26)])
def test_one_vector(key: str | int) -> None:
    vector = toy_catalog()[key]
    assert vector.tolist() == [3.0, 4.0]
    assert vector.dtype == np.float32


def test_facts() -> None:
    catalog = toy_catalog()
    assert (catalog.name, catalog.version, catalog.dim) == ("toy", "0.1.0", 2)
    assert catalog.vectors.shape == (6, 2)
    assert catalog.atomic_numbers.tolist() == [1, 8, 11, 17, 26, 27]
    assert catalog.n_structures == TOY_COUNTS
    assert catalog.missing_elements[:3] == ("He", "Li", "Be")
    assert set(catalog.missing_elements) | set(catalog.symbols) == set(catalog.missing_elements) ^ set(catalog)
    assert repr(catalog) == 'ElementCatalog("toy@0.1.0", 6 elements, dim=2)'


def test_nothing_can_be_written_to() -> None:
    catalog = toy_catalog()
    for array in (catalog.vectors, catalog["Fe"], catalog.atomic_numbers, catalog.to_dict()["Fe"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        catalog.n_structures["Fe"] = 0  # type: ignore[index]
    with pytest.raises(AttributeError):
        catalog.table = toy_table()  # type: ignore[misc]


def test_table_does_not_share_memory_with_its_input() -> None:
    vectors = np.eye(2, dtype=np.float32)
    table = ElementTable(np.array([1, 2]), vectors, np.array([1, 1]))
    vectors[:] = 7
    assert table.vectors.tolist() == [[1, 0], [0, 1]]


def test_unknown_element_suggests() -> None:
    with pytest.raises(ElementUnknown, match=r'"fe" is not an element symbol\. Did you mean "Fe"'):
        toy_catalog()["fe"]
    with pytest.raises(ElementUnknown):
        toy_catalog()[119]


def test_uncovered_element_names_the_catalog_and_what_stands_near() -> None:
    with pytest.raises(ElementNotCovered, match=r"Ni has no vector in .*toy@0\.1\.0.* are Co, Fe, "):
        toy_catalog()["Ni"]
    with pytest.raises(ElementNotCovered, match=r"are Na, H, "):
        toy_catalog().neighbors("K")


def test_neighbors() -> None:
    found = toy_catalog().neighbors("Fe")
    assert [symbol for symbol, _ in found] == ["Co", "O", "H", "Na", "Cl"]
    assert [value for _, value in found] == pytest.approx([0.96, 0.8, 0.6, -0.6, -0.8])
    assert toy_catalog().neighbors(26, k=1, metric="euclidean") == [("Co", pytest.approx(2**0.5))]


def test_overlap_knows_one_composition_in_any_spelling() -> None:
    asked = ["O3Fe2", "LiF", "Fe0.4O0.6", "H4O2", "FeO"]
    assert toy_catalog().overlap(asked) == ["O3Fe2", "Fe0.4O0.6", "H4O2"]
    assert toy_catalog().overlap([]) == []
    assert toy_catalog().overlap(iter(["NaCl"])) == ["NaCl"]


def test_overlap_sees_through_rounding() -> None:
    digest = formula_digest(["Li4Mn5(FeO6)2", "Nb9As2O25", "AlNd2"])
    catalog = type(toy_catalog())(toy_catalog().manifest, toy_table(training_formulas=digest))
    seen = [
        "Mn0.217391Li0.173913Fe0.086957O0.521739",
        "As0.055556Nb0.250000O0.694444",
        "As0.056Nb0.250O0.694",
        "Al333Nd667",
        "Fe0.4Mn1Li0.8O2.4",
    ]
    assert catalog.overlap(seen) == seen
    assert catalog.overlap([{"As": 0.0556, "Nb": 0.25, "O": 0.6944}]) == [{"As": 0.0556, "Nb": 0.25, "O": 0.6944}]
    assert catalog.overlap(["As0.057Nb0.250O0.693", "As0.0557Nb0.2500O0.6944", "Al0.3Nd0.7", "Al332Nd668"]) == []


def test_overlap_needs_a_digest_and_formulas() -> None:
    with pytest.raises(FormulaInvalid):
        toy_catalog().overlap(["Fe2O3", "not a formula"])
    table = toy_table(training_formulas=None)
    with pytest.raises(InputInvalid, match="no digest"):
        type(toy_catalog())(toy_catalog().manifest, table).overlap(["NaCl"])


def test_overlap_does_not_take_a_formula_for_a_list_of_letters() -> None:
    with pytest.raises(InputInvalid, match="not one str"):
        toy_catalog().overlap("CO")


def test_to_dict_and_to_frame() -> None:
    catalog = toy_catalog()
    assert {symbol: tuple(vector) for symbol, vector in catalog.to_dict().items()} == TOY_VECTORS
    frame = catalog.to_frame()
    assert frame.loc["Fe"].tolist() == [3.0, 4.0]
    assert list(frame.columns) == ["v0", "v1"]
    assert frame.index.name == "symbol"
    frame.loc["Fe", "v0"] = 9
    assert catalog["Fe"][0] == 3


def test_to_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install"):
        toy_catalog().to_frame()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("atomic_numbers", [1, 8, 11, 17, 27, 26], "ascend"),
        ("atomic_numbers", [1, 8, 11, 17, 26, 26], "ascend"),
        ("atomic_numbers", [0, 8, 11, 17, 26, 27], "within 1 to 118"),
        ("atomic_numbers", [1, 8, 11, 17, 26, 119], "within 1 to 118"),
        ("atomic_numbers", [1, 8, 11, 17, 26, 2**20], "do not fit"),
        ("atomic_numbers", [1, 8, 11, 17, 26.5, 27], "do not fit"),
        ("atomic_numbers", [1, 8], "shapes"),
        ("n_structures", [1, 1, 1, 1, 0, 1], "Fe has no training structure"),
        ("n_structures", [1, 1, 1], "shapes"),
        ("vectors", np.zeros((6, 0)), "shapes"),
        ("vectors", np.zeros(6), "shapes"),
        ("vectors", [[0, 0], [0, np.nan], [0, 0], [np.inf, 0], [0, 0], [0, 1e39]], "O, Cl, Co has a vector"),
        ("training_formulas", np.zeros((1, 4), np.uint8), r"uint8 \(n, 5\)"),
        ("training_formulas", np.zeros((1, 5)), r"uint8 \(n, 5\)"),
        ("training_formulas", np.zeros((2, 5), np.uint8), "sorted without repeats"),
    ],
)
def test_tables_that_break_the_rules(field: str, value: object, message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        toy_table(**{field: np.asarray(value)})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda catalog: pickle.loads(pickle.dumps(catalog))])
def test_a_copy_is_as_good_as_the_catalog(copied: Callable[[ElementCatalog], ElementCatalog]) -> None:
    catalog = toy_catalog()
    assert catalog.n_structures  # what was computed once must not stand in the way
    other = copied(catalog)
    assert other.manifest == catalog.manifest
    np.testing.assert_array_equal(other.vectors, catalog.vectors)
    with pytest.raises(ValueError, match="read-only"):
        other.vectors[0, 0] = 1
