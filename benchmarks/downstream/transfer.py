"""CGCNN on data of other origin than the catalog's: elastic and thermal properties of AFLOW, and cubic perovskites.

AFLOW: Toher et al., Phys. Rev. B 90, 174107 (2014), 10.1103/PhysRevB.90.174107; of its moduli the decimal logarithms
are learned. Perovskites: Castelli et al., Energy Environ. Sci. 5, 9034 (2012), 10.1039/C2EE22341D.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.downstream.cgcnn import COMPARISON as CGCNN
from benchmarks.downstream.comparison import Comparison, compare, with_few_unseen
from benchmarks.downstream.element_tables import atom_init
from benchmarks.downstream.problem import Sizes
from benchmarks.harness import Document, Request
from benchmarks.options import check_there

MODULI = ("bulk_modulus", "shear_modulus")
"""Properties of AFLOW, in GPa, of which the decimal logarithm is learned."""

AFLOW = replace(
    CGCNN,
    tables=lambda: {"atom_init": atom_init()},
    file_name="aflow.parquet",
    sizes=Sizes(training=10_000, validation=350, test=350),
    budget=replace(CGCNN.budget, epochs=30),
)
"""About a tenth each to validate and to test on, the rest to train on."""

COMPARISONS: dict[str, Comparison] = {
    **{f"log10_{name}": replace(AFLOW, target=f"log10_{name}") for name in MODULI},
    "debye_temperature": replace(AFLOW, target="debye_temperature"),
    "formation_energy_per_cell": replace(
        CGCNN,
        file_name="cmr_perovskites.parquet",
        target="formation_energy_per_cell",
        sizes=Sizes(training=1_000, validation=500, test=2_000),
    ),
}
"""Target -> what is trained."""


def run(request: Request, *, targets: Sequence[str] = (), few_unseen: bool = False, **choices: Any) -> dict[str, Any]:
    """Compare atom features in CGCNN on AFLOW and on cubic perovskites.

    Args:
        request: of the harness.
        targets: names out of `COMPARISONS`; all of them if empty.
        few_unseen: test on as many as `FEW_UNSEEN` says.
        choices: see `benchmarks.downstream.comparison.compare`.

    Raises:
        InputInvalid: a file is not in the folder.
        EmbeddingsError: see `benchmarks.downstream.comparison.compare`.
    """
    earlier = {target: _part(request.known, target) for target in targets or COMPARISONS}
    results = {target: part for target, part in earlier.items() if part}

    def keep_all(target: str, result: dict[str, Any]) -> None:
        results[target] = result
        request.keep(_joined(results))

    with tempfile.TemporaryDirectory() as work:
        for target, part in earlier.items():
            comparison = with_few_unseen(COMPARISONS[target]) if few_unseen else COMPARISONS[target]
            with_logarithms(request.data / comparison.file_name, Path(work))
            own = replace(request, data=Path(work), known=part, keep=partial(keep_all, target))
            results[target] = compare(comparison, own, **choices)
    return _joined(results)


def _joined(results: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the results of several targets as one, in the order of `COMPARISONS`."""
    results = {target: results[target] for target in COMPARISONS if target in results}
    return {
        "settings": {target: result["settings"] for target, result in results.items()},
        "catalogs": sorted({catalog for result in results.values() for catalog in result["catalogs"]}),
        "rows": [row for result in results.values() for row in result["rows"]],
        "notes": sorted({note for result in results.values() for note in result["notes"]}),
    }


def _part(known: Document | None, target: str) -> Document | None:
    """Return what an earlier result says of one target."""
    if known is None or target not in known["settings"]:
        return None
    rows = [row for row in known["rows"] if row["target"] == target]
    return known | {"settings": known["settings"][target], "rows": rows}


def with_logarithms(path: Path, folder: Path) -> Path:
    """Copy a structure table into a folder, with the decimal logarithms of the moduli that it has, and return the copy.

    Raises:
        InputInvalid: there is no such file.
    """
    check_there(path)
    table = pq.read_table(path)
    for name in MODULI:
        if name in table.column_names:
            table = table.append_column(f"log10_{name}", pc.log10(table[name]))
    pq.write_table(table, folder / path.name)
    return folder / path.name
