"""What candidates tell a model of a formula: vectors of their structures, their templates, how far to trust them.

The same features are made for a formula whose structure is known and for one that is new, since a formula is never its
own template: a model that learns from them is tested on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builders.methods.explicit.candidates import sound, table_of
from builders.methods.explicit.drafts import Draft
from builders.methods.explicit.likeness import ElementVectors
from builders.methods.explicit.ranking import Ranked
from builders.methods.explicit.substituting import REACH, TemplateGenerator
from builders.methods.explicit.templates import TemplatePool
from builders.structures.cells import volumes
from embeddings.errors import FormulaInvalid

if TYPE_CHECKING:
    from embeddings.protocols import EncoderOfCrystals

FACTS = ("n_candidates", "weight", "agreement", "distance", "mean_distance", "n_sites", "volume_per_atom", "spread")
"""Columns of facts, in order."""

LABELS = ("nearest", "same_structure", "near", "far", "deviation", "n_known")
"""Columns that the labels of templates give, in order."""

FORMULAS_AT_ONCE = 500


@dataclass(frozen=True)
class Neighbors:
    """Templates near a formula, of other formulas.

    Attributes:
        formulas: (n,) of the templates.
        distances: (n,) of their elements.
        is_same: (n,) whether they have the structure of the first candidate.
    """

    formulas: np.ndarray
    distances: np.ndarray
    is_same: np.ndarray


@dataclass(frozen=True)
class Generated:
    """Features of n formulas.

    Attributes:
        facts: (n, len(FACTS)); NaN where there is no candidate.
        vectors: (n, dim) of the candidates, pooled with their weights; NaN where there is none, dim 0 without encoder.
        neighbors: n times the templates near a formula.
    """

    facts: np.ndarray
    vectors: np.ndarray
    neighbors: tuple[Neighbors, ...]

    @property
    def has_candidates(self) -> np.ndarray:
        """Which formulas have candidates with all features, (n,) bool."""
        found: np.ndarray = np.isfinite(self.facts[:, 0]) & np.isfinite(self.vectors).all(axis=1)
        return found

    def take(self, rows: np.ndarray) -> Generated:
        """Return the features of some formulas, by place or by mask."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        near = tuple(self.neighbors[place] for place in places.tolist())
        return Generated(self.facts[places], self.vectors[places], near)

    @staticmethod
    def joined(parts: Sequence[Generated]) -> Generated:
        """Return the features of several lots of formulas, at least one, one after the other."""
        return Generated(
            np.concatenate([part.facts for part in parts]),
            np.concatenate([part.vectors for part in parts]),
            tuple(one for part in parts for one in part.neighbors),
        )

    def labels(self, known: Mapping[str, float]) -> np.ndarray:
        """Return what the labels of the templates say, (n, len(LABELS)); NaN where none is known.

        Args:
            known: formula -> label, or what a model of compositions left of it.
        """
        return np.array([_label_row(one, known) for one in self.neighbors]).reshape(-1, len(LABELS))


