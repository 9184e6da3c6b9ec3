"""Checkpoints: the whole state of a run in one file, written so that a kill leaves the old one or the new one."""

from __future__ import annotations

import io
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from builders.runs.seals import SealBroken, read_sealed, write_sealed
from embeddings.errors import TrainingError

_UNREADABLE = (SealBroken, RuntimeError, EOFError, OSError, TypeError, KeyError, ValueError, pickle.UnpicklingError)
"""What reading a file that is not a checkpoint raises."""


@dataclass
class Checkpoint:
    """Where a run stands.

    Attributes:
        run: fingerprint of the data and the recipe; a checkpoint only resumes the run that wrote it.
        step: optimizer steps done.
        model: state of the network.
        optimizer: state of the optimizer.
        epoch_loss: sum of the batch losses of the epoch under way.
        history: figures of each finished epoch.
    """

    run: str
    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    epoch_loss: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically, with a hash over the whole content; the earlier checkpoint stays until the new one is whole.

    Raises:
        OutputInvalid: it cannot be written, such as on a full disk.
    """
    content = io.BytesIO()  # not the file itself: torch turns an interrupt during a write into an error of its own
    torch.save(asdict(checkpoint), content)
    advice = "Make room and give the same command again; it goes on from the last checkpoint."
    write_sealed(path, content.getbuffer(), advice=advice)


def read_checkpoint(path: Path, run: str) -> Checkpoint:
    """Read a checkpoint of the given run.

    Raises:
        TrainingError: the file is damaged, or belongs to another recipe or other data.
    """
    try:
        content = read_sealed(path)
        checkpoint = Checkpoint(**torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except _UNREADABLE as error:
        raise TrainingError(f"The checkpoint {path} is damaged ({error}). --restart begins the run again.") from error
    if checkpoint.run != run:
        raise TrainingError(
            f"{path} was written by another run (other data, recipe or seed: {checkpoint.run[:12]}, not {run[:12]}). "
            "Repeat the options of that run, or begin again with --restart."
        )
    return checkpoint
