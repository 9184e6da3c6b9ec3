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
from embeddings.cli.source_options import check_source, intake, intake_options, place_to_path, require_builders
from embeddings.cli.types import SEED, Finite, PathOrUrl
from embeddings.errors import builders_needed
from embeddings.store.home import cache_folder
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from builders.perturb.writing import Copies

_MOVES = ("strained", "scaled", "shaken", "combined")


@click.command()
@click.argument("place", metavar="[PATH]", required=False, type=PathOrUrl())
@click.option(
    "--potential", default="chgnet", show_default=True, help="Third-party potential that computes the labels."
)
@click.option("--copies", "n_copies", type=click.IntRange(1, 1000), default=4, show_default=True,
              help="Number of copies of each structure.")  # fmt: skip
@click.option("--move", "moves", multiple=True, type=click.Choice(_MOVES), default=_MOVES, show_default=True,
              help="How the copies are moved, in turn; repeatable.")  # fmt: skip
@click.option("--max-strain", type=Finite(0, 0.3, min_open=True), default=0.05, show_default=True,
              help="Largest absolute value of a strain component.")  # fmt: skip
@click.option("--max-scaling", type=Finite(0, 0.5, min_open=True), default=0.1, show_default=True,
              help="Largest relative change of a volume.")  # fmt: skip
@click.option("--max-shake", type=Finite(0.01, 2, min_open=True), default=0.3, show_default=True,
              help="Largest displacement, root mean square in angstrom (smallest: 0.01).")  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the copies.")
@click.option("--structures-only", is_flag=True,
              help="Write the structures with their stiffness, but not the copies.")  # fmt: skip
@intake_options
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Output: a .parquet file.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
              help="Device that the potential runs on.")  # fmt: skip
@engine_options
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
@click.pass_context
@interrupted_resumes("run")
def perturb(ctx: click.Context, *, quiet: bool, as_json: bool, **options: Any) -> None:
    r"""Make strained, scaled and shaken copies of structures, and label each copy with a potential.

    The output is a table of structures. For each copy, it gives the energy above the original structure, the forces on
    the atoms, the pressure and the stress; for each structure, the stiffness estimated from its copies. Put it in one
    folder with the table of the original structures, and build can read both as one source. Copies keep their formulas,
    so a split by formula keeps them with their structures.

    Structures that the potential cannot handle are left out, named and counted. If the run is killed, the same command
    resumes it; the result has the same bytes, with any number of workers.

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
    with builders_needed():
        from builders.others import find_answering
        from builders.perturb.job import PerturbRequest
        from builders.perturb.job import perturb as run
        from builders.perturb.moves import Bounds
        from builders.progress import Reporter
    engine = parse_engine(options)
    stated = ("out", "n_copies", "moves", "seed", "structures_only", "device", "force")
    request = PerturbRequest(
        find_answering(options["potential"]),
        bounds=Bounds(options["max_strain"], options["max_scaling"], options["max_shake"]),
        engine=engine,
        **intake(options, engine_of_files(options, engine)),
        **{name: options[name] for name in stated},
    )
    work = Output(cache_folder() / "perturb", "the folder of unfinished runs", "scratch")
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
