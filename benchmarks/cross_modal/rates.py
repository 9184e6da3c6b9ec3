"""How fast, and in which batches, an encoder is best fine-tuned.

Decided on inner folds of the training rows; the tested fold is predicted as well, to show what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.options import numbers, one_line_errors, texts
from benchmarks.sets import TargetSet, read_set
from embeddings.errors import InputInvalid
from embeddings.estimators import CrossModalRegressor
from embeddings.loaders import as_composition_encoder
from embeddings.tuning.fitting import batch_size_for

RATES = (1e-4, 3e-4, 1e-3)


def measured(
    task: TargetSet, encoder: Any, *, fold: int, seed: int, **grid: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield for every choice of parameters: these, the error on inner folds, that on the tested fold, and the epochs.

    Args:
        task: a set of numbers.
        encoder: to start from.
        fold: that is tested.
        seed: of heads, folds and batches.
        grid: values to try, by parameter of `CrossModalRegressor`.
    """
    tested = task.folds(seed) == fold
    for choice in product(*grid.values()):
        options = dict(zip(grid, choice, strict=True))
        model = CrossModalRegressor(encoder, mode="finetuned", missing="impute", random_state=seed, **options)
        model.fit(task.formulas[~tested], task.values[~tested])
        error = np.abs(model.predict(task.formulas[tested]) - task.values[tested]).mean()
        yield *choice, model.parts_["finetuned"], float(error), model.n_epochs_


@click.command(epilog="Example: python -m benchmarks.cross_modal.rates cromel-multi --data DATA --sets steels")
@click.argument("encoder")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Folder.")
@click.option("--sets", type=texts, default="steels,expt_gap", show_default=True, help="Sets of numbers.")
@click.option("--fold", default=0, show_default=True, help="That is tested.")
@click.option("--seed", default=0, show_default=True)
@click.option("--members", default=1, show_default=True, help="Networks that are averaged.")
@click.option("--folds", default=3, show_default=True, help="Inner folds.")
@click.option("--rates", type=numbers(float), default=",".join(map(str, RATES)), show_default=True)
@click.option("--batches", type=numbers(float), default="1", show_default=True, help="Sizes, as a share of the usual.")
@one_line_errors()
def main(
    encoder: str, data: Path, sets: tuple[str, ...], fold: int, seed: int, members: int, folds: int,
    rates: tuple[float, ...], batches: tuple[float, ...],
) -> None:  # fmt: skip
    """Fine-tune ENCODER, a name or a path, at several learning rates and batch sizes."""
    start = as_composition_encoder(encoder)
    for name in sets:
        task = read_set(data, name)
        if task.is_class:
            raise InputInvalid(f"{name} asks for a class. Name sets of numbers.")
        usual = batch_size_for(len(task.values) * 4 // 5)
        grid = {
            "n_members": (members,),
            "n_folds": (folds,),
            "encoder_learning_rate": rates,
            "batch_size": tuple(max(1, round(share * usual)) for share in batches),
        }
        click.echo(f"{name}, fold {fold}, seed {seed}")
        click.echo(f"{', '.join(grid)}: MAE of inner folds, of the tested fold, epochs")
        for *choice, inner, outer, n_epochs in measured(task, start, fold=fold, seed=seed, **grid):
            click.echo(f"{' '.join(map(str, choice))}: {inner:.5g} {outer:.5g} {n_epochs}")


if __name__ == "__main__":
    main()
