"""The generator that needs no weights: a formula takes the structure of a template, element by element."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from builders.methods.explicit.drafts import Draft
from builders.methods.explicit.likeness import ElementVectors, Likeness
from builders.methods.explicit.prototypes import Symmetries
from builders.methods.explicit.ranking import Ranked, rank
from builders.methods.explicit.templates import TemplatePool
from builders.methods.explicit.volume import VolumeModel

N_VOTERS = 50
"""Templates that vote on the structure of a formula, the nearest ones."""

REACH = 0.1
"""Distance beyond the nearest template at which a vote counts 1/e."""

SILENT = 0.05
"""Votes below this, of 1, are not asked for once there are candidates enough: symmetry takes milliseconds to find."""

STABLE = 0.1
"""Energy above the lowest of its formula (eV/atom) at which the vote of a template counts 1/e."""


class TemplateGenerator:
    """Gives a formula the structures of like formulas.

    The nearest templates vote on the structure: those that give the same one (by space group, primitive cell and
    orbits) are one candidate, whose weight is its share of the votes. A template that is not the stable structure of
    its own formula counts less, where the pool has energies. The nearest template of each becomes the candidate, its
    volume scaled to the new elements.

    Attributes:
        pool: where templates are taken from. The formula itself is never one of them.
        likeness: of elements.
        volume: learned from the pool.
        symmetries: of the pool's crystals, found as they are needed.
    """

    def __init__(self, pool: TemplatePool, elements: ElementVectors) -> None:
        self.pool, self.likeness = pool, Likeness.of(elements)
        self.volume, self.symmetries = VolumeModel.fit(pool), Symmetries(pool.structures)

    def generate(self, formula: str, n: int) -> list[Draft]:
        """Return at most n candidates of a canonical reduced formula, that with most votes first.

        Raises:
            FormulaInvalid: its amounts are not whole numbers, as those of no crystal are, or an element has no vector.
        """
        return self.ballot(formula, n)[0]

    def ballot(self, formula: str, n: int) -> tuple[list[Draft], Ranked, np.ndarray]:
        """Return the candidates, the m templates that voted, and which voted for the first candidate, (m,) bool.

        Raises:
            FormulaInvalid: as `generate` says.
        """
        ranked = rank(formula, self.pool, self.likeness, most=N_VOTERS)
        votes = np.exp((ranked.distances[:1] - ranked.distances) / REACH - self.pool.excess[ranked.rows] / STABLE)
        prototypes = self._prototypes(ranked, votes, n)
        chosen = self._elect(ranked, votes, prototypes)[:n]
        templates = [str(self.pool.formulas[ranked.rows[one.place]]) for one in chosen]
        scales = self.volume.scales(formula, templates) if chosen else np.zeros(0)
        drafts = [self._draft(ranked, one, float(scale)) for one, scale in zip(chosen, scales, strict=True)]
        agree = np.zeros(len(ranked), dtype=bool)
        agree[: len(prototypes)] = [prototype == prototypes[chosen[0].place] for prototype in prototypes]
        return drafts, ranked, agree

    def _prototypes(self, ranked: Ranked, votes: np.ndarray, n: int) -> list[Hashable]:
        """Return the structure of each voter, as far as votes count or n structures are not yet found."""
        found: list[Hashable] = []
        for row, old, vote in zip(ranked.rows.tolist(), ranked.old, votes.tolist(), strict=True):
            if vote < SILENT and len(set(found)) >= n:
                break
            found.append(self.symmetries.prototype(row, old))
        return found

    def _elect(self, ranked: Ranked, votes: np.ndarray, prototypes: Sequence[Hashable]) -> list[_Elected]:
        """Return the distinct structures, that with most votes first; each formula has one vote for a structure."""
        voters = zip(prototypes, self.pool.formulas[ranked.rows[: len(prototypes)]].tolist(), strict=True)
        first, sums = dict[Hashable, int](), dict[Hashable, float]()
        counted = set[Hashable]()
        for place, ballot in enumerate(voters):
            if ballot not in counted:
                counted.add(ballot)
                first.setdefault(ballot[0], place)
                sums[ballot[0]] = sums.get(ballot[0], 0.0) + float(votes[place])
        total = sum(sums.values())
        elected = [_Elected(first[prototype], vote / total) for prototype, vote in sums.items()]
        return sorted(elected, key=lambda one: (-one.weight, one.place))

    def _draft(self, ranked: Ranked, elected: _Elected, scale: float) -> Draft:
        row, table = int(ranked.rows[elected.place]), self.pool.structures
        atoms = slice(table.offsets[row], table.offsets[row + 1])
        replaced = dict(zip(ranked.old[elected.place].tolist(), ranked.new.tolist(), strict=True))
        return Draft(
            lattice=table.lattices[row] * scale ** (1 / 3),
            atomic_numbers=np.array([replaced[int(z)] for z in table.atomic_numbers[atoms]], dtype=np.int16),
            frac_coords=table.frac_coords[atoms],
            template_id=str(table.material_ids[row]),
            template_formula=str(self.pool.formulas[row]),
            template_row=row,
            distance=float(ranked.distances[elected.place]),
            weight=elected.weight,
            volume_scale=scale,
        )


@dataclass(frozen=True)
class _Elected:
    """A structure and its votes.

    Attributes:
        place: of its nearest template in the ranking.
        weight: share of the votes.
    """

    place: int
    weight: float
