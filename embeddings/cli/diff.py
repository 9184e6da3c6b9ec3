"""The diff command: what changed from one version of a catalog to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.types import COUNT
from embeddings.store import roots as store
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from embeddings.analysis import Comparison

_FORMULAS = 1_000
"""Formulas that two encoders are compared on."""


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("-k", default=5, show_default=True, type=COUNT, help="How many neighbors of each row are looked at.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write a page, .html; replaced if it is there.")
@as_json_option
def diff(a: str, b: str, k: int, out: Path | None, as_json: bool) -> None:
    r"""Tell what changed from catalog A to catalog B.

    Told are rows added and lost; how far each vector moved once both are turned into one frame, and who lost neighbors;
    training formulas, targets, accuracies and licenses; and which part of the version number such a change raises. A
    and B are names, name@version or paths, of two catalogs of elements or of two composition encoders. Encoders are
    compared on 1,000 of the formulas that both were trained on.

    \b
    Example:
      embeddings diff ct-ef-eg ct-multi
      embeddings diff ct-ef-eg ct-multi -o diff.html
    """
    from embeddings.display.pages import check_page
    from embeddings.store.folders import write_text

    if out is not None:
        check_page(out, "the comparison")
        guard(Output(out), catalogs=[a, b])
    found = _compare(a, b, k)
    if out is not None:
        write_text(out, found.to_page())
    if as_json:
        print_json(found.to_dict())
    else:
        echo(found.to_text().rstrip("\n"))


def _compare(a: str, b: str, k: int) -> Comparison:
    from embeddings.analysis import compare

    return compare(a, b, k, formulas=_shared_formulas(a, b))


def _shared_formulas(a: str, b: str) -> list[str] | None:
    """Return formulas that two encoders were trained on, evenly spread over all of them; None for other catalogs."""
    from embeddings.store.encoder_files import KIND, read_formulas

    folders = [store.resolve(name) for name in (a, b)]
    if any(store.manifest_of(folder).kind != KIND for folder in folders):
        return None
    both = sorted(set(read_formulas(folders[0])) & set(read_formulas(folders[1])))
    return both[:: max(1, len(both) // _FORMULAS)][:_FORMULAS] if len(both) > 1 else None
