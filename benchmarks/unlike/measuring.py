"""Distances to the training in several ways: do they rise with errors, and tell what is wrong from what is held out?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import click
import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import NearestNeighbors

from benchmarks.harness import Request, Row
from benchmarks.unlike import CATALOG
from benchmarks.unlike.crystals import UNITS, VOLUME, Crystals, labels, made_up, real
from builders.learning.devices import limit_threads
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.crystal_transformer.training_vectors import N_CENTERS, centers_of, evenly
from builders.structures.table import StructureTable
from embeddings.bench.linear import ALPHAS, scaled
from embeddings.store.roots import resolve
from embeddings.store.training_vectors import BEYOND

FARTHEST = 0.05
"""Share of the held-out crystals whose errors are compared with those of the others."""

AT_ONCE = 1024
Vectors = dict[str, np.ndarray]
Distance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Space:
    """A linear map of vectors, (n, dim) to (n, dim), learned from those of the training."""

    mean: np.ndarray
    matrix: np.ndarray
    to_length_one: bool = False

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors in this space, (n, dim) float32."""
        mapped = (vectors - self.mean) @ self.matrix
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True) if self.to_length_one else 1.0
        return np.asarray(mapped / lengths, dtype=np.float32)


def run(request: Request) -> dict[str, Any]:
    """Measure every way on held-out crystals, wrong copies of them, and crystals of others.

    Args:
        request: of the harness; quick are 40 crystals that are made up.

    Returns:
        ``settings``; ``rows``, of each way the rank correlation with the errors of each target, and how well it tells
        each set from held-out crystals; ``errors`` of crystals within and beyond the bound of the way that is used.

    Raises:
        InputInvalid: the data are not there.
    """
    limit_threads()
    started = time.process_time()
    catalog = request.choices.get("catalog", CATALOG)
    encoder = read_crystal_encoder(resolve(catalog))
    crystals = made_up(encoder) if request.quick else real(request.data, encoder)
    tables = {"trained on": crystals.trained_on, "held out": crystals.held_out} | crystals.sets
    vectors = {name: _encoded(encoder, table, name) for name, table in tables.items()}
    errors = _errors(crystals, tables, vectors)
    rows, used = list[Row](), Vectors()
    for way, distance in ways(vectors["trained on"]):
        found = {name: distance(some) for name, some in vectors.items() if name != "trained on"}
        rows += _rows(way, found, errors["held out"])
        used = used or found
        click.echo(f"{way}: {time.process_time() - started:.0f} s", err=True)
    for way, rare in rarities(crystals.trained_on):
        found = {name: rare(table) for name, table in tables.items() if name != "trained on"}
        rows += _rows(way, found, errors["held out"])
    settings = {
        "catalog": catalog, "n_trained_on": len(crystals.trained_on), "n_held_out": len(crystals.held_out),
        "n_sets": {name: len(table) for name, table in crystals.sets.items()}, "n_centers": N_CENTERS,
        "beyond": BEYOND, "farthest": FARTHEST, "units": {name: UNITS[name] for name in (*crystals.targets, VOLUME)},
        "cpu_seconds": round(time.process_time() - started),
    }  # fmt: skip
    return {"settings": settings, "rows": rows, "errors": list(_within_and_beyond(used, errors))}


