"""How often the true structure is among the first candidates of a held-out formula."""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

from benchmarks.explicit.problem import CATALOG, MAX_SITES, SEED, Problem, problem
from benchmarks.harness import Request, Row, refuse_other_settings
from builders.methods.explicit.candidates import sound
from builders.methods.explicit.drafts import Draft
from builders.methods.explicit.substituting import TemplateGenerator
from builders.structures.cells import volumes
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS

N_CANDIDATES = 20
MOST_SITES = 50
"""Formulas with a larger crystal are left out of the comparison, which would take hours for them."""


def run(request: Request) -> dict[str, Any]:
    """Match candidates against every known structure of each formula (pymatgen's StructureMatcher as it comes).

    Returns:
        ``settings``, and ``rows``: for each formula the rank of the first candidate that is its true structure by votes
        and by distance alone (None if there is none), the distance of the first template, and errors of its volume.
    """
    there = problem(request)
    settings = {"seed": SEED, "catalog": CATALOG, "n_tested": len(there.tested), "most_sites": MOST_SITES}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    result = {"settings": settings, "rows": rows, "max_sites": MAX_SITES}
    done = {row["formula"] for row in rows}
    wanted = [formula for formula in there.tested if formula not in done and there.is_small(formula, MOST_SITES)]
    n_left = (5 if request.quick else request.choices["n_matched"]) - len(rows)
    generator = TemplateGenerator(there.templates, there.catalog)
    for k, formula in enumerate(wanted[: max(0, n_left)], start=1):
        rows.append(_measure(there, generator, formula))
        if k % 20 == 0:
            click.echo(f"{k} formulas", err=True)
            request.keep(result)
    return result


def _measure(there: Problem, generator: TemplateGenerator, formula: str) -> Row:
    started = time.process_time()
    drafts = sound(formula, generator.generate(formula, 10 * N_CANDIDATES))
    by_votes, by_distance = drafts[:N_CANDIDATES], sorted(drafts, key=lambda one: one.distance)[:N_CANDIDATES]
    fits = {
        id(draft): true_distance(draft, there, formula) is not None
        for draft in {id(one): one for one in by_votes + by_distance}.values()
    }
    row: Row = {"formula": formula, "n_candidates": len(drafts)}
    for name, ordered in (("votes", by_votes), ("nearest", by_distance)):
        row[name] = next((rank for rank, draft in enumerate(ordered, start=1) if fits[id(draft)]), None)
    if drafts:
        row |= {"distance": drafts[0].distance, "weight": drafts[0].weight} | _volume_errors(drafts[0], there, formula)
    return row | {"seconds": round(time.process_time() - started, 2)}


def true_distance(draft: Draft, there: Problem, formula: str) -> float | None:
    """Return how far a candidate is from the nearest known structure of its formula, None if it is none of them.

    Distances are root mean squares over the atoms, in units of the cube root of the volume per atom.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher, table = StructureMatcher(), there.crystals.structures
    if len(draft.atomic_numbers) > MAX_SITES:
        return None
    made = _structure(draft.lattice, draft.atomic_numbers, draft.frac_coords)
    known = [_row_structure(table, int(row)) for row in there.crystals.rows_of[formula]]
    found = [matcher.get_rms_dist(made, one) for one in known]
    return min((float(pair[0]) for pair in found if pair is not None), default=None)


def _row_structure(table: StructureTable, row: int) -> Any:
    atoms = slice(table.offsets[row], table.offsets[row + 1])
    return _structure(table.lattices[row], table.atomic_numbers[atoms], table.frac_coords[atoms])


def _structure(lattice: np.ndarray, numbers: np.ndarray, coords: np.ndarray) -> Any:
    from pymatgen.core import Lattice, Structure

    return Structure(Lattice(lattice), [SYMBOLS[z - 1] for z in numbers.tolist()], coords)


def _volume_errors(draft: Draft, there: Problem, formula: str) -> Row:
    return {
        "volume_error": volume_error(draft, there, formula),
        "volume_error_unscaled": volume_error(draft, there, formula, scale=1 / draft.volume_scale),
    }


def volume_error(draft: Draft, there: Problem, formula: str, *, scale: float = 1.0) -> float:
    """Return the relative error of the volume per atom against the stable structure, of a cell scaled in volume."""
    table, row = there.crystals.structures, there.stable[formula]
    true = float(volumes(table.lattices[row])) / int(table.n_sites[row])
    made = scale * float(volumes(draft.lattice)) / len(draft.atomic_numbers)
    return abs(made / true - 1)
