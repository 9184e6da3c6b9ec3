"""From a request to a published version, whatever the method: the stages in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.following import Order, check_team, follow, ingredients
from builders.learning.corpus import Corpus
from builders.learning.devices import choose_device, limit_threads
from builders.learning.material import prepare
from builders.learning.workers import Team, joined
from builders.methods import code_of, open_method
from builders.methods.base import Method, Run, Vectors
from builders.methods.recipe import Recipe
from builders.previous import turned_onto, with_previous
from builders.progress import Reporter
from builders.provenance import describe, result_licence
from builders.runs.coverage import check_elements
from builders.runs.folder import open_run
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.runs.output import check_output, find_place, nothing_to_do
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot, read_snapshot
from builders.structures.digest import structure_digest
from embeddings._version import __version__
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid, TrainingError
from embeddings.store.folders import write_text
from embeddings.store.manifest import read_manifest


@dataclass(frozen=True)
class BuildRequest(Intake):
    """What a user asks for.

    Attributes:
        recipe: how the vectors are made.
        out: root folder of catalogs that the new version goes to.
        teacher: folder of the catalog version whose network teaches, for recipes that want one.
        corpus: formulas that are read without labels, for recipes that do so; those that the selection excludes are
            taken out of it.
        name: of the catalog; the recipe's name if None.
        version: of the catalog; the next one if None.
        description: for the card; said from source and targets if None.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``: where networks of crystals compute.
        resume: True needs an interrupted run to take up, False starts afresh, None takes one up if it is there.
        force: replace an existing version.
        allow_lost_elements: let the new version lack elements that the newest one has.
        previous: folder of an earlier version that the vectors are turned onto.
        init: folder of the catalog version whose network goes on learning, for recipes that go on from one.
        teachers: files or folders of structure vectors that the network also learns to predict, or that it is aligned
            with, for recipes that are `builders.methods.taught`.
        roots: further folders of catalogs; the next version is above theirs too.
    """

    recipe: Recipe
    out: Path
    teacher: Path | None = None
    corpus: Corpus | None = None
    name: str | None = None
    version: str | None = None
    description: str | None = None
    device: str = "auto"
    resume: bool | None = None
    force: bool = False
    allow_lost_elements: bool = False
    previous: Path | None = None
    init: Path | None = None
    teachers: tuple[Path | str, ...] = ()
    roots: tuple[Path, ...] = ()

    @property
    def catalog(self) -> str:
        """Name of what is made."""
        return self.name or self.recipe.name


def run(request: BuildRequest, reporter: Reporter) -> Path:
    """Build a version and return its folder; one that this very build made earlier is left as it is.

    Several processes that torchrun or Ray Train started build it together: the first one does all that one process
    alone would do, and the others share the training of the network.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left in ``request.out``.
    """
    with joined(choose_device(request.device)) as (team, device):
        method = open_method(
            request.recipe, device=device, teacher=request.teacher, corpus=_corpus_of(request), init=request.init,
            teachers=request.teachers,
        )  # fmt: skip
        if not team.is_first:
            return follow(request, method, team)
        try:
            folder = _lead(request, method, team, reporter)
        except BaseException:
            team.dismiss()
            raise
        team.tell(folder)
        return folder


def _lead(request: BuildRequest, method: Method[Any, Any], team: Team, reporter: Reporter) -> Path:
    """Build a version, as the first worker or the only one."""
    recipe, force, others = request.recipe, request.force, request.roots
    check_team(method, team)
    stated = with_previous(method.hyperparameters, request.previous)
    check_output(request.out, request.catalog, request.version, stated, force=force, others=others)
    limit_threads()
    snapshot = request.obtain(reporter)
    result_licence(snapshot.origin, request.teacher or request.init, method.licences)  # is there one for the result?
    known = _identities(request, method, snapshot)
    folder = request.work / "runs" / f"{recipe.name}-{known.run[:12]}"
    with only_one(folder, TrainingError, "running this very build", reporter):
        place = find_place(
            request.out, request.catalog, request.version, known.version, force=force, others=others,
            without_code=known.without_code,
        )  # fmt: skip
        if place.earlier is not None:
            team.tell(None)
            return nothing_to_do(place.earlier, reporter)
        checkpoint = open_run(folder, resume=request.resume, force=force)
        training = Run(known.run, recipe.seed, method.device, checkpoint, reporter, team)
        material = prepare(snapshot, recipe, reporter, work=request.work)
        if not request.allow_lost_elements:
            check_elements(request.out, request.catalog, material.table, material.training_rows)
        with reporter.stage("Fingerprints", len(material.training_rows)) as stage:
            structures = structure_digest(material.table, material.training_rows, advance=stage.advance)
        lessons = method.prepare(material, training)
        team.tell(Order(snapshot.folder, checkpoint, known.run, ingredients(snapshot, method)))
        trained = method.train(team.all(lambda: lessons), training)
        write_text(folder / "history.json", json.dumps(trained.history, indent=1) + "\n")
        vectors, limits = _finished(method.vectors(trained, material), request, reporter)

        def write(version: str, replace: bool) -> Path:
            made = describe(
                request, snapshot, material, method, trained.scores, known.version,
                version=version, limits=limits, n_workers=team.size,
            )  # fmt: skip
            return vectors.write(request.out, made, force=replace, structures=structures)

        return place.write(write)


@dataclass(frozen=True)
class _Identities:
    """What tells a build from any other.

    Attributes:
        run: of the training, which several versions may come from.
        version: of what is written.
        without_code: the same, whatever the code of the method.
    """

    run: str
    version: str
    without_code: str


def _identities(request: BuildRequest, method: Method[Any, Any], snapshot: Snapshot) -> _Identities:
    recipe, code = request.recipe, code_of(method)
    made_from = (snapshot.sha256, *method.inputs)
    turned = (read_manifest(request.previous).manifest_sha256,) if request.previous else ()
    said = (request.description,) if request.description else ()
    return _Identities(
        run=identity_of(*made_from, recipe.training_dict(), __version__, code),
        version=identity_of(*made_from, recipe.to_dict(), __version__, code, *turned, *said),
        without_code=identity_of(*made_from, recipe.to_dict(), __version__, *turned, *said),
    )


def _finished(vectors: Vectors, request: BuildRequest, reporter: Reporter) -> tuple[Vectors, tuple[str, ...]]:
    """Return the vectors, turned onto an earlier version if that is wanted, and what is to be said of it."""
    if request.previous is None:
        return vectors, ()
    turned, sentence = turned_onto(vectors, request.previous, request.recipe)
    reporter.say(sentence)
    return turned, (sentence,)


def _corpus_of(request: BuildRequest) -> Corpus | None:
    """Return the corpus without formulas that the build may not learn from.

    Raises:
        InputInvalid: none are left, or a snapshot does not say which formulas it left out.
    """
    excluded = request.selection.exclude_formulas
    if request.corpus is None:
        return None
    if excluded is not None:
        return request.corpus.without(excluded.formulas)
    left_out = read_snapshot(request.snapshot).query.get("exclude_formulas") if request.snapshot else None
    if left_out:
        raise InputInvalid(
            f"The snapshot {request.snapshot} was pulled without the {counted(left_out['n_formulas'], 'formula')} of "
            f"{left_out['file']}, and does not list them, so the corpus may hold some. Build from --source with "
            "--exclude-formulas instead."
        )
    return request.corpus