def ways(trained_on: np.ndarray) -> Iterator[tuple[str, Distance]]:
    """Yield ways to measure a distance to vectors (n, dim) by name; the one that is used comes first."""
    dim = trained_on.shape[1]
    mean, spread = trained_on.mean(axis=0), np.cov(trained_on.T.astype(np.float64))
    values, axes = np.linalg.eigh(spread)
    plain = Space(np.zeros(dim), np.eye(dim))
    white = Space(mean, axes / np.sqrt(np.maximum(values, values.max() * 1e-6)))
    cosine = Space(np.zeros(dim), np.eye(dim), to_length_one=True)
    for n in (N_CENTERS, N_CENTERS // 4, N_CENTERS // 2, 2 * N_CENTERS):
        yield f"{n:,} centers", _to_nearest(plain, centers_of(trained_on, n))
    yield f"{N_CENTERS:,} centers, angle", _to_nearest(cosine, centers_of(cosine(trained_on), N_CENTERS), mapped=True)
    yield f"{N_CENTERS:,} centers, whitened", _to_nearest(white, centers_of(white(trained_on), N_CENTERS), mapped=True)
    for n in (N_CENTERS, 4 * N_CENTERS):
        yield f"{n:,} crystals", _to_nearest(plain, evenly(trained_on, n))
    yield f"{4 * N_CENTERS:,} crystals, mean of 10", _to_nearest(plain, evenly(trained_on, 4 * N_CENTERS), k=10)
    yield "mean of all, whitened", lambda vectors: np.linalg.norm(white(vectors), axis=1)


def _to_nearest(space: Space, reference: np.ndarray, *, k: int = 1, mapped: bool = False) -> Distance:
    found = NearestNeighbors(n_neighbors=min(k, len(reference)), algorithm="brute")
    found.fit(reference if mapped else space(reference))
    return lambda vectors: np.concatenate(
        [found.kneighbors(space(vectors[at : at + AT_ONCE]))[0].mean(axis=1) for at in range(0, len(vectors), AT_ONCE)]
    )


def rarities(trained_on: StructureTable) -> Iterator[tuple[str, Callable[[StructureTable], np.ndarray]]]:
    """Yield how rare the rarest element, and the rarest pair of elements, of a crystal was in the training."""
    for name, n in (("rarest element", 1), ("rarest pair of elements", 2)):
        counts = Counter(group for one in _elements(trained_on) for group in _groups(one, n))
        yield (
            name,
            lambda table, counts=counts, n=n: np.array(  # type: ignore[misc]
                [-min(counts[group] for group in _groups(one, n)) for one in _elements(table)]
            ),
        )


def _elements(table: StructureTable) -> list[list[int]]:
    return [np.unique(part).tolist() for part in np.split(table.atomic_numbers, table.offsets[1:-1])]


def _groups(elements: list[int], n: int) -> list[tuple[int, ...]]:
    return list(combinations(elements, min(n, len(elements))))


def _encoded(encoder: CrystalEncoder, table: StructureTable, name: str) -> np.ndarray:
    click.echo(f"{name}: {len(table):,} crystals", err=True)
    return encoder.encode(table)


def _errors(crystals: Crystals, tables: Mapping[str, StructureTable], vectors: Vectors) -> dict[str, Vectors]:
    """Return name -> target -> absolute errors (n,) under ridge regression, NaN where the target is unknown.

    Copies have the volume of their own cells, and no other target; nor have crystals of others.
    """
    names, learned = (*crystals.targets, VOLUME), labels(crystals.trained_on, crystals.targets)
    found: dict[str, Vectors] = {name: {} for name in tables if name != "trained on"}
    for k, target in enumerate(names):
        known = np.isfinite(learned[:, k])
        model = scaled(RidgeCV(ALPHAS)).fit(vectors["trained on"][known].astype(np.float64), learned[known, k])
        for name in found:
            if name == "held out" or target == VOLUME:
                table, targets = tables[name], crystals.targets if name == "held out" else ()
                stated = labels(table, targets)[:, k if targets else 0]
                found[name][target] = np.abs(model.predict(vectors[name].astype(np.float64)) - stated)
    return found


def _rows(way: str, found: Vectors, errors: Vectors) -> Iterator[Row]:
    held_out = found["held out"]
    for target, error in errors.items():
        known = np.isfinite(error)
        far = held_out[known] >= np.quantile(held_out[known], 1 - FARTHEST)
        yield {
            "way": way, "target": target, "n": int(known.sum()),
            "spearman": _short(spearmanr(held_out[known], error[known]).statistic),
            "farthest": _short(error[known][far].mean() / error[known][~far].mean()) if not far.all() else None,
        }  # fmt: skip
    bound = np.quantile(held_out, BEYOND, method="higher")
    for name, distances in found.items():
        if name != "held out":
            yield {
                "way": way, "set": name, "auroc": _short(_auroc(distances, held_out)),
                "beyond": _short((distances > bound).mean()),
            }  # fmt: skip


def _within_and_beyond(found: Vectors, errors: Mapping[str, Vectors]) -> Iterator[Row]:
    """Yield mean errors of the crystals within and beyond the bound of the way that is used."""
    bound = np.quantile(found["held out"], BEYOND, method="higher")
    for name, by_target in errors.items():
        for target, error in by_target.items():
            known = np.isfinite(error)
            beyond = found[name][known] > bound
            parts = (error[known][~beyond], error[known][beyond])
            within, outside = (_short(part.mean()) if len(part) else None for part in parts)
            yield {
                "set": name, "target": target, "n": int(known.sum()), "n_beyond": int(beyond.sum()),
                "within": within, "beyond": outside,
            }  # fmt: skip


def _auroc(far: np.ndarray, near: np.ndarray) -> float:
    """Return how often one of the far lies farther than one of the near; half of the ties count."""
    ranks = rankdata(np.concatenate([far, near]))[: len(far)]
    return float((ranks.mean() - (len(far) + 1) / 2) / len(near))


def _short(number: float) -> float | None:
    return float(f"{number:.4g}") if np.isfinite(number) else None
