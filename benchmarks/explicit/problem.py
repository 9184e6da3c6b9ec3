"""Which formulas are held out, and which labels and structures are there to learn from.

The encoder of `ct-multi` was trained on nine tenths of the formulas of this very file. All formulas that are tested,
and all that candidates are made for in training, are of the tenth that it has not seen; templates may be of any formula
that is not tested. Element vectors are those of the same training: a table of 88 rows knows no formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from benchmarks.data import ABSENT, materials_project_file
from benchmarks.explicit import TARGETS
from benchmarks.harness import Request
from builders.methods.explicit.templates import TemplatePool
from builders.sources.starter import STARTER_FILE
from builders.structures.table import read_structure_table
from embeddings import load_uae
from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid

CATALOG = "ct-multi@3.0.0"
MAX_SITES = 100
"""The encoder was trained on crystals of at most so many atoms."""

SEED = 0

QUICK = (12, 30, 60)
"""Formulas of a quick problem: tested, with candidates, and with labels."""


@dataclass(frozen=True)
class Problem:
    """Crystals, dealt by formula.

    Attributes:
        crystals: all of them.
        catalog: of the encoder and the element vectors.
        tested: formulas that are held out.
        generated: training formulas that candidates are made for; the encoder has not seen them.
        training: all formulas with labels to learn from, those among them.
    """

    crystals: TemplatePool
    catalog: ElementCatalog
    tested: list[str]
    generated: list[str]
    training: list[str]

    @cached_property
    def templates(self) -> TemplatePool:
        """Crystals of all other formulas than the tested ones."""
        return self.crystals.without(set(self.tested))

    @cached_property
    def stable(self) -> dict[str, int]:
        """Formula -> row of its crystal of lowest energy, whose labels are those of the formula."""
        energies = self.crystals.structures.properties["formation_energy_per_atom"]
        return {
            formula: int(rows[np.nanargmin(energies[rows])])
            for formula, rows in self.crystals.rows_of.items()
            if np.isfinite(energies[rows]).any()
        }

    def is_small(self, formula: str, most_sites: int) -> bool:
        """Whether no known crystal of a formula has more atoms."""
        return bool(self.crystals.structures.n_sites[self.crystals.rows_of[formula]].max() <= most_sites)

    def labels(self, formulas: list[str], target: str) -> np.ndarray:
        """Return the label of each formula, (n,)."""
        rows = np.array([self.stable[formula] for formula in formulas], dtype=np.int64)
        return self.crystals.structures.properties[target][rows]


def problem(request: Request) -> Problem:
    """Deal the formulas, with a fixed seed; a quick problem is small, and of the starter set.

    Raises:
        InputInvalid: the structures are not in the folder of the data.
    """
    file = materials_project_file(request.data)
    path = STARTER_FILE if request.quick else file.path
    if not path.is_file():
        raise InputInvalid(ABSENT)
    sizes = (
        QUICK if request.quick else tuple(request.choices[name] for name in ("n_tested", "n_generated", "n_training"))
    )
    return _dealt(path, request.quick, *sizes)


@cache
def _dealt(path: Path, is_quick: bool, n_tested: int, n_generated: int, n_training: int) -> Problem:
    catalog = load_uae(CATALOG)
    crystals = TemplatePool.of(read_structure_table(path), max_sites=MAX_SITES)
    rng = np.random.default_rng(SEED)
    labelled = _labelled(crystals, catalog, is_quick)
    seen = set() if is_quick else set(catalog.overlap(labelled))
    drawn = rng.permutation(np.array([formula for formula in labelled if formula not in seen], dtype=object)).tolist()
    tested, generated = drawn[:n_tested], drawn[n_tested:][:n_generated]
    rest = sorted(set(labelled) - set(tested) - set(generated))
    others = rng.permutation(np.array(rest, dtype=object))[: max(0, n_training - len(generated))]
    return Problem(crystals, catalog, tested, generated, sorted([*generated, *others.tolist()]))


def _labelled(crystals: TemplatePool, catalog: ElementCatalog, is_quick: bool) -> list[str]:
    """Return the formulas whose stable crystal has all labels, and vectors for all of its elements."""
    table = crystals.structures
    targets = list(TARGETS)[:1] if is_quick else list(TARGETS)
    has_labels = np.all([np.isfinite(table.properties[target]) for target in targets], axis=0)
    bare = ~np.isin(table.atomic_numbers, catalog.atomic_numbers)
    has_vectors = np.bincount(np.repeat(np.arange(len(table)), table.n_sites)[bare], minlength=len(table)) == 0
    everything = Problem(crystals, catalog, [], [], []).stable
    return sorted(formula for formula, row in everything.items() if has_labels[row] and has_vectors[row])
