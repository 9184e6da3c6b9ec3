"""What structures add to formulas: elastic and thermal properties of AFLOW's crystals, with vectors of `ct-multi`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness import Request
from benchmarks.options import check_there
from embeddings.bench import compare
from embeddings.bench.report import Report
from embeddings.cli import main
from testing.crystals import write_sample

CATALOG = "ct-multi"
HEADS = ("ridge", "boosting")
TARGETS = {"bulk_modulus": "GPa", "debye_temperature": "K"}
N_ROWS = 600
SHOWN = {"chosen": "chosen", "without vectors": "without vectors", f"with {CATALOG}": f"with {CATALOG} pooled",
         "with structures": "with structures"}  # fmt: skip


def run(request: Request) -> dict[str, Any]:
    """Judge formulas with and without structures in the same folds.

    Raises:
        InputInvalid: the data are not there.
    """
    heads = HEADS[:1] if request.quick else tuple(request.choices.get("heads") or HEADS)
    with TemporaryDirectory() as folder:
        given, vectors = Path(folder) / "structures.parquet", Path(folder) / "vectors.parquet"
        table = pq.read_table(write_sample(given, 40)) if request.quick else _drawn(request.data)
        pq.write_table(table, given)
        main(["embed", "--catalog", CATALOG, "--source", "table", "--path", str(given), "-o", str(vectors), "--quiet"],
             standalone_mode=False)  # fmt: skip
        targets = {"formation_energy_per_atom": "eV/atom"} if request.quick else TARGETS
        rows = [row for name, unit in targets.items() for row in _rows(table, name, unit, vectors, heads)]
    settings = {"catalog": CATALOG, "heads": list(heads), "rows": len(table)}
    notes = ["Five folds grouped by formula. Unseen: rows of formulas that the encoder was not trained on."]
    return {"settings": settings, "rows": rows, "summary": rows, "goals": [], "notes": notes}


def _drawn(data: Path) -> pa.Table:
    path = data / "aflow.parquet"
    check_there(path)
    table = pq.read_table(path)
    return table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:N_ROWS]))


def _rows(table: pa.Table, target: str, unit: str, vectors: Path, heads: Sequence[str]) -> list[dict[str, Any]]:
    there = table.filter(pa.compute.is_finite(pa.compute.fill_null(table[target].cast(pa.float64()), np.nan)))
    report = compare(
        there["formula"].to_pylist(), there[target].to_pylist(), ids=there["material_id"].to_pylist(), target=target,
        unit=unit, catalogs=[CATALOG], structures=vectors, heads=heads,
    )  # fmt: skip
    frame = report.to_frame()
    names = [name for name in SHOWN if name in frame.index]
    return [
        {"target": f"{target}, {unit}", "features": SHOWN[name], "MAE": _shown(frame.loc[name, "mae"]),
         "spread": _shown(frame.loc[name, "mae_std"])}
        for name in names
    ] + _unseen(report, f"{target}, {unit}")  # fmt: skip


def _unseen(report: Report, target: str) -> list[dict[str, Any]]:
    """Return the error on rows whose formulas the encoder did not see, with structures and without vectors."""
    sight = next((one for one in report.to_dict()["seen"] if "structures" in one["vectors"]), None)
    if sight is None or sight["unseen"] is None:
        return []
    return [
        {"target": target, "features": f"{words}, unseen", "MAE": _shown(sight[key]), "spread": None}
        for words, key in (("with structures", "unseen"), ("without vectors", "unseen_without"))
    ]


def _shown(value: float) -> float:
    return float(f"{value:.4g}")
