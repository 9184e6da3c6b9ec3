"""What relaxation by a potential does to the first candidates of a held-out formula."""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

from benchmarks.explicit.matching import Row, true_distance, volume_error
from benchmarks.explicit.problem import CATALOG, SEED, Problem, problem
from benchmarks.harness import Request, refuse_other_settings
from builders.methods.explicit.candidates import sound
from builders.methods.explicit.drafts import Draft
from builders.methods.explicit.relaxing import Limits, Unrelaxed, find_potential, relax
from builders.methods.explicit.substituting import TemplateGenerator

POTENTIAL = "chgnet"
N_CANDIDATES = 3
"""Candidates of a formula that are relaxed."""

MOST_SITES = 20
"""Formulas with a larger crystal are left out: one relaxation would take minutes."""


def run(request: Request) -> dict[str, Any]:
    """Relax the first candidates of each formula, and compare them with its known structures before and after.

    Returns:
        ``settings``, and ``rows``: for each formula its candidates, in the order of their votes, each with the reason
        why it was dropped (None if it was not), its energy (eV/atom), seconds, and before and after relaxation the
        error of its volume and its distance from the true structure (None if it is not that structure).

    Raises:
        MissingExtra: the potential is not installed.
    """
    there = problem(request)
    limits = Limits(steps=5) if request.quick else Limits()
    settings = {"seed": SEED, "catalog": CATALOG, "n_tested": len(there.tested), "most_sites": MOST_SITES,
                "potential": POTENTIAL, "n_candidates": N_CANDIDATES, "steps": limits.steps,
                "force": limits.force}  # fmt: skip
    refuse_other_settings(request.known, settings)
    rows = request.rows
    result = {"settings": settings, "rows": rows}
    done = {row["formula"] for row in rows}
    wanted = [formula for formula in there.tested if formula not in done and there.is_small(formula, MOST_SITES)]
    n_left = (2 if request.quick else request.choices["n_relaxed"]) - len(rows)
    if n_left > 0:
        calculator, generator = find_potential(POTENTIAL), TemplateGenerator(there.templates, there.catalog)
        for formula in wanted[:n_left]:
            rows.append(_measure(there, generator, formula, calculator, limits))
            click.echo(f"{formula}: {len(rows)} formulas", err=True)
            request.keep(result)
    return result


def _measure(there: Problem, generator: TemplateGenerator, formula: str, calculator: Any, limits: Limits) -> Row:
    drafts = sound(formula, generator.generate(formula, 10 * N_CANDIDATES))
    small = [draft for draft in drafts if len(draft.atomic_numbers) <= MOST_SITES][:N_CANDIDATES]
    return {"formula": formula, "candidates": [_relaxed(there, formula, one, calculator, limits) for one in small]}


def _relaxed(there: Problem, formula: str, draft: Draft, calculator: Any, limits: Limits) -> Row:
    facts: Row = {"n_sites": len(draft.atomic_numbers), "distance": draft.distance, "dropped": None, "energy": None}
    facts |= {f"{name}_before": value for name, value in _errors(there, formula, draft).items()}
    started = time.process_time()
    try:
        moved, energy = relax(draft, calculator, limits)
    except Unrelaxed as error:
        return facts | {"dropped": str(error), "seconds": round(time.process_time() - started, 2)}
    facts |= {"energy": energy, "seconds": round(time.process_time() - started, 2)}
    return facts | {f"{name}_after": value for name, value in _errors(there, formula, moved).items()}


def _errors(there: Problem, formula: str, draft: Draft) -> Row:
    distance = true_distance(draft, there, formula)
    return {
        "volume_error": volume_error(draft, there, formula),
        "true_distance": None if distance is None or not np.isfinite(distance) else distance,
    }
