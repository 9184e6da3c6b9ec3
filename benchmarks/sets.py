"""The properties of formulas that encoders, statistics and the bench are measured on, and who is tested when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq

from benchmarks.options import check_there
from embeddings.formula import reduced_formulas
from embeddings.formula.bulk import read_column

Kind = Literal["experiment", "calculation"]
AUC = "ROC-AUC"
"""Of classes; their balanced accuracy is reported as well, since MatBench's leaderboard has nothing else."""

N_FOLDS = 5
SMALL, LARGE = 2000, 10_000
"""Numbers of rows: below the first, three seeds are measured; above the second, models are lighter."""


@dataclass(frozen=True)
class About:
    """Where a set lies and what it is.

    Attributes:
        path: below the folder of the data.
        metric: what is reported first, with its unit.
        kind: measured or calculated.
    """

    path: str
    metric: str
    kind: Kind

    @property
    def is_class(self) -> bool:
        """Whether a class is asked for."""
        return self.metric == AUC


SETS: dict[str, About] = {
    "efe": About("experimental/formation_enthalpy_efe.parquet", "MAE, eV/atom", "experiment"),
    "steels": About("matbench/matbench_steels.parquet", "MAE, MPa", "experiment"),
    "thermal_conductivity": About("experimental/thermal_conductivity_citrine.parquet", "MAE, W/(m K)", "experiment"),
    "jdft2d": About("matbench/matbench_jdft2d.parquet", "MAE, meV/atom", "calculation"),
    "phonons": About("matbench/matbench_phonons.parquet", "MAE, 1/cm", "calculation"),
    "expt_gap": About("matbench/matbench_expt_gap.parquet", "MAE, eV", "experiment"),
    "expt_is_metal": About("matbench/matbench_expt_is_metal.parquet", AUC, "experiment"),
    "glass": About("matbench/matbench_glass.parquet", AUC, "experiment"),
    "dielectric": About("matbench/matbench_dielectric.parquet", "MAE", "calculation"),
    "log_kvrh": About("matbench/matbench_log_kvrh.parquet", "MAE, log10(GPa)", "calculation"),
    "log_gvrh": About("matbench/matbench_log_gvrh.parquet", "MAE, log10(GPa)", "calculation"),
    "superconductor_tc": About("experimental/superconductor_tc_supercon.parquet", "MAE, K", "experiment"),
    "perovskites": About("matbench/matbench_perovskites.parquet", "MAE, eV/cell", "calculation"),
}
"""Every set, in the order in which they are measured."""

FOREST, SEEING_FOREST = "random forest, magpie", "random forest, magpie and structures"
"""The leaderboard's forest; where a task has structures, it sees features of them as well."""

PUBLISHED: dict[str, dict[str, float]] = {
    "steels": {"CrabNet": 107.32, "best from composition": 79.95, FOREST: 103.51},
    "expt_gap": {"CrabNet": 0.3463, "best from composition": 0.3310, FOREST: 0.4461},
    "expt_is_metal": {"best from composition": 0.9209, FOREST: 0.9167},
    "glass": {"best from composition": 0.9603, FOREST: 0.8587},
    "phonons": {"CrabNet": 55.11, "best from composition": 46.58, SEEING_FOREST: 67.61},
    "dielectric": {"CrabNet": 0.3234, "best from composition": 0.3204, SEEING_FOREST: 0.4196},
    "jdft2d": {"CrabNet": 45.61, "best from composition": 45.61, SEEING_FOREST: 50.04},
    "log_gvrh": {"CrabNet": 0.1014, "best from composition": 0.0996, SEEING_FOREST: 0.1040},
    "log_kvrh": {"CrabNet": 0.0758, "best from composition": 0.0758, SEEING_FOREST: 0.0820},
    "perovskites": {"CrabNet": 0.4065, "best from composition": 0.4065, SEEING_FOREST: 0.2355},
}
"""The leaderboard of MatBench v0.1 on the official folds (Dunn et al., 10.1038/s41524-020-00406-3), as of January 2024.

Of classes it gives the balanced accuracy of hard labels, under the name of ROC-AUC. A large language model whose
pretraining may have held the tested rows is left out (expt_gap 0.2865, expt_is_metal 0.9598)."""

OPEN: dict[str, dict[str, float]] = {
    "expt_gap": {"open pull request #364": 0.2775},
    "steels": {"open pull request #360": 91.20},
    "glass": {"open pull request #363": 0.8658},
}
"""What was handed in at the repository of MatBench and is not merged, so that nobody has checked it; as `PUBLISHED`."""


@dataclass(frozen=True, eq=False)
class TargetSet:
    """One property of many formulas.

    Attributes:
        name: a key of `SETS`.
        formulas: (n,) as the file spells them.
        values: (n,) float64, or bool where a class is asked for.
        official: (n,) the official fold of each row; None if there is none.
        n_unreadable: rows that were left out because their formulas cannot be read.
    """

    name: str
    formulas: np.ndarray
    values: np.ndarray
    official: np.ndarray | None
    n_unreadable: int = 0

    @cached_property
    def groups(self) -> np.ndarray:
        """(n,) canonical reduced formulas."""
        return np.array(reduced_formulas(self.formulas.tolist()))

    @property
    def is_class(self) -> bool:
        """Whether a class is asked for."""
        return self.values.dtype == bool

    @property
    def seeds(self) -> tuple[int, ...]:
        """Three seeds where that is affordable."""
        return (0, 1, 2) if len(self.values) < SMALL else (0,)

    def folds(self, seed: int, *, grouped: bool = True) -> np.ndarray:
        """Return the fold in which each row is tested, (n,): the official one, or one that is drawn.

        Args:
            seed: draws the folds.
            grouped: whether all rows of one canonical formula share a fold.
        """
        if self.official is not None:
            return self.official
        units = self.groups if grouped else np.arange(len(self.values))
        distinct, unit_of_row = np.unique(units, return_inverse=True)
        return (np.random.default_rng(seed).permutation(len(distinct)) % N_FOLDS)[unit_of_row]


def read_set(folder: Path, name: str) -> TargetSet:
    """Read a set.

    Raises:
        InputInvalid: its file is not there.
    """
    path = folder / SETS[name].path
    check_there(path)
    table = pq.read_table(path)
    read = read_column(table["composition"])
    table = table.filter(readable := ~np.isin(read.codes, list(read.invalid)))
    official = table["fold"].to_numpy() if "fold" in table.column_names else None
    n_unreadable = int((~readable).sum())
    return TargetSet(name, table["composition"].to_numpy(), table["target"].to_numpy(), official, n_unreadable)
