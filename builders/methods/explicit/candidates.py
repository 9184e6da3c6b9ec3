"""Candidate structures of formulas: checked, numbered, and each with what speaks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from builders.methods.explicit.drafts import Draft
from builders.structures.cleaning import ENCODABLE, USABLE, apply_filters
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable

CHECKED = {name: check for name, check in USABLE.items() if name in ENCODABLE or name in ("no_atoms", "atoms_overlap")}
"""Filters that every candidate passes."""


@dataclass(frozen=True)
class Candidate:
    """What is said of a candidate.

    Attributes:
        material_id: its name, such as ``"LiFePO4-1"``.
        formula: canonical and reduced.
        rank: 1 for the likeliest of its formula.
        template_id: whose structure it has; empty where a generator made it from nothing.
        template_formula: of that.
        distance: mean distance of the elements from those that they replace: 0 is the same element, 1 a pair at random.
        weight: its share of the votes of all templates, from 0 to 1; NaN where there was no vote.
        volume_scale: volume per atom over that of the template, before relaxation.
        energy: of the relaxed crystal, eV/atom, by the potential that relaxed it; NaN if none did.
    """

    material_id: str
    formula: str
    rank: int
    template_id: str
    template_formula: str
    distance: float
    weight: float
    volume_scale: float
    energy: float = np.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON values; what is unknown is None."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Candidates:
    """Candidates of many formulas, formula after formula, the likeliest first.

    Attributes:
        structures: n crystals.
        about: n facts.
        left_out: formula -> why it has no candidate.
        dropped: reason -> how many candidates were dropped.
    """

    structures: StructureTable
    about: tuple[Candidate, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.about)

    def column(self, name: str) -> np.ndarray:
        """Return one fact of every candidate, (n,)."""
        return np.array([getattr(one, name) for one in self.about])


def table_of(drafts: Sequence[Draft]) -> StructureTable:
    """Return drafts as structures, named by their place."""
    lengths = [len(draft.atomic_numbers) for draft in drafts]
    return StructureTable(
        material_ids=np.array([str(place) for place in range(len(drafts))], dtype=object),
        lattices=np.array([draft.lattice for draft in drafts], dtype=np.float64).reshape(-1, 3, 3),
        offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        atomic_numbers=np.concatenate([draft.atomic_numbers for draft in drafts] or [np.zeros(0)]).astype(np.int16),
        frac_coords=np.concatenate([draft.frac_coords for draft in drafts] or [np.zeros((0, 3))]).astype(np.float64),
    )


def sound(formula: str, drafts: Sequence[Draft], dropped: Counter[str] | None = None) -> list[Draft]:
    """Return the drafts that are crystals of the formula.

    Args:
        formula: canonical and reduced.
        drafts: any.
        dropped: reason -> how many others there are; added to.
    """
    table = table_of(drafts)
    kept, counts = apply_filters(table, {"other_formula": lambda t: _is_of(formula, t)} | CHECKED)
    if dropped is not None:
        dropped.update(counts)
    return [drafts[int(place)] for place in kept.material_ids]


def _is_of(formula: str, table: StructureTable) -> np.ndarray:
    return np.array([found == formula for found in reduced_formulas_of(table)], dtype=bool)
