"""From a request to a published version, whatever the method: the stages in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from builders.learning.corpus import Corpus
from builders.learning.devices import choose_device, limit_threads
from builders.learning.material import prepare
from builders.learning.workers import Team, check_same, joined
from builders.methods import code_of, open_method
from builders.methods.base import Method, Run
from builders.methods.recipe import Recipe
from builders.previous import turned_onto, with_previous
from builders.progress import Reporter
from builders.provenance import describe, result_licence
from builders.runs.coverage import check_elements
from builders.runs.folder import open_run
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.runs.output import check_output, find_place, nothing_to_do
from builders.snapshots.intake import obtain_snapshot
from builders.snapshots.snapshot import Snapshot, read_snapshot
from builders.sources import SourceOptions
from builders.structures.cleaning import Selection
from builders.structures.digest import structure_digest
from embeddings._version import __version__
from embeddings.errors import InputInvalid, TrainingError
from embeddings.store.folders import write_text
from embeddings.store.manifest import read_manifest


@dataclass(frozen=True)
class BuildRequest:
    """What a user asks for.

    Attributes:
        source: name of the source; None to use a snapshot.
        recipe: how the vectors are made.
        out: root folder of catalogs that the new version goes to.
        work: folder for snapshots and checkpoints.
        options: what the source is told.
        selection: which of its structures are used.
        teacher: folder of the catalog version whose network teaches, for recipes that want one.
        corpus: formulas that are read without labels, for recipes that do so; those that the selection excludes are
            taken out of it.
        snapshot: folder of a snapshot that was taken earlier, in place of a source.
        name: of the catalog; the recipe's name if None.
        version: of the catalog; the next one if None.
        description: for the card; said from source and targets if None.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``: where networks of crystals compute.
        resume: True needs an interrupted run to take up, False starts afresh, None takes one up if it is there.
        force: replace an existing version.
        allow_lost_elements: let the new version lack elements that the newest one has.
        previous: folder of an earlier version that the vectors are turned onto.
        init: folder of the catalog version whose network goes on learning, for recipes that go on from one.
        roots: further folders of catalogs; the next version is above theirs too.
    """

    source: str | None
    recipe: Recipe
    out: Path
    work: Path
    options: SourceOptions = field(default_factory=SourceOptions)
    selection: Selection = field(default_factory=Selection)
    teacher: Path | None = None
    corpus: Corpus | None = None
    snapshot: Path | None = None
    name: str | None = None
    version: str | None = None
    description: str | None = None
    device: str = "auto"
    resume: bool | None = None
    force: bool = False
    allow_lost_elements: bool = False
    previous: Path | None = None
    init: Path | None = None
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
        method = open_method(request.recipe, device=device, teacher=request.teacher, corpus=_corpus_of(request), init=request.init)
        if not team.is_first:
            return _follow(request, method, team)
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
    snapshot = obtain_snapshot(
        request.source, request.options, request.selection,
        snapshot=request.snapshot, work=request.work, reporter=reporter,
    )  # fmt: skip
    result_licence(snapshot.origin, request.teacher or request.init)  # is there one for what will be made?
    made_from, code = (snapshot.sha256, *method.inputs), code_of(method)
    turned = (read_manifest(request.previous).manifest_sha256,) if request.previous else ()
    said = (request.description,) if request.description else ()
    fingerprint = identity_of(*made_from, recipe.to_dict(), __version__, code, *turned, *said)
    identity = identity_of(*made_from, recipe.training_dict(), __version__, code)
    folder = request.work / "runs" / f"{recipe.name}-{identity[:12]}"
    with only_one(folder, TrainingError, "running this very build"):
        place = find_place(
            request.out, request.catalog, request.version, fingerprint, force=force, others=others,
            without_code=identity_of(*made_from, recipe.to_dict(), __version__, *turned, *said),
        )  # fmt: skip
        if place.earlier is not None:
            team.tell(None)
            return nothing_to_do(place.earlier, reporter)
        checkpoint = open_run(folder, resume=request.resume, force=force)
        material = prepare(snapshot, recipe, reporter, work=request.work)
        if not request.allow_lost_elements:
            check_elements(request.out, request.catalog, material.table, material.training_rows)
        training = Run(identity, recipe.seed, method.device, checkpoint, reporter, team)
        lessons = method.prepare(material, training)
        team.tell(Order(snapshot.folder, checkpoint, identity, _ingredients(snapshot, method)))
        trained = method.train(team.all(lambda: lessons), training)
        write_text(folder / "history.json", json.dumps(trained.history, indent=1) + "\n")
        vectors, limits = method.vectors(trained, material), tuple[str, ...]()
        if request.previous is not None:
            vectors, sentence = turned_onto(vectors, request.previous, recipe)
            reporter.say(sentence)
            limits = (sentence,)
        structures = structure_digest(material.trained_on)

        def write(version: str, replace: bool) -> Path:
            made = describe(
                request, snapshot, material, method, trained.scores, fingerprint,
                version=version, limits=limits, n_workers=team.size,
            )  # fmt: skip
            return vectors.write(request.out, made, force=replace, structures=structures)

        return place.write(write)


@dataclass(frozen=True)
class Order:
    """What the first worker tells the others to train.

    Attributes:
        snapshot: folder of the structures.
        checkpoint: of the run.
        identity: of the run.
        ingredients: what all workers have to agree in.
    """

    snapshot: Path
    checkpoint: Path
    identity: str
    ingredients: dict[str, str]


def _follow(request: BuildRequest, method: Method[Any, Any], team: Team) -> Path:
    """Share the training that the first worker leads, and return the folder that it writes."""
    limit_threads()
    order: Order | None = team.listen()
    if order is not None:
        run = Run(order.identity, request.recipe.seed, method.device, order.checkpoint, team=team)

        def lessons() -> Any:
            snapshot = read_snapshot(order.snapshot)
            check_same(_ingredients(snapshot, method), order.ingredients)
            material = prepare(snapshot, request.recipe, run.reporter, work=request.work)
            return method.prepare(material, run)

        method.train(team.all(lessons), run)
    folder: Path = team.listen()
    return folder


def check_team(method: Method[Any, Any], team: Team) -> None:
    """Refuse more workers than there is work for.

    Raises:
        InputInvalid: the method trains in one process, or a batch has fewer crystals than there are workers.
    """
    recipe = method.recipe
    if team.size > 1 and not method.trains_together:
        raise InputInvalid(
            f'The recipe "{recipe.name}" trains in one process, and there are {team.size} workers. Start the command '
            "without torchrun."
        )
    if team.size > recipe.training.batch_size:
        raise InputInvalid(
            f'The recipe "{recipe.name}" has {recipe.training.batch_size} crystals in a batch, too few for {team.size} '
            "workers. Start at most as many."
        )


def _ingredients(snapshot: Snapshot, method: Method[Any, Any]) -> dict[str, str]:
    """Return the identity of each thing that a training depends on, by what it is called."""
    return {
        "structures": snapshot.sha256,
        "recipe": identity_of(method.recipe.training_dict(), *method.inputs),
        "code": identity_of(__version__, code_of(method)),
        "version of torch": version("torch"),
        "kind of device": method.device.type,
    }


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
            f"The snapshot {request.snapshot} was pulled without the {left_out['n_formulas']:,} formulas of "
            f"{left_out['file']}, and does not list them: the corpus may hold some. Build from --source with "
            "--exclude-formulas instead."
        )
    return request.corpus
