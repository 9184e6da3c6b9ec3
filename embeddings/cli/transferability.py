"""The transferability command: a ranking of vectors for a set of measurements, the quick look before the bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from embeddings.analysis.transfer import CONTROL, CONTROLS, HEAD, PROPERTIES, Ranking
from embeddings.analysis.transfer import transferability as rank
from embeddings.cli.measurements_options import ColumnName, formula_option, read_measurements, say_notes, table_argument
from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.types import SEED
from embeddings.errors import TargetInvalid
from embeddings.loaders import as_catalog, list_catalogs
from embeddings.pooling.features import is_pooled

if TYPE_CHECKING:
    from embeddings.bench.measurements import Measurements
    from embeddings.pooling.features import Features


@click.command()
@table_argument
@formula_option
@click.option(
    "--target", required=True, type=ColumnName(), help="Column of the measured values: numbers, or two classes."
)
@click.option("--encoder", "names", multiple=True, help="Encoder or catalog; repeatable.  [default: all]")
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(min=2), help="Folds of the cross-validation."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of the folds.")
@as_json_option
def transferability(
    file: Path, formula: str | None, target: str, names: tuple[str, ...], *, folds: int, seed: int, as_json: bool
) -> None:
    r"""Rank encoders and catalogs by how well they suit your measurements.

    FILE is CSV, TSV, Parquet or JSON Lines, plain or as .gz, or .xlsx; - is standard input. A ridge regression on the
    vectors of the formulas is cross-validated; rows with the same reduced formula are averaged, so that no formula is
    in both training and test. "Seen" counts the formulas that the vectors were trained on, and "lacking" the formulas
    with an element that has no vector.

    This is a quick look; `embeddings bench` finds the best model, and judges it.

    \b
    Example:
      embeddings transferability data.csv --target band_gap
    """
    data = read_measurements(file, formula=formula, target=target)
    if len(data.classes) > 2:
        raise TargetInvalid(
            f'"{data.target}" has {len(data.classes)} classes; only numbers and two classes are ranked here. '
            "`embeddings bench` takes more."
        )
    say_notes(data)
    candidates = [as_catalog(name) for name in names or _installed()]
    ranking = rank(data.spelled.tolist(), data.values.tolist(), candidates, n_folds=folds, seed=seed)
    if as_json:
        print_json(asdict(ranking))
    else:
        _show(ranking, data)
        _show_next(ranking, candidates, file, formula, target)


def _installed() -> list[str]:
    """Return what is ranked where nothing is named: all that is installed and is not a control already."""
    return [name for name in list_catalogs() if name not in CONTROLS]


def _show(ranking: Ranking, data: Measurements) -> None:
    unit = f", in {data.unit}" if data.unit else ""
    echo(f"{data.target}{unit}: {ranking.summary()}")
    if data.classes:
        echo(f"{data.classes[0]} is 0, {data.classes[1]} is 1")
    echo(
        f"ridge regression on element vectors pooled by {', '.join(ranking.stats)}; MAE with its spread over the folds"
    )
    n_columns = len(HEAD) if PROPERTIES in ranking.scores else len(HEAD) - 1
    print_table([row[:n_columns] for row in (HEAD, *ranking.rows())])
    for note in ranking.notes:
        echo(note)


def _show_next(ranking: Ranking, candidates: Sequence[Features], file: Path, formula: str | None, target: str) -> None:
    """Print the lines that use what is best, pooled as it was judged."""
    table = f"{quote(str(file))} {f'--formula {quote(formula)} ' if formula else ''}"
    best = next((one for one in candidates if one.name == ranking.winner), None)
    echo("")
    if best is None:
        ahead = next(iter(ranking.scores))
        rival, margin = (PROPERTIES, "") if ahead == PROPERTIES else (CONTROL, " by more than chance may be")
        echo(f"No vectors are better than {rival}{margin}.")
    else:
        options = f"--stats {','.join(ranking.stats)} " if is_pooled(best) else ""
        options += "--missing impute " if ranking.scores[best.name].n_uncovered else ""
        echo(f"Features of {best.name} as they were ranked, in the shell, and with the same model in Python:")
        echo(f"  embeddings featurize {table}--catalog {quote(best.name)} {options}-o features.parquet")
        for line in (*_IMPORTS, _model(ranking, best)):
            echo(f"  {line}")
    echo("The full verdict, with better models and what vectors add to them:")
    echo(f"  embeddings bench {table}--target {quote(target)} -o report.html")


_IMPORTS = (
    "from sklearn.linear_model import RidgeCV",
    "from sklearn.pipeline import make_pipeline",
    "from sklearn.preprocessing import StandardScaler",
    "from embeddings.analysis.probes import ALPHAS",
    "from embeddings.featurizers.sklearn import CompositionFeaturizer",
)


def _model(ranking: Ranking, best: Features) -> str:
    """Return the line of Python that makes the ranked model."""
    stats = f", stats={ranking.stats!r}" if is_pooled(best) else ""
    missing = ", missing='impute'" if ranking.scores[best.name].n_uncovered else ""
    featurizer = f"CompositionFeaturizer({best.name!r}{stats}{missing})"
    return f"model = make_pipeline({featurizer}, StandardScaler(), RidgeCV(ALPHAS))"