class FeatureGenerator:
    """Makes features of formulas from templates.

    Args:
        pool: templates. Leave out the formulas of a test: see `TemplatePool.without`.
        elements: vectors of elements.
        encoder: of crystals; None for facts and labels alone.
        k: candidates of each formula.
    """

    def __init__(
        self, pool: TemplatePool, elements: ElementVectors, encoder: EncoderOfCrystals | None = None, *, k: int = 5
    ) -> None:
        self.generator, self.encoder, self.k = TemplateGenerator(pool, elements), encoder, k
        self._covered = set(np.asarray(elements.atomic_numbers).tolist())

    def make(self, formulas: Sequence[str], advance: Callable[[int], None] = lambda n: None) -> Generated:
        """Return the features of canonical reduced formulas."""
        width = self.encoder.dim if self.encoder is not None else 0
        parts = [Generated(np.zeros((0, len(FACTS))), np.zeros((0, width)), ())]
        for start in range(0, len(formulas), FORMULAS_AT_ONCE):
            some = formulas[start : start + FORMULAS_AT_ONCE]
            parts.append(self._part(some))
            advance(len(some))
        return Generated.joined(parts)

    def _part(self, formulas: Sequence[str]) -> Generated:
        found = [self._candidates(formula) for formula in formulas]
        vectors, spreads = self._vectors([drafts for drafts, _ in found])
        facts = [_facts(drafts, spread) for (drafts, _), spread in zip(found, spreads, strict=True)]
        return Generated(np.array(facts), vectors, tuple(near for _, near in found))

    def _candidates(self, formula: str) -> tuple[list[Draft], Neighbors]:
        try:
            drafts, ranked, same = self.generator.ballot(formula, self.k)
        except FormulaInvalid:
            return [], _NOBODY
        usable = [one for one in sound(formula, drafts) if self._is_covered(one)]
        return usable, _neighbors(ranked, same, self.generator.pool)

    def _is_covered(self, draft: Draft) -> bool:
        covered = self._covered if self.encoder is None else set(self.encoder.atomic_numbers.tolist())
        return covered.issuperset(np.unique(draft.atomic_numbers).tolist())

    def _vectors(self, found: Sequence[Sequence[Draft]]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vector of each formula, (n, dim), and how far its candidates are from it, (n,)."""
        spreads = np.full(len(found), np.nan)
        if self.encoder is None:
            return np.zeros((len(found), 0)), spreads
        encoded = self.encoder.encode(table_of([draft for drafts in found for draft in drafts]))
        pooled, start = np.full((len(found), encoded.shape[1]), np.nan), 0
        for row, drafts in enumerate(found):
            if drafts:
                each = encoded[start : start + len(drafts)].astype(np.float64)
                shares = np.array([draft.weight for draft in drafts])
                pooled[row] = np.average(each, axis=0, weights=shares)
                distances = np.linalg.norm(each - pooled[row], axis=1)
                spreads[row] = np.average(distances, weights=shares)
                start += len(drafts)
        return pooled, spreads


_NOBODY = Neighbors(np.zeros(0, dtype=object), np.zeros(0), np.zeros(0, dtype=bool))


def _neighbors(ranked: Ranked, same: np.ndarray, pool: TemplatePool) -> Neighbors:
    """Return the templates near a formula, each of their formulas once, where it is nearest."""
    formulas = pool.formulas[ranked.rows]
    _, first = np.unique(formulas.astype(str), return_index=True)
    first.sort()
    is_same = np.array([same[formulas == formula].any() for formula in formulas[first]], dtype=bool)
    return Neighbors(formulas[first], ranked.distances[first], is_same)


def _facts(drafts: Sequence[Draft], spread: float) -> list[float]:
    if not drafts:
        return [np.nan] * len(FACTS)
    weights = np.array([draft.weight for draft in drafts])
    distances = np.array([draft.distance for draft in drafts])
    first = drafts[0]
    n_sites = len(first.atomic_numbers)
    room = float(volumes(first.lattice)) / n_sites
    agreement = float((weights**2).sum() / weights.sum() ** 2)
    mean = float(np.average(distances, weights=weights))
    return [len(drafts), weights[0], agreement, distances.min(), mean, n_sites, room, spread]


def _label_row(near: Neighbors, known: Mapping[str, float]) -> list[float]:
    values = np.array([known.get(formula, np.nan) for formula in near.formulas.tolist()])
    there = np.isfinite(values)
    if not there.any():
        return [np.nan] * (len(LABELS) - 1) + [0.0]
    values, distances, is_same = values[there], near.distances[there], near.is_same[there]
    closeness = np.exp((distances[0] - distances) / REACH)
    same = float(np.average(values[is_same], weights=closeness[is_same])) if is_same.any() else np.nan
    mean = float(np.average(values, weights=closeness))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=closeness)))
    return [float(values[0]), same, mean, float(values.mean()), deviation, float(len(values))]
