"""A version whose recipe publishes more of the same network by now: what its manifest says when it is written so."""

from __future__ import annotations

from dataclasses import replace

from builders.embed.recompute import recipe_of
from builders.methods import find_recipe
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.runs.identity import identity_of
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Manifest


def republished(manifest: Manifest, version: str | None) -> Manifest:
    """Return the manifest of a version as its recipe, which trains as it did then, publishes crystals by now.

    It is known to a build of that recipe, which has nothing to do then. Files and shape are those of the old version.

    Args:
        manifest: of the version that is there.
        version: that is to be written.

    Raises:
        InputInvalid: no new version is named, the recipe trains in another way by now or publishes what the version
            does, or the version is not made from a snapshot and a recipe alone.
    """
    identity, then = f"{manifest.name}@{manifest.version}", recipe_of(manifest)
    if version is None or version == manifest.version:
        raise InputInvalid(f"Vectors of crystals change, and {identity} stays as it is. Give a new MAJOR --version.")
    now = _recipe_now(then)
    if now.training_dict() != then.training_dict() or now.vectors != then.vectors:
        raise InputInvalid(f'The recipe "{then.name}" does not train as {identity} was trained. Build a new version.')
    if now.published == then.published:
        raise InputInvalid(f'{identity} is published as the recipe "{then.name}" says.')
    beside = sorted(manifest.model.hyperparameters.keys() - then.to_dict().keys())
    if beside:
        raise InputInvalid(f"{identity} has {', '.join(beside)} beside its recipe. Build a new version.")
    return replace(
        manifest,
        version=version,
        description=f"{manifest.description} The network of {manifest.version}, with the cell in vectors of crystals.",
        model=replace(manifest.model, hyperparameters=now.to_dict()),
        limits=(
            *manifest.limits,
            f"Network, rows and figures are those of {identity}. The vector of a crystal also has three numbers of its "
            "cell, behind the mean over its atoms; the heads of the network did not see them in training.",
        ),
        fingerprint=identity_of(manifest.training.snapshot_sha256, now.to_dict(), manifest.model.code_version),
        command=manifest.command.replace(f"--version {manifest.version}", f"--version {version}"),
    )


def _recipe_now(then: CrystalTransformerRecipe) -> CrystalTransformerRecipe:
    now = find_recipe(then.name).with_options(targets=then.targets, epochs=then.training.epochs, seed=then.seed)
    if not isinstance(now, CrystalTransformerRecipe):
        raise InputInvalid(f'The recipe "{then.name}" is of another method by now. Build a new version.')
    return now
