"""What a manifest says of a build: filled in from the stages, never by hand."""

from __future__ import annotations

import math
import platform
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from builders.learning.devices import device_name, has_bfloat16
from builders.learning.scores import Score
from builders.previous import identity_of_previous, with_previous
from builders.runs.clock import now
from builders.snapshots.snapshot import Snapshot
from builders.sources.addresses import without_user
from builders.sources.origins import ORIGINS, Origin
from embeddings._version import __version__
from embeddings.store.licences import combined_attribution, combined_licence
from embeddings.store.manifest import Citation, Licence, Metric, ModelInfo, Provenance, TrainingInfo, read_manifest

if TYPE_CHECKING:
    from builders.learning.material import Material
    from builders.methods.base import Method
    from builders.methods.recipe import Recipe
    from builders.pipeline import BuildRequest

PACKAGES = ("numpy", "torch", "vesin", "pyarrow", "h5py")


def describe(
    request: BuildRequest,
    snapshot: Snapshot,
    material: Material,
    method: Method[Any, Any],
    scores: Mapping[str, Score],
    fingerprint: str,
    *,
    version: str,
    limits: tuple[str, ...] = (),
    n_workers: int = 1,
) -> Provenance:
    """Return everything that the builder knows about a new version; `limits` are those beyond the method's own."""
    workers = {"workers": str(n_workers)} if n_workers > 1 else {}
    origin, said = snapshot.origin, method.describe()
    return Provenance(
        name=request.catalog,
        version=version,
        description=request.description or _said(request.recipe, snapshot, material, said.said),
        synthetic=origin.synthetic,
        model=ModelInfo(
            name=method.name,
            recipe=request.recipe.name,
            hyperparameters=with_previous(method.hyperparameters, request.previous) | said.measured,
            code_version=__version__,
        ),
        training=_training(request.recipe, snapshot, material, said.split),
        metrics=_metrics(material.units, scores),
        limits=(*said.limits, *limits),
        licence=result_licence(origin, request.teacher or request.init, method.licences),
        citation=Citation(bibtex=f"{origin.bibtex.strip()}\n\n{said.bibtex}", doi=origin.doi),
        fingerprint=fingerprint,
        command=command_line(request, version=version, options=said.options),
        created=now(),
        environment=_environment(said.device) | workers | said.environment,
    )


def _said(recipe: Recipe, snapshot: Snapshot, material: Material, further: str) -> str:
    data, n_structures = snapshot.origin.name, len(material.training_rows)
    sentence = recipe.said_of(material.targets, snapshot.source, data=data, n_structures=n_structures)
    return f"{sentence} {further}".rstrip()


def result_licence(origin: Origin, teacher: Path | None, further: Sequence[Licence] = ()) -> Licence:
    """Return the license of what is learned from data and, where others teach, from what these are.

    Args:
        origin: of the data.
        teacher: folder of the catalog version that teaches, or whose network goes on learning.
        further: those of files that the method learns from.

    Raises:
        LicenceConflict: no license fits both.
    """
    given = [Licence(spdx=origin.licence, attribution=origin.attribution)]
    given += [] if teacher is None else [read_manifest(teacher).licence]
    given += further
    return Licence(
        spdx=combined_licence(licence.spdx for licence in given),
        attribution=combined_attribution(licence.attribution for licence in given),
    )


def _training(recipe: Recipe, snapshot: Snapshot, material: Material, split: str | None) -> TrainingInfo:
    return TrainingInfo(
        source=snapshot.origin.name,
        database_version=snapshot.origin.database_version,
        query=_query(snapshot),
        snapshot_sha256=snapshot.sha256,
        n_structures=len(material.training_rows),
        dropped=material.dropped,
        targets=material.units,
        split=split
        or f"by reduced formula: {recipe.training.validation_fraction:.0%} of the formulas held out for validation, "
        f"{len(material.validation_rows)} structures",
        seed=recipe.seed,
    )


def _query(snapshot: Snapshot) -> dict[str, Any]:
    """Return what was asked of the source, how, when, and how much it gave."""
    times = {"started": snapshot.started, "pulled": snapshot.pulled}
    received = {"received": snapshot.n_received, "counts": snapshot.counts}
    return {"source": snapshot.source, **snapshot.query, **snapshot.facts, **received, **times}


def _metrics(units: Mapping[str, str], scores: Mapping[str, Score]) -> dict[str, Metric]:
    return {
        target: Metric(
            mae=result.mae,
            r2=result.r2 if math.isfinite(result.r2) else None,
            n=result.n,
            baseline_mae=result.baseline_mae,
            unit=units[target],
        )
        for target, result in scores.items()
        if result.n
    }


def command_line(
    request: BuildRequest, *, version: str, options: Mapping[str, str | list[str]] = MappingProxyType({})
) -> str:
    """Return the command that repeats the build; a path is given by its last name alone, and a key not at all.

    Args:
        request: the build.
        version: that it makes.
        options: further ones, of its method.
    """
    recipe, source, selection = request.recipe, request.options, request.selection
    stated: dict[str, object] = {
        "source": request.source,
        "snapshot": request.snapshot.name if request.snapshot else None,
        "path": source.path.name if source.path else None,
        "about": _about(source.origin) if source.origin else None,
        "provider": without_user(source.provider) if source.provider else None,
        "filter": source.filter,
        "disorder": source.disorder if source.disorder != "drop" else None,
        "include-nc": source.include_nc,
        "recipe": recipe.name,
        "targets": recipe.targets or None,
        "name": request.catalog,
        "version": version,
        "description": request.description,
        "elements": selection.elements,
        "exclude-elements": selection.exclude_elements,
        "exclude-formulas": selection.exclude_formulas.file if selection.exclude_formulas else None,
        "chemsys": selection.chemsys,
        "nelements": "-".join(map(str, selection.n_elements)) if selection.n_elements else None,
        "max-sites": selection.max_sites,
        "ehull-max": selection.ehull_max,
        "stable-only": selection.stable_only,
        "limit": selection.limit,
        "epochs": recipe.training.epochs,
        "batch-size": recipe.training.batch_size,
        "learning-rate": recipe.training.learning_rate,
        "seed": recipe.seed,
        "previous": identity_of_previous(request.previous) if request.previous else None,
        **options,
    }
    return " ".join(["embeddings build", *(_flag(key, value) for key, value in stated.items() if _is_given(value))])


def _about(origin: Origin) -> str:
    """Return what ``--about`` was told: the name of a known origin, else that of a file."""
    return next((name for name, known in ORIGINS.items() if known == origin), "origin.json")


def _is_given(value: object) -> bool:
    return value is not None and value is not False


def _flag(key: str, value: object) -> str:
    if value is True:
        return f"--{key}"
    if isinstance(value, list):
        return " ".join(_flag(key, one) for one in value)
    return f"--{key} {shlex.quote(','.join(value) if isinstance(value, tuple) else str(value))}"


def _environment(device: torch.device) -> dict[str, str]:
    environment = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    for package in PACKAGES:
        try:
            environment[package] = version(package)
        except PackageNotFoundError:
            continue
    environment["device"] = device_name(device)
    environment["precision"] = "bfloat16 and float32" if has_bfloat16(device) else "float32"
    environment["threads"] = str(torch.get_num_threads())
    return environment
