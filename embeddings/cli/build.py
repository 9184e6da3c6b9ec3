"""The build command: from structures to a catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.build_request import FileAndColumn, build_request
from embeddings.cli.printing import echo
from embeddings.cli.progress import interrupted_resumes
from embeddings.cli.source_options import check_source, intake_options, require_builders, split
from embeddings.cli.types import COUNT, SEED, Finite
from embeddings.display.numbers import counted, with_unit
from embeddings.errors import builders_needed
from embeddings.store.cautions import FEW, cautions, held_out
from embeddings.store.index import is_release, precedence
from embeddings.store.locations import locate_all
from embeddings.store.manifest import read_manifest

if TYPE_CHECKING:
    from embeddings.store.manifest import Manifest


def _file_and_column(ctx: click.Context, parameter: click.Parameter, value: str | None) -> FileAndColumn | None:
    """Turn ``FILE`` or ``FILE:COLUMN`` into a path and a name; a file that is there may have a colon in its own."""
    if value is None:
        return None
    path, _, column = value.rpartition(":")
    return (Path(path), column) if path and column and not Path(value).exists() else (Path(value), None)


def _sentence(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return a text on one line; a text of nothing but blanks is refused."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty. Leave it out to have source and targets on the card.")
    return None if value is None else " ".join(value.split())


class _ListsRecipes(click.Command):
    """A command whose help ends with every recipe there is."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from builders.methods import recipes

        with formatter.section("Recipes"):
            formatter.write_dl([(name, recipe.description) for name, recipe in recipes().items()])


@click.command(cls=_ListsRecipes)
@intake_options
@click.option("--recipe", help="Recipe, from the list below.  [default: that of the source; see embeddings sources]")
@click.option(
    "--init",
    help="Fine-tune the crystal network of this catalog instead of training a new one (ct recipes); suits 50 to 5,000 "
    "structures of your own.",
)
@click.option(
    "--tune",
    type=click.Choice(["all", "last", "adapter"]),
    help="With --init: train all weights, the last layer, or a low-rank adapter.  [default: all]",
)
@click.option(
    "--teacher",
    multiple=True,
    metavar="FILE|CATALOG",
    help="File or folder of structure vectors that embed wrote, or a catalog; repeatable. ct recipes also learn "
    "to predict these vectors (files only). cromel and imkt recipes align formulas with them, or with the vectors "
    "that the catalog's network gives.  [default: the recipe's catalog]",
)
@click.option(
    "--corpus",
    metavar="FILE[:COLUMN]",
    callback=_file_and_column,
    help="Table of formulas to learn from without labels (imkt recipes).  [default: the formulas of the source]",
)
@click.option("--targets", callback=split, help="Properties to learn: a,b,...  [default: those of the recipe]")
@click.option(
    "--name", help="Name of the catalog.  [default: that of the recipe; with --init, that of its catalog and -own]"
)
@click.option("--version", help="Version of the catalog.  [default: the next one]")
@click.option(
    "--description", callback=_sentence, help="Description on the catalog's card.  [default: source and targets]"
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Root folder of catalogs to write to.")
@click.option("--epochs", type=COUNT, help="Passes over the data.  [default: that of the recipe]")
@click.option("--batch-size", type=COUNT, help="Most rows in a batch.  [default: that of the recipe]")
@click.option(
    "--learning-rate",
    type=Finite(min=0, max=1, min_open=True),
    help="Highest learning rate, at the end of the warm-up.  [default: that of the recipe]",
)
@click.option("--seed", type=SEED, help="Seed of every random choice.  [default: that of the recipe]")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device for crystal networks, teachers included; composition encoders are small and train on the CPU.",
)
@click.option(
    "--previous",
    help="Earlier version to rotate the new vectors onto, so that models trained on it keep working.",
)
@click.option(
    "--resume/--restart",
    default=None,
    help="Resume an interrupted run, and fail if there is none; or discard it and start again.",
)
@click.option(
    "--allow-lost-elements", is_flag=True, help="Accept that the new version lacks elements that the newest one has."
)
@click.option("--force", is_flag=True, help="Build again, and replace the version if it exists.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
@interrupted_resumes("run")
def build(ctx: click.Context, **options: Any) -> None:
    r"""Train embeddings on crystal structures and write them as a versioned catalog.

    The catalog goes to your cache, where load_uae and every command find it; --out writes it elsewhere. Its version
    number is higher than that of every catalog of the same name that embeddings list shows, so the bare name means the
    new one. If a build is killed, give the same command again: it resumes from the last checkpoint, and ends with the
    same result.

    \b
    Example:
      embeddings build --source starter --recipe starter
      embeddings build --source table --path structures.parquet --recipe ct-multi --limit 20000
      embeddings build --snapshot mp-stable --recipe ct-multi
      embeddings build --snapshot mp-stable --recipe ct-multi --previous ct-multi
      embeddings build --source table --path structures.parquet --recipe ct-multi --teacher vectors.parquet
      embeddings build --init ct-multi --source local --path measured/ --targets band_gap
      embeddings build --source table --path structures.parquet --recipe imkt-multi --corpus formulas.csv
      embeddings build --snapshot mp-stable --recipe imkt-multi --teacher ct-ef-eg --teacher vectors.parquet
    """
    check_source(ctx, options)
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    require_builders(options["source"])
    with builders_needed():
        from builders.learning.workers import is_first
        from builders.pipeline import run
        from builders.progress import Reporter
    reporter = Reporter(quiet=quiet)
    folder = run(build_request(options, reporter), reporter)
    if is_first():
        _show(folder, as_json=as_json)


def _show(folder: Path, *, as_json: bool) -> None:
    manifest = read_manifest(folder)
    warnings = cautions(manifest)
    warnings += [*_advice(manifest), *_displaced(folder, manifest)] if warnings else []
    if as_json:
        metrics = {target: vars(metric) for target, metric in manifest.metrics.items()}
        summary = {"name": manifest.name, "version": manifest.version, "path": str(folder), "metrics": metrics}
        echo(json.dumps(summary | {"warnings": warnings}))
        return
    rows = "elements" if manifest.kind == "element" else "formulas"
    echo(f"{manifest.name} {manifest.version}: {manifest.n_rows} {rows} x {manifest.dim} in {folder}")
    for target, metric in manifest.metrics.items():
        echo(
            f"  {target}: MAE {with_unit(f'{metric.mae:.4g}', metric.unit)} on "
            f"{counted(metric.n, f'held-out {held_out(manifest)[:-1]}')} "
            f"(predicting the mean: {metric.baseline_mae:.4g})"
        )
    for warning in warnings:
        echo(f"Warning: {warning}", err=True)


def _advice(manifest: Manifest) -> list[str]:
    """Return what to do about few held-out structures, where a new network was trained on them."""
    few = any(metric.n < FEW for metric in manifest.metrics.values())
    if not few or manifest.model.name != "crystal-transformer" or "init" in manifest.model.hyperparameters:
        return []
    return ["For few structures, --init ct-multi goes on from a trained network, and holds each of them out in turn."]


def _displaced(folder: Path, manifest: Manifest) -> list[str]:
    """Return a sentence on the version that the bare name meant before, where the new one took its place."""
    there = [one for one in locate_all() if one.name == manifest.name]
    others = [one.version for one in there if one.version != manifest.version and is_release(one.version)]
    if not others or not any(one.is_default and one.folder == folder for one in there):
        return []
    before = f"{manifest.name}@{max(others, key=precedence)}"
    return [
        f'The bare name "{manifest.name}" now means this version. The one before is {before}; --name keeps a build of '
        "your own apart."
    ]
