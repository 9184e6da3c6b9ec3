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
    "builders.augment",
    "builders.batching",
    "builders.cells",
    "builders.cleaning",
    "builders.compositions",
    "builders.encoder",
    "builders.evaluate",
    "builders.extract",
    "builders.graphs",
    "builders.models.crystal_transformer",
    "builders.pipeline",
    "builders.records",
    "builders.splits",
    "builders.targets",
    "builders.train",
    "embeddings.formula.canonical",
)
"""Modules that every build runs through."""

CRYSTALS = SHARED
"""Modules behind the vectors of elements."""

EMBEDDING = (*SHARED, "builders.levels")
"""Modules behind the vectors of structures and sites."""

FORMULAS = (
    *SHARED,
    "builders.crossmodal.adversary",
    "builders.crossmodal.encoder",
    "builders.crossmodal.lessons",
    "builders.crossmodal.packing",
    "builders.crossmodal.pipeline",
    "builders.crossmodal.teacher",
    "builders.crossmodal.training",
    "builders.models.cromel",
)
"""Modules behind a composition encoder."""

BYSTANDERS = (
    "builders.checkpoint",
    "builders.clock",
    "builders.code",
    "builders.columns",
    "builders.coverage",
    "builders.crossmodal.recipes",
    "builders.identity",
    "builders.intake",
    "builders.locks",
    "builders.objects",
    "builders.origins",
    "builders.output",
    "builders.progress",
    "builders.provenance",
    "builders.recipes",
    "builders.rejections",
    "builders.runs",
    "builders.scales",
    "builders.seals",
    "builders.snapshot",
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
