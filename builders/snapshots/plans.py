"""The plan of a pull: what is asked for, and what the source holds; sealed, and written before anything else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from builders.runs.clock import now
from builders.runs.identity import identity_of
from builders.runs.seals import sealed, unsealed
from builders.snapshots.ledger import LEDGER, Ledger
from builders.sources import DatabaseMoved, Plan, Stream
from builders.sources.origins import origin_from_dict
from builders.structures.cleaning import Selection
from embeddings.errors import OutputInvalid, SourceError
from embeddings.store.folders import write_text
from embeddings.store.temporaries import is_temporary

PLAN = "plan.json"


class PlanAltered(SourceError):
    """The folder holds one of our pulls, whose plan was altered."""


@dataclass(frozen=True)
class Pull:
    """A pull under way.

    Attributes:
        folder: where its parts go.
        source: name of the source.
        query: what is asked for.
        selection: which structures are kept.
        plan: what the source holds.
        started: UTC time of the plan.
    """

    folder: Path
    source: str
    query: dict[str, Any]
    selection: Selection
    plan: Plan
    started: str

    @cached_property
    def identity(self) -> str:
        """The same identity means the same batches; every line of the ledger carries it."""
        return identity_of(self.query, self.plan.origin.to_dict(), list(self.plan.items))


def query_of(stream: Stream, selection: Selection) -> dict[str, Any]:
    """Return the whole query: that of the source, and the selection."""
    return {**stream.query, **selection.to_dict()}


def open_pull(folder: Path, query: dict[str, Any], source: str, selection: Selection) -> Pull | None:
    """Read the plan of a pull that was begun here; None if there is none.

    A folder is free if it is empty, or holds only what a kill during the first write leaves behind.

    Raises:
        PlanAltered: it holds a pull whose plan is missing or altered.
        SourceError: it holds something else, or a pull with another query.
    """
    names = _names(folder)
    if not names:
        return None
    try:
        document = unsealed((folder / PLAN).read_text(encoding="utf-8"))
        plan = Plan(**(document["plan"] | {"origin": origin_from_dict(document["plan"]["origin"])}))
        earlier, started = document["query"], document["started"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if LEDGER in names and Ledger(folder).entries:
            raise PlanAltered(
                f"{folder / PLAN} is missing or altered. Give the command of the pull again to repair it."
            ) from error
        raise SourceError(f"{folder} holds something other than a pull ({error}). Choose another folder.") from error
    if earlier != query:
        raise SourceError(
            f"{folder} holds another pull: {_difference(earlier, query)}. Choose another folder, or remove this one."
        )
    return Pull(folder, source, query, selection, plan, started)


def begin_pull(folder: Path, query: dict[str, Any], source: str, selection: Selection, stream: Stream) -> Pull:
    """Find out what the source holds, and freeze the plan.

    Raises:
        SourceError: the source fails, or there are parts that belong to another plan.
        OutputInvalid: the plan cannot be written.
    """
    pull = Pull(folder, source, query, selection, stream.plan(), now())
    if any(entry.plan != pull.identity for entry in Ledger(folder).entries):
        raise DatabaseMoved(
            f"{folder / PLAN} is missing or altered, and what was pulled is not what the source has now, or the query "
            "was different. Choose another folder, or remove this one."
        )
    document = {"query": query, "started": pull.started, "plan": asdict(pull.plan)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"{folder} cannot be made: {error.strerror}.") from error
    write_text(folder / PLAN, sealed(document))
    return pull


def stop_if_moved(pull: Pull, stream: Stream) -> None:
    """Refuse to mix what the source has now with what the plan says.

    Raises:
        DatabaseMoved: the source has changed.
    """
    change = stream.moved(pull.plan)
    if change:
        raise DatabaseMoved(
            f"The source has changed since the pull in {pull.folder} began: {change}. Bring the pull up to date with "
            "embeddings pull --refresh, or begin a new one in another folder."
        )


def _names(folder: Path) -> set[str]:
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}. Choose another folder.") from error
    return {name for name in names if not is_temporary(name)}


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    names = [name for name in one | other if one.get(name) != other.get(name)]
    return ", ".join(f"{name} {one.get(name)!r} there, {other.get(name)!r} asked" for name in names)
