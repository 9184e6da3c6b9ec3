"""Give a version of a catalog what later builds write of its training crystals: ``python -m tools.remember``.

Example:
    embeddings pull --source table --path mp_structures.parquet --about materials-project-open-labels --out snapshot
    python -m tools.remember released/ct-multi/3.0.0 --snapshot snapshot --version 4.0.0 --by-recipe --out catalogs
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.options import one_line_errors
from builders.learning.devices import limit_threads
from builders.progress import Reporter
from builders.remembering import remember
from builders.snapshots.snapshot import read_snapshot
from embeddings.errors import InputInvalid
from embeddings.store.manifest import read_manifest
from embeddings.store.released import read_released

CATALOGS = Path(__file__).parents[1] / "catalogs"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--snapshot", required=True, type=click.Path(file_okay=False, path_type=Path), help="That it was built from."
)
@click.option("--version", help="To write beside it. Without one, the version itself is replaced.")
@click.option("--by-recipe", is_flag=True, help="Publish of a crystal what the recipe does by now.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Root to write into.  [default: the same]"
)
@one_line_errors()
def main(folder: Path, snapshot: Path, version: str | None, by_recipe: bool, out: Path | None) -> None:
    """Write a version once more with its training vectors and the digest of its training structures.

    Nothing else of it changes, unless its recipe publishes more of the same network by now, and --by-recipe is given.
    """
    manifest = read_manifest(folder)
    if version is None and manifest.version in read_released(CATALOGS).get(manifest.name, {}):
        raise InputInvalid(f"{manifest.name}@{manifest.version} is released, and stays as it is. Give --version.")
    limit_threads()
    structures = read_snapshot(snapshot)
    click.echo(remember(folder, structures, Reporter(), version=version, by_recipe=by_recipe, out=out))


if __name__ == "__main__":
    main()
