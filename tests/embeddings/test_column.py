"""A column of formulas is read whatever holds it, and the columns of a table are never taken for its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embeddings import CompositionIndex, featurize
from embeddings.errors import InputInvalid
from embeddings.formula import fraction_matrix, reduced_formulas
from testing.toys import toy_catalog

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

FORMULAS = ["Fe2O3", "FeO", "O2", "FeO"]
AMOUNTS = {"Fe": [2.0, 1.0, 0.0, 1.0], "O": [3.0, 1.0, 2.0, 1.0]}


@pytest.mark.parametrize(
    "column",
    [
        pd.DataFrame({"formula": FORMULAS}, index=[7, 7, 1, 0]),
        pd.DataFrame({"O": pd.Categorical(FORMULAS)}),  # a column whose name is an element
        pd.DataFrame({("a", "b"): FORMULAS}),
        pl.DataFrame({"formula": FORMULAS}),
        pa.table({"formula": FORMULAS}),
        np.array(FORMULAS)[:, None],
        pa.chunked_array([FORMULAS[:1], FORMULAS[1:]]).dictionary_encode(),
        (formula for formula in FORMULAS),
    ],
    ids=lambda column: type(column).__name__,
)
def test_a_column_in_any_container(column: Any) -> None:
    assert reduced_formulas(column) == ["Fe2O3", "FeO", "O2", "FeO"]


@pytest.mark.parametrize(
    "table", [pd.DataFrame(AMOUNTS), pl.DataFrame(AMOUNTS), pa.table(AMOUNTS)], ids=lambda table: type(table).__module__
)
@pytest.mark.parametrize("read", [reduced_formulas, lambda table: featurize(table, toy_catalog())])
def test_columns_of_amounts_are_not_taken_for_formulas(table: Any, read: Any) -> None:
    with pytest.raises(InputInvalid, match=r"One column of formulas .*shape \(4, 2\) \(Fe, O\).*to_dict\('records'\)"):
        read(table)


def test_the_way_out_for_columns_of_amounts() -> None:
    rows = [{name: x for name, x in row.items() if x > 0} for row in pd.DataFrame(AMOUNTS).to_dict("records")]
    assert np.array_equal(fraction_matrix(rows).fractions, fraction_matrix(FORMULAS).fractions)
    assert reduced_formulas(rows) == reduced_formulas(FORMULAS)


def test_a_frame_is_searched_and_looked_up_in_training_by_its_formulas() -> None:
    frame, catalog = pd.DataFrame({"O": ["FeO", "O2"]}), toy_catalog()
    assert CompositionIndex(frame, catalog).formulas == ["FeO", "O2"]
    with pytest.raises(InputInvalid, match="One column of formulas"):
        catalog.overlap(pd.DataFrame(AMOUNTS))
