"""The network that a build begins with: that of a published catalog."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from builders.methods.crystal_transformer.model import CrystalTransformer
from embeddings.errors import InputInvalid
from embeddings.store.readout import Readout
from embeddings.store.tables import read_catalog

INIT, FOUND = "init", "init_found"
"""Hyperparameters of a manifest beside those of the recipe: where a network began, and what came of it."""

FREE = ("dropout", "table_std", "readout")
"""Settings in which two networks of the same weights may differ."""


@dataclass(frozen=True, eq=False)
class Start:
    """A published network.

    Attributes:
        name: of its catalog.
        version: of that.
        sha256: of the file of the network.
        folder: of the version.
        model: the network, without heads.
        atomic_numbers: (n,) of the elements that it was trained on, ascending.
    """

    name: str
    version: str
    sha256: str
    folder: Path
    model: CrystalTransformer
    atomic_numbers: np.ndarray

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"{self.name}@{self.version}"

    def stated(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}

    def unknown(self, atomic_numbers: np.ndarray) -> np.ndarray:
        """Return those of some atomic numbers that the network was not trained on, ascending."""
        return np.setdiff1d(atomic_numbers, self.atomic_numbers)

    def seen(self, formulas: list[str]) -> list[str] | None:
        """Return the formulas that the network was trained on; None where its catalog does not list any."""
        catalog = read_catalog(self.folder)
        return None if catalog.table.training_formulas is None else catalog.overlap(formulas)

    def with_seen(self, digest: np.ndarray | None) -> np.ndarray | None:
        """Return a digest of formulas with those that the network was trained on before; None where nobody knows them.

        Args:
            digest: (n, n_bytes) see `embeddings.formula.digest`.
        """
        seen = read_catalog(self.folder).table.training_formulas
        return None if seen is None or digest is None else np.unique(np.concatenate([seen, digest]), axis=0)


def read_start(folder: Path, config: CrystalTransformerConfig, recipe: str) -> Start:
    """Read the network of a catalog version that a recipe begins with.

    Args:
        folder: of the version.
        config: sizes that the recipe asks for.
        recipe: its name, for the message.

    Raises:
        InputInvalid: the version carries no network of crystals, or one of other sizes; names them.
        CatalogCorrupt: the file or the manifest is missing or altered.
    """
    encoder = read_crystal_encoder(folder)
    _check_sizes(encoder.model.config, config, f"{encoder.name}@{encoder.version}", recipe)
    return Start(encoder.name, encoder.version, encoder.network_sha256, folder, encoder.model, encoder.atomic_numbers)


def _check_sizes(there: CrystalTransformerConfig, wanted: CrystalTransformerConfig, identity: str, recipe: str) -> None:
    mine, theirs = asdict(wanted), asdict(there)
    others = [name for name in mine if name not in FREE and mine[name] != theirs[name]]
    if others:
        differ = ", ".join(f"{name} {theirs[name]} instead of {mine[name]}" for name in others)
        raise InputInvalid(
            f'The network of {identity} is not one that the recipe "{recipe}" can begin with: it has {differ}. Name '
            "another --init, or the --recipe that it was made by."
        )


def grown(start: Start, atomic_numbers: np.ndarray, readout: Readout | None) -> CrystalTransformer:
    """Return a copy of the network with rows for further elements, which begin at the mean of those that it knows.

    Args:
        start: the network.
        atomic_numbers: of all elements that it is to know.
        readout: what the heads that it is to have see of a crystal, whatever its catalog publishes of one.
    """
    model = CrystalTransformer(replace(start.model.config, readout=readout), n_targets=0)
    model.load_state_dict(start.model.state_dict())
    new, known = start.unknown(atomic_numbers).astype(np.int64), start.atomic_numbers.astype(np.int64)
    if len(new):
        with torch.no_grad():
            model.table.weight[torch.from_numpy(new)] = model.table.weight[torch.from_numpy(known)].mean(0)
    return model
