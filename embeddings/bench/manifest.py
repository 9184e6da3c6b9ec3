"""The manifest of a saved model: what it learned, from what, how well, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.store import schema
from embeddings.store.manifest import (
    Count,
    FileName,
    Name,
    Positive,
    Seal,
    SemVer,
    Sha256,
    Symbol,
    Text,
    Timestamp,
    Width,
)
from embeddings.store.reading import read_bounded, why
from embeddings.store.schema import AtLeast, AtMost

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
KIND = "property-model"
_LARGEST = 10_000_000

Share = Annotated[float, AtLeast(0), AtMost(1)]


@dataclass(frozen=True, kw_only=True)
class CatalogUse:
    """A catalog or encoder that the model needs, and the hash of its numbers."""

    name: Name
    version: SemVer
    sha256: Sha256


@dataclass(frozen=True, kw_only=True)
class StructureUse:
    """What the vectors of structures that a model needs are made by.

    Attributes:
        encoder: name and version of the catalog whose encoder makes them.
        sha256: of the file of its network.
        level: ``"structure"``, or ``"site"`` for statistics over the sites of each structure.
        dim: width of a vector.
    """

    encoder: Text
    sha256: Sha256
    level: Literal["structure", "site"]
    dim: Width


@dataclass(frozen=True, kw_only=True)
class WeightsUse:
    """Weights that were learned elsewhere and are no part of the folder: where they were, and their hash."""

    path: Text
    sha256: Sha256


@dataclass(frozen=True, kw_only=True)
class MemberEntry:
    """One model of the stack: what it sees, what it is, its weight and its file."""

    features: Text
    head: Text
    treatment: Literal["", "gate", "log"] = ""
    weight: Share
    file: FileName


@dataclass(frozen=True, kw_only=True)
class TrainingEntry:
    """What was learned from.

    Attributes:
        elements: symbols that occur, in order of atomic number.
        formula_digest: file of the hashed formulas; see `embeddings.formula.formula_digest`.
    """

    n_rows: Positive
    n_set_aside: Count
    n_formulas: Positive
    elements: tuple[Symbol, ...]
    formula_digest: FileName


@dataclass(frozen=True, kw_only=True)
class ErrorEntry:
    """The error on formulas that were neither trained nor weighted on: out of fold, no formula in two folds."""

    metrics: dict[str, float]
    n_rows: Positive
    n_folds: Positive


@dataclass(frozen=True, kw_only=True)
class IntervalEntry:
    """How intervals are made.

    Attributes:
        coverage: share of new formulas that they are to hold.
        factor: of the error that is usual nearby; None where there are too few formulas for this coverage.
        measured: share of the rows that they held out of fold; None for a single fold.
    """

    coverage: Share
    factor: Annotated[float, AtLeast(0)] | None
    measured: Share | None


@dataclass(frozen=True, kw_only=True)
class SearchEntry:
    """How the model was searched for.

    Attributes:
        catalogs: that were tried, as ``name@version``.
        heads: that were tried.
        n_inner: inner folds.
        seed: of folds and heads.
        budget: seconds; None for no bound.
        n_skipped: candidates that the budget left out.
        fingerprint: SHA-256 over the rows and all of the above: the identity of the fit.
        in_context: weights that the in-context head had; None if it took no part.
    """

    catalogs: tuple[str, ...]
    heads: tuple[str, ...]
    n_inner: Positive
    seed: Count
    budget: Annotated[float, AtLeast(0)] | None
    n_skipped: Count
    fingerprint: Sha256
    in_context: WeightsUse | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of the folder, with its hash and its size."""

    path: FileName
    sha256: Sha256
    bytes: Count


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """The manifest of one model.

    Attributes:
        target: name of what it predicts.
        unit: of the target; empty where none is known.
        classes: names of the classes; empty for numbers.
        labels: what is predicted for each class.
        created: UTC time of the fit.
        environment: package -> version.
        catalogs: that the members need.
        structures: that the members need of every row; None where a formula is enough.
        blocks: features -> columns.
        probes: formula -> what the model predicts for it, so that another place can tell whether it still does.
        files: every file of the folder except the manifest.
        manifest_sha256: seal over the manifest's own text with this value left empty.
    """

    schema_version: Literal[1] = 1
    kind: Literal["property-model"] = "property-model"
    target: str
    unit: str
    classes: tuple[str, ...] = ()
    labels: tuple[Any, ...] = ()
    created: Timestamp
    environment: dict[str, str]
    catalogs: tuple[CatalogUse, ...]
    structures: StructureUse | None = None
    members: tuple[MemberEntry, ...]
    blocks: dict[str, Positive]
    training: TrainingEntry
    error: ErrorEntry
    intervals: IntervalEntry | None
    search: SearchEntry
    probes: dict[str, tuple[float, ...]]
    files: tuple[ModelFile, ...] = ()
    manifest_sha256: Seal = field(default="", compare=False)

    def to_json(self) -> str:
        """Return the sealed JSON text.

        Raises:
            ManifestInvalid: a value does not fit the schema; the message names the field.
        """
        valid = schema.parse(type(self), asdict(self))
        unsealed = _dump(replace(valid, manifest_sha256=""))
        return _dump(replace(valid, manifest_sha256=_sha256(unsealed)))


def read_model_manifest(folder: Path) -> ModelManifest:
    """Read the manifest of a model's folder and check its seal.

    Raises:
        InputInvalid: the folder holds no model.
        CatalogCorrupt: the manifest cannot be read, or was altered.
        ManifestInvalid: it does not fit the schema, or needs a newer library.
    """
    path = folder / MANIFEST
    if not path.is_file():
        what = "no manifest.json" if folder.is_dir() else "no such folder"
        raise InputInvalid(f"{folder} is not a saved model: there is {what}. Make one with: embeddings fit")
    try:
        text = read_bounded(path, at_most=_LARGEST).decode()
    except OSError as error:
        raise CatalogCorrupt(f"{path} cannot be read: {why(error)}. Fit the model again.") from error
    except UnicodeDecodeError as error:
        raise CatalogCorrupt(f"{path} cannot be read: {error}. Fit the model again.") from error
    manifest = _parse(path, text)
    found = _sha256(text.replace(f'"{manifest.manifest_sha256}"', '""', 1))
    if found != manifest.manifest_sha256:
        raise CatalogCorrupt(
            f'{path} was altered after it was written: its seal is "{manifest.manifest_sha256}" but its text gives '
            f'"{found}". Copy the model again from where it was made, or fit it again.'
        )
    return manifest


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model, whole or damaged."""
    try:
        document = json.loads(read_bounded(folder / MANIFEST, at_most=_LARGEST))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("kind") == KIND


def _parse(path: Path, text: str) -> ModelManifest:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{path} is not valid JSON: {error}.") from error
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind != KIND:
        raise InputInvalid(f'{path.parent} is not a saved model: its kind is "{kind}". Make one with: embeddings fit')
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ManifestInvalid(
            f"{path}: schema_version: this model has {version} and needs a newer library; this one reads up to "
            f"{SCHEMA_VERSION}. Upgrade it: pip install --upgrade materials-embeddings"
        )
    try:
        manifest: ModelManifest = schema.parse(ModelManifest, document)
    except ManifestInvalid as error:
        raise ManifestInvalid(f"{path}: {error}") from error
    return manifest


def _dump(manifest: ModelManifest) -> str:
    return json.dumps(asdict(manifest), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
