"""Several processes that train one network together, as torchrun and Ray Train start them.

The first one leads: it alone pulls, packs, writes and reports. The others are told what to work on, see that they have
the same data, recipe and code, and then take their share of every batch.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from embeddings.errors import EmbeddingsError, InputInvalid, TrainingError

if TYPE_CHECKING:
    import torch
    from torch import nn

T = TypeVar("T")

PATIENCE = timedelta(days=30)
"""How long workers wait for the first one, which may be pulling."""

MEETING = timedelta(minutes=10)
"""How long workers wait until all of them are there."""

_PLACE = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What a starter of workers tells each of them by its environment."""

_LOST = ("connection", "gloo", "nccl", "timed out", "peer", "socket")
"""Words of the errors that torch raises when a worker is gone."""


@dataclass(eq=False)
class Team:
    """The workers of a training, seen by one of them.

    Attributes:
        rank: number of this worker; 0 leads.
        size: how many there are.
        group: through which they talk; None for a worker alone.
        is_told: whether the first one has told the others anything.
    """

    rank: int = 0
    size: int = 1
    group: Any = None
    is_told: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this worker leads."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """What this worker is called in messages."""
        return f"Worker {self.rank} of {self.size} on {socket.gethostname()}"

    def tell(self, value: Any) -> None:
        """Tell the others something; only the first worker does."""
        self.is_told = True
        self._from_first((True, value))

    def dismiss(self) -> None:
        """Let the others end, if they were not told anything yet; only the first worker does."""
        if not self.is_told:
            self._from_first((False, None))

    def listen(self) -> Any:
        """Return what the first worker tells.

        Raises:
            TrainingError: it stopped instead, or is lost.
        """
        is_told, value = self._from_first(None)
        if not is_told:
            raise TrainingError(f"{self.name} ends, since the first one stopped: its message says why.")
        return value

    def first(self, make: Callable[[], T]) -> T:
        """Return on every worker what the first one makes.

        Raises:
            EmbeddingsError: what the first one raises; on the others a `TrainingError`.
        """
        if not self.is_first:
            return self.listen()
        try:
            value = make()
        except EmbeddingsError:
            self._from_first((False, None))
            raise
        self._from_first((True, value))
        return value

    def gather(self, value: T) -> list[T]:
        """Return on every worker the values of all of them, by rank."""
        if self.group is None:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        with self.contact():
            dist.all_gather_object(values, value, group=self.group)
        return values

    def sum(self, value: float) -> float:
        """Return on every worker the sum over all of them, the same on each."""
        if self.group is None:
            return value
        import torch
        import torch.distributed as dist

        values = [torch.zeros(1, dtype=torch.float64) for _ in range(self.size)]
        with self.contact():
            dist.all_gather(values, torch.tensor([value], dtype=torch.float64), group=self.group)
        return sum(map(float, values))

    def all(self, make: Callable[[], T]) -> T:
        """Return what this worker makes, once every worker has made its own.

        Raises:
            EmbeddingsError: this worker's; on others a `TrainingError` that says which one failed.
        """
        error, value = None, None
        try:
            value = make()
        except EmbeddingsError as raised:
            error = raised
        failed = [rank for rank, has_failed in enumerate(self.gather(error is not None)) if has_failed]
        if error is not None:
            raise error if self.group is None else type(error)(f"{self.name}: {error}") from error
        if failed:
            raise TrainingError(f"{self.name} ends, since worker {failed[0]} stopped: its message says why.")
        return value  # type: ignore[return-value]

    def averaging(self, module: nn.Module) -> nn.Module:
        """Return the module, made so that each worker's gradients become the mean over all workers."""
        if self.group is None:
            return module
        from torch.nn.parallel import DistributedDataParallel

        with self.contact():
            return DistributedDataParallel(module)

    @contextmanager
    def contact(self) -> Iterator[None]:
        """Turn the loss of another worker into a `TrainingError`."""
        try:
            yield
        except RuntimeError as error:
            if self.group is None or isinstance(error, EmbeddingsError) or not _is_loss(error):
                raise
            raise TrainingError(
                f"{self.name} lost another worker ({_first_line(error)}). Give the same command again: it goes on from "
                "the last checkpoint."
            ) from error

    def _from_first(self, value: Any) -> Any:
        if self.group is None:
            return value
        import torch.distributed as dist

        values = [value]
        with self.contact():
            dist.broadcast_object_list(values, src=0, group=self.group)
        return values[0]


