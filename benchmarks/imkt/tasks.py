"""The tasks: what is learned, who is tested when, and what others have published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.imkt.jarvis import JARVIS
from benchmarks.options import check_there
from benchmarks.sets import N_FOLDS, PUBLISHED, SETS, TargetSet, read_set
from embeddings.errors import InputInvalid

Family = Literal["jarvis", "mp", "sets"]

COMPOSITIONS = "compositions"
JARVIS_FILE, MP_FILE = "jarvis_crossproperty.parquet", "matbench_mp_tasks.parquet"

NEVER = -1
"""Fold of rows that are trained on and never tested."""

SCRATCH, TRANSFER, CRABNET = "best from scratch", "best transfer", "CrabNet"


@dataclass(frozen=True)
class About:
    """What a task is.

    Attributes:
        family: whose table it stands in.
        metric: what is reported, with its unit.
        published: who -> mean absolute error on the same test rows, or folds, of the whole file.
        by_fold: mean absolute error of CrabNet in each tested fold; empty if that is not known.
        remark: what is odd about it.
    """

    family: Family
    metric: str
    published: Mapping[str, float] = field(default_factory=dict)
    by_fold: tuple[float, ...] = ()
    remark: str = ""


CRABNET_FOLDS: dict[str, tuple[float, ...]] = {
    "steels": (116.224, 88.0919, 108.123, 137.490, 86.6503),
    "jdft2d": (36.0753, 45.8800, 67.1110, 31.6798, 47.3058),
    "phonons": (60.8044, 58.1439, 60.2413, 47.7603, 48.6072),
    "expt_gap": (0.34759, 0.34342, 0.34726, 0.33286, 0.36019),
    "dielectric": (0.21470, 0.30477, 0.43757, 0.34024, 0.31948),
    "log_kvrh": (0.07475, 0.07803, 0.06979, 0.07931, 0.07728),
    "log_gvrh": (0.09937, 0.09936, 0.10199, 0.10337, 0.10308),
    "perovskites": (0.40797, 0.41600, 0.40338, 0.40961, 0.39533),
    "mp_e_form": (0.08529,),
    "mp_gap": (0.26531,),
}
"""Mean absolute error of CrabNet v1.2.1 in each official fold, from its submission to MatBench v0.1
(``benchmarks/matbench_v0.1_CrabNet_v1.2.1/results.json.gz``); of the two large tasks that of fold 0,
which is tested."""


def _of_jarvis(name: str) -> About:
    one = JARVIS[name]
    published = {SCRATCH: one.scratch, TRANSFER: one.transfer}
    return About("jarvis", f"MAE, {one.unit}".removesuffix(", "), published, remark=one.remark)


def _of_mp(metric: str, crabnet: float, name: str) -> About:
    return About("mp", metric, {f"{CRABNET}, five folds": crabnet}, CRABNET_FOLDS[name])


def _of_set(name: str) -> About:
    known = PUBLISHED.get(name, {})
    published = {who: known[who] for who in (CRABNET, "best from composition") if who in known}
    return About("sets", SETS[name].metric, published, CRABNET_FOLDS.get(name, ()))


TASKS: dict[str, About] = {
    **{name: _of_jarvis(name) for name in JARVIS},
    "mp_e_form": _of_mp("MAE, eV/atom", 0.0862, "mp_e_form"),
    "mp_gap": _of_mp("MAE, eV", 0.2655, "mp_gap"),
    **{name: _of_set(name) for name, about in SETS.items() if not about.is_class},
}
"""Every task by name, in the order in which they are measured."""


def read_task(folder: Path, name: str) -> TargetSet:
    """Read a task; the folds say when a row is tested, `NEVER` that it is trained on alone.

    Raises:
        InputInvalid: its file is not there, or has no rows of it.
    """
    family = TASKS[name].family
    if family == "sets":
        return read_set(folder, name)
    if family == "jarvis":
        table = _rows(folder, JARVIS_FILE, "property", name)
        folds = np.where(table["split"].to_numpy() == "test", 0, NEVER)
        return TargetSet(name, table["formula"].to_numpy(), table["value"].to_numpy(), folds)
    table = _rows(folder, MP_FILE, "task", name)
    folds = np.where(table["fold"].to_numpy() == 0, 0, NEVER)
    return TargetSet(name, table["formula"].to_numpy(), table["target"].to_numpy(), folds)


def quick_task(name: str) -> TargetSet:
    """Return a made-up task under the name of a real one, split as that is."""
    from benchmarks.bench.problem import quick_set

    made = quick_set("efe", 40)
    folds = np.arange(len(made)) % N_FOLDS
    if TASKS[name].family != "sets":
        folds = np.where(folds == 0, 0, NEVER)
    return TargetSet(name, made.formulas, made.values, folds)


def folds_tested(task: TargetSet) -> tuple[int, ...]:
    """Return the numbers of the folds that are tested."""
    return tuple(range(N_FOLDS)) if task.official is None else tuple(np.unique(task.official[task.official >= 0]))


def formulas_tested(task: TargetSet) -> list[str]:
    """Return the canonical reduced formulas of the rows that are tested, sorted, each once."""
    rows = slice(None) if task.official is None else task.official >= 0
    return np.unique(task.groups[rows]).tolist()


def _rows(folder: Path, file: str, column: str, name: str) -> pa.Table:
    path = folder / COMPOSITIONS / file
    check_there(path)
    table = pq.read_table(path, filters=[(column, "=", name)])
    if not table.num_rows:
        raise InputInvalid(f'{path} has no rows whose {column} is "{name}".')
    return table
