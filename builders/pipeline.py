"""From a source to a catalog: the stages in order."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from builders.learning.scales import check_scales
from builders.learning.splits import split_by_formula
from builders.learning.targets import (
    Scaler,
    choose_targets,
    derive_targets,
    faults_in_training,
    labels_of,
    refuse_faults,
    unit_of,
)
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.encoder import encoder_bytes, memory_named
from builders.methods.crystal_transformer.extract import extract_elements
from builders.methods.crystal_transformer.graphs import neighbor_graphs
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.recipes import Recipe
from builders.methods.crystal_transformer.training import Run, Task, choose_device, limit_threads, train
from builders.progress import Reporter
from builders.provenance import describe
from builders.runs.code import CRYSTALS, code_hash
from builders.runs.coverage import check_elements
from builders.runs.folder import open_run
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.runs.output import check_output, find_place, nothing_to_do
from builders.snapshots.intake import obtain_snapshot
from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions
from builders.structures.cleaning import Selection, clean, drop_unlabelled, site_limit
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings._version import __version__
from embeddings.errors import SourceError, TrainingError
from embeddings.store.folders import write_text
from embeddings.store.tables import write_catalog


@dataclass(frozen=True)
class BuildRequest:
    """What a user asks for.

    Attributes:
        source: name of the source; None to use a snapshot.
        recipe: how the catalog is made.
        out: root folder of catalogs that the new version goes to.
        work: folder for snapshots and checkpoints.
        options: what the source is told.
        selection: which of its structures are used.
        snapshot: folder of a snapshot that was taken earlier, in place of a source.
        name: of the catalog; the recipe's name if None.
        version: of the catalog; the next one if None.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        resume: True needs an interrupted run to take up, False starts afresh, None takes one up if it is there.
        force: replace an existing version.
        allow_lost_elements: let the new version lack elements that the newest one has.
        roots: further folders of catalogs; the next version is above theirs too.
    """

    source: str | None
    recipe: Recipe
    out: Path
    work: Path
    options: SourceOptions = field(default_factory=SourceOptions)
    selection: Selection = field(default_factory=Selection)
    snapshot: Path | None = None
    name: str | None = None
    version: str | None = None
    device: str = "auto"
    resume: bool | None = None
    force: bool = False
    allow_lost_elements: bool = False
    roots: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Material:
    """The crystals of a build, ready for training.

    Attributes:
        table: the crystals that are used.
        formulas: their canonical reduced formulas.
        dropped: reason -> number of crystals left out.
        targets: what is learned.
        training_rows: rows to learn from.
        validation_rows: rows held out.
    """

    table: StructureTable
    formulas: list[str]
    dropped: dict[str, int]
    targets: tuple[str, ...]
    training_rows: np.ndarray
    validation_rows: np.ndarray

    def faults(self) -> dict[str, str]:
        """Return target -> why it cannot be learned from the training rows, though it may vary on the others."""
        return faults_in_training(labels_of(self.table, self.targets), self.targets, self.training_rows)


def run(request: BuildRequest, reporter: Reporter) -> Path:
    """Build a catalog and return the folder of its version; one that this very build made earlier is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left in ``request.out``.
    """
    name = request.name or request.recipe.name
    hyperparameters, force, others = request.recipe.to_dict(), request.force, request.roots
    check_output(request.out, name, request.version, hyperparameters, force=force, others=others)
    device = choose_device(request.device)
    limit_threads()
    snapshot = obtain_snapshot(
        request.source, request.options, request.selection,
        snapshot=request.snapshot, work=request.work, reporter=reporter,
    )  # fmt: skip
    code = code_hash(CRYSTALS)
    fingerprint = identity_of(snapshot.sha256, hyperparameters, __version__, code)
    identity = identity_of(snapshot.sha256, request.recipe.training_dict(), __version__, code)
    folder = request.work / "runs" / f"{request.recipe.name}-{identity[:12]}"
    with only_one(folder, TrainingError, "running this very build"):
        place = find_place(
            request.out, name, request.version, fingerprint, force=force, others=others,
            without_code=identity_of(snapshot.sha256, hyperparameters, __version__),
        )  # fmt: skip
        if place.earlier is not None:
            return nothing_to_do(place.earlier, reporter)
        checkpoint = open_run(folder, resume=request.resume, force=request.force)
        material = prepare(snapshot, request.recipe, reporter)
        if not request.allow_lost_elements:
            check_elements(request.out, name, material.table, material.training_rows)
        with memory_named(material.table):
            model, task = assemble(material, request.recipe, reporter)
            scores, history = train(
                model, task, request.recipe.training,
                Run(identity, request.recipe.seed, device, checkpoint, reporter),
            )  # fmt: skip
        trained_on = material.table.take(material.training_rows)
        formulas = [material.formulas[k] for k in material.training_rows]
        rows = extract_elements(model, task, trained_on, formulas, request.recipe.vectors)
        write_text(folder / "history.json", json.dumps(history, indent=1) + "\n")

        def write(version: str, is_replaced: bool) -> Path:
            provenance = describe(request, snapshot, material, task, scores, fingerprint, name=name, version=version)
            return write_catalog(request.out, provenance, rows, encoder=encoder_bytes(model), force=is_replaced)

        return place.write(write)


def prepare(snapshot: Snapshot, recipe: Recipe, reporter: Reporter) -> Material:
    """Read a snapshot, drop what cannot be used, choose the targets and split by reduced formula."""
    table, dropped = clean(read_structures(snapshot), max_sites=site_limit(snapshot.query))
    if recipe.max_sites is not None:
        small = table.n_sites <= recipe.max_sites
        dropped = _counted(dropped, "too_many_sites_for_recipe", int((~small).sum()))
        table = table.take(np.flatnonzero(small))
    table = derive_targets(table, recipe.targets)
    material = _split(table, choose_targets(table, recipe.targets), recipe, snapshot.n_received)
    while faults := material.faults():
        learned = tuple(target for target in material.targets if target not in faults)
        if recipe.targets or not learned:
            refuse_faults(faults)
        for fault in faults.values():
            reporter.say(f"Left out: {fault}")
        material = _split(table, learned, recipe, snapshot.n_received)
    check_scales(snapshot, material.targets)
    left_out = dict(sum(map(Counter, (snapshot.rejected, dropped, material.dropped)), Counter()))
    reporter.say(
        f"{len(material.training_rows)} structures to train on, {len(material.validation_rows)} of other formulas to "
        "validate" + "".join(f"; {n} dropped ({reason})" for reason, n in left_out.items())
    )
    return replace(material, dropped=left_out)


def _split(table: StructureTable, targets: tuple[str, ...], recipe: Recipe, n_received: int) -> Material:
    """Drop what has no label for any target, and split the rest by reduced formula."""
    table, unlabelled = drop_unlabelled(table, targets)
    formulas = reduced_formulas_of(table)
    if len(set(formulas)) < 2:
        raise SourceError(f"{len(set(formulas))} distinct formula is left of {n_received}; two are the least.")
    training_rows, validation_rows = split_by_formula(
        formulas,
        validation_fraction=recipe.training.validation_fraction,
        seed=recipe.seed if recipe.split_seed is None else recipe.split_seed,
        keep_elements=True,
    )
    return Material(table, formulas, unlabelled, targets, training_rows, validation_rows)


def assemble(material: Material, recipe: Recipe, reporter: Reporter) -> tuple[CrystalTransformer, Task]:
    """Find the neighbours, standardise the targets on the training rows, and make an untrained network."""
    table = material.table
    graphs = None
    if recipe.model.geometry == "periodic":
        with reporter.stage("Neighbours", len(table)) as stage:
            graphs = neighbor_graphs(table, recipe.model.cutoff, advance=stage.advance)
    labels = labels_of(table, material.targets)
    scaler = Scaler.fit(labels, material.training_rows)
    task = Task(
        crystals=PackedCrystals(table, graphs, scaler.transform(labels)),
        training_rows=material.training_rows,
        validation_rows=material.validation_rows,
        targets=material.targets,
        units=tuple(unit_of(table, target) for target in material.targets),
        scaler=scaler,
    )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = CrystalTransformer(recipe.model, len(material.targets))
    return model, task


def _counted(counts: dict[str, int], reason: str, n: int) -> dict[str, int]:
    return counts | {reason: n} if n else counts
