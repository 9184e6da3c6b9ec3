"""Which code computes the numbers of a build: its hash is part of the build's identity, beside data and recipe.

An edited loss makes another build, which does not resume from a checkpoint of the old one. Code that only reads, writes
or reports numbers may change without that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pkgutil import iter_modules

from embeddings.errors import EmbeddingsError

SHARED = (
    "builders.learning.compositions",
    "builders.learning.devices",
    "builders.learning.encoders",
    "builders.learning.folds",
    "builders.learning.lessons",
    "builders.learning.material",
    "builders.learning.optimization",
    "builders.learning.ridge",
    "builders.learning.scores",
    "builders.learning.splits",
    "builders.learning.targets",
    "builders.learning.teachers",
    "builders.learning.usable",
    "builders.learning.workers",
    "builders.snapshots.seen",
    "builders.structures.cells",
    "builders.structures.cleaning",
    "builders.structures.counts",
    "builders.structures.equivalent",
    "builders.structures.formulas",
    "builders.structures.graphs",
    "builders.structures.mapped",
    "builders.structures.primitive",
    "builders.structures.table",
    "builders.structures.texts",
    "embeddings.formula.canonical",
)
"""Modules that builds of every method, or of several, run through."""

HASHED_BY_VALUE = ("recipes",)
"""Modules of a method's folder that hold only hyperparameters, whose values are part of the identity already."""


def code_hash(packages: Sequence[str], *, also: Sequence[str] = ()) -> str:
    """Return the SHA-256 over the sources of the code that computes the numbers, whatever their line endings.

    Args:
        packages: folders of methods.
        also: further modules.

    Raises:
        EmbeddingsError: the source of a module is missing.
    """
    total = hashlib.sha256()
    for name in sorted({*SHARED, *also, *modules_of(packages)}):
        total.update(f"{name}\n".encode() + _source(name).replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()


def modules_of(packages: Sequence[str]) -> Iterator[str]:
    """Yield the modules in the folders of methods and in folders of these, but for their recipes."""
    for package in packages:
        found = find_spec(package)
        for module in iter_modules((found and found.submodule_search_locations) or []):
            if module.name not in HASHED_BY_VALUE:
                name = f"{package}.{module.name}"
                yield name
                yield from modules_of([name] if module.ispkg else [])


def _source(name: str) -> bytes:
    found = find_spec(name)
    try:
        with open(str(found and found.origin), "rb") as file:
            return file.read()
    except OSError as error:
        raise EmbeddingsError(
            f"Cannot read the source of {name} ({error.strerror}), which is part of a build's identity. Reinstall the "
            "library with its sources."
        ) from error
