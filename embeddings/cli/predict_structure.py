"""The predict-structure command: candidate structures for formulas, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import formula_option, read_formulas
from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.source_options import require_builders
from embeddings.display.numbers import counted
from embeddings.errors import builders_needed
from embeddings.store.outputs import Output, check_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from builders.methods.explicit import Candidates

_SHOWN = 20


@click.command("predict-structure")
@click.argument("formulas", nargs=-1)
@click.option("--input", "file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
              help="Table with more formulas: CSV, TSV, Excel, Parquet or JSON Lines.")  # fmt: skip
@formula_option
@click.option("--templates", required=True, type=click.Path(path_type=Path),
              help='Crystals to take structures from: a snapshot, a .parquet table, or "starter".')  # fmt: skip
@click.option(
    "-k", "k", type=click.IntRange(1, 100), default=5, show_default=True, help="Number of candidates for each formula."
)
@click.option(
    "--catalog", default="ct-multi", show_default=True, help="Catalog whose vectors decide which elements are similar."
)
@click.option("--exclude-formulas", type=click.Path(path_type=Path, dir_okay=False),
              help="File of formulas, one per line, that must not serve as templates.")  # fmt: skip
@click.option("--relax", help="Potential that relaxes each candidate: chgnet.  [default: none]")
@click.option("--steps", type=click.IntRange(1, 10_000), default=300, show_default=True,
              help="Most steps of a relaxation; a candidate that needs more is dropped.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.1, 86_400), default=120.0, show_default=True,
              help="Most seconds of a relaxation; a candidate that needs more is dropped.")  # fmt: skip
@click.option("--generator", metavar="MODULE:FACTORY", help="Your own generator of structures, to use as well.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights of the generator; nothing is downloaded.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path),
              help="Output: a .parquet table of structures, or a folder of CIF files with candidates.csv.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a folder of other candidates; nothing else is ever replaced.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
def predict_structure(
    formulas: tuple[str, ...], file: Path | None, formula: str | None, out: Path, *, quiet: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    r"""Propose candidate structures for formulas, from crystals with similar formulas.

    The candidates of a formula have the structures of templates with the same stoichiometry and the most similar
    elements, with volumes scaled to fit. "weight" says how many similar templates agree on the structure, and
    "distance" how far the elements are from those that they replace. A formula is never its own template.

    \b
    Example:
      embeddings predict-structure SrTiO3 --templates starter -o candidates
      embeddings predict-structure --input formulas.csv --templates mp-stable -k 3 -o candidates.parquet
    """
    if formula is not None and file is None:
        raise click.UsageError("--formula names a column of --input. Give --input as well.")
    if not formulas and file is None:
        raise click.UsageError("Give formulas, or a table of them with --input.")
    if options["weights"] is not None and options["generator"] is None:
        raise click.UsageError("--weights goes with --generator.")
    require_builders()
    is_stdin = str(file) == "-"
    _check_places(out, None if is_stdin else file, options)
    wanted = [*formulas, *(read_formulas(file, formula) if file is not None else ())]
    with (
        interrupted_leaves(out),
        progress("predict-structure", lambda: len(wanted), quiet=quiet or is_stdin) as advance,
    ):
        found = _written(wanted, out, advance, **options)
    if as_json:
        print_json(_summary(out, found))
    else:
        _show(out, found)


def _check_places(out: Path, file: Path | None, options: dict[str, Any]) -> None:
    """Refuse an output that cannot be written or would touch an input, before any work."""
    from builders.methods.explicit.writing import check_target, is_table

    output = Output(out, kind="file" if is_table(out) else "folder")
    guard(output, inputs=[file, options["exclude_formulas"], options["weights"]], catalogs=[options["catalog"]])
    check_outputs([output], inputs=[options["templates"]], sealed=_sealed(options["templates"]))
    check_target(out)


def _sealed(templates: Path) -> list[Path]:
    return [templates] if templates.is_dir() else []


def _written(
    formulas: list[Any], out: Path, advance: Callable[[int], None], *, templates: Path, catalog: str,
    exclude_formulas: Path | None, relax: str | None, generator: str | None, weights: Path | None, k: int,
    steps: int, seconds: float, force: bool,
) -> Candidates:  # fmt: skip
    from embeddings.loaders import as_uae

    with builders_needed():
        from builders.methods.explicit import predict_structures, read_templates
        from builders.methods.explicit.drafts import find_generator
        from builders.methods.explicit.relaxing import Limits, find_potential
        from builders.methods.explicit.writing import write_candidates
        from builders.structures.exclusion import read_excluded
    potential = find_potential(relax) if relax else None
    pool = read_templates(templates)
    found = predict_structures(
        formulas, pool, elements=as_uae(catalog), k=k, potential=potential, advance=advance,
        exclude=read_excluded(exclude_formulas).formulas if exclude_formulas else (),
        generators=[find_generator(generator, weights)] if generator else (),
        limits=Limits(steps=steps, seconds=seconds),
    )  # fmt: skip
    write_candidates(out, found, pool.origin, force=force)
    return found


def _summary(out: Path, found: Candidates) -> dict[str, Any]:
    candidates = [one.to_dict() for one in found.about]
    return {"out": str(out), "candidates": candidates, "left_out": found.left_out, "dropped": found.dropped}


def _show(out: Path, found: Candidates) -> None:
    rows = [["candidate", "template", "formula", "distance", "weight", "volume", "energy"]]
    for one in found.about[:_SHOWN]:
        numbers = (f"{value:.3f}" if value == value else "-" for value in (one.distance, one.weight, one.volume_scale))
        energy = f"{one.energy:.3f}" if one.energy == one.energy else "-"
        rows.append([one.material_id, one.template_id or "-", one.template_formula or "-", *numbers, energy])
    print_table(rows)
    if len(found) > _SHOWN:
        echo(f"... and {len(found) - _SHOWN:,} more")
    n_formulas = len({one.formula for one in found.about})
    echo(f"{out}: {counted(len(found), 'candidate')} of {counted(n_formulas, 'formula')}", err=True)
    for reason, n in found.dropped.items():
        echo(f"  dropped: {n:,} {reason}", err=True)
    for formula, reason in list(found.left_out.items())[:_SHOWN]:
        echo(f"  no candidate: {formula}: {reason}", err=True)
    if len(found.left_out) > _SHOWN:
        echo(f"  and {len(found.left_out) - _SHOWN:,} more without a candidate", err=True)
