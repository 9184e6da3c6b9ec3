"""A catalog with a tiny encoder of crystals that nobody trained."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.weights import encoder_bytes
from embeddings.elements import SYMBOLS
from embeddings.store.manifest import Provenance
from embeddings.store.tables import write_catalog
from embeddings.store.training_vectors import TrainingVectors
from testing.toys import toy_provenance, toy_table

CONFIG = CrystalTransformerConfig(dim=16, width=32, depth=2, n_heads=4, feed_forward=32, n_radial=8, message_dim=4)
COVERED = SYMBOLS[:90]


def network(config: CrystalTransformerConfig = CONFIG, seed: int = 1) -> CrystalTransformer:
    """Return an untrained network that tells elements apart."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CrystalTransformer(config, n_targets=2).eval()
    with torch.no_grad():
        model.table.weight.mul_(20)
    return model


def provenance(config: CrystalTransformerConfig = CONFIG, **changes: Any) -> Provenance:
    """Return where a catalog of this network comes from; `changes` replace fields."""
    toy = toy_provenance(**changes)
    return replace(toy, model=replace(toy.model, name="crystal-transformer", hyperparameters={"model": asdict(config)}))


def write_encoder_catalog(
    root: Path,
    config: CrystalTransformerConfig = CONFIG,
    *,
    covered: tuple[str, ...] = COVERED,
    seed: int = 1,
    training: TrainingVectors | None = None,
    force: bool = False,
    **changes: Any,
) -> Path:
    """Write a catalog of the first few elements with an encoder and return its folder."""
    model = network(config, seed)
    vectors = model.element_vectors().numpy()[1 : len(covered) + 1]
    table = toy_table(dict(zip(covered, vectors, strict=True)))
    return write_catalog(
        root, provenance(config, **changes), table, encoder=encoder_bytes(model), training=training, force=force
    )
