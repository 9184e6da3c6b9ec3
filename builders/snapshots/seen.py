"""Which identifiers were there before: any number of them, in bounded memory."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np

from embeddings.errors import OutputInvalid
from embeddings.store.scratch import scratch_folder

MOST_IN_MEMORY = 1 << 20
"""Keys of a run that stays in memory (16 bytes each); longer ones are files that are mapped."""

_N_KEYS = 1 << 64


class Seen:
    """A set of identifiers that grows.

    Each is kept as a hash of 128 bits, in sorted runs: whenever one is as long as the run before it, the two become
    one. Adding thus looks into few runs, and all but the short ones lie in temporary files.
    """

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []  # each (2, n) uint64, in the order of its first row; shorter and shorter
        self._numbers = count()

    def add(self, names: Iterable[str]) -> np.ndarray:
        """Add identifiers; return which of them are new, (n,) bool: of two that are alike, the first.

        Raises:
            OutputInvalid: the folder for temporary files is full or cannot be written.
        """
        keys = _keys(names)
        order = np.lexsort(keys[::-1])  # stable: the first of those that are alike stays first
        keys = keys[:, order]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
        keys, rows = keys[:, is_first], order[is_first]
        is_known = np.zeros(len(rows), dtype=bool)
        for run in self._runs:
            is_known |= _are_in(keys, run)
        self._keep(keys[:, ~is_known])
        is_new = np.zeros(len(order), dtype=bool)
        is_new[rows[~is_known]] = True
        return is_new

    def _keep(self, run: np.ndarray) -> None:
        """Add a run, merging it with those that are no longer than it."""
        while self._runs and self._runs[-1].shape[1] <= run.shape[1]:
            run = self._merged(self._runs.pop(), run)
        if run.shape[1]:
            self._runs.append(run)

    def _merged(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Merge two runs, in a file if the result is long, some keys of both at a time."""
        n = one.shape[1] + other.shape[1]
        if n <= MOST_IN_MEMORY:
            return _sorted(one, other)
        path = self._folder / f"{next(self._numbers)}.keys"
        try:
            with path.open("wb") as file:  # not into a new mapping: a full disk would end the process without a word
                at = 0
                for part in _ranges(one, other, 1 + 2 * n // MOST_IN_MEMORY):
                    for row, keys in enumerate(part):
                        file.seek((row * n + at) * part.itemsize)
                        file.write(np.ascontiguousarray(keys).data)
                    at += part.shape[1]
            merged = np.memmap(path, np.uint64, "r", shape=(2, n))
        except OSError as error:
            raise OutputInvalid(
                f"{path} cannot be written: {error.strerror or error}. It notes which identifiers were seen; name a "
                "larger folder for temporary files in TMPDIR."
            ) from error
        return merged

    @cached_property
    def _folder(self) -> Path:
        stack = ExitStack()
        folder = stack.enter_context(scratch_folder())
        weakref.finalize(self, stack.close)
        return folder


def _keys(names: Iterable[str]) -> np.ndarray:
    """Return the hashes of identifiers, (2, n) uint64."""
    hashes = (hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=16).digest() for name in names)
    return np.ascontiguousarray(np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 2).T)


def _are_in(keys: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Return which keys a run has, (n,) bool."""
    start = np.searchsorted(run[0], keys[0])
    found = run[0].take(start, mode="clip") == keys[0]
    for place in np.flatnonzero(found).tolist():
        alike = slice(start[place], np.searchsorted(run[0], keys[0, place], "right"))
        found[place] = keys[1, place] in run[1, alike]
    return found


def _ranges(one: np.ndarray, other: np.ndarray, n_ranges: int) -> Iterable[np.ndarray]:
    """Yield the keys of two runs in order, range after range; hashes fill all ranges alike."""
    edges = np.array([k * _N_KEYS // n_ranges for k in range(1, n_ranges)], np.uint64)
    at, beside = ([0, *np.searchsorted(run[0], edges), run.shape[1]] for run in (one, other))
    for k in range(n_ranges):
        yield _sorted(one[:, at[k] : at[k + 1]], other[:, beside[k] : beside[k + 1]])


def _sorted(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    both = np.concatenate([one, other], axis=1)
    return both[:, np.argsort(both[0], kind="stable")]  # a merge, since both halves are sorted
