"""The embed command: from structures to vectors of structures, of their sites, or of elements in context."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from embeddings.cli.engine_options import engine_of_files, engine_options, parse_engine
from embeddings.cli.guard import guard_source
from embeddings.cli.printing import echo
from embeddings.cli.progress import interrupted_resumes
from embeddings.cli.source_options import check_source, intake, intake_options, place_to_path, require_builders
from embeddings.cli.types import COUNT, PathOrUrl
from embeddings.display.numbers import counted
from embeddings.errors import CatalogNotFound, builders_needed
from embeddings.store import roots as store
from embeddings.store.home import cache_folder
from embeddings.store.outputs import Output, check_lasting
from embeddings.store.urls import is_url
from embeddings.vectors.file import DISTANCE
from embeddings.vectors.footer import Level
from embeddings.vectors.numbers import Dtype

if TYPE_CHECKING:
    from builders.embed.job import EmbedRequest
    from embeddings.vectors.footer import Footer


@click.command()
@click.argument("place", metavar="[PATH]", required=False, type=PathOrUrl())
@click.option("--catalog", help="Catalog whose encoder to use.")
@click.option("--encoder", help="Or a third-party potential: chgnet, sevennet.")
@click.option(
    "--level", type=click.Choice(get_args(Level)), default="structure", show_default=True, help="What a row is."
)
@intake_options
@click.option(
    "-o", "--out", required=True, help="Output: a .parquet file or a folder of them, on disk or at s3://, ..."
)
@click.option("--rows-per-file", type=COUNT, help="Most rows in each file of a folder.  [default: 1,000,000]")
@click.option(
    "--dtype",
    type=click.Choice(get_args(Dtype)),
    default="float32",
    show_default=True,
    help="Type of the stored numbers.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
              help="Device that the encoder runs on.")  # fmt: skip
@engine_options
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
@interrupted_resumes("run")
def embed(ctx: click.Context, **options: Any) -> None:
    r"""Encode crystal structures with the network behind a catalog, or a third-party potential.

    A row is a structure, a site of a structure (an atom in its context), or an element (the mean over all of its
    sites). Structures that cannot be encoded are left out, named and counted. load_catalog reads the output. If the run
    is killed, the same command resumes it; the result has the same bytes, with any number of workers.

    If the catalog records where its training structures lie, the column distance_to_training says how far each
    structure is from them. Structures that are farther than 99% of the crystals held out from the training are counted
    as unlike it.

    In an output folder, files and rows are sorted by identifier, and row groups have 128 MB. With float16 and int8, the
    stored numbers are multiplied by a scale that the schema states; readers return float32.

    PATH is short for --path: a file of structures, a folder of them, or Parquet files at s3://, gs:// or hf://. Without
    --source, Parquet files are read by the source table, anything else by local.

    \b
    Example:
      embeddings embed structures.parquet --catalog ct-multi -o vectors.parquet
      embeddings embed --catalog ct-multi --source table --path structures.parquet -o vectors.parquet
      embeddings embed --catalog ct-multi --level site --snapshot mp-stable -o sites.parquet
      embeddings embed s3://bucket/structures/ --catalog ct-multi --dtype int8 -o s3://bucket/vectors/
      embeddings embed --catalog ct-multi --snapshot mp-stable --workers 8 -o vectors.parquet
      embeddings embed structures.parquet --encoder chgnet -o vectors.parquet
      embeddings embed --catalog ct-multi --snapshot mp-stable --engine ray --address auto -o vectors.parquet
    """
    place_to_path(options)
    is_folder = options["out"].endswith(("/", os.sep))
    options["out"] = _place_of(options["out"])
    check_source(ctx, options)
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    folder = _folder_of(options)
    require_builders(options["source"])
    with builders_needed():
        from builders.embed.job import EmbedRequest
        from builders.embed.job import embed as run
        from builders.others import find_potential
        from builders.progress import Reporter
    engine = parse_engine(options)
    work = Output(cache_folder() / "embed", "the folder of unfinished runs", "scratch")
    stated = ("level", "out", "device", "force", "rows_per_file", "dtype")
    request = EmbedRequest(
        folder or find_potential(options["encoder"]),
        engine=engine,
        is_folder=is_folder,
        **intake(options, engine_of_files(options, engine)),
        **{name: options[name] for name in stated},
    )
    guard_source(*_outputs(request), work, options=options, catalogs=[folder] if folder else [])
    footer = run(request, Reporter(quiet=quiet))
    _show(request.out, footer, as_json=as_json)


def _folder_of(options: dict[str, Any]) -> Path | None:
    """Return the folder of the catalog version whose encoder is used; None for a third-party potential."""
    if (options["catalog"] is None) == (options["encoder"] is None):
        raise click.UsageError("Name one encoder: either --catalog NAME or --encoder NAME.")
    if options["catalog"] is None:
        return None
    try:
        folder = store.resolve(options["catalog"])
    except CatalogNotFound as error:
        raise CatalogNotFound(f"{error}{_hint_of_others(options['catalog'])}") from error
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    return folder


def _hint_of_others(asked: str) -> str:
    """Return how to name a third-party potential that was asked for as a catalog; empty for anything else."""
    from builders.others import POTENTIALS

    name = asked.partition("@")[0]
    return f" {name} is a third-party potential: --encoder {name}" if name in POTENTIALS else ""


def _place_of(out: str) -> Path | str:
    """Return where vectors go; an address stays a text."""
    if not is_url(out):
        return Path(out)
    check_lasting(out)
    return out


def _outputs(request: EmbedRequest) -> list[Output]:
    """Return what is written here; what lies behind a URL is no file of this machine."""
    if isinstance(request.out, str):
        return []
    return [Output(request.out, kind="folder" if request.target.is_folder else "file")]


def _show(out: Path | str, footer: Footer, *, as_json: bool) -> None:
    if as_json:
        facts = ("level", "dim", "n_structures", "dropped", "uncovered", "source")
        summary = {"out": str(out), "catalog": footer.encoder} | {name: getattr(footer, name) for name in facts}
        summary["unlike_training"] = None if footer.unlike is None else asdict(footer.unlike)
        echo(json.dumps(summary))
        return
    echo(
        f"{out}: {footer.level} vectors of width {footer.dim} by {footer.encoder}, "
        f"{counted(footer.n_structures, 'structure')} of {footer.source}"
    )
    for reason, n in footer.dropped.items():
        echo(f"  left out: {n:,} {reason}")
    if footer.uncovered:
        named = ", ".join(f"{symbol} in {counted(n, 'structure')}" for symbol, n in footer.uncovered.items())
        echo(f"  elements that the encoder was not trained on: {named}")
    if footer.level != "element":
        echo(f"  {_unlike(footer)}")
    echo(f"  license: {footer.licence.spdx}. {footer.licence.attribution}")


def _unlike(footer: Footer) -> str:
    """Return how many structures are unlike what the encoder was trained on, or that nobody can tell."""
    found = footer.unlike
    if found is None:
        return f"unlike the training: not told, {footer.encoder} does not record where its training structures lie"
    return f"unlike the training: {found.n_structures:,} of {footer.n_structures:,}, {DISTANCE} above {found.bound:.4g}"
