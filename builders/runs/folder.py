"""The folder of a run: whether to resume it or start afresh."""

from __future__ import annotations

import shutil
from pathlib import Path

from embeddings.errors import OutputInvalid, TrainingError

CHECKPOINT = "checkpoint.pt"


def open_run(folder: Path, *, resume: bool | None, force: bool) -> Path:
    """Prepare the folder of a run and return the path of its checkpoint, which exists if the run is to be resumed.

    A method of several stages keeps further ones beside it, with the same ending; any of them can be resumed from.

    Args:
        folder: of the run.
        resume: True requires an interrupted run, False discards it, None resumes one if it is there.
        force: whether the user wants a rebuild; then an earlier run is kept only if `resume` is True.

    Raises:
        TrainingError: there is no run to resume.
        OutputInvalid: the folder cannot be written.
    """
    checkpoint = folder / CHECKPOINT
    if resume is True and not any(folder.glob(f"*{checkpoint.suffix}")):
        raise TrainingError(
            f"No interrupted run of exactly this build (source, selection, recipe, seed) at {folder}. "
            "Repeat its options exactly, or leave --resume out to start."
        )
    try:
        if (resume is False or (force and resume is None)) and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"{folder} cannot be written: {error.strerror}.") from error
    return checkpoint
