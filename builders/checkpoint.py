"""Checkpoints: the whole state of a run in one file, written so that a kill leaves the old one or the new one."""

from __future__ import annotations

import io
import os
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from embeddings.errors import OutputInvalid, TrainingError


@dataclass
class Checkpoint:
    """Where a run stands.

    Attributes:
        run: fingerprint of the data and the recipe; a checkpoint is only taken up by the run that wrote it.
        step: optimiser steps done.
        model: state of the network.
        optimizer: state of the optimiser.
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
    """Write atomically: a temporary file first, then a rename; the earlier checkpoint stays until then.

    Raises:
        OutputInvalid: it cannot be written, such as on a full disk.
    """
    content = io.BytesIO()  # not the file itself: torch turns an interrupt while writing one into an error of its own
    torch.save(asdict(checkpoint), content)
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputInvalid(
            f"{path} cannot be written: {error}. Make room and give the same command again; it goes on from the last "
            "checkpoint."
        ) from error


def read_checkpoint(path: Path, run: str) -> Checkpoint:
    """Read a checkpoint of the given run.

    Raises:
        TrainingError: the file is damaged, or belongs to another recipe or other data.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**state)
    except (
        RuntimeError,
        EOFError,
        OSError,
        TypeError,
        KeyError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise TrainingError(f"{path} cannot be read ({error}). Start the run afresh with --restart.") from error
    if checkpoint.run != run:
        raise TrainingError(
            f"{path} was written by another run (other data, recipe or seed: {checkpoint.run[:12]}, not {run[:12]}). "
            "Repeat the options of that run, or start afresh with --restart."
        )
    return checkpoint
