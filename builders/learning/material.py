"""What a build learns from: crystals that can be used, their targets, and a split by reduced formula."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from builders.learning.scales import check_scales
from builders.learning.splits import split_by_formula
from builders.learning.targets import (
    choose_targets,
    derive_targets,
    faults_in_training,
    labels_of,
    refuse_faults,
    unit_of,
)
from builders.learning.usable import usable_structures
from builders.progress import Reporter
from builders.snapshots.snapshot import Snapshot
from builders.structures.cleaning import drop_unlabelled
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from builders.structures.texts import Texts
from embeddings.display.numbers import counted
from embeddings.errors import SourceError

if TYPE_CHECKING:
    from builders.methods.recipe import Recipe


@dataclass(frozen=True)
class Material:
    """The crystals of a build, ready for training.

    Attributes:
        table: the crystals that are used.
        formulas: their canonical reduced formulas, (n,).
        dropped: reason -> number of crystals left out.
        targets: what is learned.
        training_rows: rows to learn from.
        validation_rows: rows held out.
    """

    table: StructureTable
    formulas: Texts
    dropped: dict[str, int]
    targets: tuple[str, ...]
    training_rows: np.ndarray
    validation_rows: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """(n, n_targets) float64 in the units of the targets, NaN where unknown."""
        return labels_of(self.table, self.targets)

    @property
    def units(self) -> dict[str, str]:
        """Target -> unit."""
        return {target: unit_of(self.table, target) for target in self.targets}

    @property
    def trained_on(self) -> StructureTable:
        """The training crystals alone."""
        return self.table.take(self.training_rows)

    @property
    def training_formulas(self) -> Texts:
        """The canonical reduced formula of each training crystal."""
        return self.formulas.take(self.training_rows)

    def faults(self) -> dict[str, str]:
        """Return target -> why it cannot be learned from the training rows, though it may vary on the others."""
        return faults_in_training(self.labels, self.targets, self.training_rows)


def prepare(snapshot: Snapshot, recipe: Recipe, reporter: Reporter, *, work: Path | None = None) -> Material:
    """Read a snapshot, drop what cannot be used, choose the targets and split by reduced formula.

    Args:
        snapshot: the structures.
        recipe: says which of them are used, and for what.
        reporter: is told what was left out.
        work: folder under which the structures are kept in files, made once, that may be larger than memory; None to
            keep them in memory.

    Raises:
        SourceError: fewer than two formulas are left.
        TargetInvalid: a target that the recipe names cannot be learned.
        OutputInvalid: the files cannot be written.
    """
    table, dropped = usable_structures(snapshot, max_sites=recipe.max_sites, work=work)
    table = derive_targets(table, recipe.targets)
    chosen = choose_targets(table, recipe.targets)
    table.release()
    material = _split(table, chosen, recipe, snapshot.n_received)
    while faults := material.faults():
        learned = tuple(target for target in material.targets if target not in faults)
        if recipe.targets or not learned:
            refuse_faults(faults)
        for fault in faults.values():
            reporter.say(f"Left out: {fault}")
        material = _split(table, learned, recipe, snapshot.n_received)
    material.table.release()
    check_scales(snapshot, material.targets)
    left_out = dict(sum(map(Counter, (snapshot.rejected, dropped, material.dropped)), Counter()))
    reporter.say(
        f"{counted(len(material.training_rows), 'structure')} to train on, {_held_out(material)}"
        + "".join(f"; {n} dropped ({reason})" for reason, n in left_out.items())
    )
    return replace(material, dropped=left_out)


def _split(table: StructureTable, targets: tuple[str, ...], recipe: Recipe, n_received: int) -> Material:
    """Drop what has no label for any target, and split the rest by reduced formula."""
    table, unlabelled = drop_unlabelled(table, targets)
    formulas = Texts.of(map(reduced_formulas_of, table.parts()))
    if formulas.n_distinct < 2:
        raise SourceError(
            f"{counted(n_received, 'structure', 'leaves')} {counted(formulas.n_distinct, 'distinct formula')} to learn "
            "from; at least two are needed, one of them to validate on."
        )
    if len(table) < recipe.folds_below:
        return Material(table, formulas, unlabelled, targets, np.arange(len(table)), np.arange(0))
    training_rows, validation_rows = split_by_formula(
        formulas,
        validation_fraction=recipe.training.validation_fraction,
        seed=recipe.seed_of_split,
        keep_elements=True,
    )
    return Material(table, formulas, unlabelled, targets, training_rows, validation_rows)


def _held_out(material: Material) -> str:
    n = len(material.validation_rows)
    return f"{n} of other formulas to validate" if n else "each of them held out in turn"
