"""Write what a catalog does downstream into its manifest and card, before the version is released.

Example:
    python -m benchmarks.downstream.record catalogs/ct-multi/5.0.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.downstream import SUITE
from benchmarks.harness import Store
from benchmarks.options import one_line_errors
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Downstream, Spread
from embeddings.store.tables import ENCODER, read_catalog, write_catalog
from embeddings.store.training_structures import read_structures
from embeddings.store.training_vectors import read_training_vectors


@click.command(epilog="Example: python -m benchmarks.downstream.record catalogs/ct-multi/5.0.0")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), default=SUITE.results, help="Folder of CASE.json."
)
@one_line_errors()
def main(folder: Path, results: Path) -> None:
    """Write the downstream results of a catalog version into its manifest and card; nothing else of it changes."""
    record(folder, results)


def record(folder: Path, results: Path) -> None:
    """Write the results into the version.

    Raises:
        InputInvalid: no result was measured with this version.
        EmbeddingsError: the version cannot be read or written.
    """
    catalog, encoder = read_catalog(folder), folder / ENCODER
    found = downstream(catalog.name, catalog.version, results)
    if not found:
        raise InputInvalid(f"No result in {results} was measured with {catalog.name}@{catalog.version}.")
    write_catalog(
        folder.resolve().parents[1],
        replace(catalog.manifest.provenance, downstream=found),
        catalog.table,
        encoder=encoder.read_bytes() if encoder.exists() else None,
        structures=read_structures(folder, catalog.manifest),
        training=read_training_vectors(folder, catalog.manifest),
        force=True,
    )


def downstream(name: str, version: str, folder: Path = SUITE.results) -> dict[str, Downstream]:
    """Return case -> errors with and without the vectors, of every back end that they were measured in.

    Args:
        name: of the catalog.
        version: of the catalog.
        folder: of the results.
    """
    found = {}
    for result in Store(folder).read_all(SUITE.names):
        if f"{name}@{version}" in result.get("catalogs", ()):
            for target, rows in _by(result["rows"], "target").items():
                found[f"{result['name']}/{target}"] = _with_and_without(name, rows)
    return found


def _with_and_without(name: str, rows: Sequence[dict[str, Any]]) -> Downstream:
    """The first features are the back end's own."""
    of_features = _by(rows, "features")
    own, *others = of_features
    first = rows[0]
    return Downstream(
        model=first["back_end"],
        target=first["target"],
        n_training=first["n_train"],
        n_seeds=len(of_features[own]),
        own_features=own,
        without=_spread(of_features[own]),
        with_vectors={
            features.removeprefix(f"{name} "): _spread(of_features[features])
            for features in others
            if features.startswith(f"{name} ")
        },
    )


def _by(rows: Sequence[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def _spread(rows: Sequence[dict[str, Any]]) -> Spread:
    errors = [row["mae"] for row in rows]
    return Spread(mean=float(np.mean(errors)), std=float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0)


if __name__ == "__main__":
    main()
