"""The perturb command: copies of structures, moved at random, with what a potential says of each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.engine_options import engine_of_files, engine_options, parse_engine
from embeddings.cli.guard import guard_source
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.progress import interrupted_resumes
from embeddings.cli.source_options import check_source, parse_options, place_to_path, require_builders, source_options
from embeddings.cli.types import SEED, Finite, PathOrUrl
from embeddings.errors import MissingExtra
from embeddings.store import roots as store
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from builders.perturb.writing import Copies

_MOVES = ("strained", "scaled", "shaken", "combined")


@click.command()
@click.argument("place", metavar="[PATH]", required=False, type=PathOrUrl())
@click.option("--potential", default="chgnet", show_default=True, help="Potential of others that is asked.")
@click.option("--copies", "n_copies", type=click.IntRange(1, 1000), default=4, show_default=True,
              help="Of each structure, beside itself.")  # fmt: skip
@click.option("--move", "moves", multiple=True, type=click.Choice(_MOVES), default=_MOVES, show_default=True,
              help="How copies are moved, in turn; may be repeated.")  # fmt: skip
@click.option("--max-strain", type=Finite(0, 0.3, min_open=True), default=0.05, show_default=True,
              help="Each component of a strain lies within plus and minus this.")  # fmt: skip
@click.option("--max-scaling", type=Finite(0, 0.5, min_open=True), default=0.1, show_default=True,
              help="A volume changes by at most this share.")  # fmt: skip
@click.option("--max-shake", type=Finite(0.01, 2, min_open=True), default=0.3, show_default=True,
              help="Atoms are shaken by 0.01 to this, angstrom (root mean square).")  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help="Draws the copies.")
@click.option("--structures-only", is_flag=True,
              help="Keep the structures with their stiffness, and not the copies that told it.")  # fmt: skip
@click.option("--source", help="Where the structures come from; see embeddings sources.")
@click.option("--snapshot", type=click.Path(path_type=Path, file_okay=False), help="Or a folder made by pull.")
@source_options
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Output: a .parquet file.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
              help="Where the potential computes.")  # fmt: skip
@engine_options
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--quiet", is_flag=True, help="No progress.")
@as_json_option
@click.pass_context
@interrupted_resumes("run")
def perturb(ctx: click.Context, *, quiet: bool, as_json: bool, **options: Any) -> None:
    r"""Copy structures, strained, scaled and shaken, and ask a potential about each copy.

    The output is a table of structures like any other, with the energy of each copy above its structure, the forces on
    its atoms, its pressure and its stress, and how stiff the copies say that each structure is. Beside the table of the
    structures in a folder, it is one source for build. Copies keep their formulas, so that a split by formula keeps
    them with their structures.

    What the potential cannot be asked about is left out, named and counted. After a kill, the same command resumes the
    run and ends with the same bytes, whatever the number of workers.

    PATH is short for --path, as for embed.

    \b
    Example:
      embeddings perturb structures.parquet --potential chgnet -o data/copies.parquet
      embeddings perturb my-cifs/ --copies 8 --move shaken --max-shake 0.1 -o copies.parquet
      embeddings perturb structures.parquet --copies 6 --structures-only --workers 8 -o data/stiffness.parquet
      embeddings build --source table --path data --targets band_gap,log10_bulk_stiffness --name pupil
    """
    place_to_path(options)
    check_source(ctx, options)
    require_builders(options["source"])
    try:
        from builders.others import find_answering
        from builders.perturb.job import PerturbRequest
        from builders.perturb.job import perturb as run
        from builders.perturb.moves import Bounds
        from builders.progress import Reporter
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or "A package of the builder", "build") from error
    engine = parse_engine(options)
    about, selection = parse_options(options, engine_of_files(options, engine))
    names = ("out", "n_copies", "moves", "seed", "structures_only", "source", "snapshot", "device", "force")
    request = PerturbRequest(
        find_answering(options["potential"]),
        work=store.cache_folder(),
        bounds=Bounds(options["max_strain"], options["max_scaling"], options["max_shake"]),
        options=about,
        selection=selection,
        engine=engine,
        **{name: options[name] for name in names},
    )
    work = Output(store.cache_folder() / "perturb", "the folder of unfinished runs", "scratch")
    guard_source(Output(request.out, kind="file"), work, options=options)
    copies = run(request, Reporter(quiet=quiet))
    _show(request.out, copies, as_json=as_json)


def _show(out: Path, copies: Copies, *, as_json: bool) -> None:
    if as_json:
        print_json({"out": str(out)} | asdict(copies))
        return
    what = "structures with their stiffness" if copies.structures_only else "structures and copies with answers"
    echo(f"{out}: {copies.n_rows:,} {what}, by {copies.potential}")
    for reason, n in copies.left_out.items():
        echo(f"  left out: {n:,} {reason}")
