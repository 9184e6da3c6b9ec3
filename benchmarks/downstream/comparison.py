"""One back end, several kinds of atom features, and nothing else that differs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
import numpy as np

from benchmarks.downstream.element_tables import catalog_rows, covers, random_rows
from benchmarks.downstream.features import AtomFeatures, SitesBesideElements
from benchmarks.downstream.fitting import Budget, Client, fit
from benchmarks.downstream.problem import Problem, Sizes, pose
from benchmarks.harness import Request, refuse_other_settings
from builders.learning.devices import limit_threads
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_encoder, load_uae
from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid


@dataclass(frozen=True)
class Comparison:
    """A back end, its task and its budget.

    Attributes:
        make_client: from the crystals to the back end.
        tables: name -> rows by atomic number to compare with; None where a package is not installed.
        file_name: of the crystals, among the development data.
        target: the property to learn.
        sizes: of the split.
        budget: of each training.
        learned_dim: width of the table that the back end learns by default; None if it learns none.
        max_sites: larger cells are left out.
    """

    make_client: Callable[[StructureTable], Client]
    tables: Callable[[], dict[str, np.ndarray | None]]
    file_name: str
    target: str
    sizes: Sizes
    budget: Budget
    learned_dim: int | None = None
    max_sites: int | None = None

    def quick(self) -> Comparison:
        """Return a version that finishes in seconds."""
        budget = replace(self.budget, epochs=2, learning_rates=(1e-3,), spreads=(), seeds=(0,))
        return replace(self, sizes=Sizes(64, 16, 16), budget=budget)

    def changed(self, n_training: int | None = None, **budget: Any) -> Comparison:
        """Return the same with other numbers; None keeps one."""
        sizes = replace(self.sizes, training=n_training or self.sizes.training)
        given = {name: value for name, value in budget.items() if value is not None}
        return replace(self, sizes=sizes, budget=replace(self.budget, **given))


FEW_UNSEEN = {"aflow.parquet": (110, 220), "cmr_perovskites.parquet": (300, 1_200)}
"""File -> crystals to validate and test on: a catalog that learned from nine tenths of them has not seen many more."""


def with_few_unseen(comparison: Comparison) -> Comparison:
    """Return a comparison with fewer crystals to validate and to test on, as `FEW_UNSEEN` says."""
    validation, test = FEW_UNSEEN[comparison.file_name]
    return replace(comparison, sizes=replace(comparison.sizes, validation=validation, test=test))


def compare(
    comparison: Comparison,
    request: Request,
    *,
    catalog: str = "ct-multi",
    beside: Sequence[str] = (),
    only: Sequence[str] = (),
    **changes: Any,
) -> dict[str, Any]:
    """Measure every kind of features: theirs, those of a catalog by element and by site, and those of others by site.

    Args:
        comparison: what is trained.
        request: of the harness. Rows of an earlier result stay, but for those of another version of the catalog, and
            only kinds of features that it lacks are measured.
        catalog: name or path of the catalog that is measured.
        beside: of others whose site vectors are measured too; none was trained on what is validated and tested on.
        only: kinds of features to measure, by name; all of them if empty.
        changes: ``n_training``, and fields of `Budget` such as ``epochs``, ``seeds`` and ``learning_rates``.

    Returns:
        ``settings``, ``catalogs``, ``rows`` with the test error of each kind of features and seed, and ``notes``
        about what could not be measured.

    Raises:
        InputInvalid: the earlier result is of another problem or budget.
        EmbeddingsError: the crystals or the catalog cannot be read, there are too few, or a training diverged.
    """
    limit_threads()
    comparison = (comparison.quick() if request.quick else comparison).changed(**changes)
    uae, others = load_uae(catalog), {name: load_uae(name) for name in beside}
    _check_names(only, comparison, uae, tuple(others.values()))
    by_element, notes = element_features(comparison, uae)
    tables = [*(features.rows for features in by_element), *map(catalog_rows, others.values())]
    problem = pose(
        read_structure_table(request.data / comparison.file_name),
        comparison.target,
        uae,
        comparison.sizes,
        elements=np.all([covers(rows) for rows in tables], axis=0),
        max_sites=comparison.max_sites,
        others=tuple(others.values()),
    )
    by_site, note = site_features(catalog, uae, problem.table)
    for name, other in others.items():
        more, told = site_features(name, other, problem.table)
        by_site, note = by_site + more, note + told
    client = comparison.make_client(problem.table)
    result = {
        "settings": settings_of(comparison, problem),
        "catalogs": [f"{one.name}@{one.version}" for one in (uae, *others.values())],
        "rows": [],
        "notes": notes + note,
    }
    refuse_other_settings(request.known, result["settings"])
    if request.known:
        known = request.known
        for one in (uae, *others.values()):
            rows, catalogs = still_true(known, one)
            known = known | {"rows": rows, "catalogs": catalogs}
        result["rows"] += known["rows"]
        result["catalogs"] = sorted({*known["catalogs"], *result["catalogs"]})
    done = {row["features"] for row in result["rows"]}
    for features in by_element + by_site:
        if features.name not in done and (not only or features.name in only):
            result["rows"] += measure(client, features, problem, comparison.budget)
            request.keep(result)
    return result


def still_true(known: dict[str, Any], catalog: ElementCatalog) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows and catalogs of an earlier result, without those of another version of the catalog."""
    if f"{catalog.name}@{catalog.version}" in known["catalogs"]:
        return known["rows"], known["catalogs"]
    rows = [row for row in known["rows"] if not row["features"].startswith(f"{catalog.name} ")]
    return rows, [one for one in known["catalogs"] if not one.startswith(f"{catalog.name}@")]


