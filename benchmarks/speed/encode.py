"""From formulas to the vectors of a composition encoder: formulas per second on one core, with and without reading."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.harness import Request
from benchmarks.measure import at_least, in_turn
from benchmarks.speed.featurize import generated, seconds_of
from builders.learning.encoders import FormulaEncoder, tensors_of
from builders.methods.language.config import LanguageConfig
from builders.methods.language.model import LanguageModel
from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder, FormulaNetwork, Network
from embeddings.formula import fraction_matrix
from embeddings.loaders import load_uae
from embeddings.pooling import pool
from embeddings.transformer import Transformer

STATISTICS = ("mean", "std", "min", "max")
ELEMENT_DIM, WIDTHS = 64, (352, 352, 128)
"""Sizes of the published encoders; the values of the weights do not affect the speed."""

LANGUAGE = "by a language model, from element fractions"

MIN_RATE, MIN_RATE_OF_LANGUAGE = 50_000, 20_000


def run(request: Request) -> dict[str, Any]:
    """Encode distinct formulas, from strings and from element fractions, and by a language model."""
    n_rows = 2_000 if request.quick else 100_000
    formulas, encoder, language = generated(n_rows), _random_encoder(), _random_language()
    matrix = fraction_matrix(formulas)
    cases = {
        "from strings": partial(encoder.encode, formulas),
        "from element fractions": partial(pool, matrix, encoder),
        LANGUAGE: partial(pool, matrix, language),
    }
    with threadpool_limits(1):
        seconds = in_turn({name: partial(seconds_of, case) for name, case in cases.items()}, 2 if request.quick else 8)
    rows = [
        {"what": name, "formulas": n_rows, "formulas_per_s": round(n_rows / min(taken[1:]))}
        for name, taken in seconds.items()
    ]
    layers = " x ".join(map(str, (len(STATISTICS) * ELEMENT_DIM, *WIDTHS)))
    return {
        "title": f"From formulas to encoded vectors, layers {layers}, one thread",
        "rows": rows,
        "goals": [
            at_least(f"{row['what']}, formulas per second", row["formulas_per_s"], _least(str(row["what"])))
            for row in rows
        ],
        "notes": [
            "Best of several rounds, after one that is not counted. All formulas are different, of "
            f"{matrix.n_elements.mean():.1f} elements on average.",
        ],
    }


def _least(what: str) -> int:
    return MIN_RATE_OF_LANGUAGE if what == LANGUAGE else MIN_RATE


def _random_encoder() -> CompositionEncoder:
    """Return an encoder of random weights for every element, under the name of some catalog."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(N_ELEMENTS, ELEMENT_DIM))
    widths = (len(STATISTICS) * ELEMENT_DIM, *WIDTHS)
    network = Network(
        statistics=STATISTICS,
        activation="silu",
        input_mean=np.zeros(widths[0]),
        input_scale=np.ones(widths[0]),
        weights=tuple(random.normal(size=(out, given)) / np.sqrt(given) for given, out in pairwise(widths)),
        biases=tuple(np.zeros(out) for out in WIDTHS),
    )
    return _encoder(vectors, network)


def _random_language() -> CompositionEncoder:
    """Return a language encoder of the published sizes."""
    config = LanguageConfig()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = tensors_of(FormulaEncoder(LanguageModel(config), np.arange(1, N_ELEMENTS + 1)))
    vectors = tensors.pop("elements")[1:]
    return _encoder(vectors, Transformer(config.n_heads, tensors))


def _encoder(vectors: np.ndarray, network: FormulaNetwork) -> CompositionEncoder:
    table = ElementTable(np.arange(1, N_ELEMENTS + 1), vectors, np.ones(N_ELEMENTS))
    manifest = load_uae("starter").manifest
    return CompositionEncoder(manifest, ElementCatalog(manifest, table), network)
