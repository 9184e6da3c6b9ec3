"""The fit command: a table of measurements in, a model with intervals out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.duration import Duration
from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import (
    formula_option,
    in_context_option,
    read_measurements,
    say_notes,
    table_argument,
    target_option,
)
from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.structures_options import check_ids, crystals_of, structure_options
from embeddings.cli.types import SEED, Finite
from embeddings.display.numbers import counted
from embeddings.store.home import cache_folder
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from embeddings.bench.measurements import Measurements
    from embeddings.bench.model import PropertyModel

CATALOGS = ("ct-multi", "cromel-multi")


@click.command()
@table_argument
@formula_option
@target_option
@click.option("--unit", help="Unit of the target.  [default: the text in brackets in the column's name]")
@click.option(
    "--catalog", "catalogs", multiple=True, default=CATALOGS, show_default=True, help="Catalog or encoder; repeatable."
)
@structure_options
@click.option("--head", "heads", multiple=True,
              help="Kind of model to try, such as ridge or trees; repeatable.  [default: all]")  # fmt: skip
@click.option("--coverage", type=Finite(0, 1, min_open=True, max_open=True), default=0.9, show_default=True,
              help="Share of new formulas whose values the intervals should contain.")  # fmt: skip
@click.option("--budget", type=Duration(), help="Time limit, such as 10m.  [default: none]")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of folds and models.")
@in_context_option
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder of the model.")
@click.option("--force", is_flag=True, help="Replace the model if it exists; nothing else is ever replaced.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
def fit(
    file: Path, catalogs: tuple[str, ...], structures: Path | None, out: Path, *, force: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    r"""Fit the best model to a table of measurements, and save it.

    Features, models and a stack of them are chosen on inner folds; no formula is in both training and test. The model's
    folder has a card that states its error on new formulas. It holds no pickle; predict verifies it, and uses it on any
    machine. A run that is ended early leaves no model; the same command resumes it.

    \b
    Example:
      embeddings fit steels.csv --target yield_strength -o strength-model
      embeddings predict strength-model new.csv -o predicted.csv
    """
    check_ids(options["ids"], structures)
    given = None if str(file) == "-" else file
    work = Output(cache_folder() / "fits", "the folder of unfinished fits", "scratch")
    guard(Output(out, "the model", "folder"), work, inputs=[given, structures], catalogs=catalogs)
    with interrupted_leaves(out, resumes=True):
        model, data = _fitted(file, catalogs, structures, out, force=force, **options)
    _show(model, data, out, as_json=as_json)


def _fitted(
    file: Path, catalogs: tuple[str, ...], structures: Path | None, out: Path, *, force: bool, **options: Any
) -> tuple[PropertyModel, Measurements]:
    """Return the model of a table, saved; the one that is there already if it is of this very fit."""
    from embeddings.bench.folder import check_target, holds_fit
    from embeddings.bench.joining import with_structures
    from embeddings.bench.ledger import fold_ledger
    from embeddings.bench.model import PropertyModel, load_model

    named = {name: options.pop(name) for name in ("formula", "target", "unit", "ids")}
    crystals = crystals_of(structures)
    data = read_measurements(file, knows=None if crystals is None else crystals.knows, **named)
    data = data if crystals is None else with_structures(data, crystals)
    quiet, heads, seed = options.pop("quiet"), options.pop("heads"), options.pop("seed")
    model = PropertyModel(catalogs, random_state=seed, heads=heads or None, structures=crystals, **options)
    fingerprint = model.fingerprint(data)
    if not force and holds_fit(out, fingerprint):
        echo(f"{out} holds the model of this very fit already; it stays as it is.", err=True)
        return load_model(out), data
    check_target(out, force=force)
    with fold_ledger(cache_folder() / "fits", fingerprint) as ledger:
        if ledger and not quiet:
            echo(f"Resuming: {counted(len(ledger), 'prediction')} of inner folds are there already.", err=True)
        with progress("fit", lambda: _n_fits(len(catalogs), heads), quiet=quiet) as advance:
            model.fit_measurements(data, advance=lambda: advance(1), ledger=ledger)
        model.save(out, force=force)
    return model, data


def _n_fits(n_catalogs: int, heads: tuple[str, ...]) -> int:
    from embeddings.bench.learned import expected_fits
    from embeddings.bench.trials import Settings

    return expected_fits(n_catalogs, Settings(heads) if heads else Settings())


def _show(model: PropertyModel, data: Measurements, out: Path, *, as_json: bool) -> None:
    learned = model.learned_
    members = [{"weight": one.weight, **asdict(one.candidate)} for one in learned.members]
    if as_json:
        made = learned.calibration
        print_json(
            {
                "out": str(out),
                "training": asdict(learned.training),
                "error": asdict(learned.estimate),
                "coverage": None if made is None else made.coverage,
                "members": members,
                "set_aside": [asdict(row) for row in data.set_aside],
                "notes": [*data.notes, *_warnings(model, data)],
            }
        )
        return
    say_notes(data)
    for line in _warnings(model, data):
        echo(line, err=True)
    echo(
        f"{out}: a model of {data.target}, {counted(len(data), 'row')}, "
        f"{counted(learned.training.n_formulas, 'formula')}"
    )
    echo(_error(model, data.unit))
    print_table([(f"{one['weight']:.2f}", one["head"], one["treatment"], one["features"]) for one in members], "  ")


def _warnings(model: PropertyModel, data: Measurements) -> Iterator[str]:
    """Yield what makes a model worse than it could be."""
    from embeddings.bench.facts import facts_of
    from embeddings.bench.wording import line_list

    training, facts = model.learned_.training, facts_of(data, model.learned_.maker.catalogs)
    if facts.other_unit:
        yield f"Values off by a factor of about 1,000, perhaps in another unit: {line_list(facts.other_unit)}."
    for name, (symbols, n_rows) in facts.lacking.items():
        where = counted(n_rows, "row")
        yield f"{name} has no vector for {', '.join(symbols)} ({where}): the nearest element stands in."
    if training.n_skipped:
        yield f"The budget left out {counted(training.n_skipped, 'candidate')}."
    if model.learned_.is_baseline:
        why = "There was no time for a model that learns" if training.n_skipped else "No model was better"
        yield f"{why}: the model is the baseline, and predicts the same for every formula."
    elif (found := model.learned_.estimate.metrics).get("mae", 0.0) > found.get("baseline_mae", float("inf")):
        yield "On new formulas its error is larger than that of the median: nothing was learned that holds for them."


def _error(model: PropertyModel, unit: str) -> str:
    """Say how large the error on new formulas is."""
    learned = model.learned_
    found = learned.estimate.metrics
    if learned.training.classes:
        return (
            f"on new formulas: accuracy {found['accuracy']:.3f} (the most frequent class: "
            f"{found['baseline_accuracy']:.3f}), balanced accuracy {found['balanced_accuracy']:.3f}"
        )
    with_unit = f" {unit}" if unit else ""
    error = f"on new formulas: mean absolute error {found['mae']:.4g}{with_unit} (the median: "
    made = learned.calibration
    measured = "" if made is None or made.measured != made.measured else f", {made.measured:.1%} measured"
    return f"{error}{found['baseline_mae']:.4g}), R2 {found['r2']:.3f}; intervals of {model.coverage:.0%}{measured}"
