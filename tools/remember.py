"""Give a version of a catalog the training vectors that later builds write: ``python -m tools.remember``.

Example:
    embeddings pull --source table --path mp_structures.parquet --out snapshot
    python -m tools.remember catalogs/ct-multi/3.0.0 --snapshot snapshot --version 3.0.1
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
@one_line_errors()
def main(folder: Path, snapshot: Path, version: str | None) -> None:
    """Write a version once more with the training vectors of its encoder; nothing else of it changes."""
    manifest = read_manifest(folder)
    if version is None and manifest.version in read_released(CATALOGS).get(manifest.name, {}):
        raise InputInvalid(f"{manifest.name}@{manifest.version} is released, and stays as it is. Give --version.")
    limit_threads()
    click.echo(remember(folder, read_snapshot(snapshot), Reporter(), version=version))


if __name__ == "__main__":
    main()
