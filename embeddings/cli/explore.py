"""The explore command: catalogs as a page to look at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import echo
from embeddings.cli.types import SEED
from embeddings.loaders import load_uae
from embeddings.store.outputs import Output


@click.command()
@click.argument("names", metavar="NAME [OTHER]", nargs=-1, required=True)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Output, .html; replaced if it is there."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of clusters and maps.")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def explore(names: tuple[str, ...], out: Path, seed: int, show: bool) -> None:
    r"""Write a page to explore a catalog of elements, or two of them side by side.

    The page shows the periodic table, each element's neighbors, maps, similarities and where the catalog comes
    from. It is one file: it works offline and from disk.

    \b
    Example:
      embeddings explore ct-multi -o explorer.html --open
      embeddings explore ct-multi starter -o both.html
    """
    from embeddings.explorer import count_steps, write_page

    if len(names) > 2:
        raise click.UsageError(f"Name one catalog, or two to show side by side, not {len(names)}.")
    guard(Output(out), catalogs=names)
    catalogs = [load_uae(name) for name in names]
    with _progress(count_steps(len(names))) as report:
        write_page(out, catalogs, seed=seed, report=report)
    echo(f"{out}: {' and '.join(names)}, {out.stat().st_size / 1024:,.0f} KB", err=True)
    if show:
        click.launch(str(out.resolve()))


@contextmanager
def _progress(n_steps: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call before each step: it moves a bar on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    with click.progressbar(length=n_steps, label="Explorer", item_show_func=str, file=sys.stderr) as bar:
        yield lambda text: bar.update(1, text)