def element_features(comparison: Comparison, catalog: ElementCatalog) -> tuple[list[AtomFeatures], list[str]]:
    """Return all features of elements, the catalog's frozen and fine-tuned among them, and what is not installed."""
    features, notes = [], []
    if comparison.learned_dim:
        features.append(AtomFeatures("learned table", random_rows(comparison.learned_dim), trainable=True))
    for name, rows in comparison.tables().items():
        if rows is None:
            notes.append(f"{name}: not measured, the package that brings it is not installed.")
        else:
            features.append(AtomFeatures(name, rows))
    own = catalog_rows(catalog)
    features.append(AtomFeatures(f"{catalog.name} frozen", own))
    features.append(AtomFeatures(f"{catalog.name} fine-tuned", own, trainable=True))
    return features, notes


def site_features(name: str, catalog: ElementCatalog, table: StructureTable) -> tuple[list[AtomFeatures], list[str]]:
    """Return a vector for each atom in its context, alone and beside its element's; or why there is none."""
    try:
        vectors, _ = load_encoder(name).encode_sites(table)
    except InputInvalid as error:
        return [], [f"Site vectors: not measured. {error}"]
    numbers, elements = table.atomic_numbers, catalog_rows(catalog)
    both = np.hstack([vectors, elements[numbers]])
    tuned = f"{catalog.name} sites and fine-tuned elements"
    return [
        AtomFeatures(f"{catalog.name} sites", vectors, per_site=True),
        AtomFeatures(f"{catalog.name} sites and elements", both, per_site=True),
        SitesBesideElements(tuned, vectors, elements=elements, atomic_numbers=numbers),
    ], []


def measure(client: Client, features: AtomFeatures, problem: Problem, budget: Budget) -> list[dict[str, Any]]:
    """Choose the learning rate and the spread by the validation error of the first seed, then train with every seed.

    Returns:
        A row for each seed.
    """
    first, *others = budget.seeds
    trials = {
        (rate, spread): _timed(client, features.scaled(spread), problem, budget, rate, first)
        for rate in budget.learning_rates
        for spread in spreads_of(features, budget)
    }
    rate, spread = min(trials, key=lambda candidate: trials[candidate]["validation_mae"])
    chosen = features.scaled(spread)
    results = {first: trials[rate, spread]}
    results |= {seed: _timed(client, chosen, problem, budget, rate, seed) for seed in others}
    head = {"back_end": client.name, "target": problem.target, "features": features.name}
    head |= {"n_train": len(problem.split.training), "learning_rate": rate, "spread": spread}
    return [head | {"seed": seed} | result for seed, result in results.items()]


def spreads_of(features: AtomFeatures, budget: Budget) -> list[float]:
    """Return the spreads to try: the features' own, and those of the budget that differ from it."""
    own = round(features.spread, 4)
    return [own, *(spread for spread in budget.spreads if not math.isclose(spread, own, rel_tol=0.2))]


def _timed(
    client: Client, features: AtomFeatures, problem: Problem, budget: Budget, rate: float, seed: int
) -> dict[str, Any]:
    started = time.perf_counter()
    result = fit(client, features, problem, budget, learning_rate=rate, seed=seed)
    seconds = round(time.perf_counter() - started, 1)
    how = f"rate {rate:g}, spread {features.spread:.2g}, seed {seed}"
    click.echo(f"{features.name}, {how}: MAE {result['mae']:.4g} in {seconds} s", err=True)
    return result | {"seconds": seconds}


def _check_names(
    only: Sequence[str], comparison: Comparison, catalog: ElementCatalog, others: Sequence[ElementCatalog]
) -> None:
    of_sites = ("sites", "sites and elements", "sites and fine-tuned elements")
    there = ["learned table", *comparison.tables(), *(f"{catalog.name} {kind}" for kind in ("frozen", "fine-tuned"))]
    there += [f"{one.name} {kind}" for one in (catalog, *others) for kind in of_sites]
    unknown = [name for name in only if name not in there]
    if unknown:
        raise InputInvalid(f"No features called {', '.join(unknown)}. There are: {', '.join(there)}.")


def settings_of(comparison: Comparison, problem: Problem) -> dict[str, Any]:
    """Return what rows of one table have in common: the problem and the budget."""
    split, budget = problem.split, asdict(comparison.budget)
    return {
        "target": comparison.target,
        "problem": problem.identity,
        "n_training": len(split.training),
        "n_validation": len(split.validation),
        "n_test": len(split.test),
        "max_sites": comparison.max_sites,
        "dropped": problem.dropped,
        "overlap": problem.overlap,
        "budget": {name: list(value) if isinstance(value, tuple) else value for name, value in budget.items()},
    }
