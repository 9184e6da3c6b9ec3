"""The cache command: how large the user's cache is, and room on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from embeddings.cli.printing import as_json_option, echo, print_json, print_line, print_table
from embeddings.errors import OutputInvalid
from embeddings.store.cache import KINDS, Kept, list_kept, remove_kept
from embeddings.store.home import cache_folder

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@click.command()
@click.option(
    "--clear",
    type=click.Choice([*KINDS, "all"]),
    help="Remove this part of the cache, after asking; all removes everything but catalogs.",
)
@click.option("--yes", is_flag=True, help="Remove without asking.")
@as_json_option
def cache(clear: str | None, yes: bool, as_json: bool) -> None:
    r"""Show the folder and the size of your cache, or clear it.

    The cache has four parts. snapshots holds pulled structures, and files that builds derive from them; all of it can
    be made again. runs holds unfinished builds, embeddings and copies; without it, they start from scratch. fetched
    holds catalogs from registries, which can be fetched again as long as the registry offers them. catalogs holds the
    catalogs that you have built; only --clear catalogs removes them. Files that a running command uses are kept.
    EMBEDDINGS_CACHE moves the cache.

    \b
    Example:
      embeddings cache
      embeddings cache --clear runs
    """
    folder = cache_folder()
    kept = list_kept(folder)
    chosen = [each for each in kept if clear == each.kind or (clear == "all" and each.kind != "catalogs")]
    if clear and not yes and chosen:
        _show_chosen(chosen)
        click.confirm(f"Remove {_sum(chosen)}?", abort=True, err=True)
    busy = remove_kept(folder, chosen) if clear else []
    removed = [each for each in chosen if each not in busy]
    left = [each for each in kept if each not in removed]
    if as_json:
        kinds = {kind: _facts([each for each in left if each.kind == kind]) for kind in KINDS}
        print_json({"folder": str(folder), "kinds": kinds, "removed": [str(each.path) for each in removed]})
    elif clear:
        print_line(f"Removed: {_sum(removed)}.")
    else:
        _show(str(folder), left)
    if busy:
        raise OutputInvalid(
            f"Another process is using {len(busy)} of {len(chosen)} folders, which were kept: "
            f"{', '.join(str(each.path) for each in busy)}. Try again when it has ended."
        )


def _show(folder: str, kept: Sequence[Kept]) -> None:
    print_line(f"{folder}: {_size(sum(each.n_bytes for each in kept))}")
    rows = [(kind, [each for each in kept if each.kind == kind]) for kind in KINDS]
    print_table([(kind, str(len(some)), _size(sum(each.n_bytes for each in some))) for kind, some in rows], indent="  ")


def _show_chosen(chosen: Sequence[Kept]) -> None:
    for each in chosen:
        echo(f"  {each.path}  {_size(each.n_bytes)}", err=True)


def _facts(kept: Sequence[Kept]) -> dict[str, Any]:
    return {"folders": len(kept), "bytes": sum(each.n_bytes for each in kept)}


def _sum(kept: Sequence[Kept]) -> str:
    noun = "folder" if len(kept) == 1 else "folders"
    return f"{len(kept)} {noun}, {_size(sum(each.n_bytes for each in kept))}"


def _size(n_bytes: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    power = min((len(str(n_bytes)) - 1) // 3, len(_UNITS) - 1)
    size = n_bytes / 1000**power
    return f"{size:,.0f} {_UNITS[power]}" if size >= 100 else f"{size:.3g} {_UNITS[power]}"
