"""Composition encoders that nobody trained, as files that need NumPy alone, and what such a file holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.store.encoder_files import write_encoder
from embeddings.store.manifest import Provenance
from testing.toys import toy_provenance

STATISTICS = ("mean", "std", "max")
FORMULAS = ("Fe2O3", "FeO", "NaCl", "Fe4O6", "H2O")
COVERED = SYMBOLS[:90]


def tensors(
    *,
    covered: tuple[str, ...] = COVERED,
    element_dim: int = 5,
    statistics: tuple[str, ...] = STATISTICS,
    widths: tuple[int, ...] = (12, 7, 4),
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return the tensors of an encoder, as its file holds them."""
    random = np.random.default_rng(seed)
    elements = np.full((N_ELEMENTS + 1, element_dim), np.nan, dtype=np.float32)
    rows = [SYMBOLS.index(symbol) + 1 for symbol in covered]
    elements[rows] = random.normal(size=(len(rows), element_dim))
    given = len(statistics) * element_dim
    found = {
        "elements": elements,
        "input_mean": random.normal(size=given).astype(np.float32),
        "input_scale": random.uniform(0.5, 2, size=given).astype(np.float32),
    }
    for k, (taken, out) in enumerate(zip((given, *widths), widths, strict=False)):
        found[f"layers.{k}.weight"] = (random.normal(size=(out, taken)) / np.sqrt(taken)).astype(np.float16)
        found[f"layers.{k}.bias"] = random.normal(size=out).astype(np.float32)
    return found


def content_of(found: dict[str, np.ndarray]) -> bytes:
    """Return a safetensors file, written from the description of the format alone."""
    kinds = {"float16": "F16", "float32": "F32", "int64": "I64"}
    header, data = {}, b""
    for name, values in found.items():
        raw = np.ascontiguousarray(values).tobytes()
        header[name] = {
            "dtype": kinds[values.dtype.name],
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def provenance(hyperparameters: dict[str, Any] | None = None, **changes: Any) -> Provenance:
    """Return where the encoder comes from; `changes` replace fields."""
    toy = toy_provenance(**({"name": "toy-encoder"} | changes))
    settings = (
        {"statistics": STATISTICS, "activation": "silu", "dim": 4} if hyperparameters is None else hyperparameters
    )
    return replace(toy, model=replace(toy.model, name="cromel", hyperparameters=settings))


def counts(covered: tuple[str, ...] = COVERED) -> np.ndarray:
    """Return how many training structures contain each element, by atomic number."""
    return np.array([0] + [int(symbol in covered) * (z + 1) for z, symbol in enumerate(SYMBOLS)])


def write_toy_encoder(
    root: Path,
    found: dict[str, np.ndarray] | None = None,
    *,
    covered: tuple[str, ...] = COVERED,
    hyperparameters: dict[str, Any] | None = None,
    force: bool = False,
    **changes: Any,
) -> Path:
    """Write the encoder under a root and return its folder; `changes` replace fields of its provenance."""
    return write_encoder(
        root,
        provenance(hyperparameters, **changes),
        content_of(tensors(covered=covered) if found is None else found),
        n_structures=counts(covered),
        formulas=FORMULAS,
        force=force,
    )
