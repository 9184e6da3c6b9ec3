"""From a source of structures to a published composition encoder: the stages in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from builders.learning.targets import labels_of, unit_of
from builders.methods.cromel.encoder import FormulaEncoder, composition_encoder_bytes, encoder_of_tensors, tensors_of
from builders.methods.cromel.lessons import ENERGY, Lessons, pool_polymorphs
from builders.methods.cromel.recipes import EncoderRecipe
from builders.methods.cromel.teacher import structure_vectors
from builders.methods.cromel.training import Trained, train_encoder
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.crystal_transformer.extract import count_structures
from builders.methods.crystal_transformer.training import Task, choose_device, limit_threads
from builders.pipeline import BuildRequest, Material, prepare
from builders.progress import Reporter
from builders.provenance import describe, device_name
from builders.runs.code import FORMULAS, code_hash
from builders.runs.coverage import check_elements
from builders.runs.folder import open_run
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.runs.output import check_output, find_place, nothing_to_do
from builders.snapshots.intake import obtain_snapshot
from builders.snapshots.snapshot import Snapshot
from embeddings._version import __version__
from embeddings.errors import TrainingError
from embeddings.store.encoder_files import write_encoder
from embeddings.store.folders import write_text
from embeddings.store.manifest import Citation, ModelInfo, Provenance

LIMITS = (
    "A vector knows the composition alone: polymorphs share it. Labels were those of the polymorph of lowest energy.",
    "Formulas of training were seen with their calculated labels and structures: ask overlap() before you report "
    "results on them.",
)

METHOD = """@article{na2025cromel,
  title = {Cross-modality material embedding loss for transferring knowledge between heterogeneous material
           descriptors},
  author = {Na, Gyoung S.},
  journal = {npj Computational Materials},
  year = {2025},
  doi = {10.1038/s41524-025-01723-1}
}"""
"""The citation of the method, beside that of the data."""


@dataclass(frozen=True)
class EncoderRequest:
    """What a user asks for.

    Attributes:
        build: source, selection and output; its recipe is that of the crystals, see `EncoderRecipe.crystals`.
        recipe: how the encoder is made.
        teacher: folder of the catalog version whose network encodes structures; None where the recipe needs none.
    """

    build: BuildRequest
    recipe: EncoderRecipe
    teacher: Path | None


def run(request: EncoderRequest, reporter: Reporter) -> Path:
    """Build a composition encoder and return the folder of its version; one that this very build made is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left in the output.
    """
    build, recipe = request.build, request.recipe
    name = build.name or recipe.name
    teacher = _teacher(request)
    hyperparameters, force, others = _hyperparameters(recipe, teacher), build.force, build.roots
    check_output(build.out, name, build.version, hyperparameters, force=force, others=others)
    limit_threads()
    snapshot = obtain_snapshot(
        build.source, build.options, build.selection, snapshot=build.snapshot, work=build.work, reporter=reporter
    )
    taught_by = teacher.sha256 if teacher else ""
    what = (snapshot.sha256, taught_by, recipe.to_dict(), __version__)
    fingerprint = identity_of(*what, code_hash(FORMULAS))
    folder = build.work / "runs" / f"{recipe.name}-{fingerprint[:12]}"
    with only_one(folder, TrainingError, "running this very build"):
        place = find_place(
            build.out, name, build.version, fingerprint,
            force=force, others=others, without_code=identity_of(*what),
        )  # fmt: skip
        if place.earlier is not None:
            return nothing_to_do(place.earlier, reporter)
        checkpoint = open_run(folder, resume=build.resume, force=build.force)
        material = prepare(snapshot, recipe.crystals, reporter)
        if not build.allow_lost_elements:
            check_elements(build.out, name, material.table, material.training_rows)
        lessons = make_lessons(material, teacher, cache=folder / "teacher.npy", reporter=reporter)
        trained = train_encoder(lessons, recipe, checkpoint=checkpoint, run=fingerprint, reporter=reporter)
        write_text(folder / "history.json", json.dumps(trained.history, indent=1) + "\n")
        n_structures = count_structures(material.table.take(material.training_rows))
        content = composition_encoder_bytes(published(trained, np.flatnonzero(n_structures), name))
        formulas = lessons.formulas[trained.training_rows].tolist()

        def write(version: str, replace: bool) -> Path:
            provenance = _describe(
                request, snapshot, material, trained, fingerprint, name=name, version=version, teacher=teacher
            )
            return write_encoder(
                build.out, provenance, content, n_structures=n_structures, formulas=formulas, force=replace
            )

        return place.write(write)


def make_lessons(
    material: Material, teacher: CrystalEncoder | None, *, cache: Path | None = None, reporter: Reporter | None = None
) -> Lessons:
    """Pool labels, and the vectors of a teacher if there is one, over the polymorphs of each formula.

    Args:
        material: the crystals of a build.
        teacher: encodes them.
        cache: file for the teacher's vectors.
        reporter: tells a person about it.
    """
    table = material.table
    vectors = None if teacher is None else structure_vectors(teacher, table, cache=cache, reporter=reporter)
    labels = dict(zip(material.targets, labels_of(table, material.targets).T, strict=True))
    return pool_polymorphs(material.formulas, labels, vectors, energies=table.properties.get(ENERGY))


def published(trained: Trained, atomic_numbers: np.ndarray, name: str) -> FormulaEncoder:
    """Return the encoder as its file will hold it: rounded, and without elements that no training structure has."""
    generator = trained.model.generator
    encoder = FormulaEncoder(generator, atomic_numbers, noise=trained.model.noise)
    return encoder_of_tensors(tensors_of(encoder), generator.config, name=name)


def _teacher(request: EncoderRequest) -> CrystalEncoder | None:
    if not request.recipe.training.needs_teacher:
        return None
    if request.teacher is None:
        raise TrainingError(f'The recipe "{request.recipe.name}" needs a teacher: name a catalog with --teacher.')
    return read_crystal_encoder(request.teacher).to(choose_device(request.build.device))


def _describe(
    request: EncoderRequest,
    snapshot: Snapshot,
    material: Material,
    trained: Trained,
    fingerprint: str,
    *,
    name: str,
    version: str,
    teacher: CrystalEncoder | None,
) -> Provenance:
    build, recipe = request.build, request.recipe
    units = tuple(unit_of(material.table, target) for target in material.targets)
    task = Task(
        PackedCrystals(material.table, None, labels_of(material.table, material.targets)),
        material.training_rows, material.validation_rows, material.targets, units, trained.scaler,
    )  # fmt: skip
    on_cpu = replace(build, device="cpu")  # where the encoder is trained; a teacher may be elsewhere
    stated = describe(on_cpu, snapshot, material, task, trained.scores, fingerprint, name=name, version=version)
    command, environment = stated.command, stated.environment
    if teacher is not None:
        command += f" --teacher {teacher.manifest.name}@{teacher.manifest.version}"
        environment |= {"teacher_device": device_name(teacher.device)}
    model = ModelInfo(
        name="cromel",
        recipe=recipe.name,
        hyperparameters=_hyperparameters(recipe, teacher),
        code_version=stated.model.code_version,
    )
    both = f"{stated.citation.bibtex.strip()}\n\n{METHOD}"
    return replace(
        stated,
        model=model,
        limits=LIMITS,
        citation=Citation(bibtex=both, doi=stated.citation.doi),
        command=command,
        environment=environment,
    )


def _hyperparameters(recipe: EncoderRecipe, teacher: CrystalEncoder | None) -> dict[str, Any]:
    """Return the recipe with what a reader of the file needs, and with the version of the teacher."""
    facts = {"statistics": recipe.model.statistics, "activation": recipe.model.activation, "dim": recipe.model.dim}
    taught_by = f"{teacher.manifest.name}@{teacher.manifest.version}" if teacher else None
    return facts | recipe.to_dict() | {"teacher": taught_by}
