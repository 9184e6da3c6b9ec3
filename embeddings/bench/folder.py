"""A model in a folder: written so that it is there whole or not at all, and verified when it is read.

The folder holds no pickle: estimators are skops files (`embeddings.bench.estimator_files`), numbers are NumPy files.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings._version import __version__
from embeddings.bench.calibration_files import CALIBRATION, FORMULAS, array_bytes, read_calibration, read_digest
from embeddings.bench.candidates import Candidate, Fitted
from embeddings.bench.card import CARD, render_model_card
from embeddings.bench.estimator_files import from_bytes, to_bytes
from embeddings.bench.features import FeatureMaker
from embeddings.bench.learned import Estimate, Learned, Member, Training
from embeddings.bench.manifest import (
    MANIFEST,
    CatalogUse,
    ErrorEntry,
    IntervalEntry,
    MemberEntry,
    ModelFile,
    ModelManifest,
    SearchEntry,
    TrainingEntry,
    is_model,
    read_model_manifest,
)
from embeddings.bench.probes import PROBES, check_blocks, check_probes, probed, widths_of
from embeddings.errors import (
    CatalogCorrupt,
    CatalogNotFound,
    EmbeddingsError,
    ManifestInvalid,
    OutputInvalid,
)
from embeddings.featurizers.pinning import sha256_of_vectors
from embeddings.loaders import as_catalog
from embeddings.protocols import CatalogLike
from embeddings.store.epoch import source_date
from embeddings.store.exchange import read_settled, restore
from embeddings.store.folders import move_into_place, replace_folder, staged_folder
from embeddings.store.integrity import check_file
from embeddings.store.outputs import check_replaceable

if TYPE_CHECKING:
    from embeddings.bench.features import Pooled

PACKAGES = ("lightgbm", "numpy", "pymatgen", "scikit-learn", "scipy", "skops")
_ADVICE = "Copy the model again from where it was made, or fit it again."


@dataclass(frozen=True)
class SavedModel:
    """What a folder holds.

    Attributes:
        learned: the model.
        manifest: that tells of it.
    """

    learned: Learned
    manifest: ModelManifest


def write_model(
    folder: Path, learned: Learned, *, search: SearchEntry, labels: Iterable[Any] = (), force: bool = False
) -> Path:
    """Write a model as a folder, which appears complete or not at all. The same fit gives the same bytes.

    Where the same fit is there already, nothing is done.

    Args:
        folder: its name; what is above it is made.
        learned: the model.
        search: how it was found.
        labels: what is predicted for each class.
        force: replace a model that is there. Nothing else is ever replaced.

    Raises:
        OutputInvalid: something is in the way, or the folder cannot be written.
        ManifestInvalid: a name cannot stand in a manifest.
    """
    folder = Path(folder)
    if not force and holds_fit(folder, search.fingerprint):
        return folder
    check_target(folder, force=force)
    contents = _contents(learned)
    manifest = replace(_manifest(learned, search, tuple(labels)), files=_entries(contents))
    contents[CARD] = render_model_card(manifest).encode()
    contents[MANIFEST] = replace(manifest, files=_entries(contents)).to_json().encode()
    target = folder.resolve()
    restore(target.parent)
    try:
        with staged_folder(target) as staged:
            for name, content in contents.items():
                (staged / name).write_bytes(content)
            (replace_folder if target.exists() else move_into_place)(staged, target)
    except FileExistsError as error:
        if not holds_fit(folder, search.fingerprint):  # another process made it meanwhile
            raise _in_the_way(folder) from error
    return folder


def holds_fit(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds the model of this fit, every byte of it."""
    try:
        manifest = read_model_manifest(folder)
        for entry in manifest.files:
            check_file(folder / entry.path, entry, keep=False, advice=_ADVICE)
    except EmbeddingsError:
        return False
    return manifest.search.fingerprint == fingerprint


