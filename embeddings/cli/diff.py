"""The diff command: what changed from one version of a catalog, or one file of vectors, to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import as_json_option, echo, print_json
from embeddings.cli.types import COUNT
from embeddings.store import roots as store
from embeddings.store.outputs import Output
from embeddings.vectors.names import is_vectors, place_of

if TYPE_CHECKING:
    from embeddings.analysis import Comparison
    from embeddings.analysis.file_changes import FileChanges

_FORMULAS = 1_000
"""Formulas that two encoders are compared on."""


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("-k", default=5, show_default=True, type=COUNT,
              help="Number of neighbors compared for each row; for files, number of rows listed.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write an .html page; replaced if it exists.")
@as_json_option
def diff(a: str, b: str, k: int, out: Path | None, as_json: bool) -> None:
    r"""Report what changed from A to B: two catalogs, or two files or folders of vectors.

    For catalogs, the report covers rows added and lost; how far each vector moved once A is rotated onto B, and which
    rows lost neighbors; training formulas, targets, accuracies and licenses; and which part of the version number must
    rise. A and B are names, name@version or paths of two catalogs of elements or of two composition encoders. Encoders
    are compared on 1,000 of the formulas that both were trained on.

    For files of vectors of structures or sites, the report covers rows that are new or gone, formulas that changed,
    and, if the same encoder made both, how far vectors moved.

    \b
    Example:
      embeddings diff ct-ef-eg ct-multi
      embeddings diff old.parquet new.parquet --json
      embeddings diff ct-ef-eg ct-multi -o diff.html
    """
    from embeddings.analysis import Comparison
    from embeddings.display.pages import check_page
    from embeddings.store.folders import write_text

    files = [name for name in (a, b) if is_vectors(name)]
    if out is not None:
        check_page(out, "the comparison")
        guard(Output(out), inputs=files, catalogs=[name for name in (a, b) if name not in files])
    found = _compare_files(a, b, k) if files else _compare(a, b, k)
    named = {} if isinstance(found, Comparison) else {"n": k}
    if out is not None:
        write_text(out, found.to_page(**named))
    if as_json:
        print_json(found.to_dict())
    else:
        echo(found.to_text(**named).rstrip("\n"))


def _compare_files(a: str, b: str, k: int) -> Comparison | FileChanges:
    from embeddings.analysis import compare
    from embeddings.analysis.file_changes import compare_files
    from embeddings.errors import InputInvalid
    from embeddings.vectors.file import open_vectors

    for one, other in ((a, b), (b, a)):
        if not is_vectors(other):
            raise InputInvalid(
                f"{one} is a file of vectors, and {other} is not. Give two files of vectors, or two catalogs."
            )
    if all(open_vectors(place_of(name))[1].level == "element" for name in (a, b)):
        return compare(a, b, k)
    return compare_files(place_of(a), place_of(b))


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
