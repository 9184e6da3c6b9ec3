"""What a driver and its workers say to each other. All of it can be pickled."""

from __future__ import annotations

import hashlib
import pickle
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from embeddings.errors import EngineError


@dataclass(frozen=True)
class Task:
    """What becomes one part.

    Attributes:
        number: of the part.
        label: what it is about, for messages, such as ``"512 structures, mp-1 to mp-700"``.
        content: what the worker needs.
    """

    number: int
    label: str
    content: Any


@dataclass(frozen=True)
class Part:
    """What came of a task.

    Attributes:
        number: of the task.
        content: of the file to be kept; empty where nothing is.
        sha256: of the content, as the worker computed it.
        facts: what else the driver has to know.
    """

    number: int
    content: bytes
    sha256: str
    facts: Any = None

    @property
    def is_intact(self) -> bool:
        """True if the content is what the worker made."""
        return sha256_of(self.content) == self.sha256


Maker = Callable[[Task], Part]


class Job(Protocol):
    """What workers need to know once; they get it pickled."""

    def start(self) -> Maker:
        """Load what is needed, in the worker, and return what makes parts.

        Raises:
            EngineError: this worker would make other bytes than the driver.
        """


@dataclass(frozen=True)
class Ready:
    """A worker has started its job."""


@dataclass(frozen=True)
class Lost:
    """A worker is gone, with its task if it had one; why, for people."""

    why: str


@dataclass(frozen=True)
class Failure:
    """A worker lives, and could not do what it was asked for."""

    error: BaseException


def failure_of(error: BaseException) -> Failure:
    """Return an error as it can be sent to the driver, with the place in the worker as a note."""
    error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return Failure(RuntimeError("".join(traceback.format_exception(error))))
    return Failure(error)


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a part."""
    return hashlib.sha256(content).hexdigest()


def check_same(driver: Mapping[str, str], worker: Mapping[str, str], place: str) -> None:
    """Check that a worker has what the driver has: encoder, code, libraries.

    Args:
        driver: name of a thing -> its hash or version, where the work was planned.
        worker: the same of the worker.
        place: where the worker runs.

    Raises:
        EngineError: something differs; the message names it.
    """
    other = [name for name in driver if worker.get(name) != driver[name]]
    if other:
        listed = "; ".join(f"{name} {worker.get(name, 'none')[:12]} there, {driver[name][:12]} here" for name in other)
        raise EngineError(
            f"The worker on {place} would write different bytes: {listed}. Install the same versions there."
        )
