"""From formulas to the vectors of a composition encoder: formulas per second on one core, with and without reading."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import Request
from benchmarks.measure import at_least, in_turn
from benchmarks.speed.featurize import generated, seconds_of
from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder, Network
from embeddings.formula import fraction_matrix
from embeddings.loaders import load_uae
from embeddings.pooling import pool

STATISTICS = ("mean", "std", "min", "max")
ELEMENT_DIM, WIDTHS = 64, (352, 352, 128)
"""Sizes of the published encoders; the values of the weights do not affect the speed."""

MIN_RATE = 50_000


def run(request: Request) -> dict[str, Any]:
    """Encode distinct formulas, from strings and from element fractions."""
    n_rows = 2_000 if request.quick else 100_000
    formulas, encoder = generated(n_rows), _random_encoder()
    matrix = fraction_matrix(formulas)
    cases = {
        "from strings": partial(encoder.encode, formulas),
        "from element fractions": partial(pool, matrix, encoder),
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
        "goals": [at_least(f"{row['what']}, formulas per second", row["formulas_per_s"], MIN_RATE) for row in rows],
        "notes": ["Best of several rounds, after one that is not counted. All formulas are different."],
    }


def _random_encoder() -> CompositionEncoder:
    """Return an encoder of random weights for every element, under the name of some catalog."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(N_ELEMENTS, ELEMENT_DIM))
    table = ElementTable(np.arange(1, N_ELEMENTS + 1), vectors, np.ones(N_ELEMENTS))
    widths = (len(STATISTICS) * ELEMENT_DIM, *WIDTHS)
    network = Network(
        statistics=STATISTICS,
        activation="silu",
        input_mean=np.zeros(widths[0]),
        input_scale=np.ones(widths[0]),
        weights=tuple(random.normal(size=(out, given)) / np.sqrt(given) for given, out in pairwise(widths)),
        biases=tuple(np.zeros(out) for out in WIDTHS),
    )
    manifest = load_uae("starter").manifest
    return CompositionEncoder(manifest, ElementCatalog(manifest, table), network)