def check_target(folder: Path, *, force: bool) -> None:
    """Refuse a place where a model cannot go: only an empty folder, or a model with `force`, makes way.

    Raises:
        OutputInvalid: something is in the way.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    check_replaceable(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if not (is_empty or (force and is_model(folder))):
        raise _in_the_way(folder)


def read_model(folder: Path, *, catalogs: Iterable[CatalogLike] = ()) -> SavedModel:
    """Read a model and verify it: every hash, the catalogs that it needs, and what it predicts.

    Args:
        folder: of the model.
        catalogs: to use in place of the installed ones of the same name.

    Raises:
        InputInvalid: the folder holds no model, or what is installed here makes other predictions of it.
        CatalogCorrupt: a file is missing or altered, or a catalog has other numbers.
        CatalogNotFound: a catalog that the model needs is not here; the message names the version.
        ManifestInvalid: the manifest does not fit the schema, or needs a newer library.
    """
    folder = Path(folder)
    return read_settled(folder, lambda: _read(folder, {one.name: one for one in map(as_catalog, catalogs)}))


def _read(folder: Path, given: Mapping[str, Pooled]) -> SavedModel:
    manifest = read_model_manifest(folder)
    contents = {e.path: check_file(folder / e.path, e, keep=True, advice=_ADVICE) for e in manifest.files}
    maker = FeatureMaker({use.name: _catalog(folder, use, given) for use in manifest.catalogs})
    widths = check_blocks(folder, manifest, maker)
    members = tuple(_member(folder, entry, contents, widths, len(manifest.classes)) for entry in manifest.members)
    neighborhood, calibration = read_calibration(
        folder / CALIBRATION, _content(folder, contents, CALIBRATION), manifest.intervals
    )
    said = manifest.training
    name = said.formula_digest
    learned = Learned(
        members=members,
        maker=maker,
        training=Training(
            manifest.target, manifest.unit, manifest.classes, said.n_rows, said.n_set_aside, said.n_formulas,
            said.elements, manifest.search.n_skipped,
        ),
        estimate=Estimate(manifest.error.metrics, manifest.error.n_rows, manifest.error.n_folds),
        neighborhood=neighborhood,
        calibration=calibration,
        digest=read_digest(folder / name, _content(folder, contents, name), said.n_formulas),
        structures=manifest.structures,
    )  # fmt: skip
    check_probes(folder, manifest, learned)
    return SavedModel(learned, manifest)


def _contents(learned: Learned) -> dict[str, bytes]:
    files = {_file_of(k): to_bytes(one.fitted.estimator) for k, one in enumerate(learned.members)}
    files[CALIBRATION] = array_bytes(learned.neighborhood, learned.calibration)
    files[FORMULAS] = array_bytes(learned.digest)
    return files


def _file_of(member: int) -> str:
    return f"member-{member}.skops"


def _manifest(learned: Learned, search: SearchEntry, labels: tuple[Any, ...]) -> ModelManifest:
    said, made = learned.training, learned.calibration
    created = source_date() or datetime.now(UTC)
    return ModelManifest(
        target=said.target,
        unit=said.unit,
        classes=said.classes,
        labels=labels,
        created=created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment=_environment(),
        catalogs=tuple(
            CatalogUse(name=one.name, version=one.version, sha256=sha256_of_vectors(one))
            for one in learned.maker.catalogs.values()
        ),
        structures=learned.structures,
        members=tuple(
            MemberEntry(**asdict(one.candidate), weight=one.weight, file=_file_of(k))
            for k, one in enumerate(learned.members)
        ),
        blocks=widths_of(
            learned.maker, {e for one in learned.members for e in one.candidate.features.split("+")}, learned.structures
        ),
        training=TrainingEntry(
            n_rows=said.n_rows,
            n_set_aside=said.n_set_aside,
            n_formulas=said.n_formulas,
            elements=said.elements,
            formula_digest=FORMULAS,
        ),
        error=ErrorEntry(**asdict(learned.estimate)),
        intervals=None
        if made is None
        else IntervalEntry(
            coverage=made.coverage,
            factor=made.factor if np.isfinite(made.factor) else None,
            measured=made.measured if np.isfinite(made.measured) else None,
        ),
        search=search,
        probes={formula: tuple(row) for formula, row in zip(PROBES, probed(learned, PROBES).tolist(), strict=True)},
    )


def _environment() -> dict[str, str]:
    found = {"materials-embeddings": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _entries(contents: Mapping[str, bytes]) -> tuple[ModelFile, ...]:
    return tuple(
        ModelFile(path=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        for name, content in sorted(contents.items())
    )


def _content(folder: Path, contents: Mapping[str, bytes], name: str) -> bytes:
    if name not in contents:
        raise ManifestInvalid(f"{folder / MANIFEST}: files: {name} is needed, but not listed.")
    return contents[name]


def _member(
    folder: Path, entry: MemberEntry, contents: Mapping[str, bytes], widths: Mapping[str, int], n_classes: int
) -> Member:
    candidate, parts = Candidate(entry.features, entry.head, entry.treatment), entry.features.split("+")
    if not set(parts) <= set(widths):
        raise ManifestInvalid(f"{folder / MANIFEST}: blocks: {entry.features} is needed, but not all of it is listed.")
    content = _content(folder, contents, entry.file)
    estimator = from_bytes(content, n_features=sum(widths[part] for part in parts), where=folder / entry.file)
    return Member(candidate, entry.weight, Fitted(estimator, n_classes))


def _catalog(folder: Path, use: CatalogUse, given: Mapping[str, Pooled]) -> Pooled:
    """Return the very catalog that a model was fitted with."""
    name = f"{use.name}@{use.version}"
    try:
        found = given[use.name] if use.name in given else as_catalog(name)
    except CatalogNotFound as error:
        raise CatalogNotFound(f"{folder} needs the catalog {name}, which is not here. {error}") from error
    sha256 = sha256_of_vectors(found)
    if sha256 != use.sha256:
        raise CatalogCorrupt(
            f"{folder} was fitted with {name} and numbers of SHA-256 {use.sha256}, but {found!r} here has {sha256}. "
            "Install that version again, or fit anew."
        )
    return found


def _in_the_way(folder: Path) -> OutputInvalid:
    if is_model(folder):
        return OutputInvalid(f"{folder} holds a model. Choose another name, or replace it with --force (force=True).")
    return OutputInvalid(f"{folder} is there already and is not a model, so it is not replaced. Choose another name.")
