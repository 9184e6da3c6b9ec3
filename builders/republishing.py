"""A version whose recipe publishes more of the same network by now: what its manifest says when it is written so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builders.embed.recompute import recipe_of
from builders.learning.teachers import FOUND, TEACHERS
from builders.methods import find_recipe
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.start import INIT
from builders.runs.identity import identity_of
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Manifest
from embeddings.store.readout import Readout

HOLDS: dict[Readout | None, str] = {
    None: "the mean over its atoms",
    "mean and cell": "the mean over its atoms and three numbers of its cell",
    "all layers and cell": "the means over its atoms after every layer of the network and three numbers of its cell",
}
"""Readout -> what the vector of a crystal holds."""


def republished(manifest: Manifest, version: str | None) -> Manifest:
    """Return the manifest of a version as its recipe, which trains as it did then, publishes crystals by now.

    It is known to a build of that recipe, which has nothing to do then. Files and shape are those of the old version.

    Args:
        manifest: of the version that is there.
        version: that is to be written.

    Raises:
        InputInvalid: no new version is named, the recipe trains in another way by now or publishes what the version
            does, or the version is not made from a snapshot, a recipe, teachers and a network to begin with alone.
    """
    identity, then = f"{manifest.name}@{manifest.version}", recipe_of(manifest)
    if version is None or version == manifest.version:
        raise InputInvalid(f"Vectors of crystals change, and {identity} stays as it is. Give a new MAJOR --version.")
    now = _recipe_now(then)
    if now.training_dict() != then.training_dict() or now.vectors != then.vectors:
        raise InputInvalid(f'The recipe "{then.name}" does not train as {identity} was trained. Build a new version.')
    if now.published == then.published:
        raise InputInvalid(f'{identity} is published as the recipe "{then.name}" says.')
    stated = manifest.model.hyperparameters
    beside = {name: value for name, value in stated.items() if name not in then.to_dict()}
    if unknown := sorted(beside.keys() - {INIT, TEACHERS, FOUND}):
        raise InputInvalid(f"{identity} has {', '.join(unknown)} beside its recipe. Build a new version.")
    holds = HOLDS[now.published.readout]
    return replace(
        manifest,
        version=version,
        description=f"{manifest.description} The network of {manifest.version}; the vector of a crystal holds {holds}.",
        model=replace(manifest.model, hyperparameters=now.to_dict() | beside),
        limits=(
            *manifest.limits,
            f"Network, rows and figures are those of {identity}. The vector of a crystal holds {holds}; the heads of "
            f"the network saw {HOLDS[now.model.readout]} in training.",
        ),
        fingerprint=identity_of(
            manifest.training.snapshot_sha256, *_inputs_of(beside), now.to_dict(), manifest.model.code_version
        ),
        command=manifest.command.replace(f"--version {manifest.version}", f"--version {version}"),
    )


def _recipe_now(then: CrystalTransformerRecipe) -> CrystalTransformerRecipe:
    now, schedule = find_recipe(then.name), then.training
    if not isinstance(now, CrystalTransformerRecipe):
        raise InputInvalid(f'The recipe "{then.name}" is of another method by now. Build a new version.')
    now = (now.going_on("all") if then.begun else now).with_options(
        targets=then.targets,
        seed=then.seed,
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        learning_rate=schedule.learning_rate,
    )
    return now.taught() if then.takes_vectors else now


def _inputs_of(beside: Mapping[str, Any]) -> list[str]:
    """Return the hashes of teachers' vectors and of the network at the start, as `Method.inputs` has them."""
    started = [beside[INIT]["sha256"]] if INIT in beside else []
    return [teacher["vectors_sha256"] for teacher in beside.get(TEACHERS, ())] + started
