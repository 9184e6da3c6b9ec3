"""The bench command: a table of measurements in, the best honest model and a word on which vectors help out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.duration import Duration
from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import in_context_option, measurement_options, read_measurements
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.progress import INTERRUPTED
from embeddings.cli.structures_options import check_ids, crystals_of, structure_options
from embeddings.cli.types import SEED
from embeddings.display.numbers import counted
from embeddings.display.pages import check_page
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from embeddings.bench.report import Report


@click.command()
@measurement_options
@structure_options
@click.option("--catalog", "catalogs", multiple=True, metavar="NAME",
              help="Catalog or encoder; repeatable.  [default: ct-multi and cromel-multi, if installed]")  # fmt: skip
@click.option("--split", type=click.Choice(["formula", "system", "element", "time", "given", "matbench"]),
              default="formula", show_default=True,
              help="Split rows by formula, chemical system, element, time, --fold or MatBench's folds.")  # fmt: skip
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 100), help="Outer folds.")
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(1, 100),
              help="Number of times to judge, each with other folds.")  # fmt: skip
@click.option("--budget", default="10m", show_default=True, type=Duration(), help="Time limit: 90s, 10m, 1h.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of folds and models.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="Write an .html page; replaced if it exists.")  # fmt: skip
@in_context_option
@as_json_option
def bench(
    file: Path, *, structures: Path | None, catalogs: tuple[str, ...], split: Any, folds: int, repeats: int,
    budget: float, seed: int, out: Path | None, in_context_weights: Path | None, as_json: bool,
    **columns: str | None,
) -> None:  # fmt: skip
    r"""Find the best honest model for your measurements, and say which vectors help.

    FILE is a table with a column of formulas and a column of measured values; - is standard input. Features, models and
    their mixture are chosen on inner folds only, and judged on rows that had no part in that choice.

    Ctrl-C ends the run early: the report on the finished folds is still written, and the exit code is 130.

    \b
    Example:
      embeddings bench data.csv --target band_gap -o report.html
    """
    if split != "matbench":
        check_ids(columns["ids"], structures)
    if out is not None:
        check_page(out, "the report")
        guard(Output(out, "the report"), inputs=[None if str(file) == "-" else file, structures], catalogs=catalogs)
    try:
        from embeddings.bench import compare
        from embeddings.bench.matbench import is_matbench_id

        crystals = crystals_of(structures)
        by_place = is_matbench_id if split == "matbench" else None
        knows = by_place if crystals is None else crystals.knows
        data = read_measurements(file, knows=knows, **columns)
        with _progress(file, budget) as progress:
            report = compare(
                data, catalogs=catalogs or None, structures=crystals, split=split, n_folds=folds,
                n_repeats=repeats, budget=budget, seed=seed, progress=progress, source=str(file),
                formula_column=columns["formula"] or "", id_column=columns["ids"] or "",
                in_context_weights=in_context_weights,
            )  # fmt: skip
        if report.was_stopped and not report.evidence.contest.folds:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        echo("Interrupted before anything was found out; nothing was written.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    _deliver(report, out, as_json=as_json)
    if report.was_stopped:
        done, planned = len(report.evidence.contest.folds), report.evidence.plan.n_folds
        echo(f"Interrupted: the report holds {done} of {counted(planned, 'fold')}.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)


def _deliver(report: Report, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        report.write_html(out)
    if as_json:
        print_json(report.to_dict())
    else:
        echo(report.text())
    if out is not None:
        echo(f"{out}: the report on {report.evidence.data.target}", err=True)


@contextmanager
def _progress(file: Path, budget: float) -> Iterator[Callable[[str, float], None]]:
    """Yield what moves a progress bar with the time left on stderr, if somebody is looking at it."""
    if not sys.stderr.isatty():
        yield lambda what, share: None
        return
    started = time.monotonic()

    def show(at: tuple[str, float] | None) -> str:
        what, share = at or ("", 0.0)
        spent = time.monotonic() - started
        left = budget - spent if share == 0 else min(budget - spent, spent * (1 - share) / share)
        return f"{what}, {max(0, round(left)):,} s left" if what else ""

    steps = 1_000
    with click.progressbar(length=steps, label=file.name, file=sys.stderr, item_show_func=show, show_eta=False) as bar:
        yield lambda what, share: bar.update(max(0, int(share * steps) - bar.pos), (what, share))
