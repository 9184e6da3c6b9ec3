"""The protocol of the released CroMEL script, reproduced on purpose: one generator for all folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.cross_modal.models import scores
from benchmarks.cross_modal.sets import N_FOLDS, TargetSet
from builders.methods.cromel.encoder import FormulaEncoder
from builders.methods.cromel.members import Budget, fit_member
from builders.methods.cromel.packing import pack

BUDGET = Budget(
    epochs=80,
    batch_size=32,
    learning_rate=1e-3,
    encoder_learning_rate=3e-4,
    weight_decay=1e-2,
    dropout=0.1,
    validation_fraction=0.02,
)
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
        wanted = torch.tensor((task.values[~tested] - shift) / scale, dtype=torch.float32)[:, None]
        member = fit_member(
            generator, compositions.take(training), wanted, task.groups[~tested], BUDGET, n_outputs=1, seed=seed + fold
        )
        generator = member.generator  # the leak
        predicted = member.predict(compositions.take(torch.from_numpy(np.flatnonzero(tested))))[:, 0] * scale + shift
        rows.append({"fold": fold} | scores(task, tested, predicted, seen))
    return rows
