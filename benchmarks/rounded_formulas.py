"""How well `overlap` finds rounded formulas: ``python -m benchmarks.rounded_formulas --data FOLDER``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq

from benchmarks import markdown
from embeddings import element_fractions, load_uae, reduced_formulas
from embeddings.catalog import ElementCatalog

DECIMALS = (2, 3, 4, 6)
"""Of atomic fractions; each is the seed of its draw, too."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="With mp_structures.parquet.")
@click.option("--catalog", default="ct-multi", show_default=True, help="Whose training formulas are looked for.")
@click.option("--n", default=1000, show_default=True, help="Training formulas, and twice as many others.")
def main(data: Path, catalog: str, n: int) -> None:
    """Write formulas as rounded atomic fractions, and count those that are missed and those reported by mistake."""
    formulas = pq.read_table(data / "mp_structures.parquet", columns=["formula"])["formula"].unique().to_pylist()
    columns = ["decimals", "missed by exact spelling", "missed by overlap", "not trained on, yet reported"]
    rows = [counts(load_uae(catalog), formulas, decimals, n) for decimals in DECIMALS]
    click.echo(markdown.table(columns, [[str(cell) for cell in row] for row in rows]))


def counts(catalog: ElementCatalog, formulas: Sequence[str], decimals: int, n: int) -> tuple[int, int, int, str]:
    """Return one row of the table; formulas of which an element is rounded away are left out."""
    seen = sorted(catalog.overlap(formulas))
    known, others = set(reduced_formulas(seen)), sorted(set(formulas) - set(seen))
    rng = np.random.default_rng(decimals)
    trained_on = _rounded(rng.choice(seen, n, replace=False).tolist(), decimals)
    new = _rounded(rng.choice(others, min(2 * n, len(others)), replace=False).tolist(), decimals)
    new = [text for text, formula in zip(new, reduced_formulas(new), strict=True) if formula not in known]
    inexact = sum(formula not in known for formula in reduced_formulas(trained_on))
    missed = len(trained_on) - len(catalog.overlap(trained_on))
    return decimals, inexact, missed, f"{len(catalog.overlap(new)):,} of {len(new):,}"


def _rounded(formulas: Sequence[str], decimals: int) -> list[str]:
    parts = [{symbol: round(x, decimals) for symbol, x in element_fractions(one).items()} for one in formulas]
    return ["".join(f"{symbol}{x:.{decimals}f}" for symbol, x in one.items()) for one in parts if all(one.values())]


if __name__ == "__main__":
    main()
