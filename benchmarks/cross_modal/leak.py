"""The protocol of the released CroMEL script, reproduced on purpose: one generator for all folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.cross_modal.models import scores
from benchmarks.sets import N_FOLDS, TargetSet
from builders.learning.compositions import pack
from builders.learning.encoders import FormulaEncoder
from builders.learning.members import Budget, Lesson, fit_folds
from builders.learning.splits import split_by_formula

BUDGET = Budget(
    epochs=80,
    batch_size=32,
    learning_rate=1e-3,
    encoder_learning_rate=3e-4,
    weight_decay=1e-2,
    dropout=0.1,
)
VALIDATION_FRACTION = 0.02
"""Longer than a careful fit, almost without early stopping: the script always trains for 1,000 epochs."""


def leaky_rows(task: TargetSet, encoder: FormulaEncoder, seen: np.ndarray, seed: int) -> list[dict[str, Any]]:
    """Return the figures of each fold when every fold goes on with the generator of the one before.

    From the second fold on, the tested rows have been trained on; and rows of one formula may be on both sides.
    """
    folds = task.folds(seed, grouped=False)
    compositions = pack(task.formulas.tolist(), encoder.atomic_numbers, missing="impute")
    generator, rows = encoder.generator, []
    for fold in range(N_FOLDS):
        tested = folds == fold
        training = torch.from_numpy(np.flatnonzero(~tested))
        shift, scale = task.values[~tested].mean(), task.values[~tested].std()
        wanted = torch.tensor((task.values - shift) / scale, dtype=torch.float32)[:, None]
        lesson = Lesson(compositions, torch.zeros(len(wanted), 0), wanted)
        known = lesson.take(training)
        inner = split_by_formula(
            task.groups[~tested].tolist(), validation_fraction=VALIDATION_FRACTION, seed=seed + fold
        )
        (member,) = fit_folds(generator, known, [inner], BUDGET, n_outputs=1, seed=seed + fold).members
        generator = member.generator  # the leak
        asked = lesson.take(torch.from_numpy(np.flatnonzero(tested)))
        predicted = member.predict(asked.compositions, asked.columns)[:, 0] * scale + shift
        rows.append({"fold": fold} | scores(task, tested, predicted, seen))
    return rows