ALONE = Team()
"""A worker without others."""


def is_first() -> bool:
    """Whether this process leads, or is alone, by what its starter says."""
    return os.environ.get("RANK", "0") == "0" or not _is_started()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Team, torch.device]]:
    """Yield the workers that were started together, and the device of this one; a process alone is a team of one.

    Workers on CPUs talk through gloo, those on GPUs through NCCL, each with a GPU to itself.

    Args:
        device: the kind of device that was asked for.

    Raises:
        InputInvalid: the starter's environment makes no sense, or a machine has fewer GPUs than workers.
        TrainingError: the workers do not find each other.
    """
    import torch.distributed as dist

    if not (dist.is_available() and (dist.is_initialized() or _is_started())):
        yield ALONE, device
        return
    device = _own_device(device)
    is_ours = not dist.is_initialized()
    if is_ours:
        _meet(device)
    try:
        group = dist.new_group(backend="gloo", timeout=PATIENCE)
        yield Team(dist.get_rank(), dist.get_world_size(), group), device
    finally:
        if is_ours:
            dist.destroy_process_group()


def check_same(mine: Mapping[str, str], firsts: Mapping[str, str]) -> None:
    """Refuse a worker that would train something else than the first one.

    Args:
        mine: what this worker has: name -> identity.
        firsts: what the first one has.

    Raises:
        TrainingError: names what differs.
    """
    other = [name for name in firsts if mine.get(name) != firsts[name]]
    if other:
        raise TrainingError(
            f"it differs from the first one in {' and '.join(other)}. Start all workers with the same command, library "
            "and structures."
        )


def _is_started() -> bool:
    return all(name in os.environ for name in _PLACE) and os.environ["WORLD_SIZE"] != "1"


def _meet(device: torch.device) -> None:
    """Wait for the other workers."""
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        if not 0 <= rank < size:
            raise ValueError
    except ValueError:
        raise InputInvalid(
            f"RANK={os.environ['RANK']} and WORLD_SIZE={os.environ['WORLD_SIZE']} name no worker. Start workers with "
            "torchrun, or unset both for one process."
        ) from None
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # what an earlier one left in the store is not ours
    try:
        store, rank, size = next(rendezvous("env://", timeout=MEETING))
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=dist.PrefixStore(f"attempt-{attempt}", store),
            rank=rank,
            world_size=size,
            timeout=MEETING,
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"Worker {rank} of {size} does not find the others at {os.environ['MASTER_ADDR']}:"
            f"{os.environ['MASTER_PORT']} ({_first_line(error)}). Start all of them with torchrun."
        ) from error


def _own_device(device: torch.device) -> torch.device:
    """Return the GPU of this worker where GPUs were asked for."""
    if device.type != "cuda":
        return device
    import torch

    number, n_devices = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= n_devices:
        raise InputInvalid(
            f"Worker {number} on {socket.gethostname()} has no GPU: there are {n_devices}. Start as many workers as "
            "there are GPUs, or use --device cpu."
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def _is_loss(error: RuntimeError) -> bool:
    return any(word in str(error).lower() for word in _LOST)


def _first_line(error: Exception) -> str:
    """Return what an error of torch says first, without the place in its source."""
    return re.sub(r"^(\[[^\]]*\]\s*)+", "", str(error).strip()).split("\n")[0].split(". ")[0][:200]
