"""What a composition encoder learns from: for each formula its labels, and the vector of its structures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from builders.learning.splits import split_by_formula
from embeddings.display.numbers import share_of
from embeddings.errors import SourceError

ENERGY = "formation_energy_per_atom"
MIN_FORMULAS = 10


@dataclass(frozen=True)
class Lessons:
    """One row for each formula.

    Attributes:
        formulas: (n,) canonical reduced formulas, ascending, without repeats.
        targets: names of the labels.
        labels: (n, n_targets) float64, NaN where unknown.
        vectors: (n, teacher_dim) float32, of structures, pooled over the polymorphs; of several teachers one behind the
            other, NaN where one has none.
        widths: how many columns of the vectors are of each teacher; empty where all are of one.
    """

    formulas: np.ndarray
    targets: tuple[str, ...]
    labels: np.ndarray
    vectors: np.ndarray
    widths: tuple[int, ...] = ()

    @property
    def has_vectors(self) -> np.ndarray:
        """Which formulas every teacher has a vector of, (n,) bool."""
        return np.isfinite(self.vectors).all(axis=1)

    @property
    def scales(self) -> np.ndarray:
        """What each standardized column is multiplied by so that teachers count alike, (teacher_dim,); 1 for one.

        The columns of each teacher then have the same share of the length of a vector, however many they are.
        """
        widths = np.array(self.widths or [self.vectors.shape[1]], dtype=float)
        return np.repeat(np.sqrt(widths.mean() / np.maximum(widths, 1)), widths.astype(int))

    def __len__(self) -> int:
        return len(self.formulas)

    def without(self, formulas: Collection[str]) -> Lessons:
        """Return the lessons of all formulas but the given ones (canonical spelling).

        Raises:
            SourceError: too few are left.
        """
        kept = ~np.isin(self.formulas, list(formulas))
        if kept.sum() < MIN_FORMULAS:
            raise SourceError(
                f"{share_of(kept.sum(), len(self), 'formula', 'is')} left; at least {MIN_FORMULAS} are needed."
            )
        return replace(self, formulas=self.formulas[kept], labels=self.labels[kept], vectors=self.vectors[kept])

    def split(self, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows to learn from and rows held out; see `split_by_formula`."""
        return split_by_formula(
            self.formulas.tolist(), validation_fraction=validation_fraction, seed=seed, keep_elements=True
        )


def pool_polymorphs(
    formulas: Sequence[str],
    labels: dict[str, np.ndarray],
    vectors: Sequence[np.ndarray] = (),
    *,
    energies: np.ndarray | None = None,
    temperature: float | None = None,
) -> Lessons:
    """Make one row of all polymorphs of a formula.

    A label is that of the polymorph of lowest energy which has it: what a formula is most likely to form. A vector is
    the mean over all polymorphs that the teacher knows, weighted by their energies if a temperature is given.

    Args:
        formulas: (n,) canonical reduced formula of each crystal.
        labels: target -> (n,) values, NaN where unknown.
        vectors: of each teacher, (n, its dim), NaN rows where it has none of a crystal.
        energies: (n,) by which polymorphs are ordered, NaN last; None keeps the order given.
        temperature: in the unit of the energies; a polymorph counts by ``exp(-energy above the lowest / temperature)``,
            and one of unknown energy only where all are. None for equal weights.
    """
    spelled = np.asarray(formulas, dtype=str)
    order = np.lexsort((np.zeros(len(spelled)) if energies is None else energies, spelled))
    distinct, row_of = np.unique(spelled[order], return_inverse=True)
    columns = [_first_known(values[order], row_of, len(distinct)) for values in labels.values()]
    weights = np.ones(len(spelled))
    if temperature is not None and energies is not None:
        weights = _weights(energies[order], row_of, len(distinct), temperature)
    nothing = np.empty((len(distinct), 0), dtype=np.float32)
    pooled = np.hstack([nothing, *(_mean(one[order], weights, row_of, len(distinct)) for one in vectors)])
    widths = tuple(one.shape[1] for one in vectors) if len(vectors) > 1 else ()
    return Lessons(distinct, tuple(labels), np.stack(columns, axis=1), pooled, widths)


def _first_known(values: np.ndarray, row_of: np.ndarray, n: int) -> np.ndarray:
    known = np.flatnonzero(np.isfinite(values))
    rows, first = np.unique(row_of[known], return_index=True)
    result = np.full(n, np.nan)
    result[rows] = values[known[first]]
    return result


def _weights(energies: np.ndarray, row_of: np.ndarray, n: int, temperature: float) -> np.ndarray:
    """Return the Boltzmann weights of polymorphs, zero where the energy is unknown."""
    lowest = np.full(n, np.inf)
    np.fmin.at(lowest, row_of, energies)
    above = np.where(np.isfinite(energies), energies - lowest[row_of], np.inf)
    return np.exp(-above / temperature)


def _mean(vectors: np.ndarray, weights: np.ndarray, row_of: np.ndarray, n: int) -> np.ndarray:
    known = np.isfinite(vectors).all(axis=1)
    vectors, weights, row_of = vectors[known], weights[known], row_of[known]
    counts = np.bincount(row_of, minlength=n)
    weighed = np.bincount(row_of, weights, minlength=n) > 0
    weights = np.where(weighed[row_of], weights, 1.0)
    has = counts > 0
    starts_at = np.searchsorted(row_of, np.flatnonzero(has))
    result = np.full((n, vectors.shape[1]), np.nan, dtype=np.float32)
    totals = np.bincount(row_of, weights, minlength=n)[has, None]
    if has.any():
        result[has] = np.add.reduceat(vectors * weights[:, None], starts_at) / totals
    return result
