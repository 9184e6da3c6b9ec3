"""Folds in which no group stands on both sides: by formula, chemical system, element, time; or as others deal them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from embeddings.bench.matbench import matbench_folds
from embeddings.bench.measurements import Measurements
from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid

Split = Literal["formula", "system", "element", "time", "given", "matbench"]
SPLITS: tuple[str, ...] = get_args(Split)

Folds = list[tuple[np.ndarray, np.ndarray]]
"""Rows to train on and rows to test on, of each fold."""


def outer_folds(data: Measurements, split: Split = "formula", *, n_folds: int = 5, seed: int = 0) -> Folds:
    """Return folds for judging a model.

    Args:
        data: n rows.
        split: what is never on both sides. ``"element"`` tests on all formulas with one element, for the elements that
            most formulas hold; ``"time"`` tests each part on what came before; ``"given"`` takes `Measurements.folds`,
            and ``"matbench"`` the official folds of the task that has as many rows.
        n_folds: how many; for ``"given"`` the table says, and MatBench has five.
        seed: shuffles the groups.

    Raises:
        InputInvalid: the table has no times or folds, there are fewer groups than folds, no fold has a row to test and
            two formulas to train on, or one that the table gives has not; or no MatBench task has these rows.
    """
    makers: dict[str, Callable[[], Folds]] = {
        "formula": lambda: grouped_folds(data.materials, n_folds, seed),
        "system": lambda: grouped_folds(systems(data), n_folds, seed),
        "element": lambda: _by_element(data, n_folds),
        "time": lambda: _in_time(data, n_folds),
        "given": lambda: _given(data),
        "matbench": lambda: matbench_folds(data),
    }
    if split not in makers:
        raise InputInvalid(f'No split "{split}". There are: {", ".join(SPLITS)}.')
    made = makers[split]()
    folds = [(train, test) for train, test in made if len(test) and len(set(data.materials[train])) > 1]
    if not folds:
        raise InputInvalid(
            f'The split "{split}" leaves no rows to train on for any of these {counted(len(data), "row")}.'
        )
    if split == "given" and len(folds) < len(made):
        raise InputInvalid("A fold of the table leaves one formula to train on; at least two are needed.")
    return folds


def grouped_folds(groups: np.ndarray, n_folds: int, seed: int) -> Folds:
    """Deal shuffled groups into folds of about as many rows; a group is never on both sides.

    Every fold has at least two groups to train on, if there are four or more.

    Raises:
        InputInvalid: there are fewer groups than folds.
    """
    distinct, group_of, counts = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    if len(distinct) < n_folds or n_folds < 2:
        raise InputInvalid(
            f"{counted(len(distinct), 'group', 'does')} not fill {counted(n_folds, 'fold')}. Choose fewer, but at "
            "least two."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(distinct))
    order = order[np.argsort(-counts[order], kind="stable")]
    sizes, fold_of = np.zeros(n_folds), np.empty(len(distinct), dtype=np.int64)
    for group in order:
        fold_of[group] = sizes.argmin()
        sizes[fold_of[group]] += counts[group]
    if n_folds == 2 and len(distinct) >= 4 and (fold_of == fold_of[order[0]]).sum() == 1:
        fold_of[order[-1]] = fold_of[order[0]]  # it has more rows than all others; add the smallest
    return _folds_of(fold_of[group_of])


def systems(data: Measurements) -> np.ndarray:
    """Return the chemical system of each row, such as ``"Fe-O"``, (n,)."""
    offsets, numbers = data.matrix.offsets, data.matrix.atomic_numbers
    names = ["-".join(sorted(SYMBOLS[z - 1] for z in numbers[a:b])) for a, b in pairwise(offsets)]
    return np.array(names, dtype=object)


def _by_element(data: Measurements, n_folds: int) -> Folds:
    rows = np.repeat(np.arange(len(data)), data.matrix.n_elements)
    numbers = data.matrix.atomic_numbers
    counts = np.bincount(numbers, minlength=len(SYMBOLS) + 1).astype(float)
    counts[counts > len(data) / 2] = 0  # too little would be left to train on
    chosen = np.argsort(-counts, kind="stable")[:n_folds]
    everything = np.arange(len(data))
    tests = [np.unique(rows[numbers == z]) for z in chosen if counts[z]]
    return [(np.setdiff1d(everything, test), test) for test in tests]


def _in_time(data: Measurements, n_folds: int) -> Folds:
    if data.order is None:
        raise InputInvalid('The split "time" needs a column of times: name it with --time.')
    parts = np.array_split(np.argsort(data.order, kind="stable"), n_folds + 1)
    folds = []
    for k in range(1, len(parts)):
        test = parts[k]
        before = np.flatnonzero(data.order < data.order[test].min(initial=np.inf))  # not those of the same time
        folds.append((before[~np.isin(data.materials[before], data.materials[test])], test))
    return folds


def _given(data: Measurements) -> Folds:
    if data.folds is None:
        raise InputInvalid('The split "given" needs a column of folds: name it with --fold.')
    return _folds_of(data.folds)


def _folds_of(fold_of: np.ndarray) -> Folds:
    named: list[Any] = np.unique(fold_of).tolist()
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in named]
