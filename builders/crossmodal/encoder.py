"""A composition encoder as a file of plain tensors, which NumPy can read and compute with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from builders.crossmodal.packing import pack
from builders.models.cromel import CompositionGenerator, GeneratorConfig
from embeddings.elements import N_ELEMENTS
from embeddings.errors import CatalogCorrupt, InputInvalid, TrainingError
from embeddings.manifest import Manifest, read_manifest
from embeddings.tables import ENCODER

BATCH_SIZE = 4096


class FormulaEncoder:
    """Formulas in, vectors out: the trainable twin of the encoder that needs NumPy alone.

    Attributes:
        generator: the network, in evaluation mode.
        atomic_numbers: (n_elements,) those that it was trained on, ascending.
        name: for messages.
    """

    def __init__(self, generator: CompositionGenerator, atomic_numbers: np.ndarray, name: str = "encoder") -> None:
        self.generator, self.name = generator.eval(), name
        self.atomic_numbers = np.sort(np.asarray(atomic_numbers))

    def __repr__(self) -> str:
        return f'FormulaEncoder("{self.name}", {len(self.atomic_numbers)} elements, dim={self.dim})'

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.generator.config.dim

    @torch.inference_mode()
    def encode(self, formulas: Iterable[Any], *, missing: str = "raise") -> np.ndarray:
        """Return one vector for each formula, (n, dim) float32.

        Args:
            formulas: n formulas: strings, mappings or Compositions.
            missing: what to do with an element that the encoder was not trained on; see `builders.crossmodal.packing`.

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        """
        compositions = pack(formulas, self.atomic_numbers, missing=missing)
        parts = torch.arange(len(compositions)).split(BATCH_SIZE)
        return torch.cat([self.generator(compositions.take(rows)) for rows in parts]).numpy()


def tensors_of(encoder: FormulaEncoder) -> dict[str, np.ndarray]:
    """Return what an encoder computes with, as it is published.

    Returns:
        ``elements`` (119, element_dim) float32, NaN where an element was never seen; ``input_mean`` and ``input_scale``
        (n_statistics * element_dim,) float32, which standardise the pooled vectors; and for each layer ``k``
        ``layers.k.weight`` (n_out, n_in) float16 and ``layers.k.bias`` (n_out,) float32.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    config, state = encoder.generator.config, encoder.generator.state_dict()
    elements = np.full((N_ELEMENTS + 1, config.element_dim), np.nan, dtype=np.float32)
    elements[encoder.atomic_numbers] = state["table.weight"].numpy()[encoder.atomic_numbers]
    tensors = {
        "elements": elements,
        "input_mean": state["standardise.running_mean"].numpy(),
        "input_scale": (state["standardise.running_var"] + encoder.generator.standardise.eps).sqrt().numpy(),
    }
    for k in range(len(config.hidden) + 1):
        tensors[f"layers.{k}.weight"] = state[f"layers.{k}.weight"].half().numpy()
        tensors[f"layers.{k}.bias"] = state[f"layers.{k}.bias"].numpy()
    unfit = [name for name, values in tensors.items() if name != "elements" and not np.isfinite(values).all()]
    if unfit or not np.isfinite(elements[encoder.atomic_numbers]).all():
        raise TrainingError(
            f"Weights do not fit their precision ({', '.join(unfit) or 'elements'}): training diverged."
        )
    return tensors


def composition_encoder_bytes(encoder: FormulaEncoder) -> bytes:
    """Return the content of an encoder's file; the same weights give the same bytes.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    return save({name: np.ascontiguousarray(values) for name, values in tensors_of(encoder).items()})


def encoder_of_tensors(
    tensors: dict[str, np.ndarray], config: GeneratorConfig, *, name: str = "encoder"
) -> FormulaEncoder:
    """Return the trainable encoder of published tensors; the opposite of `tensors_of`.

    Raises:
        InputInvalid: the tensors do not fit the sizes.
    """
    generator = CompositionGenerator(config)
    covered = np.flatnonzero(np.isfinite(tensors["elements"]).all(axis=1))
    scale = tensors["input_scale"].astype(np.float64)
    state = {
        "table.weight": np.nan_to_num(tensors["elements"]),
        "standardise.running_mean": tensors["input_mean"],
        "standardise.running_var": scale**2 - generator.standardise.eps,
        "standardise.num_batches_tracked": np.array(0),
    } | {key: values for key, values in tensors.items() if key.startswith("layers.")}
    try:
        generator.load_state_dict({key: torch.from_numpy(np.array(values)) for key, values in state.items()})
    except RuntimeError as error:
        raise InputInvalid(f"The tensors of {name} do not fit its sizes: {error}.") from error
    return FormulaEncoder(generator, covered, name)


def config_of(hyperparameters: dict[str, Any]) -> GeneratorConfig:
    """Return the sizes that a manifest states under ``model``.

    Raises:
        InputInvalid: they are not those of a composition encoder.
    """
    try:
        stated = hyperparameters["model"].items()
        sizes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stated}
        return GeneratorConfig(**sizes)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputInvalid(f"These are not the hyperparameters of a composition encoder: {error}.") from error


def read_formula_encoder(folder: Path) -> FormulaEncoder:
    """Read the encoder from the folder of a catalog version, its hash checked.

    Raises:
        InputInvalid: the folder holds a catalog of another kind.
        CatalogCorrupt: the file or the manifest is missing or altered, or they do not fit each other.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest.kind != "composition-encoder":
        raise InputInvalid(f'{folder} holds a catalog of kind "{manifest.kind}", not a composition encoder.')
    path = folder / ENCODER
    try:
        tensors = load(_read_intact(path, manifest))
        return encoder_of_tensors(tensors, config_of(manifest.model.hyperparameters), name=manifest.name)
    except (SafetensorError, KeyError, InputInvalid) as error:
        raise CatalogCorrupt(f"{path} does not fit its manifest: {error}.") from error


def _read_intact(path: Path, manifest: Manifest) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CatalogCorrupt(f"{path} cannot be read: {error}. Install this version again.") from error
    expected = next((entry.sha256 for entry in manifest.files if entry.path == path.name), None)
    if hashlib.sha256(content).hexdigest() != expected:
        raise CatalogCorrupt(f"{path} was altered. Install or build this version again.")
    return content


def untrained(config: GeneratorConfig, formulas: Iterable[Any], *, seed: int = 0) -> FormulaEncoder:
    """Return an encoder that learned nothing: random weights, its input standardised over some formulas.

    Args:
        config: sizes.
        formulas: n formulas, at least two.
        seed: of the weights.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        generator = CompositionGenerator(config)
        moments = generator.standardise
        pooled = generator.pool(pack(formulas))
        moments.running_mean, moments.running_var = pooled.mean(0), pooled.var(0)
    return FormulaEncoder(generator, np.arange(1, N_ELEMENTS + 1), "untrained")
