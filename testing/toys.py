"""A toy catalog; every number in it can be worked out by hand.

The vectors lie in a plane. The cosines with Fe = (3, 4) are Co 0.96, O 0.8, H 0.6, Na -0.6, Cl -0.8.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.formula import formula_digest
from embeddings.store.index import INDEX
from embeddings.store.manifest import Citation, Downstream, Licence, Metric, ModelInfo, Provenance, Spread, TrainingInfo
from embeddings.store.tables import measure, write_catalog

TOY_VECTORS = {
    "H": (1.0, 0.0),
    "O": (0.0, 1.0),
    "Na": (-1.0, 0.0),
    "Cl": (0.0, -1.0),
    "Fe": (3.0, 4.0),
    "Co": (4.0, 3.0),
}
TOY_COUNTS = {"H": 1, "O": 4, "Na": 2, "Cl": 1, "Fe": 20, "Co": 3}
TOY_FORMULAS = ("H2O", "NaCl", "Na2O", "Fe2O3", "CoO", "FeCo")


def toy_table(vectors: dict[str, Any] = TOY_VECTORS, /, **changes: Any) -> ElementTable:
    """Return the rows; `vectors` maps symbols to vectors, `changes` replace fields of the table."""
    symbols = sorted(vectors, key=ATOMIC_NUMBERS.__getitem__)
    fields: dict[str, Any] = {
        "atomic_numbers": np.array([ATOMIC_NUMBERS[symbol] for symbol in symbols]),
        "vectors": np.array([vectors[symbol] for symbol in symbols], dtype=np.float32),
        "n_structures": np.array([TOY_COUNTS.get(symbol, 1) for symbol in symbols]),
        "training_formulas": formula_digest(TOY_FORMULAS),
    }
    return ElementTable(**(fields | changes))


def toy_provenance(**changes: Any) -> Provenance:
    """Return a provenance with every field filled in; `changes` replace fields of it."""
    provenance = Provenance(
        name="toy",
        version="0.1.0",
        description="Six elements in a plane.",
        synthetic=True,
        model=ModelInfo(name="drawing", recipe="by-hand", hyperparameters={"dim": 2}, code_version="0.1.0"),
        training=TrainingInfo(
            source="made up",
            snapshot_sha256="0" * 64,
            n_structures=6,
            dropped={"no volume": 1},
            targets={"energy": "eV/atom"},
            split="by reduced formula, 4 to 2",
            seed=7,
        ),
        metrics={"energy": Metric(mae=0.25, r2=0.5, n=2, baseline_mae=0.75, unit="eV/atom")},
        downstream={
            "toy-benchmark": Downstream(
                model="ruler",
                target="energy",
                n_training=1_000,
                n_seeds=3,
                own_features="inches",
                without=Spread(mean=0.2, std=0.01),
                with_vectors={"frozen": Spread(mean=0.1, std=0.02)},
            )
        },
        limits=("Of no use but for tests.",),
        licence=Licence(spdx="CC-BY-4.0", attribution="Nobody measured this."),
        citation=Citation(bibtex="@misc{toy, title = {Toy}}", doi="10.0000/toy"),
        fingerprint="f" * 64,
        command="embeddings build --source toy",
        created="2026-01-31T12:00:00Z",
        environment={"python": "3.11.0"},
    )
    return replace(provenance, **changes)


def toy_catalog(vectors: dict[str, Any] = TOY_VECTORS, **changes: Any) -> ElementCatalog:
    """Return a catalog that was never written; `changes` replace fields of its provenance."""
    table = toy_table(vectors)
    return ElementCatalog(measure(toy_provenance(**changes), table), table)


def write_toy_anew(root: Path, *, force: bool = False, **changes: Any) -> Path:
    """Write the toy as every catalog is written, for tests of writing, and return its folder.

    `changes` replace fields of its provenance.
    """
    return write_catalog(root, toy_provenance(**changes), toy_table(), force=force)


def write_toy(root: Path, *, force: bool = False, **changes: Any) -> Path:
    """Put the toy under a root and return its folder: a copy if it is the first one there, as it comes."""
    if force or changes or _has_catalogs(root):
        return write_toy_anew(root, force=force, **changes)
    root.mkdir(parents=True, exist_ok=True)
    for written in _root_of_the_toy().iterdir():
        if written.is_dir():
            shutil.copytree(written, root / written.name, copy_function=shutil.copy)
        else:
            shutil.copy(written, root)
    return root / "toy" / "0.1.0"


def _has_catalogs(root: Path) -> bool:
    return (root / "toy").exists() or (root / INDEX).exists() or any(root.glob("*/*/manifest.json"))


@cache
def _root_of_the_toy() -> Path:
    """A root with the toy alone, written once: hundreds of tests begin with a copy, which costs a tenth."""
    kept = tempfile.TemporaryDirectory()
    atexit.register(kept.cleanup)
    write_catalog(Path(kept.name), toy_provenance(), toy_table())
    return Path(kept.name)
