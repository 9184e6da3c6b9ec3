"""All pairs of a formula explained exactly, by a composition encoder with a linear head, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import Request
from benchmarks.measure import at_most, in_turn
from embeddings.encoder import CompositionEncoder
from embeddings.explain import explain
from embeddings.loaders import load_composition_encoder

ENCODERS = ("cromel-multi", "imkt-multi")
FORMULAS = {3: "LiFeO2", 4: "LaFeAsO", 5: "LiFe0.9Mn0.1PO4"}
ABSENT = ("removed", "reference:mean", "background")
MOST_MS = 10.0


def run(request: Request) -> dict[str, Any]:
    """Explain formulas of three to five elements, by every choice for the absent element."""
    encoders = [load_composition_encoder(name) for name in ENCODERS[: 1 if request.quick else None]]
    cases: dict[Any, Callable[[], float]] = {
        (one.name, absent, n): partial(_seconds_of, one, formula, absent)
        for one in encoders
        for absent in ABSENT
        for n, formula in FORMULAS.items()
    }
    with threadpool_limits(1):
        seconds = in_turn(cases, 2 if request.quick else 12)
    rows = [
        {"encoder": encoder, "absent": absent, "elements": n, "ms": 1e3 * min(taken[1:])}
        for (encoder, absent, n), taken in seconds.items()
    ]
    return {
        "title": "All pairs of one formula explained, k-SII, one core",
        "rows": rows,
        "goals": [
            at_most(f"{row['encoder']}, {row['absent']}, {row['elements']} elements, ms", row["ms"], MOST_MS)
            for row in rows
            if row["elements"] == 4
        ],
        "notes": [
            "Best of several rounds, after one that is not counted. The background is drawn from the encoder's own "
            "formulas: 64 of them in each of the 2^n coalitions, which is 1,024 formulas to encode for four elements.",
        ],
    }


def _seconds_of(encoder: CompositionEncoder, formula: str, absent: str) -> float:
    weights = np.random.default_rng(0).normal(size=encoder.dim)
    started = time.perf_counter()
    explain([formula], (encoder, lambda vectors: vectors @ weights), absent=absent)
    return time.perf_counter() - started
