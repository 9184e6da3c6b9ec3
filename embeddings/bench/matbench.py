"""The official folds of MatBench v0.1, by name, so that scores can stand beside those of its leaderboard.

They are scikit-learn's, dealt over all rows of a task in its own order (Dunn et al., npj Comput. Mater. 6, 138, 2020,
10.1038/s41524-020-00406-3): `KFold`, and `StratifiedKFold` where the task is a classification. A formula may stand on
both sides of a fold: how many rows that touches is counted in the report.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from embeddings.bench.measurements import Measurements
from embeddings.display.numbers import counted, share_of
from embeddings.errors import InputInvalid, MissingExtra

N_FOLDS = 5
SEED = 18012019

ROWS = {
    "matbench_dielectric": 4764,
    "matbench_expt_gap": 4604,
    "matbench_expt_is_metal": 4921,
    "matbench_glass": 5680,
    "matbench_jdft2d": 636,
    "matbench_log_gvrh": 10987,
    "matbench_log_kvrh": 10987,
    "matbench_perovskites": 18928,
    "matbench_phonons": 1265,
    "matbench_steels": 312,
}
"""Task -> rows. The three tasks of more than 100,000 rows are not for a bench that takes 20,000."""

CLASSIFICATIONS = ("matbench_expt_is_metal", "matbench_glass")

_ID = re.compile(r"mb-([a-z0-9-]+)-(\d+)")
"""MatBench's identifier of a row: its task, and its place counted from 1."""

_NOT_A_ROW = "the row is blank"


def is_matbench_id(cell: Any) -> bool:
    """Whether a cell is MatBench's identifier of a row, such as ``"mb-steels-001"``."""
    return _ID.fullmatch(str(cell).strip()) is not None


def matbench_folds(data: Measurements) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the official folds of the task that has as many rows as this table.

    Rows that were set aside keep their place in the order of the task, so that the others fall into their own folds.
    Where the rows have MatBench's identifiers, these tell the order; else it is that of the table.

    Args:
        data: n rows.

    Returns:
        Rows to train on and rows to test on, of each of five folds.

    Raises:
        InputInvalid: no task has so many rows, the identifiers are not those of one task, or rows of a classification,
            whose folds depend on every class, were set aside.
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import KFold, StratifiedKFold
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "bench") from error
    n_rows, places = _places(data)
    names = _tasks(data, n_rows)
    if data.is_classification:
        if n_rows > len(data):
            raise InputInvalid(
                f"{share_of(n_rows - len(data), n_rows, 'row', 'was')} set aside, and the folds of {names[0]} depend "
                f"on the class of each. The first is line {data.set_aside[0].line}: {data.set_aside[0].reason}."
            )
        values = np.empty(n_rows)
        values[places] = data.values
        made = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED).split(values, values)
    else:
        made = KFold(N_FOLDS, shuffle=True, random_state=SEED).split(np.arange(n_rows))
    tests = [np.isin(places, test) for _, test in made]
    return [(np.flatnonzero(~test), np.flatnonzero(test)) for test in tests]


def _tasks(data: Measurements, n_rows: int) -> list[str]:
    """Return the tasks that have so many rows, and numbers or classes as these rows do."""
    found = [name for name, n in ROWS.items() if n == n_rows]
    kind = [name for name in found if (name in CLASSIFICATIONS) == data.is_classification]
    if not found:
        known = ", ".join(f"{name.removeprefix('matbench_')} {n:,}" for name, n in ROWS.items())
        raise InputInvalid(
            f'The split "matbench" is that of whole tasks, and none has {counted(n_rows, "row")}. There are: {known}.'
        )
    if not kind:
        what = ("numbers", "classes") if not data.is_classification else ("classes", "numbers")
        raise InputInvalid(f"{n_rows:,} rows are those of {found[0]}, but the target holds {what[0]}, not {what[1]}.")
    return kind


def _places(data: Measurements) -> tuple[int, np.ndarray]:
    """Return how many rows the table has, and the place of each row in the order of its task, (n,)."""
    if data.ids is not None and all(map(is_matbench_id, data.ids)):
        return _places_by_id(data, data.ids)
    others = [row.line for row in data.set_aside if row.reason != _NOT_A_ROW]
    lines = np.sort(np.concatenate([data.lines, np.array(others, dtype=np.int64)]))
    return len(lines), np.searchsorted(lines, data.lines)


def _places_by_id(data: Measurements, ids: np.ndarray) -> tuple[int, np.ndarray]:
    found = [_ID.fullmatch(str(one).strip()) for one in ids]
    tasks = {match[1] for match in found if match}
    places = np.array([int(match[2]) - 1 for match in found if match])
    name = f"matbench_{next(iter(tasks)).replace('-', '_')}"
    n_rows = len(data) + sum(row.reason != _NOT_A_ROW for row in data.set_aside)
    if len(tasks) > 1 or len(np.unique(places)) < len(places) or ROWS.get(name, -1) != n_rows or places.max() >= n_rows:
        raise InputInvalid(
            f"The identifiers, such as {ids[0]}, are not those of the rows of one MatBench task, each once: "
            f"{counted(n_rows, 'row')} of {counted(len(tasks), 'task')}, and {name} has {ROWS.get(name, 0):,}."
        )
    return n_rows, places
