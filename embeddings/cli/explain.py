"""The explain command: a saved model and formulas in, what their elements and pairs of them do out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import formula_option, read_formulas
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.types import SEED
from embeddings.display.numbers import counted
from embeddings.display.pages import check_page
from embeddings.errors import InputInvalid
from embeddings.store.outputs import Output, check_outputs

if TYPE_CHECKING:
    from embeddings.explain.report import Explanations

MOST_FORMULAS = 500
"""Formulas of a file that are explained; of more, so many are drawn."""


@click.command()
@click.argument("model", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.argument("formulas", metavar="[FORMULA]...", nargs=-1)
@click.option("--input", "file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
              help="Table with more formulas; - is standard input.")  # fmt: skip
@formula_option
@click.option("--absent", default="background", show_default=True,
              metavar="background|removed|reference[:ELEMENT|mean|nearest]",
              help="What replaces an element that is taken out.")  # fmt: skip
@click.option("--background", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Table of formulas to draw from, ideally the training's.  [default: cromel-multi's]")  # fmt: skip
@click.option("--draws", default=64, show_default=True, type=click.IntRange(1), help="Number of background formulas.")
@click.option("--order", default=2, show_default=True, type=click.IntRange(1, 3),
              help="Explain by elements (1), also by pairs (2), also by triples (3).")  # fmt: skip
@click.option("--index", default="k-sii", show_default=True, type=click.Choice(["k-sii", "fsii"]),
              help="Interaction index: Shapley (k-sii) or faithful Shapley (fsii).")  # fmt: skip
@click.option("--amounts", is_flag=True, help="Also report the effect of 1% more of each element.")
@click.option("--class", "of_class", help="Class whose probability to explain.  [default: the second of two]")
@click.option("--limit", default=MOST_FORMULAS, show_default=True, type=click.IntRange(1),
              help="Most formulas to explain; from a longer table, this many are drawn.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of all draws.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="Write an .html page; replaced if it exists.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
def explain(
    model: Path, formulas: tuple[str, ...], *, file: Path | None, formula: str | None, background: Path | None,
    draws: int, limit: int, seed: int, out: Path | None, quiet: bool, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    r"""Explain a prediction by the elements of its formula, and by pairs of them.

    MODEL_DIR is a model that fit saved. The prediction is divided among the elements (Shapley values) and their pairs
    (interactions). The result depends on what replaces an element that is taken out, so the output names that choice:
    the average over other formulas that are mixed in (background), nothing (removed), or a reference element. With
    several formulas, there is also an overview of elements and pairs.

    \b
    Example:
      embeddings explain gap-model Fe2O3 LaFeAsO -o explained.html
      embeddings explain gap-model --input gaps.csv --background gaps.csv --json
    """
    if out is not None:
        check_page(out, "the explanation")
        guard(Output(out, "the explanation"), inputs=[None if str(file) == "-" else file, background])
        check_outputs([Output(out)], inputs=(), sealed=[model])
    if not formulas and file is None:
        raise click.UsageError("Give formulas, or a table of them with --input.")
    with interrupted_leaves(out or Path("nothing")):
        asked = [*formulas, *([] if file is None else _formulas(file, formula, limit=limit, seed=seed))]
        others = None if background is None else _formulas(background, formula)
        name = "" if background is None else f"formulas of {background.name}"
        found = _explained(
            model, asked, others, quiet=quiet, background_name=name, n_background=draws, seed=seed, **options
        )
        if out is not None:
            found.write_html(out)
    if as_json:
        print_json(found.to_dict())
    else:
        echo(found.text())
    if out is not None:
        echo(f"{out}: {counted(len(found), 'formula')} explained", err=True)


def _explained(
    model: Path, formulas: list[Any], background: list[Any] | None, *, quiet: bool, **options: Any
) -> Explanations:
    from embeddings.bench.model import load_model
    from embeddings.explain.front import explain as explain_formulas

    loaded = load_model(model)
    with progress("explain", lambda: len(formulas), quiet=quiet) as advance:
        return explain_formulas(formulas, loaded, background=background, advance=advance, **options)


def _formulas(file: Path, column: str | None, *, limit: int | None = None, seed: int = 0) -> list[Any]:
    """Return the formulas of a table, each once and as it is written; say how many are drawn.

    Raises:
        InputInvalid: no row can be read.
    """
    import numpy as np

    distinct = list(read_formulas(file, column).values())
    if not distinct:
        raise InputInvalid(f"{file}: no row can be read as a formula.")
    if limit is None or len(distinct) <= limit:
        return distinct
    echo(f"{file}: {limit:,} of {len(distinct):,} formulas are drawn (--limit, seed {seed})", err=True)
    rows = np.sort(np.random.default_rng(seed).permutation(len(distinct))[:limit])
    return [distinct[row] for row in rows.tolist()]
