"""The generator of a composition encoder: agreement with the pooling and with plain NumPy; what teaches it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.learning.compositions import pack
from builders.learning.encoders import FormulaEncoder, tensors_of
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.cromel.encoder import encoder_of_tensors
from builders.methods.cromel.model import POOLINGS, CompositionGenerator, Noise
from builders.methods.twins import trainable
from embeddings import load_encoder
from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid, TrainingError
from embeddings.pooling import pool
from testing.composition_encoders import write_toy_encoder
from testing.formula_encoders import untrained
from testing.toys import toy_catalog

FORMULAS = ["NaCl", "Fe2O3", "LiFePO4", "Fe", "Ca(OH)2", "Al0.9Ni0.1"]
CONFIG = GeneratorConfig(statistics=tuple(POOLINGS), element_dim=6, hidden=(16, 12), dim=5)


def encoder(config: GeneratorConfig = CONFIG, covered: int = 100) -> FormulaEncoder:
    made = untrained(config, FORMULAS, seed=3)
    return FormulaEncoder(made.generator, np.arange(1, covered + 1))


def by_numpy(tensors: dict[str, np.ndarray], config: GeneratorConfig, formulas: list[str]) -> np.ndarray:
    """Encode with NumPy and the pooling of the library alone, from the tensors as they are published."""
    from embeddings.formula import fraction_matrix

    covered = np.flatnonzero(np.isfinite(tensors["elements"]).all(axis=1))
    rows = dict(zip((SYMBOLS[z - 1] for z in covered), tensors["elements"][covered], strict=True))
    x = pool(fraction_matrix(formulas), toy_catalog(rows), stats=config.statistics)
    x = (x - tensors["input_mean"]) / tensors["input_scale"]
    n_layers = len(config.hidden) + 1
    for k in range(n_layers):
        x = x @ tensors[f"layers.{k}.weight"].astype(np.float32).T + tensors[f"layers.{k}.bias"]
        if k < n_layers - 1:
            x = x / (1 + np.exp(-x)) if config.activation == "silu" else np.maximum(x, 0)
    return x


@pytest.mark.parametrize("activation", ["silu", "relu"])
def test_numpy_alone_gives_the_same_vectors(activation):
    config = GeneratorConfig(tuple(POOLINGS), element_dim=6, hidden=(16, 12), dim=5, activation=activation)
    published = tensors_of(encoder(config))
    rounded = encoder_of_tensors(published, config)
    np.testing.assert_allclose(by_numpy(published, config, FORMULAS), rounded.encode(FORMULAS), atol=1e-5)


def test_samples_of_torch_and_numpy_have_the_same_spread(tmp_path):
    """And their mean is the vector."""
    made = untrained(GeneratorConfig(("mean", "std"), 6, hidden=(16,), dim=5), FORMULAS, seed=3)
    stochastic = FormulaEncoder(made.generator, np.arange(1, 101), noise=Noise(5))
    folder = write_toy_encoder(
        tmp_path, tensors_of(stochastic), covered=SYMBOLS[:100],
        hyperparameters={"statistics": ["mean", "std"], "activation": "silu", "dim": 5},
    )  # fmt: skip
    loaded = load_encoder(folder)
    twin, samples = trainable(loaded), loaded.sample(FORMULAS, 4000, seed=1)
    vectors = torch.from_numpy(loaded.encode(FORMULAS))
    drawn = torch.stack([twin.noise.train()(vectors) for _ in range(4000)]).detach()
    np.testing.assert_allclose(samples.std(0), drawn.std(0).numpy(), rtol=0.1)
    np.testing.assert_allclose(samples.mean(0), vectors, atol=0.1)
    np.testing.assert_array_equal(twin.noise.eval()(vectors), vectors)
    np.testing.assert_array_equal(loaded.sample(FORMULAS, 2, seed=1), loaded.sample(FORMULAS, 2, seed=1))
    with pytest.raises(InputInvalid, match="at least 1"):
        loaded.sample(FORMULAS, 0)


def test_a_deterministic_encoder_has_no_samples(tmp_path):
    with pytest.raises(InputInvalid, match="deterministic"):
        load_encoder(write_toy_encoder(tmp_path)).sample(["NaCl"])


def test_tensors_there_and_back_are_the_same_bytes():
    once = tensors_of(encoder_of_tensors(tensors_of(encoder()), CONFIG))
    twice = tensors_of(encoder_of_tensors(once, CONFIG))
    assert once.keys() == twice.keys()
    for name in once:
        np.testing.assert_allclose(once[name], twice[name], rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(SYMBOLS[:90]), min_size=1, max_size=5, unique=True), st.integers(1, 9), st.data())
def test_multiples_order_and_neighbours_in_the_batch_make_no_difference(symbols, factor, data):
    amounts = [data.draw(st.integers(1, 9)) for _ in symbols]
    formula = "".join(f"{s}{n}" for s, n in zip(symbols, amounts, strict=True))
    multiple = "".join(f"{s}{n * factor}" for s, n in reversed(list(zip(symbols, amounts, strict=True))))
    vectors = encoder().encode([formula, multiple, "LiFePO4", "Fe"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
    np.testing.assert_allclose(vectors[0], encoder().encode([formula])[0], atol=1e-5)


def test_uncovered_elements_are_named_or_replaced_by_their_neighbour():
    few = encoder(covered=50)
    with pytest.raises(ElementNotCovered, match=r"Cs, Pb"):
        few.encode(["CsPbI3", "NaCl"])
    np.testing.assert_allclose(few.encode(["CsCl"], missing="impute"), few.encode(["RbCl"]))
    with pytest.raises(InputInvalid, match="raise, impute"):
        few.encode(["CsCl"], missing="zeros")
    with pytest.raises(FormulaInvalid, match="Row 1"):
        few.encode(["NaCl", "Xx2"])


def test_weights_that_half_precision_cannot_hold_are_refused():
    large = encoder()
    with torch.no_grad():
        large.generator.layers[1].weight[0, 0] = 1e6
    with pytest.raises(TrainingError, match=r"layers\.1\.weight"):
        tensors_of(large)


def test_tensors_of_other_sizes_are_refused():
    with pytest.raises(InputInvalid, match="do not fit"):
        encoder_of_tensors(tensors_of(encoder()), GeneratorConfig(CONFIG.statistics, 6, hidden=(16, 13), dim=5))


def test_gradients_reach_every_element_of_a_formula_and_are_finite_for_a_pure_one():
    generator = CompositionGenerator(CONFIG).train()
    generator(pack(["NaCl", "Fe", "Fe2O3"])).square().sum().backward()
    moved = np.flatnonzero(generator.table.weight.grad.abs().sum(1).numpy())
    assert torch.isfinite(generator.table.weight.grad).all()
    assert moved.tolist() == [8, 11, 17, 26]
