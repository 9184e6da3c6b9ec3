"""A new version in the frame of an earlier one, so that models that were trained on the earlier vectors can go on.

Training knows no preferred axes: two trainings that learned the same differ by an orthogonal turn (see
`embeddings.analysis.alignment`). Turning the new vectors onto the old ones changes no length, no angle and no neighbor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from builders.methods.base import ElementVectors, EncoderVectors, Vectors
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.cromel.encoder import encoder_of_tensors
from builders.methods.cromel.method import CromelMethod
from builders.methods.cromel.recipes import CromelRecipe
from builders.methods.crystal_transformer.weights import TURN
from builders.methods.recipe import Recipe
from embeddings.analysis.alignment import turn_onto
from embeddings.errors import InputInvalid
from embeddings.store.encoder_files import KIND, read_formulas
from embeddings.store.manifest import Manifest, read_manifest
from embeddings.store.tables import read_catalog

_MOST = 5_000
"""Shared formulas by which a turn is found, at most about."""

ALIGNED_TO = "aligned_to"
"""The hyperparameter that names the version that the vectors were turned onto."""


def identity_of_previous(folder: Path) -> str:
    """Return name and version of an earlier version.

    Raises:
        CatalogCorrupt: it is missing or altered.
    """
    manifest = read_manifest(folder)
    return f"{manifest.name}@{manifest.version}"


def with_previous(hyperparameters: Mapping[str, Any], previous: Path | None) -> dict[str, Any]:
    """Return hyperparameters that also name the version that the vectors are turned onto, where there is one.

    Raises:
        InputInvalid: such vectors cannot be turned onto that version; says why.
        CatalogCorrupt: it is missing or altered.
    """
    if previous is None:
        return dict(hyperparameters)
    manifest, identity = read_manifest(previous), identity_of_previous(previous)
    obstacle = _obstacle(hyperparameters, manifest, identity)
    if obstacle:
        raise InputInvalid(f"{obstacle} Leave --previous out.")
    return dict(hyperparameters) | {ALIGNED_TO: identity}


def _obstacle(stated: Mapping[str, Any], previous: Manifest, identity: str) -> str:
    """Return why vectors made in this way cannot be turned onto an earlier version; nothing if they can."""
    made = KIND if "dim" in stated else "element"
    if previous.kind != made:
        return f"{identity} is a catalog of kind {previous.kind}, and this recipe makes one of kind {made}."
    if made == "element" and stated.get("vectors") != "context":
        return (
            f"Only means over the sites of an element are turned onto an earlier version such as {identity}, and this "
            "recipe makes something else."
        )
    if stated.get("architecture", "pooled") != "pooled":
        return (
            "The vectors of a language model end in a norm with a weight for each number, in which there is no place "
            f"for a turn onto {identity}: its file could not hold it."
        )
    if made == KIND and stated["training"].get("stochastic"):
        return f"The spread of samples goes number by number, so a turn onto {identity} would give other samples."
    width = stated["dim"] if made == KIND else stated["model"]["width"]
    if width != previous.dim:
        return (
            f"The vectors of this recipe have a width of {width}, and those of {identity} a width of {previous.dim}. "
            "Turning needs the same."
        )
    return ""


def turned_onto(vectors: Vectors, previous: Path, recipe: Recipe) -> tuple[Vectors, str]:
    """Turn vectors, and what their encoder gives, as close as possible to those of an earlier version.

    Args:
        vectors: of the new version.
        previous: folder of the earlier one, which `with_previous` has accepted.
        recipe: of the new version.

    Returns:
        The turned vectors, and a sentence for the limits in the manifest.

    Raises:
        InputInvalid: the two have fewer than two elements, or training formulas, in common.
        CatalogCorrupt: the earlier version is missing or altered.
    """
    if isinstance(vectors, ElementVectors):
        return _elements_turned(vectors, previous)
    if isinstance(vectors, EncoderVectors) and isinstance(recipe, CromelRecipe):
        return _encoder_turned(vectors, previous, recipe.model)
    raise InputInvalid(f"The vectors of the recipe {recipe.name} cannot be rotated. Leave --previous out.")


def _elements_turned(vectors: ElementVectors, previous: Path) -> tuple[ElementVectors, str]:
    old, table = read_catalog(previous), vectors.table
    shared = [name for name in table.symbols if name in old]
    new = table.vectors[[table.symbols.index(name) for name in shared]]
    turn, sentence = _turn(new, old.lookup(shared), identity_of_previous(previous), "elements")
    turned = replace(table, vectors=(table.vectors @ turn).astype(np.float32))
    training = None if vectors.training is None else vectors.training.turned(turn)
    return ElementVectors(turned, _with_turn(vectors.encoder, turn), training), sentence


def _encoder_turned(vectors: EncoderVectors, previous: Path, config: GeneratorConfig) -> tuple[EncoderVectors, str]:
    """Turn the last layer of a network of pooled element vectors, which is linear."""
    old, tensors = CromelMethod.load(previous), load(vectors.encoder)
    shared = sorted(set(vectors.formulas) & set(read_formulas(previous)))[:: 1 + len(vectors.formulas) // _MOST]
    new = encoder_of_tensors(tensors, config).encode(shared)
    turn, sentence = _turn(new, old.encode(shared), identity_of_previous(previous), "training formulas")
    last = f"layers.{len(config.hidden)}"
    weight, bias = (tensors[f"{last}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    turned = {f"{last}.weight": (turn.T @ weight).astype(np.float16), f"{last}.bias": (bias @ turn).astype(np.float32)}
    return replace(
        vectors, encoder=save({name: np.ascontiguousarray(t) for name, t in (tensors | turned).items()})
    ), sentence


def _turn(new: np.ndarray, old: np.ndarray, identity: str, what: str) -> tuple[np.ndarray, str]:
    """Return the orthogonal matrix (dim, dim) that brings rows closest to others, and a sentence on what it did."""
    if len(new) < 2:
        raise InputInvalid(
            f"The new vectors share {len(new)} {what} with {identity}, but rotating them takes two. Leave "
            "--previous out."
        )
    turn = turn_onto(new, old.astype(np.float64))
    left = np.linalg.norm(new @ turn - old) / np.linalg.norm(old)
    return turn, (
        f"The vectors were turned as a whole onto {identity}, by an orthogonal matrix that changes no length, angle or "
        f"neighbor; on {len(new)} shared {what} they differ from it by {left:.0%} of its length."
    )


def _with_turn(encoder: bytes | None, turn: np.ndarray) -> bytes | None:
    """Return the file of a network whose output is turned too."""
    return None if encoder is None else save(load(encoder) | {TURN: turn.astype(np.float32)})
