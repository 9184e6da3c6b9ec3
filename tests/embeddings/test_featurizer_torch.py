"""Tensors: pooled vectors, sets of elements, and the layer that they index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra torch")

import torch

from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid
from embeddings.featurizers.torch import ElementSets, element_sets, embedding_layer, pool_compositions
from embeddings.pooling import featurize_compositions
from testing.toys import toy_catalog

TOY = toy_catalog()
COLUMNS = st.lists(
    st.dictionaries(st.sampled_from(TOY.symbols), st.integers(1, 9), min_size=1, max_size=5), min_size=1, max_size=7
)


def pooled_by(sets: ElementSets) -> torch.Tensor:
    """Return the mean vectors as a message passing model would sum them up."""
    weighted = sets.fractions[:, None] * embedding_layer(TOY)(sets.atomic_numbers)
    return torch.zeros(sets.n_formulas, TOY.dim).index_add(0, sets.rows, weighted)


def test_pooled_vectors_are_those_of_numpy() -> None:
    column = ["H2O", "NaCl", "Xe"]
    tensor = pool_compositions(column, TOY, stats=["mean", "max"], missing="skip", device="cpu")
    assert tensor.dtype == torch.float32
    expected = featurize_compositions(column, TOY, stats=["mean", "max"], missing="skip")
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_sets_worked_out_by_hand() -> None:
    sets = element_sets(["H2O", "Fe", "NaCl"], TOY)
    assert sets.atomic_numbers.tolist() == [1, 8, 26, 11, 17]
    assert sets.fractions.tolist() == pytest.approx([2 / 3, 1 / 3, 1, 1 / 2, 1 / 2])
    assert sets.rows.tolist() == [0, 0, 1, 2, 2]
    numbers, fractions = sets.padded()
    assert numbers.tolist() == [[1, 8], [26, 0], [11, 17]]
    assert fractions.tolist()[1] == [1, 0]
    assert sets.pairs().tolist() == [[0, 0, 1, 1, 2, 3, 3, 4, 4], [0, 1, 0, 1, 2, 3, 4, 3, 4]]
    assert [tensor.dtype for tensor in (sets.atomic_numbers, sets.rows, sets.pairs(), numbers)] == [torch.int64] * 4
    assert [tensor.dtype for tensor in (sets.fractions, fractions)] == [torch.float32] * 2


@given(COLUMNS)
def test_both_layouts_pool_to_the_mean(column: list[dict[str, int]]) -> None:
    sets, expected = element_sets(column, TOY), featurize_compositions(column, TOY, stats="mean")
    np.testing.assert_allclose(pooled_by(sets), expected, atol=1e-6)
    numbers, fractions = sets.padded()
    padded = (fractions[:, :, None] * embedding_layer(TOY)(numbers)).sum(dim=1)
    np.testing.assert_allclose(padded, expected, atol=1e-6)


@given(COLUMNS)
def test_pairs_are_all_of_one_formula(column: list[dict[str, int]]) -> None:
    sets = element_sets(column, TOY)
    rows = sets.rows.tolist()
    expected = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if rows[i] == rows[j]]
    assert list(zip(*sets.pairs().tolist(), strict=True)) == expected


def test_elements_without_a_vector() -> None:
    with pytest.raises(ElementNotCovered, match=r"Si \(1 row\)"):
        element_sets(["H2O", "SiH2"], TOY)
    skipped = element_sets(["SiH2O", "Si"], TOY, missing="skip")
    assert skipped.atomic_numbers.tolist() == [1, 8]
    assert skipped.fractions.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert skipped.padded()[0].tolist() == [[1, 8], [0, 0]]
    assert element_sets(["H2S"], TOY, missing="impute").atomic_numbers.tolist() == [1, 8]
    assert element_sets(["H2S", "Fe"], TOY, missing="nan").rows.tolist() == [1]
    with pytest.raises(InputInvalid, match="Known: raise"):
        element_sets(["H2O"], TOY, missing="zero")


def test_no_formulas_give_empty_tensors() -> None:
    sets = element_sets([], TOY)
    assert [tuple(tensor.shape) for tensor in (*sets.padded(), sets.pairs())] == [(0, 0), (0, 0), (2, 0)]


def test_a_bad_row_is_named() -> None:
    with pytest.raises(FormulaInvalid, match="Row 1 "):
        element_sets(["H2O", "nacl"], TOY)


def test_the_layer_is_indexed_by_atomic_number() -> None:
    layer = embedding_layer(TOY)
    assert layer.weight.shape == (119, 2)
    for z, symbol in enumerate(SYMBOLS, start=1):
        expected = TOY.to_dict().get(symbol, [np.nan, np.nan])
        np.testing.assert_array_equal(layer.weight[z].numpy(), expected)
    assert layer.weight[0].tolist() == [0, 0]
    assert not layer.weight.requires_grad


def test_a_layer_that_is_not_frozen_learns_and_leaves_the_catalog_alone() -> None:
    layer, before = embedding_layer(TOY, freeze=False), TOY["Fe"].copy()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.tensor([26, 0])).sum().backward()
    optimizer.step()
    assert layer.weight[26].tolist() == pytest.approx((before - 0.1).tolist())
    assert layer.weight[0].tolist() == [0, 0]
    assert np.array_equal(TOY["Fe"], before)
