"""The explore command: catalogs of elements as a page to look at, and vectors of structures as a map."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from embeddings.cli.guard import guard
from embeddings.cli.printing import echo
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.types import SEED
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.loaders import load_uae
from embeddings.store.outputs import Output
from embeddings.vectors.names import is_vectors, place_of

if TYPE_CHECKING:
    from embeddings.explorer.atlas.folder import Written

_MOST_NEIGHBORS = 100
_OF_ATLAS = ("table", "color", "k", "method", "quiet")


@click.command()
@click.argument("names", metavar="NAME [OTHER]", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path),
              help="Output: for elements, an .html page; for structures, a folder. Replaced if it exists.")  # fmt: skip
@click.option("--columns", "--table", "table", type=click.Path(path_type=Path),
              help="Structures: a .parquet, .csv or .tsv table with material_id and more columns.")  # fmt: skip
@click.option("--color", metavar="COLUMN", help="Structures: the column that colors the map at first.")
@click.option("-k", type=click.IntRange(0, _MOST_NEIGHBORS), default=10, show_default=True,
              help="Structures: number of neighbors stored for each.")  # fmt: skip
@click.option("--method", type=click.Choice(["umap", "pca"]), default="umap", show_default=True,
              help="Structures: method of projection.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of clusters and maps.")
@click.option("--quiet", is_flag=True, help="Structures: show no progress.")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.pass_context
def explore(context: click.Context, names: tuple[str, ...], out: Path, seed: int, show: bool, **options: Any) -> None:
    r"""Write a page for exploring one catalog of elements or two side by side, or a map of a file of structure vectors.

    The page of elements shows the periodic table, each element's neighbors, maps, similarities and where the catalog
    comes from. The map of structures is called an atlas, and is a folder. In its index.html you can color by any
    column, select with a lasso, and see neighbors and links to database entries. Both work offline and from disk.

    \b
    Example:
      embeddings explore ct-multi -o explorer.html --open
      embeddings explore ct-multi starter -o both.html
      embeddings explore vectors.parquet -o atlas/
      embeddings explore vectors.parquet --columns gaps.csv --color gap -o atlas/ --open
    """
    if len(names) > 2:
        raise click.UsageError(f"Name one catalog, or two to show side by side, not {len(names)}.")
    files = [name for name in names if _holds_structures(name)]
    if files and len(names) > 1:
        raise click.UsageError(f"{files[0]} holds structures: a map shows only one file.")
    page = _write_map(files[0], out, seed=seed, **options) if files else _write_page(context, names, out, seed)
    if show:
        click.launch(str(page.resolve()))


def _holds_structures(name: str) -> bool:
    """Whether a name is the path of a file of vectors of structures.

    Raises:
        InputInvalid: a file of vectors of sites, or of something else.
    """
    from embeddings.vectors.file import open_vectors

    if not is_vectors(name):
        return False
    level = open_vectors(place_of(name))[1].level
    if level == "site":
        raise InputInvalid(
            f"{name} holds vectors of sites, but a map shows structures. Make theirs with: embeddings embed --level "
            "structure"
        )
    return level == "structure"


def _write_page(context: click.Context, names: tuple[str, ...], out: Path, seed: int) -> Path:
    """Write the explorer of elements."""
    from embeddings.explorer import count_steps, write_page

    for option in _OF_ATLAS:
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            flag = {"table": "--columns", "k": "-k"}.get(option, f"--{option}")
            raise click.UsageError(f"{flag} goes with a file of structure vectors, not with {' and '.join(names)}.")
    guard(Output(out), catalogs=names)
    catalogs = [load_uae(name) for name in names]
    with _progress(count_steps(len(names))) as report:
        write_page(out, catalogs, seed=seed, report=report)
    echo(f"{out}: {' and '.join(names)}, {out.stat().st_size / 1024:,.0f} KB", err=True)
    return out


def _write_map(name: str, out: Path, *, table: Path | None, color: str | None, quiet: bool, **options: Any) -> Path:
    """Write the atlas of structures."""
    from embeddings.explorer.atlas import write_atlas
    from embeddings.vectors.file import open_vectors

    path = place_of(name)
    guard(Output(out, "the atlas", "folder"), inputs=[path, table])
    bar = None if quiet or not sys.stderr.isatty() else sys.stderr
    n_rows = open_vectors(path)[0].metadata.num_rows
    with interrupted_leaves(out), progress("neighbors", lambda: n_rows, quiet=quiet) as advance:
        written = write_atlas(out, path, table=table, color=color, advance=advance, show=bar, **options)
    _tell(written)
    return written.page


def _tell(written: Written) -> None:
    for note in written.notes:
        echo(f"  {note}", err=True)
    size = f"{counted(written.n_structures, 'structure')}, {written.n_bytes / 1e6:,.0f} MB"
    echo(f"{written.page.parent}: {size}. Open {written.page} in a browser.", err=True)


@contextmanager
def _progress(n_steps: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call before each step: it moves a bar on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    with click.progressbar(length=n_steps, label="Explorer", item_show_func=str, file=sys.stderr) as bar:
        yield lambda text: bar.update(1, text)
