"""Many structures pulled, embedded and searched: how long each takes, in how much memory; and what more would take.

``python -m benchmarks.copies --n 1000000 -o million`` makes the table. Each stage is a whole process, measured once on
few rows (its start) and once on all; `predict` draws the line through both.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import markdown
from benchmarks.measure import Usage, environment, process_usage
from embeddings import load_catalog
from embeddings.search.exact import unit_rows
from embeddings.vectors.file import vectors_of
from embeddings.vectors.numbers import Dtype, lengthened, scale_for, shortened

FEW = 1000
"""Rows of the run that shows what a start takes."""

N_NEAR = 10
"""Neighbors of a structure that are looked at."""

CLOSE = 0.2
"""How far from the prediction a run may be."""


@dataclass(frozen=True)
class Stage:
    """What one command took.

    Attributes:
        name: of the command.
        n: structures.
        seconds: from start to end.
        start_s: of the same command on `FEW` structures.
        cpu_s: of the processor; on a busy machine this is what can be predicted. Without that of `workers`.
        cpu_start_s: the same on `FEW` structures.
        peak_mb: of memory, of the process that leads.
        mb: of what it wrote; 0 for one that writes nothing.
    """

    name: str
    n: int
    seconds: float
    start_s: float
    cpu_s: float
    cpu_start_s: float
    peak_mb: float
    mb: float


def predict(stage: Stage, n: int) -> Stage:
    """Return what a command takes for n structures, from what it took for fewer: a start, and a rate."""
    longer = (n - FEW) / (stage.n - FEW)
    return replace(
        stage,
        n=n,
        seconds=stage.start_s + longer * (stage.seconds - stage.start_s),
        cpu_s=stage.cpu_start_s + longer * (stage.cpu_s - stage.cpu_start_s),
        mb=stage.mb * n / stage.n,
    )


def measure(table: Path, n: int, work: Path, *, catalog: str, workers: int) -> list[Stage]:
    """Run all stages on the first n rows of a table, and on `FEW` of them.

    Args:
        table: folder of Parquet files.
        n: rows.
        work: folder for all that is written; it is empty.
        catalog: whose encoder is used.
        workers: of `pull` and `embed`; one is the process itself.
    """
    few = dict(_stages(table, FEW, work / "few", catalog, workers))
    found = []
    for name, (usage, mb) in _stages(table, n, work / "all", catalog, workers):
        start = few[name][0]
        found.append(Stage(name, n, usage.seconds, start.seconds, usage.cpu_s, start.cpu_s, usage.peak_mb, mb))
    return found


def _stages(table: Path, n: int, work: Path, catalog: str, workers: int) -> list[tuple[str, tuple[Usage, float]]]:
    work.mkdir(parents=True)
    snapshot, vectors = work / "snapshot", work / "vectors"
    spread = ["--workers", str(workers)] if workers > 1 else []
    commands = {
        "pull": (["pull", str(table), "--limit", str(n), "--out", str(snapshot), "--quiet"], snapshot),
        "embed": (
            ["embed", "--catalog", catalog, "--snapshot", str(snapshot), *spread, "-o", f"{vectors}/", "--quiet"],
            vectors,
        ),
        "search": (["search", str(vectors), "--like", _first_id(table), "-k", "10"], None),
    }
    return [(name, _taken(arguments, written, work)) for name, (arguments, written) in commands.items()]


def _first_id(table: Path) -> str:
    first = next(pq.ParquetFile(min(table.iterdir())).iter_batches(1, columns=["material_id"]))
    return str(first["material_id"][0])


def _taken(arguments: Sequence[str], written: Path | None, work: Path) -> tuple[Usage, float]:
    cache = f"import os; os.environ['EMBEDDINGS_CACHE'] = {str(work / 'cache')!r}"
    usage = process_usage([sys.executable, "-c", f"{cache}; from embeddings.cli import main; main()", *arguments])
    click.echo(f"{' '.join(arguments[:1])}: {usage.seconds:,.1f} s", err=True)
    return usage, sum(path.stat().st_size for path in written.iterdir()) / 1e6 if written else 0.0


def table_of(stages: Sequence[Stage], predicted: Sequence[Stage] = ()) -> str:
    """Return stages as Markdown, beside what was predicted of them."""
    columns = ["stage", "structures", "seconds", "CPU s", "structures/CPU s", "peak MB", "MB written"]
    rows = [_cells(one) for one in stages]
    if not predicted:
        return markdown.table(columns, rows)
    for row, now, one in zip(rows, stages, predicted, strict=True):
        row += [f"{one.cpu_s:,.1f}", f"{now.cpu_s / one.cpu_s - 1:+.1%}"]
    return markdown.table([*columns, "CPU s predicted", "off by"], rows)


def _cells(one: Stage) -> list[str]:
    numbers = (f"{one.seconds:,.1f}", f"{one.cpu_s:,.1f}", f"{one.n / one.cpu_s:,.0f}")
    return [one.name, f"{one.n:,}", *numbers, f"{one.peak_mb:,.0f}", f"{one.mb:,.1f}"]


def read_stages(path: Path) -> list[Stage]:
    """Return what an earlier run measured."""
    return [Stage(**one) for one in json.loads(path.read_text(encoding="utf-8"))["stages"]]


def rounded(vectors: np.ndarray) -> list[dict[str, float | str]]:
    """Return what fewer bits do to vectors (n, dim): to the cosine with themselves, and to those with neighbors."""
    exact = unit_rows(vectors)
    nearest, cosines = _neighbors(exact)
    column = pa.chunked_array([pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])])
    rows: list[dict[str, float | str]] = []
    for dtype in get_args(Dtype)[1:]:
        scale = scale_for(float(np.abs(vectors).max()), dtype)
        stored = pa.chunked_array([shortened(column, dtype, scale)])
        again = unit_rows(vectors_of(lengthened(stored, scale)))
        others, _ = _neighbors(again)
        changed = np.take_along_axis(again @ again.T, nearest, axis=1)
        same = np.mean([len(np.intersect1d(one, other)) for one, other in zip(nearest, others, strict=True)]) / N_NEAR
        rows.append(
            {
                "dtype": dtype,
                "least cosine with itself": float((exact * again).sum(axis=1).min()),
                "largest error of a neighbor's cosine": float(np.abs(cosines - changed).max()),
                f"same among {N_NEAR} neighbors": float(same),
            }
        )
    return rows


def _neighbors(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    nearest = np.argsort(-cosines, axis=1)[:, :N_NEAR]
    return nearest, np.take_along_axis(cosines, nearest, axis=1)


@click.group()
def main() -> None:
    """Measure many structures, and predict more."""


@main.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
@click.option("--n", type=click.IntRange(2 * FEW), required=True, help="Rows of the table.")
@click.option("--catalog", default="ct-multi", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--work", type=click.Path(path_type=Path), help="Empty folder for snapshot and vectors.  [default: temporary]"
)
@click.option(
    "--earlier", type=click.Path(path_type=Path, exists=True), help="Of fewer rows: is this run as predicted?"
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Result, .json.")
def run(table: Path, n: int, catalog: str, workers: int, work: Path | None, earlier: Path | None, out: Path) -> None:
    """Pull, embed and search the first rows of a table that `benchmarks.copies` made."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        stages = measure(table, n, work or Path(temporary), catalog=catalog, workers=workers)
    document = {"stages": [asdict(one) for one in stages], "environment": environment(), "load": os.getloadavg()}
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    predicted = [predict(one, n) for one in read_stages(earlier)] if earlier else []
    click.echo(table_of(stages, predicted))
    if predicted:
        off = sum(one.cpu_s for one in stages) / sum(one.cpu_s for one in predicted) - 1
        click.echo(f"\nAll together {off:+.1%} from the prediction; {CLOSE:.0%} is allowed.")


@main.command()
@click.argument("vectors")
@click.option("--n", default=2048, show_default=True, help="Structures, the first ones.")
def rounding(vectors: str, n: int) -> None:
    """Print what float16 and int8 do to the cosines of vectors that are stored in float32."""
    found = rounded(load_catalog(vectors).vectors[:n])  # type: ignore[union-attr]
    cells = [[value if isinstance(value, str) else f"{value:.7f}" for value in row.values()] for row in found]
    click.echo(markdown.table(list(found[0]), cells))


@main.command(name="predict")
@click.argument("result", type=click.Path(path_type=Path, exists=True))
@click.option("--n", "sizes", type=click.IntRange(FEW), multiple=True, default=[10**6, 10**7, 10**8], show_default=True)
def predict_command(result: Path, sizes: Sequence[int]) -> None:
    """Print what more structures would take, from the result of a run."""
    click.echo(table_of([predict(one, n) for n in sizes for one in read_stages(result)]))


if __name__ == "__main__":
    main()
