"""The folder of a run: whether it is taken up or begun, and held by one process at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

from embeddings.errors import OutputInvalid, TrainingError

CHECKPOINT = "checkpoint.pt"


def open_run(folder: Path, *, resume: bool | None, force: bool) -> Path:
    """Make the folder of a run ready and return the file of its checkpoint, which is there if it is to be taken up.

    Args:
        folder: of the run.
        resume: True needs an interrupted run, False forgets it, None takes one up if it is there.
        force: whether the user wants it made again: then an earlier run is taken up only if `resume` says so.

    Raises:
        TrainingError: there is no run to take up.
        OutputInvalid: the folder cannot be written.
    """
    checkpoint = folder / CHECKPOINT
    if resume is True and not checkpoint.exists():
        raise TrainingError(
            f"No interrupted run of this very build (source, selection, recipe, seed) at {folder}. "
            "Repeat its options exactly, or leave --resume out to start."
        )
    try:
        if resume is False and folder.exists():
            shutil.rmtree(folder)
        if force and resume is None:
            checkpoint.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"{folder} cannot be written: {error.strerror}.") from error
    return checkpoint
