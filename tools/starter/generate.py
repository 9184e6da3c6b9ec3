"""Make the starter dataset: ``python -m tools.starter.generate --out builders/starter``.

Needs the ``starter`` extra and about twenty minutes on two cores. A run that was stopped takes up where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.starter.card import write_card
from tools.starter.compute import compute_all
from tools.starter.dataset import Dataset, assemble, write_table
from tools.starter.decorate import Decoration, list_decorations
from tools.starter.potential import chgnet_version, load_potential
from tools.starter.references import ground_state_energies

TABLE_NAME, CARD_NAME, PARTS_NAME = "starter.parquet", "CARD.md", ".parts"


def choose(decorations: Sequence[Decoration], limit: int | None) -> list[Decoration]:
    """Thin out the compounds evenly to at most ``limit``; the elements stay, because energies count from them.

    Args:
        decorations: all of them, sorted.
        limit: how many compounds at most; None for all.

    Returns:
        The chosen decorations, still sorted.
    """
    compounds = [d for d in decorations if len(d.symbols) > 1]
    if limit is None or limit >= len(compounds):
        return list(decorations)
    step = len(compounds) / max(limit, 1)
    kept = {compounds[int(i * step)] for i in range(limit)}
    return [d for d in decorations if len(d.symbols) == 1 or d in kept]


def _compute_with_progress(decorations: Sequence[Decoration], parts: Path, workers: int) -> list[dict[str, Any]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    rows: list[dict[str, Any]] = []
    with Progress(*columns) as progress:
        task = progress.add_task("crystals", total=len(decorations))
        for chunk in compute_all(decorations, parts, workers=workers):
            rows.extend(chunk)
            progress.advance(task, len(chunk))
    return rows


def generate(out: Path, *, limit: int | None = None, workers: int = 1, seed: int = 0) -> Dataset:
    """Compute the dataset and write its table and card.

    Args:
        out: folder of ``starter.parquet`` and ``CARD.md``; unfinished work is kept in its ``.parts``.
        limit: at most so many compounds.
        workers: processes, one thread each.
        seed: seed of the sampling of decorations.

    Returns:
        The dataset that was written.

    Raises:
        MissingExtra: ``chgnet`` is not installed.
    """
    load_potential()
    parts = out / PARTS_NAME
    decorations = choose(list_decorations(seed=seed), limit)
    results = _compute_with_progress(decorations, parts, workers)
    dataset = assemble(decorations, results, ground_state_energies(parts / "references.json"))
    write_table(dataset, out / TABLE_NAME, chgnet_version=chgnet_version())
    write_card(dataset, out / CARD_NAME, chgnet_version=chgnet_version())
    return dataset


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.starter.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the table and its card")
    parser.add_argument("--limit", type=int, help="at most so many compounds")
    parser.add_argument("--workers", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampling")
    options = parser.parse_args(arguments)
    generate(options.out, limit=options.limit, workers=options.workers, seed=options.seed)


if __name__ == "__main__":
    main()
