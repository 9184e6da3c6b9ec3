"""What a fit has finished, kept on disk while it runs: given again after a kill, the same command goes on from there.

What takes the time of a fit is what candidates predict of inner folds. Each prediction is one line, sealed by a hash: a
line that a crash tore or that was altered counts as missing, and is made again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.bench.candidates import Candidate
from embeddings.store.temporaries import hold, release

FOLDS = "folds.jsonl"
"""The file of a ledger in its folder."""

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "torch", "tabicl")
_N_SEAL = 16


class FoldLedger:
    """What candidates predicted of inner folds.

    Args:
        path: of its file; None for a ledger that keeps nothing. It keeps nothing either where that cannot be written:
            a fit does not end because its next run could not resume it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept = {} if path is None else _read(path)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, one: Candidate, fold: int) -> np.ndarray | None:
        """Return what a candidate predicted of a fold, (n, 1) values or (n, n_classes) probabilities, if it did."""
        return self._kept.get((one, fold))

    def keep(self, one: Candidate, fold: int, predicted: np.ndarray) -> None:
        """Note what a candidate predicted of a fold."""
        if self._path is None or (one, fold) in self._kept:
            return
        self._kept[one, fold] = predicted
        try:
            with self._path.open("ab") as file:
                file.write(_line(one, fold, predicted))
        except OSError:
            self._path = None


def _line(one: Candidate, fold: int, predicted: np.ndarray) -> bytes:
    body = json.dumps(
        {
            "candidate": [one.features, one.head, one.treatment],
            "fold": fold,
            "type": predicted.dtype.str,
            "shape": predicted.shape,
            "data": base64.b64encode(predicted.tobytes()).decode(),
        }
    ).encode()
    return b"\n%b %b" % (_seal(body), body)  # a line that a crash tore ends here


def _read(path: Path) -> dict[tuple[Candidate, int], np.ndarray]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    bodies = (line[_N_SEAL + 1 :] for line in lines if line[:_N_SEAL] == _seal(line[_N_SEAL + 1 :]))
    return dict(map(_entry, bodies))


def _entry(body: bytes) -> tuple[tuple[Candidate, int], np.ndarray]:
    said: dict[str, Any] = json.loads(body)
    predicted = np.frombuffer(base64.b64decode(said["data"]), said["type"]).reshape(said["shape"])
    return (Candidate(*said["candidate"]), said["fold"]), predicted


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_N_SEAL].encode()


@contextmanager
def fold_ledger(work: Path, fingerprint: str) -> Iterator[FoldLedger]:
    """Yield the ledger of one fit; it is removed once the block ends without an error.

    Where another process is at this very fit, or the folder cannot be written or locked, the ledger keeps nothing.

    Args:
        work: folder of the ledgers of all fits.
        fingerprint: what is the same of two fits that give the same model.
    """
    folder = work / f"fit-{_with_code(fingerprint)[:12]}"
    lock = work / f".{folder.name}.lock"
    descriptor = _begin(folder, lock)
    ledger = FoldLedger(None if descriptor is None else folder / FOLDS)
    is_done = False
    try:
        yield ledger
        is_done = True
    finally:
        if descriptor is not None and (is_done or not ledger):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                lock.unlink()
        release(descriptor)


def _begin(folder: Path, lock: Path) -> int | None:
    """Make a folder and hold its lock; None where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.touch()
        return hold(lock)
    except OSError:
        return None


def _with_code(fingerprint: str) -> str:
    """Return a SHA-256 that also changes with the code that predicts, here and in the libraries."""
    found = hashlib.sha256(fingerprint.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        found.update(path.read_bytes())
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found.update(f"{name} {metadata.version(name)}".encode())
    return found.hexdigest()
