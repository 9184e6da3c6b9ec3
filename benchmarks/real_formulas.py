"""Which real formulas are refused, and why: ``python -m benchmarks.real_formulas --data FOLDER``."""

from __future__ import annotations

from pathlib import Path

import click
import pyarrow.parquet as pq

from embeddings.formula.bulk import read_column

COLUMNS = ("composition", "formula", "reduced_formula")
"""Where a table may have its formulas; the first that is there is read."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of Parquet tables.")
def main(data: Path) -> None:
    """Read the distinct formulas of each table, and print how many there are and what is refused."""
    n_read, refused = 0, dict[str, str]()
    for path in sorted(data.rglob("*.parquet")):
        column = next((name for name in COLUMNS if name in pq.read_schema(path).names), None)
        if column is None:
            continue
        spellings = sorted(set(filter(None, pq.read_table(path, columns=[column])[column].to_pylist())))
        n_read += len(spellings)
        refused |= {spellings[row]: str(error) for row, error in read_column(spellings).invalid.items()}
    for reason in refused.values():
        print(reason)
    print(f"{len(refused)} of {n_read:,} formulas are refused")


if __name__ == "__main__":
    main()
