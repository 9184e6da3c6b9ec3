"""What a manifest says of a build: filled in from the stages, never by hand."""

from __future__ import annotations

import math
import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch

from builders.learning.scores import Score
from builders.methods.crystal_transformer.training import Task, choose_device, has_bfloat16
from builders.runs.clock import now
from builders.snapshots.snapshot import Snapshot
from builders.sources.addresses import without_user
from builders.sources.origins import ORIGINS, Origin
from embeddings._version import __version__
from embeddings.store.manifest import Citation, Licence, Metric, ModelInfo, Provenance, TrainingInfo

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
        created=now(),
        environment=_environment(request.device),
    )


def _training(request: BuildRequest, snapshot: Snapshot, material: Material, task: Task) -> TrainingInfo:
    fraction = request.recipe.training.validation_fraction
    return TrainingInfo(
        source=snapshot.origin.name,
        database_version=snapshot.origin.database_version,
        query=_query(snapshot),
        snapshot_sha256=snapshot.sha256,
        n_structures=len(task.training_rows),
        dropped=material.dropped,
        targets=dict(zip(task.targets, task.units, strict=True)),
        split=f"by reduced formula: {fraction:.0%} of the formulas held out for validation, "
        f"{len(task.validation_rows)} structures",
        seed=request.recipe.seed,
    )


def _query(snapshot: Snapshot) -> dict[str, Any]:
    """Return what was asked of the source, how, when, and how much it gave."""
    times = {"started": snapshot.started, "pulled": snapshot.pulled}
    received = {"received": snapshot.n_received, "counts": snapshot.counts}
    return {"source": snapshot.source, **snapshot.query, **snapshot.facts, **received, **times}


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
    """Return the command that repeats the build; a path is given by its last name alone, and a key not at all."""
    recipe, options, selection = request.recipe, request.options, request.selection
    stated: dict[str, object] = {
        "source": request.source,
        "snapshot": request.snapshot.name if request.snapshot else None,
        "path": options.path.name if options.path else None,
        "about": _about(options.origin) if options.origin else None,
        "provider": without_user(options.provider) if options.provider else None,
        "filter": options.filter,
        "disorder": options.disorder if options.disorder != "drop" else None,
        "include-nc": options.include_nc,
        "recipe": recipe.name,
        "targets": recipe.targets or None,
        "name": name,
        "version": version,
        "elements": selection.elements,
        "exclude-elements": selection.exclude_elements,
        "chemsys": selection.chemsys,
        "nelements": "-".join(map(str, selection.n_elements)) if selection.n_elements else None,
        "max-sites": selection.max_sites,
        "ehull-max": selection.ehull_max,
        "stable-only": selection.stable_only,
        "limit": selection.limit,
        "epochs": recipe.training.epochs,
        "seed": recipe.seed,
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
    return f"--{key} {shlex.quote(','.join(value) if isinstance(value, tuple) else str(value))}"


def device_name(device: torch.device) -> str:
    """Return what a processor is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


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
    environment["device"] = device_name(chosen)
    environment["precision"] = "bfloat16 and float32" if has_bfloat16(chosen) else "float32"
    environment["threads"] = str(torch.get_num_threads())
    return environment
