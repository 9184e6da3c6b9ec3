"""A version that was built before something was kept or published, written once more with it, from its own snapshot.

What later builds keep are the training vectors and the digest of the training structures. What they publish of a
crystal may be more than the network was trained with, see `CrystalTransformerRecipe.crystals`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from builders.embed.recompute import recipe_of
from builders.learning.material import Material, prepare
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.training_vectors import (
    MOST_HELD_OUT,
    MOST_TRAINED_ON,
    centers_of,
    evenly,
)
from builders.methods.crystal_transformer.weights import config_of
from builders.progress import Reporter
from builders.republishing import republished
from builders.snapshots.snapshot import Snapshot
from builders.structures.counts import count_structures, made_of
from builders.structures.digest import structure_digest
from builders.structures.table import StructureTable, spans
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Manifest
from embeddings.store.tables import ENCODER, read_catalog, write_catalog
from embeddings.store.training_structures import read_structures
from embeddings.store.training_vectors import TrainingVectors

_AT_ONCE, _SITES_AT_ONCE = 2048, 100_000


def remember(
    folder: Path,
    snapshot: Snapshot,
    reporter: Reporter,
    *,
    version: str | None = None,
    by_recipe: bool = False,
    out: Path | None = None,
) -> Path:
    """Write a version once more with what its encoder was trained on, and return its folder.

    The rows and the network stay what they are, and so does the digest of the training structures where there is one.

    Args:
        folder: of the version, in a root of catalogs.
        snapshot: the one that the version was built from.
        reporter: tells a person how far it is.
        version: to write; None to replace the version, which must not be a released one.
        by_recipe: publish of a crystal what the recipe does by now, and say so; then it is a new version.
        out: root of catalogs to write into; None for that of the folder.

    Raises:
        InputInvalid: the version was built from another snapshot, goes on from another network by a schedule that is
            not its recipe's, carries no encoder of crystals, or has its training vectors; or the recipe publishes by
            now what the version does, or trains in another way.
        CatalogExists: the version to write is there.
        CatalogCorrupt: the version or the snapshot is damaged.
        OutputInvalid: the folder cannot be written.
    """
    encoder, catalog = read_crystal_encoder(folder), read_catalog(folder)
    manifest = encoder.manifest
    recipe = recipe_of(manifest)
    _check(manifest, recipe, snapshot)
    if by_recipe:
        manifest = republished(manifest, version)
        encoder.model.config = config_of(manifest)
    elif encoder.training is not None:
        raise InputInvalid(f"{_named(manifest)} has its training vectors.")
    material = prepare(snapshot, recipe, reporter)
    counts = count_structures(material.trained_on)
    if {SYMBOLS[z - 1]: counts[z] for z in np.flatnonzero(counts)} != manifest.n_structures:
        raise InputInvalid(f"The structures of {snapshot.folder} are not split as those of {_named(manifest)} were.")
    held_out = material.validation_rows
    held_out = held_out[made_of(material.table.take(held_out), encoder.atomic_numbers)]
    if not len(held_out):
        raise InputInvalid(f"No structure was held out from the training of {_named(manifest)}, to tell far from near.")
    rows = evenly(material.training_rows, MOST_TRAINED_ON), evenly(held_out, MOST_HELD_OUT)
    trained_on, apart = (_encoded(encoder, material.table, some, reporter) for some in rows)
    provenance = manifest.provenance if version is None else replace(manifest.provenance, version=version)
    return write_catalog(
        out or folder.resolve().parents[1], provenance, catalog.table,
        encoder=(folder / ENCODER).read_bytes(),
        structures=_digest(folder, catalog.manifest, material, reporter),
        training=TrainingVectors.of(centers_of(trained_on), apart),
        force=version is None,
    )  # fmt: skip


def _check(manifest: Manifest, recipe: CrystalTransformerRecipe, snapshot: Snapshot) -> None:
    if recipe.tuning is not None:
        raise InputInvalid(
            f"{_named(manifest)} goes on from another network, whose training structures are not in its snapshot."
        )
    if manifest.training.snapshot_sha256 != snapshot.sha256:
        raise InputInvalid(
            f"{_named(manifest)} was built from the snapshot {manifest.training.snapshot_sha256[:12]}, and that in "
            f"{snapshot.folder} is {snapshot.sha256[:12]}."
        )


def _digest(folder: Path, manifest: Manifest, material: Material, reporter: Reporter) -> np.ndarray:
    """Return the digest of the training structures: that of the version, or made now."""
    there = read_structures(folder, manifest)
    if there is not None:
        return there
    with reporter.stage("Fingerprints", len(material.training_rows)) as stage:
        return structure_digest(material.table, material.training_rows, advance=stage.advance)


def _named(manifest: Manifest) -> str:
    return f"{manifest.name}@{manifest.version}"


def _encoded(encoder: CrystalEncoder, table: StructureTable, rows: np.ndarray, reporter: Reporter) -> np.ndarray:
    """Return the vectors of some crystals, (n, dim) float32."""
    parts = [np.empty((0, encoder.dim), np.float32)]
    with reporter.stage("Encoding", len(rows)) as stage:
        for start, stop in spans(table.n_sites[rows], most=_AT_ONCE, most_sites=_SITES_AT_ONCE):
            parts.append(encoder.encode(table.take(rows[start:stop])))
            stage.advance(stop - start)
    return np.concatenate(parts)
