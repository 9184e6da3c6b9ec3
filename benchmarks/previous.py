"""What turning a new version onto an old one is worth to a model that was trained on the old vectors and is kept.

Run it with ``python -m benchmarks.previous OLD NEW --table FILE.parquet --formula COLUMN --target COLUMN``. On each
fold, split by reduced formula, models are trained on mean-pooled vectors of OLD and asked about the test rows pooled
from OLD, from NEW as it is, and from NEW turned onto OLD (`embeddings build --previous`); beside them stand models
trained on NEW, and the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

from benchmarks.options import one_line_errors, texts
from embeddings import featurize, load_uae, reduced_formulas
from embeddings.analysis.alignment import turn_onto
from embeddings.catalog import ElementCatalog

MODELS: dict[str, Callable[[int], Any]] = {
    "ridge": lambda seed: RidgeCV(np.logspace(-6, 2, 9)),
    "forest": lambda seed: RandomForestRegressor(100, random_state=seed),
}


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--table", type=click.Path(path_type=Path, exists=True), required=True, help="Measurements, .parquet.")
@click.option("--formula", default="composition", show_default=True, help="Its column of formulas.")
@click.option("--target", required=True, help="Its column of values.")
@click.option("--models", type=texts, default="ridge,forest", show_default=True, help="Out of these.")
@click.option("--folds", default=5, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the folds and of the forest.")
@one_line_errors()
def main(
    old: str, new: str, table: Path, formula: str, target: str, models: tuple[str, ...], folds: int, seed: int
) -> None:
    """Print mean absolute errors, mean and standard deviation over the folds."""
    rows = pq.read_table(table, columns=[formula, target])
    catalogs = _catalogs(load_uae(old), load_uae(new))
    features, kept = _pooled(catalogs, rows[formula].to_pylist())
    values, groups = rows[target].to_numpy()[kept], np.array(reduced_formulas(rows[formula].to_pylist()))[kept]
    errors: dict[str, list[float]] = {}
    for train, test in GroupKFold(folds, shuffle=True, random_state=seed).split(values, groups=groups):
        _add(errors, "mean of the training rows", values[test], np.full(len(test), values[train].mean()))
        for name, make in ((name, MODELS[name]) for name in models):
            frozen = make(seed).fit(features["old"][train], values[train])
            for kind in ("old", "new as it is", "new, turned"):
                _add(
                    errors,
                    f"{name} trained on old, asked with {kind}",
                    values[test],
                    frozen.predict(features[kind][test]),
                )
            again = make(seed).fit(features["new as it is"][train], values[train])
            _add(errors, f"{name} trained on new", values[test], again.predict(features["new as it is"][test]))
    click.echo(f"{old} -> {new}, {table.name}: {len(values):,} rows, {folds} folds by formula, seed {seed}")
    for name, found in errors.items():
        click.echo(f"{name:<50} {np.mean(found):.4g} +- {np.std(found):.2g}")


def _catalogs(old: ElementCatalog, new: ElementCatalog) -> dict[str, ElementCatalog]:
    shared = [name for name in new.symbols if name in old]
    turn = turn_onto(new.lookup(shared), old.lookup(shared).astype(np.float64))
    turned = replace(new, table=replace(new.table, vectors=new.vectors @ turn))
    return {"old": old, "new as it is": new, "new, turned": turned}


def _pooled(catalogs: dict[str, ElementCatalog], formulas: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return features by catalog, and which rows all of them cover, (n,) bool."""
    found = {
        name: np.asarray(featurize(formulas, catalog, stats=("mean",), missing="nan"))
        for name, catalog in catalogs.items()
    }
    kept = np.all([np.isfinite(part).all(axis=1) for part in found.values()], axis=0)
    return {name: part[kept] for name, part in found.items()}, kept


def _add(errors: dict[str, list[float]], name: str, values: np.ndarray, predicted: np.ndarray) -> None:
    errors.setdefault(name, []).append(float(np.abs(values - predicted).mean()))


if __name__ == "__main__":
    main()
