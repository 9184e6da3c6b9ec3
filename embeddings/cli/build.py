"""The build command: the one place where the light wing calls the builders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings import store
from embeddings.elements import symbol
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.manifest import read_manifest

if TYPE_CHECKING:
    from builders.pipeline import BuildRequest


def _split(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Turn ``a,b`` into a tuple."""
    return None if value is None else tuple(part.strip() for part in value.split(",") if part.strip())


@click.command()
@click.option("--source", required=True, help="Where the structures come from: starter or table.")
@click.option("--path", type=click.Path(path_type=Path), help="File of the source (for table: a Parquet file).")
@click.option("--about", help="Whose data it is: materials-project, or a .json file with licence and citation.")
@click.option("--recipe", default="starter", show_default=True, help="How the catalog is made.")
@click.option("--targets", callback=_split, help="Properties to learn, a,b,...  [default: the recipe's]")
@click.option("--name", help="Name of the catalog.  [default: the recipe's]")
@click.option("--version", help="Its version.  [default: the next one]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Root folder of catalogs to write to.")
@click.option("--elements", callback=_split, help="Only structures made of these, Fe,O,...")
@click.option("--max-sites", type=click.IntRange(min=1), help="Only structures of at most so many atoms.")
@click.option("--limit", type=click.IntRange(min=1), help="Read at most so many structures.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data.  [default: the recipe's]")
@click.option("--seed", type=click.IntRange(min=0), help="Of every random choice.  [default: the recipe's]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--resume/--restart", default=None, help="Insist on an interrupted run, or forget it.")
@click.option("--force", is_flag=True, help="Build again, and replace the version if it exists.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def build(**options: Any) -> None:
    r"""Train embeddings on crystal structures and write them as a versioned catalog.

    The catalog goes to the user's cache, where load_uae and every command find it; --out writes it elsewhere. A
    build that was killed takes up its last checkpoint when the same command is given again, and ends with the
    same result.

    \b
    Example:
      embeddings build --source starter --recipe starter
      embeddings build --source table --path structures.parquet --recipe ct-multi --limit 20000
    """
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    try:
        from builders.pipeline import run
        from builders.progress import Reporter
    except ImportError as error:
        raise MissingExtra.of(error.name or "A package of the builder", "build") from error
    try:
        folder = run(_request(options), Reporter(quiet=quiet))
    except KeyboardInterrupt:
        click.echo("Interrupted. The same command takes the run up where it stood.", err=True)
        raise click.exceptions.Exit(130) from None
    manifest = read_manifest(folder)
    if as_json:
        metrics = {target: vars(metric) for target, metric in manifest.metrics.items()}
        summary = {"name": manifest.name, "version": manifest.version, "path": str(folder), "metrics": metrics}
        click.echo(json.dumps(summary))
        return
    click.echo(f"{manifest.name} {manifest.version}: {manifest.n_rows} elements x {manifest.dim} in {folder}")
    for target, metric in manifest.metrics.items():
        click.echo(
            f"  {target}: MAE {metric.mae:.4g} {metric.unit} on {metric.n} held-out structures "
            f"(predicting the mean: {metric.baseline_mae:.4g})"
        )


def _request(options: dict[str, Any]) -> BuildRequest:
    from builders.cleaning import Selection
    from builders.origins import find_origin
    from builders.pipeline import BuildRequest
    from builders.recipes import find_recipe
    from builders.sources import SourceOptions

    if options["path"] is not None and options["source"] == "starter":
        raise InputInvalid("The source starter is packaged and takes no --path. Use --source table for a file.")
    recipe = find_recipe(options["recipe"])
    elements = options["elements"]
    return BuildRequest(
        source=options["source"],
        recipe=recipe.with_options(targets=options["targets"], epochs=options["epochs"], seed=options["seed"]),
        out=options["out"] or store.user_root(),
        work=store.cache_folder() / "runs",
        options=SourceOptions(options["path"], find_origin(options["about"]) if options["about"] else None),
        selection=Selection(
            elements=None if elements is None else tuple(symbol(element) for element in elements),
            max_sites=options["max_sites"],
            limit=options["limit"],
        ),
        **{key: options[key] for key in ("name", "version", "device", "resume", "force")},
    )
