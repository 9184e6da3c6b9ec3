"""Whether a composition encoder computes what its manifest says, and learned from the structures that are given.

It stores no vectors, so nothing can be compared with them. What can be: the network that NumPy computes with, made of
the tensors and the settings beside them, with the one that torch trains, made of the sizes in the recipe. Whether the
weights are those of the training, only the same build shows, which gives the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.embed.agreement import Recomputed, cosines_of, ranked
from builders.learning.encoders import FormulaEncoder
from builders.learning.material import prepare
from builders.methods import recipes
from builders.methods.recipe import Recipe
from builders.methods.twins import trainable
from builders.progress import Reporter
from builders.snapshots.snapshot import Snapshot
from builders.structures.counts import count_structures
from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.encoder import CompositionEncoder
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.store import schema
from embeddings.store.encoder_files import composition_encoder, needed, read_formulas
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import Manifest, read_manifest


def recompute_encoder(folder: Path, n: int, snapshot: Snapshot | None, reporter: Reporter) -> Recomputed:
    """Encode training formulas in both ways; with structures, check first that the encoder learned from them.

    Args:
        folder: of the version.
        n: formulas to encode, at most; they are spread evenly over all.
        snapshot: of the structures; None to do without.
        reporter: told of progress.

    Raises:
        InputInvalid: it did not learn from these structures, or does not say how they were chosen.
        CatalogCorrupt: its tensors do not fit the network that its recipe describes, or something is damaged.
    """
    manifest = read_manifest(folder)
    encoder = composition_encoder(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))
    formulas = read_formulas(folder)
    n_structures = 0 if snapshot is None else _check_structures(manifest, formulas, snapshot)
    asked = [formulas[row] for row in np.unique(np.linspace(0, len(formulas) - 1, min(n, len(formulas))).astype(int))]
    with reporter.stage("Encoding", len(asked)):
        here, there = encoder.encode(asked), _twin(encoder).encode(asked)
    center = here.mean(axis=0) if len(asked) > 1 else np.zeros(encoder.dim)
    return Recomputed("formulas", len(formulas), n_structures, ranked(asked, cosines_of(there - center, here - center)))


def _twin(encoder: CompositionEncoder) -> FormulaEncoder:
    """Return the trainable twin, with the sizes of the recipe where the manifest has them."""
    twin, stated = trainable(encoder), encoder.manifest.model.hyperparameters.get("model")
    if stated is None:
        return twin
    try:
        generator = type(twin.generator)(schema.parse(type(twin.generator.config), stated))
        generator.load_state_dict(twin.generator.state_dict())
    except (ManifestInvalid, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CatalogCorrupt(
            f"The file of {encoder!r} holds another network than its recipe describes: {reason}"
        ) from error
    return FormulaEncoder(generator, twin.atomic_numbers, twin.name)


def _check_structures(manifest: Manifest, formulas: list[str], snapshot: Snapshot) -> int:
    """Return how many structures there were to learn from.

    Raises:
        InputInvalid: they are not those that this version learned from.
    """
    material = prepare(snapshot, _recipe(manifest), Reporter(quiet=True))
    theirs, its = set(material.training_formulas), set(formulas)
    counts = count_structures(material.trained_on)
    stated = np.array([0, *(manifest.n_structures.get(symbol, 0) for symbol in SYMBOLS)])
    if theirs != its or not np.array_equal(counts, stated):
        odd = sorted(theirs ^ its)
        example = f", such as {odd[0]}" if odd else ""
        raise InputInvalid(
            f"These are not the structures that {manifest.name}@{manifest.version} learned from: they have "
            f"{counted(len(theirs - its), 'formula')} that it does not have, and lack {len(its - theirs):,} of its "
            f"{len(its):,}{example}. Give the same source, with the same options."
        )
    return len(material.training_rows)


def _recipe(manifest: Manifest) -> Recipe:
    """Return the recipe of an encoder, as far as it says which structures of a source it learned from."""
    kind = next((type(one) for one in recipes().values() if one.method == manifest.model.name), Recipe)
    names = {field.name for field in dataclasses.fields(kind)}
    stated = {name: value for name, value in manifest.model.hyperparameters.items() if name in names and value}
    try:
        recipe: Recipe = schema.parse(kind, stated | {"training": _without_critic(stated.get("training"))})
    except ManifestInvalid as error:
        raise InputInvalid(
            f"{manifest.name}@{manifest.version} does not say how its training structures were chosen ({error}), so "
            "they cannot be compared. Leave --source out."
        ) from error
    return recipe


def _without_critic(training: Any) -> Any:
    """Return the settings of a training; that there is no critic is stated, and not a setting."""
    is_object = isinstance(training, Mapping)
    return {name: value for name, value in training.items() if name != "critic"} if is_object else training
