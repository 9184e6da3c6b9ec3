"""What the workers of one build say to each other: the first one orders, the others follow."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.learning.devices import limit_threads
from builders.learning.material import prepare
from builders.learning.workers import Team, check_same
from builders.methods import code_of
from builders.methods.base import Method, Run
from builders.runs.identity import identity_of
from builders.snapshots.snapshot import Snapshot, read_snapshot
from embeddings._version import __version__
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid

if TYPE_CHECKING:
    from builders.pipeline import BuildRequest


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


def follow(request: BuildRequest, method: Method[Any, Any], team: Team) -> Path:
    """Share the training that the first worker leads, and return the folder that it writes."""
    limit_threads()
    order: Order | None = team.listen()
    if order is not None:
        run = Run(order.identity, request.recipe.seed, method.device, order.checkpoint, team=team)

        def lessons() -> Any:
            snapshot = read_snapshot(order.snapshot)
            check_same(ingredients(snapshot, method), order.ingredients)
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
            f'The recipe "{recipe.name}" has {counted(recipe.training.batch_size, "crystal")} in a batch, too few for '
            f"{team.size} "
            "workers. Start at most as many."
        )


def ingredients(snapshot: Snapshot, method: Method[Any, Any]) -> dict[str, str]:
    """Return the identity of each thing that a training depends on, by what it is called."""
    return {
        "structures": snapshot.sha256,
        "recipe": identity_of(method.recipe.training_dict(), *method.inputs),
        "code": identity_of(__version__, code_of(method)),
        "version of torch": version("torch"),
        "kind of device": method.device.type,
    }
