"""The verify command: every byte of catalogs and files of vectors is checked, and vectors are made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.printing import as_json_option, print_json, print_line
from embeddings.cli.source_options import snapshot_option, source_options
from embeddings.cli.types import COUNT
from embeddings.display.numbers import agreeing, counted, share_of
from embeddings.errors import CatalogCorrupt, EmbeddingsError
from embeddings.store import locations
from embeddings.store import roots as store
from embeddings.vectors.names import is_vectors, place_of
from embeddings.vectors.rows import check_vectors

if TYPE_CHECKING:
    from builders.embed.agreement import Recomputed

_WORST = 5
"""Rows that are named when vectors are made again."""


@click.command()
@click.argument("name", required=False)
@click.option(
    "--recompute",
    metavar="N",
    type=COUNT,
    help="Also compute vectors again with the encoder, for at most N structures or formulas, and compare.",
)
@click.option("--source", help="With --recompute: source of the structures; see embeddings sources.")
@snapshot_option
@source_options
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
              help="Device that the encoder runs on.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
@click.pass_context
def verify(ctx: click.Context, name: str | None, recompute: int | None, as_json: bool, **options: Any) -> None:
    r"""Check every byte of a catalog, or of all catalogs and the folders that hold them.

    This checks the manifest and its seal, the place of the folder, the size and SHA-256 of each file, and the content:
    every format holds the same rows, names and versions are those of the manifest, and every value is a number. NAME
    may also be a file of vectors that embeddings embed wrote.

    With --recompute, stored vectors are computed again from the structures that they came from, and must agree to a
    cosine of 0.99999. In a catalog of elements, the rarest elements are checked, as many as N structures cover. A
    composition encoder stores no vectors: instead, N of its formulas are encoded by NumPy and by torch, and compared.

    \b
    Example:
      embeddings verify
      embeddings verify starter@0.3.0 --json
      embeddings verify starter --recompute 1000 --source starter
      embeddings verify cromel-multi --recompute 1000
    """
    if recompute is not None:
        _check_recompute(ctx, name, options)
    elif options["source"] or options["snapshot"]:
        raise click.UsageError("Structures are used only to compute vectors again: add --recompute N.")
    if name and is_vectors(name):
        results = [_verified(place_of(name), check_vectors)]
    else:
        folders = [store.resolve(name)] if name else [location.folder for location in locations.locate_all()]
        broken = [] if name else [trouble for trouble in locations.troubles() if trouble.is_damage]
        results = [_verified(folder) for folder in folders] + [_result(each.place, each.reason) for each in broken]
    if recompute is not None and name and results[0]["ok"]:
        results = [_recomputed(name, results[0], recompute, options)]
    _report(results, as_json=as_json, made_again=recompute is not None)


def _check_recompute(ctx: click.Context, name: str | None, options: dict[str, Any]) -> None:
    from embeddings.cli.source_options import check_source, require_builders

    if name is None:
        raise click.UsageError("Name the catalog or the file whose vectors to compute again.")
    if options["source"] or options["snapshot"]:
        check_source(ctx, options)
        require_builders(options["source"])


def _recomputed(name: str, result: dict[str, Any], n: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a check with what came of making vectors again."""
    from embeddings.cli.recompute import run

    found = run(name, n, options)
    worst = list(found.cosines.items())[:_WORST]
    result |= {
        "recomputed": {
            "what": found.what,
            "n_checked": len(found.cosines),
            "n_rows": found.n_rows,
            "n_structures": found.n_structures,
            "n_wrong": len(found.wrong),
            "lowest": dict(worst),
        }
    }
    if found.wrong:
        result |= {"ok": False, "error": f"{name}: {_difference(found, *worst[0])}"}
    return result


def _difference(found: Recomputed, key: str, cosine: float) -> str:
    """Return what is wrong with the vectors that were made again, and what may be behind it."""
    n_wrong, n, most = len(found.wrong), len(found.cosines), f"{key} the most (cosine {cosine:.5f})"
    if found.what == "formulas":
        return (
            f"{share_of(n_wrong, n, 'formula', 'has')} another vector with the network that the recipe describes, "
            f"{most}. The settings in its manifest are not those of its training."
        )
    return (
        f"{n_wrong:,} of {n:,} {found.what} that were made again differ from what is stored, {most}. They come from "
        "another encoder, other settings or other structures."
    )


def _report(results: list[dict[str, Any]], *, as_json: bool, made_again: bool) -> None:
    failed = [result["error"] for result in results if not result["ok"]]
    if as_json:
        print_json(results)
    else:
        for result in results:
            print_line(f"{'ok' if result['ok'] else 'FAILED':<6}  {result['folder']}")
    if failed:
        raise CatalogCorrupt(f"{len(failed)} of {len(results)} failed. {' '.join(failed)}")
    if as_json:
        return
    print_line(f"Intact: {len(results)} of {len(results)}, by manifest, place, SHA-256 of every file, and content.")
    if made_again:
        _report_made_again(results[0]["recomputed"])


def _report_made_again(made: dict[str, Any]) -> None:
    key, cosine = next(iter(made["lowest"].items()))
    n, lowest = f"{made['n_checked']:,} of {made['n_rows']:,}", f"the lowest cosine is {cosine:.8f} ({key})"
    if made["what"] != "formulas":
        print_line(f"Made again: {n} {made['what']} from {counted(made['n_structures'], 'structure')}; {lowest}.")
        return
    print_line(
        f"Computed twice: {n} {agreeing(made['n_rows'], 'formula', 'formulas')}, by NumPy and by torch; {lowest}."
    )
    if made["n_structures"]:
        print_line(
            f"Learned from: the training formulas of these {counted(made['n_structures'], 'structure')}, and no others."
        )
    print_line("Not shown: that these weights came out of the training. The same build again gives the same bytes.")


def _verified(place: Any, check: Callable[[Any], None] = store.verify) -> dict[str, Any]:
    try:
        check(place)
    except EmbeddingsError as error:
        return _result(place, str(error))
    return _result(place, None)


def _result(folder: Path | str, error: str | None) -> dict[str, Any]:
    return {"folder": str(folder), "ok": error is None, "error": error}
