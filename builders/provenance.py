"""What a manifest says of a build: filled in from the stages, never by hand."""

from __future__ import annotations

import math
import os
import platform
import shlex
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import torch

from builders.evaluate import Score
from builders.snapshot import Snapshot
from builders.train import Task, choose_device
from embeddings._version import __version__
from embeddings.manifest import Citation, Licence, Metric, ModelInfo, Provenance, TrainingInfo

if TYPE_CHECKING:
    from builders.pipeline import BuildRequest, Material

PACKAGES = ("numpy", "torch", "vesin", "pyarrow", "h5py")

LIMITS = (
    "An element seen in few structures has a vector that is little more than its initial value: look at n_structures.",
    "Structures of validation formulas were held out, those of training formulas were not: ask overlap() before "
    "you report results on materials that this catalog has seen.",
)


def describe(
    request: BuildRequest,
    snapshot: Snapshot,
    material: Material,
    task: Task,
    scores: dict[str, Score],
    fingerprint: str,
    *,
    name: str,
    version: str,
) -> Provenance:
    """Return everything that the builder knows about a new version."""
    origin = snapshot.origin
    return Provenance(
        name=name,
        version=version,
        description=request.recipe.description,
        synthetic=origin.synthetic,
        model=ModelInfo(
            name="crystal-transformer",
            recipe=request.recipe.name,
            hyperparameters=request.recipe.to_dict(),
            code_version=__version__,
        ),
        training=_training(request, snapshot, material, task),
        metrics=_metrics(task, scores),
        limits=LIMITS,
        licence=Licence(spdx=origin.licence, attribution=origin.attribution),
        citation=Citation(bibtex=origin.bibtex, doi=origin.doi),
        fingerprint=fingerprint,
        command=command_line(request, name=name, version=version),
        created=_now(),
        environment=_environment(request.device),
    )


def _training(request: BuildRequest, snapshot: Snapshot, material: Material, task: Task) -> TrainingInfo:
    fraction = request.recipe.training.validation_fraction
    return TrainingInfo(
        source=snapshot.origin.name,
        database_version=snapshot.origin.database_version,
        query={"source": snapshot.source, **snapshot.query, "received": snapshot.n_received},
        snapshot_sha256=snapshot.sha256,
        n_structures=len(task.training_rows),
        dropped=material.dropped,
        targets=dict(zip(task.targets, task.units, strict=True)),
        split=f"by reduced formula: {fraction:.0%} of the formulas held out for validation, "
        f"{len(task.validation_rows)} structures",
        seed=request.recipe.seed,
    )


def _metrics(task: Task, scores: dict[str, Score]) -> dict[str, Metric]:
    units = dict(zip(task.targets, task.units, strict=True))
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


def command_line(request: BuildRequest, *, name: str, version: str) -> str:
    """Return the command that repeats the build; a path is given by its file name alone."""
    recipe, selection = request.recipe, request.selection
    options: dict[str, object] = {
        "source": request.source,
        "path": request.options.path.name if request.options.path else None,
        "recipe": recipe.name,
        "targets": ",".join(recipe.targets) or None,
        "name": name,
        "version": version,
        "elements": ",".join(selection.elements) if selection.elements else None,
        "max-sites": selection.max_sites,
        "limit": selection.limit,
        "epochs": recipe.training.epochs,
        "seed": recipe.seed,
    }
    stated = (f"--{key} {shlex.quote(str(value))}" for key, value in options.items() if value is not None)
    return "embeddings build " + " ".join(stated)


def _now() -> str:
    """UTC time, or that of SOURCE_DATE_EPOCH for builds that must repeat to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _environment(device: str) -> dict[str, str]:
    environment = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    for package in PACKAGES:
        try:
            environment[package] = version(package)
        except PackageNotFoundError:
            continue
    chosen = choose_device(device)
    environment["device"] = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else "cpu"
    environment["threads"] = str(torch.get_num_threads())
    return environment
