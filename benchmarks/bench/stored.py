"""The scores of stored MatBench predictions, computed anew from the data at hand.

A submission to MatBench is a file ``results.json.gz``: task -> fold -> predictions by row, and the scores that were
computed of them (Dunn et al., npj Comput. Mater. 6, 138 (2020), 10.1038/s41524-020-00406-3). Its scorer turns
probabilities into labels before it comes to the "ROC-AUC", which is the balanced accuracy therefore.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks import markdown
from benchmarks.sets import SETS
from embeddings.bench.magnitudes import root_mean_square
from embeddings.bench.scores import area_under_curve, balanced_accuracy
from embeddings.errors import InputInvalid

PREFIX = "matbench_"
DIGITS = 4
NEAR_ZERO = 1e-5
"""Values nearer to zero have no part in relative errors, as in MatBench."""


@dataclass(frozen=True)
class Check:
    """One score of one fold.

    Attributes:
        task: without the prefix ``matbench_``.
        fold: number of the official fold.
        score: name of it, as stored.
        stored: as the file has it.
        computed: anew.
    """

    task: str
    fold: int
    score: str
    stored: float
    computed: float

    @property
    def agrees(self) -> bool:
        """Whether both are the same to four significant digits."""
        return abs(self.computed - self.stored) <= 0.5 * 10.0**-DIGITS * abs(self.stored)


def checks_of(path: Path, data: Path) -> list[Check]:
    """Compute anew all scores of the tasks whose data are at hand.

    Args:
        path: a file of MatBench predictions.
        data: folder of the sets.

    Raises:
        InputInvalid: it is no such file, none of its tasks is at hand, or a fold has other rows than the official one.
    """
    tasks = _tasks(path)
    there = {name: file for name in tasks if (file := _file(data, name))}
    found = [check for name, file in there.items() for check in _of_task(name, tasks[name], file)]
    if not found:
        raise InputInvalid(f"The data in {data} have none of the tasks of {path}: {', '.join(tasks)}.")
    return found


def report(checks: Sequence[Check]) -> str:
    """Return a table of tasks and scores, and how many of the scores agree."""
    cells = [
        [
            task,
            score,
            str(len(of)),
            f"{mean(one.stored for one in of):.6g}",
            f"{mean(one.computed for one in of):.6g}",
            f"{max(abs(one.computed - one.stored) for one in of):.1g}",
        ]
        for task, score in dict.fromkeys((one.task, one.score) for one in checks)
        if (of := [one for one in checks if (one.task, one.score) == (task, score)])
    ]
    columns = ["task", "score", "folds", "stored, mean", "computed, mean", "largest difference"]
    n_agree = sum(one.agrees for one in checks)
    said = f"{n_agree:,} of {len(checks):,} scores agree to {DIGITS} digits."
    return "\n".join([markdown.table(columns, cells), "", said])


def _tasks(path: Path) -> Mapping[str, Any]:
    try:
        content = path.read_bytes()
        tasks = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)["tasks"]
        return {name.removeprefix(PREFIX): task["results"] for name, task in tasks.items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputInvalid(f"{path} is not a results.json.gz of MatBench: {error}") from error


def _file(data: Path, name: str) -> Path | None:
    path = data / SETS[name].path if name in SETS else None
    return path if path and path.is_file() else None


def _of_task(name: str, results: Mapping[str, Any], path: Path) -> Iterator[Check]:
    table = pq.read_table(path, columns=["matbench_id", "target", "fold"])
    ids, folds, targets = (table[column].to_numpy() for column in ("matbench_id", "fold", "target"))
    for label, result in results.items():
        fold, given = int(label.removeprefix("fold_")), result["data"]
        rows = folds == fold
        if set(ids[rows].tolist()) != set(given):
            raise InputInvalid(f"{label} of {name} predicts other rows than those of the official fold.")
        predicted = np.array([given[one] for one in ids[rows]], dtype=np.float64)
        computed = _class_scores if targets.dtype == bool else _number_scores
        for score, value in computed(targets[rows], predicted).items():
            if score in result["scores"]:
                yield Check(name, fold, score, float(result["scores"][score]), value)


def _number_scores(values: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    errors = np.abs(predicted - values)
    return {
        "mae": float(errors.mean()),
        "rmse": root_mean_square(errors),
        "max_error": float(errors.max()),
        "mape": float((errors[there := np.abs(values) > NEAR_ZERO] / np.abs(values[there])).mean()),
    }


def _class_scores(values: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    labels = predicted > 0.5
    both = np.column_stack([~labels, labels]).astype(np.float64)
    n_right = int((labels & values).sum())
    return {
        "accuracy": float((labels == values).mean()),
        "f1": 2 * n_right / int(labels.sum() + values.sum()),
        "balanced_accuracy": balanced_accuracy(both, values),
        "rocauc": area_under_curve(both, values),
    }
