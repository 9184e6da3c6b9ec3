"""Which code makes the numbers of a build: its hash is part of the build's identity, beside the data and the recipe.

An edited loss makes another build, and takes up no checkpoint of the old one. What only reads, writes or tells of
numbers may change without that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec

from embeddings.errors import EmbeddingsError

SHARED = (
    "builders.methods.crystal_transformer.augment",
    "builders.methods.crystal_transformer.batches",
    "builders.structures.cells",
    "builders.structures.cleaning",
    "builders.structures.formulas",
    "builders.methods.crystal_transformer.encoder",
    "builders.learning.scores",
    "builders.methods.crystal_transformer.extract",
    "builders.methods.crystal_transformer.graphs",
    "builders.methods.crystal_transformer.model",
    "builders.pipeline",
    "builders.structures.table",
    "builders.learning.splits",
    "builders.learning.targets",
    "builders.methods.crystal_transformer.training",
    "embeddings.formula.canonical",
)
"""Modules that every build runs through."""

CRYSTALS = SHARED
"""Modules behind the vectors of elements."""

EMBEDDING = (*SHARED, "builders.embed.levels")
"""Modules behind the vectors of structures and sites."""

FORMULAS = (
    *SHARED,
    "builders.methods.cromel.adversary",
    "builders.methods.cromel.encoder",
    "builders.methods.cromel.lessons",
    "builders.methods.cromel.packing",
    "builders.methods.cromel.pipeline",
    "builders.methods.cromel.teacher",
    "builders.methods.cromel.training",
    "builders.methods.cromel.model",
)
"""Modules behind a composition encoder."""

BYSTANDERS = (
    "builders.runs.checkpoint",
    "builders.runs.clock",
    "builders.runs.code",
    "builders.structures.columns",
    "builders.runs.coverage",
    "builders.methods.cromel.recipes",
    "builders.runs.identity",
    "builders.snapshots.intake",
    "builders.runs.locks",
    "builders.structures.objects",
    "builders.sources.origins",
    "builders.runs.output",
    "builders.progress",
    "builders.provenance",
    "builders.methods.crystal_transformer.recipes",
    "builders.structures.rejections",
    "builders.runs.folder",
    "builders.learning.scales",
    "builders.runs.seals",
    "builders.snapshots.snapshot",
    "builders.sources",
)
"""Modules that those call and that make no numbers: they read, write, check, or hold what is hashed by its value."""


def code_hash(modules: Sequence[str]) -> str:
    """Return the SHA-256 over the sources of modules, whatever their line endings.

    Raises:
        EmbeddingsError: the source of a module is not there.
    """
    total = hashlib.sha256()
    for name in sorted(modules):
        total.update(f"{name}\n".encode() + _source(name).replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()


def _source(name: str) -> bytes:
    found = find_spec(name)
    try:
        with open(str(found and found.origin), "rb") as file:
            return file.read()
    except OSError as error:
        raise EmbeddingsError(
            f"The source of {name} cannot be read ({error.strerror}), and a build says what code made it. Install the "
            "library again, with its sources."
        ) from error
