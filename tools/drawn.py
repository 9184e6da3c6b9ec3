"""Draw the crystals that a potential looks at before it teaches: ``python -m tools.drawn``.

Example:
    cd databases
    python -m tools.drawn mp_structures.parquet:8000 aflow.parquet cmr_perovskites.parquet:3000 -o ../drawn.parquet
    embeddings embed ../drawn.parquet --encoder chgnet -o ../chgnet.parquet
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.options import one_line_errors
from builders.structures.table import STRUCTURE_COLUMNS
from embeddings.errors import InputInvalid

MAX_SITES = 60
"""A potential takes as long as atoms are many."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE[:N]...")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File that is made.")
@one_line_errors()
def main(files: tuple[str, ...], seed: int, out: Path) -> None:
    """Write structures of several tables, N of each or all, one table after the other and without their labels."""
    tables = {}
    for text in files:
        name, _, n = text.rpartition(":")
        path, most = (Path(name), int(n)) if name and n.isdecimal() else (Path(text), None)
        if not path.is_file():
            raise InputInvalid(f"No file at {path}. Write FILE, or FILE:N for N of its structures.")
        tables[path] = drawn(path, most, seed)
    pq.write_table(pa.concat_tables(tables.values()), out)
    click.echo(f"{out}: " + ", ".join(f"{len(table):,} of {path.stem}" for path, table in tables.items()))


def drawn(path: Path, most: int | None, seed: int) -> pa.Table:
    """Return structures of a file of at most `MAX_SITES` atoms, in their order.

    Args:
        path: of the file.
        most: so many of them; None for all.
        seed: of the draw.
    """
    table = pq.read_table(path, columns=list(STRUCTURE_COLUMNS))
    rows = np.flatnonzero(pc.list_value_length(table["atomic_numbers"]).to_numpy() <= MAX_SITES)
    if most is not None and most < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return table.take(rows)


if __name__ == "__main__":
    main()
