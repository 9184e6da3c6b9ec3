"""The manifest of a potential of others, as files of its vectors carry it: the same on every machine."""

from __future__ import annotations

from builders.others.base import About
from builders.others.packages import version_of
from builders.runs.identity import identity_of
from embeddings.elements import SYMBOLS
from embeddings.store.manifest import Manifest, ModelInfo, Provenance, TableInfo, TrainingInfo

RECIPE = "weights of others"


def manifest_of(about: About) -> Manifest:
    """Return the sealed manifest of a potential: what is known of its weights and of what they learned from."""
    covered = {SYMBOLS[z - 1] for z in about.atomic_numbers}
    manifest = Manifest.of(
        _provenance(about),
        kind="structure",
        dim=about.dim,
        n_rows=len(covered),
        missing_elements=tuple(symbol for symbol in SYMBOLS if symbol not in covered),
        files=(),
    )
    return Manifest.from_json(manifest.to_json())


def _provenance(about: About) -> Provenance:
    weights = about.weights
    package = f"{weights.package} {version_of(weights)}"
    told = {"weights": weights.path, "weights_sha256": weights.sha256}
    vectors = {"site_vector": about.of_sites, "structure_vector": about.of_structures}
    return Provenance(
        schema_version=2,
        name=about.name,
        version=about.version,
        description=f"What {about.title}, a potential of others, knows of crystals and their atoms before its readout.",
        synthetic=False,
        model=ModelInfo(name=about.title, recipe=RECIPE, hyperparameters=told | vectors, code_version=package),
        training=TrainingInfo(
            source=about.training,
            snapshot_sha256=weights.sha256,
            n_structures=None,
            targets=about.targets,
            split="unknown",
            seed=None,
        ),
        metrics={},
        limits=about.limits,
        licence=about.licence,
        citation=about.citation,
        fingerprint=identity_of(about.name, about.version, weights.sha256, package),
        command=f"embeddings embed STRUCTURES --encoder {about.name} -o vectors.parquet",
        created=about.created,
        environment={weights.package: version_of(weights)},
        table=TableInfo(
            source=f"{package}: {weights.path}",
            format="weights in a Python package",
            training="unknown",
            notes=(about.of_sites, about.of_structures),
        ),
    )
