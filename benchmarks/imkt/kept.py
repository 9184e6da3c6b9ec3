"""Predictions that are kept, so that nothing is learned twice and errors can be compared row by row."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.imkt.models import Contender
from benchmarks.sets import TargetSet
from embeddings.store.folders import atomic_file


@dataclass(frozen=True)
class Asked:
    """What is predicted: one fold of a task by one contender with one seed."""

    task: TargetSet
    contender: Contender
    seed: int
    fold: int

    @property
    def tested(self) -> np.ndarray:
        """(n,) which rows are predicted; the contender learns from all others."""
        return self.task.folds(self.seed) == self.fold


@dataclass(frozen=True)
class Predictions:
    """Predictions of this run and of earlier ones.

    Attributes:
        folder: that has a file of each; None keeps them for this run alone.
        made: digest -> prediction of this run.
    """

    folder: Path | None
    made: dict[str, np.ndarray] = field(default_factory=dict)

    def find(self, asked: Asked) -> np.ndarray | None:
        """Return what was predicted of the tested rows, (n_tested,) float64; None if that is not kept."""
        name = _name(asked)
        if name not in self.made and self.folder is not None and (path := self.folder / name).is_file():
            self.made[name] = np.load(path)
        return self.made.get(name)

    def make(self, asked: Asked) -> tuple[np.ndarray, float]:
        """Return predictions, kept or made now, and the seconds of processor time that making them took."""
        if (kept := self.find(asked)) is not None:
            return kept, 0.0
        started, name = time.process_time(), _name(asked)
        self.made[name] = asked.contender.predict(asked.task, asked.tested, asked.seed)
        spent = time.process_time() - started
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.folder / name) as temporary, temporary.open("wb") as file:
                np.save(file, self.made[name])
        return self.made[name], spent


def _name(asked: Asked) -> str:
    """Return the name of a file that holds a prediction, from all that it depends on."""
    digest = hashlib.sha256(f"{asked.contender.identity}, {asked.seed}".encode())
    digest.update("\n".join(map(str, asked.task.formulas)).encode())
    for part in (asked.task.values, asked.tested):
        digest.update(np.ascontiguousarray(part).tobytes())
    return f"{asked.task.name}-{digest.hexdigest()[:20]}.npy"
