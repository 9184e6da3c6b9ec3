"""How much room the atoms of a formula take, learned from the templates: a scale from one formula to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from builders.methods.explicit.templates import TemplatePool
from builders.structures.cells import volumes
from embeddings.elements import N_ELEMENTS
from embeddings.formula.bulk import canonical_matrix

PENALTY = 1.0
"""Of the ridge regression, in formulas: an element that few templates hold stays near the mean of all."""

MOST = 3.0
"""The volume of a template is scaled by this factor at most, and by one over it at least."""


@dataclass(frozen=True)
class VolumeModel:
    """Ridge regression of the logarithm of the volume per atom on element fractions, by its normal equations.

    The equations are sums over formulas, so that a formula can be taken out of them: a model without it costs one small
    solution, not a fit.

    Attributes:
        gram: (118, 118) sum of the outer products of fractions.
        moments: (118,) sum of fractions times deviations from `mean`.
        mean: logarithm of the volume per atom (cubic angstrom) of all formulas.
        places: formula -> its row.
        fractions: (n, 118) of each formula.
        values: (n,) mean deviation of its templates.
    """

    gram: np.ndarray
    moments: np.ndarray
    mean: float
    places: dict[str, int]
    fractions: np.ndarray
    values: np.ndarray

    @classmethod
    def fit(cls, pool: TemplatePool) -> VolumeModel:
        """Learn from a pool; each formula counts once, with the mean of its templates."""
        names, formula_of = np.unique(pool.formulas.astype(str), return_inverse=True)
        each = np.log(volumes(pool.structures.lattices) / pool.structures.n_sites)
        logs = np.bincount(formula_of, weights=each) / np.bincount(formula_of)
        mean = float(logs.mean()) if len(logs) else 0.0
        fractions = dense_fractions(names.tolist())
        places = {name: row for row, name in enumerate(names.tolist())}
        deviations = logs - mean
        return cls(fractions.T @ fractions, fractions.T @ deviations, mean, places, fractions, deviations)

    def coefficients(self, *, without: str = "") -> np.ndarray:
        """Return the part of each element, (118,), learned without one formula."""
        gram, moments = self.gram, self.moments
        if without in self.places:
            row = self.places[without]
            gram = gram - np.outer(self.fractions[row], self.fractions[row])
            moments = moments - self.fractions[row] * self.values[row]
        found: np.ndarray = np.linalg.solve(gram + PENALTY * np.eye(N_ELEMENTS), moments)
        return found

    def scales(self, formula: str, templates: list[str]) -> np.ndarray:
        """Return by how much to scale the volume of templates of other formulas, (n,), learned without the formula."""
        learned = self.coefficients(without=formula)
        change = (dense_fractions([formula]) - dense_fractions(templates)) @ learned
        result: np.ndarray = np.exp(np.clip(change, -np.log(MOST), np.log(MOST)))
        return result


def dense_fractions(formulas: list[str]) -> np.ndarray:
    """Return the atomic fraction of every element of canonical formulas, (n, 118)."""
    matrix = canonical_matrix(formulas)
    dense = np.zeros((len(formulas), N_ELEMENTS))
    rows = np.repeat(np.arange(len(formulas)), matrix.n_elements)
    dense[rows, matrix.atomic_numbers.astype(np.int64) - 1] = matrix.fractions
    return dense
