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

from builders.methods.base import ElementVectors
from builders.methods.crystal_transformer.encoder import TURN
from embeddings.analysis.alignment import turn_onto
from embeddings.errors import InputInvalid
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import read_catalog

ALIGNED_TO = "aligned_to"
"""The hyperparameter that names the version that the vectors were turned onto."""


def identity_of_previous(folder: Path) -> str:
    """Return name and version of an earlier version.

    Raises:
        InputInvalid: it is not a catalog of elements.
        CatalogCorrupt: it is missing or altered.
    """
    manifest = read_manifest(folder)
    if manifest.kind != "element":
        raise InputInvalid(
            f"{manifest.name}@{manifest.version} is a {manifest.kind}; only catalogs of elements are turned onto an "
            "earlier version. Leave --previous out."
        )
    return f"{manifest.name}@{manifest.version}"


def with_previous(hyperparameters: Mapping[str, Any], previous: Path | None) -> dict[str, Any]:
    """Return hyperparameters that also name the version that the vectors are turned onto, where there is one.

    Raises:
        InputInvalid: such vectors cannot be turned onto that version.
        CatalogCorrupt: it is missing or altered.
    """
    if previous is None:
        return dict(hyperparameters)
    identity, dim = identity_of_previous(previous), read_manifest(previous).dim
    if hyperparameters.get("vectors") != "context":
        raise InputInvalid(
            f"Only means over the sites of an element are turned onto an earlier version such as {identity}, and this "
            "recipe makes something else. Leave --previous out."
        )
    width = hyperparameters["model"]["width"]
    if width != dim:
        raise InputInvalid(
            f"The vectors of this recipe have a width of {width}, and those of {identity} a width of {dim}. Turning "
            "needs the same. Leave --previous out."
        )
    return dict(hyperparameters) | {ALIGNED_TO: identity}


def turned_onto(vectors: ElementVectors, previous: Path) -> tuple[ElementVectors, str]:
    """Turn vectors of elements, and what their encoder gives, as close as possible to those of an earlier version.

    Args:
        vectors: of the new version.
        previous: folder of the earlier one.

    Returns:
        The turned vectors, and a sentence for the limits in the manifest.

    Raises:
        InputInvalid: the two have fewer than two elements in common.
        CatalogCorrupt: the earlier version is missing or altered.
    """
    identity, old, table = identity_of_previous(previous), read_catalog(previous), vectors.table
    shared = [name for name in table.symbols if name in old]
    if len(shared) < 2:
        raise InputInvalid(
            f"The new vectors share {len(shared)} elements with {identity}, and two are needed to turn them. Leave "
            "--previous out."
        )
    new = table.vectors[[table.symbols.index(name) for name in shared]].astype(np.float64)
    turn = turn_onto(new, old.lookup(shared).astype(np.float64))
    left = np.linalg.norm(new @ turn - old.lookup(shared)) / np.linalg.norm(old.lookup(shared))
    sentence = (
        f"The vectors were turned as a whole onto {identity}, by an orthogonal matrix that changes no length, angle or "
        f"neighbor; on {len(shared)} shared elements they differ from it by {left:.0%} of its length."
    )
    turned = replace(table, vectors=(table.vectors @ turn).astype(np.float32))
    return ElementVectors(turned, _with_turn(vectors.encoder, turn)), sentence


def _with_turn(encoder: bytes | None, turn: np.ndarray) -> bytes | None:
    """Return the file of a network whose output is turned too."""
    return None if encoder is None else save(load(encoder) | {TURN: turn.astype(np.float32)})
