"""Every table of the installed packages as a catalog, and how it ranks: by the probe of elements, and on formulas."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.sets import read_set
from embeddings import load_uae
from embeddings.adopt import About, examine, list_tables, packaged_table, write_import
from embeddings.analysis import PROPERTIES, mean_r2, rank, transferability
from embeddings.analysis.transfer import CONTROLS
from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import MissingExtra
from embeddings.store.manifest import Licence
from embeddings.store.tables import read_catalog

PACKAGES = ("element-embeddings", "matminer")

QUICK_PROPERTIES = ("electronegativity", "melting_point")
QUICK_TABLES = 2


def rank_elements(request: Request) -> dict[str, Any]:
    """Rank all tables by how well elemental properties are predicted from them, on the elements that all have.

    Args:
        request: of the harness; quick are two properties and two tables.

    Returns:
        ``settings``; ``summary``, a row for each table by descending mean R2; ``rows``, one for each table and
        property; ``notes``.

    Raises:
        EmbeddingsError: a catalog or a table cannot be read.
    """
    tables, notes = _tables(request)
    names = QUICK_PROPERTIES if request.quick else tuple(PROPERTIES)
    ranking = rank({one.name: one for one in tables}, properties=names)
    shared = set.intersection(*(set(one.symbols) for one in tables))
    about = {one.name: one for one in tables}
    return {
        "settings": {"catalogs": _ours(tables), "n_elements": len(shared), "n_properties": len(names)},
        "summary": [
            _head(about[name]) | {"mean_r2": mean_r2(scores), "std_r2": float(np.std([s.r2 for s in scores.values()]))}
            for name, scores in ranking.items()
        ],
        "rows": [
            {"features": name, "property": prop} | asdict(score)
            for name, scores in ranking.items()
            for prop, score in scores.items()
        ],
        "notes": notes,
    }


def rank_formulas(request: Request, *, name: str) -> dict[str, Any]:
    """Rank all tables by `embeddings.analysis.transferability` on a set of formulas.

    Args:
        request: of the harness; quick are 30 made-up formulas and two tables.
        name: of the set, a key of `benchmarks.sets.SETS`.

    Returns:
        ``settings``, how many formulas were used; ``rows``, one for each table, the lowest error first; ``notes``.

    Raises:
        InputInvalid: the data are not there.
        EmbeddingsError: a catalog or a table cannot be read.
    """
    tables, notes = _tables(request)
    tables = [one for one in tables if one.name not in CONTROLS]  # these take part by themselves
    formulas, values = _made_up() if request.quick else _read(request.data, name)
    seed = request.choices["seed"]
    ranking = transferability(formulas, values, tables, seed=seed)
    about = {one.name: _head(one) for one in tables}
    return {
        "settings": {
            "catalogs": _ours(tables), "set": name, "seed": seed, "n_formulas": ranking.n_formulas,
            "n_used": ranking.n_used, "baseline_mae": ranking.baseline_mae, "stats": list(ranking.stats),
        },
        "rows": [
            {"features": one} | about.get(one, {}) | {
                "mae": score.mae, "mae_std": score.mae_std, "r2": score.r2, "n_uncovered": score.n_uncovered,
                "n_seen": score.n_seen, "outcome": score.outcome, "outcome_properties": score.outcome_properties,
            }
            for one, score in ranking.scores.items()
        ],
        "notes": [*notes, *ranking.notes],
    }  # fmt: skip


def import_all(root: Path, *, at_most: int | None = None) -> tuple[list[ElementCatalog], list[str]]:
    """Import every table of the installed packages into a root of catalogs, as ``embeddings import --from`` does.

    Args:
        root: folder of catalogs.
        at_most: tables of each package; all if None.

    Returns:
        The catalogs, and a sentence about each package that is not installed.
    """
    found, notes = list[ElementCatalog](), list[str]()
    for package in PACKAGES:
        try:
            names = list_tables(package)
        except MissingExtra as error:
            notes.append(f"{package}: not measured. {error}")
            continue
        found += [_import(root, package, name) for name in names[:at_most]]
    return found, notes


def _import(root: Path, package: str, name: str) -> ElementCatalog:
    one = packaged_table(package, name)
    about = About(
        name=f"{package}-{name.replace('_', '-')}",
        description=f"Element vectors that others made, imported from {one.source}.",
        licence=Licence(spdx=one.licence, attribution=one.attribution),
        citation=one.citation,
        source=one.source,
    )
    imported = examine(one.table, skip_unknown=True)
    return read_catalog(write_import(root, imported, about, one.sha256, one.table.format))


def _tables(request: Request) -> tuple[list[ElementCatalog], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        theirs, notes = import_all(Path(folder), at_most=QUICK_TABLES if request.quick else None)
    return [*map(load_uae, request.choices["catalogs"]), *theirs], notes


def _ours(tables: Sequence[ElementCatalog]) -> list[str]:
    """Return the catalogs that were not imported, with their versions."""
    return [f"{one.name}@{one.version}" for one in tables if not one.name.startswith(PACKAGES)]


def _head(one: ElementCatalog) -> dict[str, Any]:
    return {"features": one.name, "dim": one.dim, "n_elements": len(one)}


def _read(folder: Path, name: str) -> tuple[Sequence[str], np.ndarray]:
    found = read_set(folder, name)
    return found.formulas.tolist(), found.values


def _made_up() -> tuple[Sequence[str], np.ndarray]:
    """Return formulas that all tables know, with values that nobody measured."""
    formulas = [f"{a}{n}O" for a in SYMBOLS[20:30] for n in (1, 2, 3)]
    return formulas, np.arange(len(formulas), dtype=float)
