"""The build command: from structures to a catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.guard import guard_source
from embeddings.cli.printing import echo
from embeddings.cli.progress import interrupted_resumes
from embeddings.cli.source_options import check_source, intake, require_builders, source_options, split
from embeddings.cli.types import COUNT, SEED, Finite
from embeddings.display.numbers import counted, with_unit
from embeddings.errors import InputInvalid, builders_needed
from embeddings.store import roots as store
from embeddings.store.cautions import FEW, cautions, held_out
from embeddings.store.index import INDEX, is_release, precedence
from embeddings.store.locations import locate_all
from embeddings.store.manifest import read_manifest
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from builders.learning.corpus import Corpus
    from builders.methods.recipe import Recipe
    from builders.pipeline import BuildRequest
    from builders.progress import Reporter
    from embeddings.store.manifest import Manifest

OWN = "-own"
"""Ends the name of a catalog that goes on from another, unless it is given one."""

FileAndColumn = tuple[Path, str | None]


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
@click.option("--source", help="Source of the structures; see embeddings sources.")
@click.option(
    "--snapshot", type=click.Path(path_type=Path, file_okay=False), help="Or a snapshot: a folder that pull wrote."
)
@source_options
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
        import_module("builders.pipeline")
        from builders.learning.workers import is_first
        from builders.progress import Reporter
    folder = _run(options, Reporter(quiet=quiet))
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


def _run(options: dict[str, Any], reporter: Reporter) -> Path:
    """Build what the recipe makes and return the folder of its version."""
    from builders import pipeline
    from builders.methods import find_recipe, going_on, taught
    from builders.snapshots.snapshot import read_snapshot
    from builders.sources import default_recipe

    guard_source(*_shared_outputs(options), options=options)
    source = read_snapshot(options["snapshot"]).source if options["snapshot"] else options["source"]
    recipe = find_recipe(options["recipe"] or default_recipe(source))
    init = _init(options, recipe)
    began = store.manifest_of(init) if init else None
    recipe = (going_on(recipe, options["tune"] or "all", began) if began else recipe).with_options(
        **{name: options[name] for name in ("targets", "seed", "epochs", "batch_size", "learning_rate")}
    )
    catalogs, teachers = _named(options["teacher"])
    teacher = _teacher(catalogs, recipe, beside=bool(teachers))
    recipe = taught(recipe) if teachers else recipe
    outputs = [*_shared_outputs(options), *_own_output(options, options["name"] or recipe.name)]
    previous = _previous(options["previous"])
    read = [*(options["corpus"][:1] if options["corpus"] else ()), *(one for one in teachers if isinstance(one, Path))]
    taught_by = [folder for folder in (teacher, previous, init) if folder]
    guard_source(*outputs, options=options, inputs=read, catalogs=taught_by)
    corpus = _corpus(options["corpus"], recipe, reporter)
    request = _request(options, recipe, teacher, previous, corpus, init)
    return pipeline.run(replace(request, teachers=teachers), reporter)


def _previous(name: str | None) -> Path | None:
    """Return the folder of the version that the vectors are turned onto, or None where there is none."""
    if name is None:
        return None
    folder = store.resolve(name)
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    return folder


def _init(options: dict[str, Any], recipe: Recipe) -> Path | None:
    """Return the folder of the version whose network goes on learning, or None; the result gets a name of its own."""
    name = options["init"]
    if name is None:
        if options["tune"]:
            raise InputInvalid(
                "--tune goes with --init, whose network it fine-tunes. Give --init, or leave --tune out."
            )
        return None
    folder = store.resolve(name)
    began = store.manifest_of(folder).name
    options["name"] = options["name"] or f"{began.removesuffix(OWN)}{OWN}"
    return folder


def _named(names: tuple[str, ...]) -> tuple[list[str], tuple[Path | str, ...]]:
    """Return the catalogs among the teachers, and the files and folders of vectors."""
    from embeddings.vectors.names import is_vectors, place_of

    catalogs = [name for name in names if not is_vectors(name)]
    return catalogs, tuple(place_of(name) for name in names if is_vectors(name))


def _teacher(catalogs: list[str], recipe: Recipe, *, beside: bool) -> Path | None:
    """Return the folder of the catalog that teaches, or None where none does; beside files, the recipe's does not."""
    if recipe.wanted_teacher is None:
        if catalogs and beside:
            raise InputInvalid(f'{catalogs[0]} is not a file of vectors, and only these can teach "{recipe.name}".')
        if catalogs:
            raise InputInvalid(
                f'The recipe "{recipe.name}" takes no teacher such as {catalogs[0]}: it learns from files of structure '
                "vectors, such as vectors.parquet, which embeddings embed makes. Name one, or leave --teacher out."
            )
        return None
    if len(catalogs) > 1:
        raise InputInvalid(
            f"{catalogs[0]} and {catalogs[1]} are two catalogs, but only one can teach. Write the vectors of the "
            f"other to a file, and name that: embeddings embed --catalog {catalogs[1]} -o vectors.parquet"
        )
    if beside and not catalogs:
        return None
    folder = store.resolve(catalogs[0] if catalogs else recipe.wanted_teacher)
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    return folder


def _corpus(place: FileAndColumn | None, recipe: Recipe, reporter: Reporter) -> Corpus | None:
    """Return the formulas that are read without labels, or None for those of the source."""
    if place is None:
        return None
    if not recipe.takes_corpus:
        raise InputInvalid(f'The recipe "{recipe.name}" reads no corpus. Leave --corpus out.')
    from builders.learning.corpus import read_corpus

    corpus = read_corpus(*place)
    if corpus.n_unreadable:
        reporter.say(
            f"Left out of the corpus: {counted(corpus.n_unreadable, 'row')} of {corpus.file} without a formula."
        )
    return corpus


def _shared_outputs(options: dict[str, Any]) -> Iterator[Output]:
    """Yield what every build writes: the index, and the folder of unfinished runs."""
    yield Output((options["out"] or store.user_root()) / INDEX, "the index of catalogs", "scratch")
    yield Output(store.cache_folder() / "runs", "the folder of unfinished runs", "scratch")


def _own_output(options: dict[str, Any], name: str) -> Iterator[Output]:
    """Yield the version that a build writes, where its number is known."""
    if options["version"]:
        root = options["out"] or store.user_root()
        yield Output(root / name / options["version"], "the catalog", "folder")


def _request(
    options: dict[str, Any],
    recipe: Recipe,
    teacher: Path | None,
    previous: Path | None,
    corpus: Corpus | None,
    init: Path | None,
) -> BuildRequest:
    from builders.pipeline import BuildRequest

    stated = ("name", "version", "description", "device", "resume", "force", "allow_lost_elements")
    return BuildRequest(
        recipe=recipe,
        teacher=teacher,
        previous=previous,
        init=init,
        corpus=corpus,
        out=options["out"] or store.user_root(),
        roots=tuple(store.search_roots()),
        **intake(options),
        **{name: options[name] for name in stated},
    )
