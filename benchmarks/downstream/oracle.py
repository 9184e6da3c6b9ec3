"""The ceiling of an element table: CGCNN with vectors that were learned for it, by it, from crystals that it lacks.

An oracle is a table of free numbers in place of the atom features. It is learned together with the back end on all
crystals of the Materials Project whose formulas the problem does not have, neither to train, to validate nor to test
on. The networks that learned it are thrown away; the table is frozen, and measured as every other kind of features is.
What it gains over the back end's own features is an estimate, from below, of what vectors of elements can gain at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
import numpy as np

from benchmarks.downstream import EF, EG, SUITE
from benchmarks.downstream.cgcnn import COMPARISON
from benchmarks.downstream.comparison import Comparison, element_features, measure, settings_of, still_true
from benchmarks.downstream.element_tables import covers, standardized
from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.fitting import Client, train
from benchmarks.downstream.problem import Problem, pose, pose_on_others
from benchmarks.harness import Document, Request, Store, refuse_other_settings
from builders.learning.devices import limit_threads
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_uae
from embeddings.catalog import ElementCatalog
from embeddings.elements import N_ELEMENTS
from embeddings.errors import InputInvalid

SIZES = {1_000: 30, 5_000: 20}
"""Training structures -> epochs, as in the cases ``cgcnn-ef-1000`` and ``cgcnn-ef-5000``."""

DIM, N_VALIDATION = 128, 1_000
"""Numbers of an element, and crystals to choose the epoch of an oracle by."""

OWN, RANDOM = "atom_init", "random"

STANDARDIZED = ", standardized"
"""Ends the name of an oracle whose columns have zero mean and unit spread, as those of published tables have."""


@dataclass(frozen=True)
class Oracle:
    """How a table is learned.

    Attributes:
        name: among the features.
        target: the property that it is learned for.
        n_networks: that learn the table one after the other, each from fresh weights: a table that one network alone
            has learned suits that one, a table that many have learned suits the next.
        epochs: of each network.
        seed: of the networks and the order of the batches.
    """

    name: str
    target: str
    n_networks: int = 1
    epochs: int = 8
    seed: int = 0


ORACLES = (
    Oracle("oracle", EF),
    Oracle("oracle of 8 networks", EF, n_networks=8, epochs=1),
    Oracle("oracle of band gaps", EG),
)


@dataclass(frozen=True)
class Contest:
    """One size of the problem in the form of the back end."""

    comparison: Comparison
    problem: Problem
    client: Client

    @property
    def n_training(self) -> int:
        """Crystals to train on."""
        return len(self.problem.split.training)


def run(
    request: Request,
    *,
    catalog: str = "ct-multi",
    beside: Sequence[str] = (),
    only: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    sizes: Mapping[int, int] = SIZES,
) -> dict[str, Any]:
    """Measure CGCNN's own features, random rows, the element vectors of a catalog, and the oracles.

    Args:
        request: of the harness. Rows of an earlier result stay, and those that the case of a size has published for the
            same problem and budget.
        catalog: name or path of the catalog that is measured.
        beside: nothing; others have no part in it.
        only: kinds of features to measure, by name; all of them if empty.
        seeds: of the back end.
        sizes: training structures -> epochs.

    Returns:
        ``settings``, ``rows`` as of `benchmarks.downstream.comparison.compare`; ``oracles``, with the errors of the
        networks that learned them; ``notes``.

    Raises:
        InputInvalid: no such features, or the earlier result is of another problem or budget.
        EmbeddingsError: the crystals or the catalog cannot be read, there are too few, or a training diverged.
    """
    limit_threads()
    if beside:
        raise InputInvalid(f"The oracle stands beside the elements of one catalog. Leave out {', '.join(beside)}.")
    uae = load_uae(catalog)
    kinds = _kinds(uae, only)
    table = read_structure_table(request.data / COMPARISON.file_name)
    features, _ = element_features(COMPARISON, uae)
    elements = np.all([covers(one.rows) for one in features], axis=0)
    contests = [_contest(table, uae, elements, one) for one in _comparisons(request, sizes, seeds)]
    settings: dict[str, Any] = {str(one.n_training): settings_of(one.comparison, one.problem) for one in contests}
    settings["catalog"] = f"{uae.name}@{uae.version}"
    refuse_other_settings(request.known, settings)
    result = _earlier(request, contests, uae) | {"settings": settings}
    given = {one.name: one for one in features}
    for kind in kinds:
        lacking = [one for one in contests if (kind, one.n_training) not in _done(result["rows"])]
        if lacking and kind not in given:
            oracle = _oracle(kind)
            given[oracle.name], learned = learn(oracle, table, contests[-1], elements, quick=request.quick)
            given[oracle.name + STANDARDIZED] = standardized_columns(given[oracle.name])
            result["oracles"] = [one for one in result["oracles"] if one["name"] != oracle.name] + [learned]
        for contest in lacking:
            result["rows"] += measure(contest.client, given[kind], contest.problem, contest.comparison.budget)
            request.keep(result)
    said = [f"Measured with {settings['catalog']}.", *notes(result, f"{uae.name} frozen")]
    return result | {"rows": _in_order(result["rows"], uae), "notes": said}


def learn(
    oracle: Oracle, table: StructureTable, contest: Contest, elements: np.ndarray, *, quick: bool = False
) -> tuple[AtomFeatures, dict[str, Any]]:
    """Learn a table of element vectors on crystals whose formulas a problem does not have.

    The rows start at zero: what a random start leaves in them where no gradient goes would be noise to the next
    network. An element that no crystal has keeps its zeros.

    Returns:
        The table, frozen; and what is to be said of it: the oracle, the crystals that it was learned from, the elements
        that it has no numbers for, and the errors of the last of its networks on the test rows of the problem.
    """
    comparison = contest.comparison
    if quick:
        oracle = replace(oracle, n_networks=min(oracle.n_networks, 2), epochs=1)
    problem = pose_on_others(
        table,
        oracle.target,
        contest.problem,
        n_validation=comparison.sizes.validation if quick else N_VALIDATION,
        n_training=comparison.sizes.training if quick else None,
        elements=elements,
        max_sites=comparison.max_sites,
    )
    client = comparison.make_client(problem.table)
    budget = replace(comparison.budget, epochs=oracle.epochs)
    features = AtomFeatures(oracle.name, np.zeros((N_ELEMENTS + 1, DIM), dtype=np.float32), trainable=True)
    scores: dict[str, Any] = {}
    for k in range(oracle.n_networks):
        network, scores = train(
            client, features, problem, budget, learning_rate=budget.learning_rates[0], seed=100 * oracle.seed + k
        )
        features = replace(features, rows=network.get_parameter("features.weight").detach().numpy().copy())
        click.echo(f"{oracle.name}, network {k + 1} of {oracle.n_networks}: MAE {scores['mae']:.4g}", err=True)
    crystals = problem.table.take(problem.split.training)
    absent = np.setdiff1d(np.flatnonzero(elements[1:]) + 1, crystals.atomic_numbers)
    head = asdict(oracle) | {"n_training": len(crystals), "absent_elements": absent.tolist()}
    return replace(features, trainable=False), head | scores


def standardized_columns(features: AtomFeatures) -> AtomFeatures:
    """Return a table with each column at zero mean and unit spread over the elements that it has numbers for."""
    known = np.where(features.rows.any(axis=1, keepdims=True), features.rows, np.nan)
    return replace(features, name=features.name + STANDARDIZED, rows=np.nan_to_num(standardized(known)))


def notes(result: Mapping[str, Any], own: str) -> list[str]:
    """Return what the oracles were learned from, and the share of their gain that a catalog has.

    Args:
        result: of `run`.
        own: features of the catalog.
    """
    said = [
        f"{one['name']}: learned for {one['target']} on {one['n_training']:,} structures of other formulas (networks "
        f"in turn: {one['n_networks']}; epochs of each: {one['epochs']}). The error of the last of them on "
        f"{one['target']} of the same test structures is {one['mae']:.4g}, that of the mean {one['baseline_mae']:.4g}."
        for one in result["oracles"]
    ]
    for n in sorted({row["n_train"] for row in result["rows"]}):
        gains = _gains([row for row in result["rows"] if row["n_train"] == n])
        best = max((name for name in gains if name.startswith("oracle")), key=lambda name: gains[name], default=None)
        if best and own in gains and gains[best] > 0:
            said.append(
                f"{n:,} structures: {own} has {gains[own] / gains[best]:.0%} of the gain of the best oracle, {best}."
            )
    return said


def _gains(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return features -> how much lower their mean error is than that of the back end's own, as a share of it."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        errors.setdefault(row["features"], []).append(row["mae"])
    means = {name: float(np.mean(of_name)) for name, of_name in errors.items()}
    return {name: 1 - mean / means[OWN] for name, mean in means.items()} if OWN in means else {}


def _kinds(catalog: ElementCatalog, only: Sequence[str] = ()) -> list[str]:
    oracles = [oracle.name for oracle in ORACLES]
    there = [OWN, RANDOM, f"{catalog.name} frozen", *oracles, oracles[0] + STANDARDIZED]
    unknown = [name for name in only if name not in there]
    if unknown:
        raise InputInvalid(f"No features called {', '.join(unknown)}. There are: {', '.join(there)}.")
    return [name for name in there if not only or name in only]


def _oracle(kind: str) -> Oracle:
    return next(oracle for oracle in ORACLES if oracle.name == kind.removesuffix(STANDARDIZED))


def _comparisons(request: Request, sizes: Mapping[int, int], seeds: Sequence[int] | None) -> list[Comparison]:
    """Return what is trained, the largest size last."""
    if request.quick:
        return [COMPARISON.quick().changed(seeds=seeds)]
    return [COMPARISON.changed(n, epochs=sizes[n], seeds=seeds) for n in sorted(sizes)]


def _contest(table: StructureTable, catalog: ElementCatalog, elements: np.ndarray, comparison: Comparison) -> Contest:
    problem = pose(
        table, comparison.target, catalog, comparison.sizes, elements=elements, max_sites=comparison.max_sites
    )
    return Contest(comparison, problem, comparison.make_client(problem.table))


def _earlier(request: Request, contests: Sequence[Contest], catalog: ElementCatalog) -> dict[str, Any]:
    """Return the rows and oracles of an earlier result, or the rows that the cases of these sizes have published."""
    if request.known:
        return {name: list(request.known[name]) for name in ("rows", "oracles")}
    rows = []
    for contest in contests:
        published = Store(SUITE.results).read(f"cgcnn-ef-{contest.n_training}")
        if published and _is_of(published, contest):
            rows += [row for row in still_true(published, catalog)[0] if row["features"] in _kinds(catalog)]
    return {"rows": rows, "oracles": []}


def _is_of(published: Document, contest: Contest) -> bool:
    """Whether a result was measured on the same problem with the same budget."""
    try:
        refuse_other_settings(published, settings_of(contest.comparison, contest.problem))
    except InputInvalid:
        return False
    return True


def _done(rows: Sequence[dict[str, Any]]) -> set[tuple[str, int]]:
    return {(row["features"], row["n_train"]) for row in rows}


def _in_order(rows: Sequence[dict[str, Any]], catalog: ElementCatalog) -> list[dict[str, Any]]:
    """Return the rows by size; the back end's own features come first, as the others are compared with them."""
    return sorted(rows, key=lambda row: (row["n_train"], _kinds(catalog).index(row["features"]), row["seed"]))
