"""Results on candidate structures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document

TOPS = (1, 5, 20)
ORDERS = {"votes": "by votes", "nearest": "by distance alone"}
THIRDS = ("nearest third", "middle third", "farthest third")


def table(result: Document) -> str:
    """Return the table of one case."""
    return {"match": _match_table, "relax": _relax_table}.get(result["name"], _label_table)(result)


def _match_table(result: Document) -> str:
    rows = result["rows"]
    distances = np.array([row.get("distance", np.inf) for row in rows], dtype=float)
    groups = {"all": np.ones(len(rows), dtype=bool)} | _thirds(distances)
    cells = []
    for name, members in groups.items():
        for order, called in ORDERS.items():
            found = [_rate([rows[k][order] for k in np.flatnonzero(members)], top) for top in TOPS]
            cells.append([name, str(int(members.sum())), called, *found])
    head = ["template", "formulas", "candidates in order", *(f"top {top}" for top in TOPS)]
    scaled, plain = (np.array([row[k] for row in rows if k in row]) for k in ("volume_error", "volume_error_unscaled"))
    n_without = sum(not row["n_candidates"] for row in rows)
    about = (
        f"True structure among the first candidates, with its standard error; {n_without} formulas have no candidate, "
        f"and count as failures. Median error of the volume per atom of the first candidate: {np.median(scaled):.1%} "
        f"scaled, {np.median(plain):.1%} as in the template."
    )
    return f"### {result['title']}\n\n{about}\n\n{markdown.table(head, cells)}\n"


def _relax_table(result: Document) -> str:
    """Return how often the chosen candidate is the true structure, how far from it, and the error of its volume."""
    settings = result["settings"]
    candidates = [row["candidates"] for row in result["rows"]]
    kept = [[one for one in some if not one["dropped"]] for some in candidates]
    chosen = {
        "first, as made": ("before", [some[:1] for some in candidates]),
        "first, relaxed": ("after", [some[:1] for some in kept]),
        "lowest energy, relaxed": ("after", [sorted(some, key=lambda one: one["energy"])[:1] for some in kept]),
    }
    cells = [[name, *_chosen_cells(when, picked)] for name, (when, picked) in chosen.items()]
    tried = [one for some in candidates for one in some]
    n_dropped = sum(bool(one["dropped"]) for one in tried)
    seconds = np.median([one["seconds"] for one in tried])
    about = (
        f"{len(candidates)} formulas with crystals of at most {settings['most_sites']} atoms; their first "
        f"{settings['n_candidates']} candidates were relaxed by {settings['potential']} in at most {settings['steps']} "
        f"steps. {n_dropped} of {len(tried)} candidates were dropped; a relaxation took {seconds:.1f} s of CPU in the "
        f"median. Distances are root mean squares over the atoms, over the cube root of the volume per atom, where the "
        f"candidate is the true structure."
    )
    head = ["candidate", "true structure", "median distance from it", "median error of the volume"]
    return f"### {result['title']}\n\n{about}\n\n{markdown.table(head, cells)}\n"


def _chosen_cells(when: str, picked: Sequence[list[dict[str, Any]]]) -> list[str]:
    """Return the cells of a way to choose one candidate of each formula; without any it is a failure."""
    there = [some[0] for some in picked if some]
    distances = [one[f"true_distance_{when}"] for one in there]
    near = [distance for distance in distances if distance is not None]
    hits = [1 if some and some[0][f"true_distance_{when}"] is not None else None for some in picked]
    errors = [one[f"volume_error_{when}"] for one in there]
    return [_rate(hits, 1), f"{np.median(near):.3f}" if near else "-", f"{np.median(errors):.1%}" if errors else "-"]


def _label_table(result: Document) -> str:
    """Return errors of each way, and what they are of those of composition alone, by how near templates are."""
    settings, about = result["settings"], result["formulas"]
    first = result["rows"][0]
    base = np.array(first["composition_errors"])
    given = about.get("distances") or [None] * len(base)
    distances = np.array([np.inf if d is None else d for d in given])
    groups = {"all": np.ones(len(base), dtype=bool)} | _thirds(distances)
    cells = [["composition alone", *(f"{base[members].mean():.4f}" for members in groups.values())]]
    for row in result["rows"]:
        error = np.array(row["tested_errors"])
        cells.append([row["way"], *(_compared(error[members], base[members]) for members in groups.values())])
    sentence = (
        f"Mean absolute error on {settings['n_tested']:,} held-out formulas, {settings['unit']}; behind it the change "
        f"against composition alone, with its standard error over formulas. Composition learns from "
        f"{settings['n_training']:,} formulas, candidates from {settings['n_generated']:,} of them."
    )
    head = ["what is known", *(f"{name} ({int(members.sum())})" for name, members in groups.items())]
    return f"### {settings['target']}\n\n{sentence}\n\n{markdown.table(head, cells)}\n"


def _compared(error: np.ndarray, base: np.ndarray) -> str:
    change = error - base
    spread = float(change.std(ddof=1) / np.sqrt(len(change))) if len(change) > 1 else 0.0
    return f"{error.mean():.4f} ({change.mean() / base.mean():+.1%} ± {spread / base.mean():.1%})"


def _rate(ranks: Sequence[Any], top: int) -> str:
    hits = np.array([rank is not None and rank <= top for rank in ranks], dtype=float)
    if not len(hits):
        return "-"
    return f"{hits.mean():.0%} ± {np.sqrt(hits.mean() * (1 - hits.mean()) / len(hits)):.0%}"


def _thirds(distances: np.ndarray) -> dict[str, np.ndarray]:
    """Return members of each third by the distance of the nearest template."""
    order = np.argsort(distances, kind="stable")
    parts = np.array_split(order, 3)
    places = np.arange(len(distances))
    return {name: np.isin(places, part) for name, part in zip(THIRDS, parts, strict=True)}
