"""What of one set another has: a report of formulas and structures, as text and as plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from embeddings.display.numbers import agreeing, counted

Relation = Literal["formula", "structure", "exchanged", "prototype"]

MEANS: dict[Relation, str] = {
    "structure": "the same structure",
    "exchanged": "the same structure with its elements in each other's place",
    "prototype": "the same prototype with other elements",
    "formula": "the same formula, and no such structure",
}
"""Relation -> what it means, the closest first."""

HEAD = ("material_id", "formula", "relation", "other", "other_formula", "formula_seen", "confirmed")
"""Columns of a table of what was found."""


@dataclass(frozen=True)
class Seen:
    """Something of a set that another set has, too.

    Attributes:
        material_id: its identifier; of a table of formulas, the formula as written.
        formula: its canonical reduced formula.
        relation: how close the other is, see `MEANS`.
        other: identifier of the other; None where a digest has no names, or only the formula is there.
        other_formula: of the other; None as well.
        distance: the largest difference of the fingerprints; None where there are none.
        cosine: of the vectors, where files of vectors were compared.
        formula_seen: whether the other set has its formula, whatever the structure.
        confirmed: whether pymatgen's matcher compared the two, or formulas are all that there is to compare.
    """

    material_id: str
    formula: str
    relation: Relation
    other: str | None = None
    other_formula: str | None = None
    distance: float | None = None
    cosine: float | None = None
    formula_seen: bool = True
    confirmed: bool = True


@dataclass(frozen=True)
class Overlap:
    """What of one set another has.

    Attributes:
        a: what was looked at.
        b: what it was looked for in.
        what: ``"structures"`` or ``"formulas"``.
        n: how many there are in the first.
        seen: those that the second has, in the order of the first.
        notes: what could not be told, a sentence each.
        compared: whether structures were compared; without, the same formula may well be the same structure.
    """

    a: str
    b: str
    what: Literal["structures", "formulas"]
    n: int
    seen: tuple[Seen, ...]
    notes: tuple[str, ...] = ()
    compared: bool = True

    @property
    def counts(self) -> dict[Relation, int]:
        """Relation -> how many, the closest first."""
        found = Counter(one.relation for one in self.seen)
        return {relation: found[relation] for relation in MEANS if found[relation]}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"counts": dict(self.counts)}

    def summary(self) -> list[str]:
        """Return what was found as sentences, the notes included."""
        n_seen, what = len(self.seen), counted(self.n, self.what.removesuffix("s"))
        are = (
            agreeing(n_seen, "is", "are")
            if self.what == "formulas"
            else agreeing(n_seen, "has a match", "have a match")
        )
        lines = [f"{n_seen:,} of {what} of {self.a} {are} in {self.b}."]
        if self.what == "structures":
            means = MEANS if self.compared else MEANS | {"formula": "the same formula"}
            lines += [f"  {n:,} {means[relation]}" for relation, n in self.counts.items()]
        n_close = sum(not one.confirmed for one in self.seen)
        if n_close:
            by = "vectors" if any(one.cosine is not None for one in self.seen) else "fingerprints"
            lines.append(f"  {n_close:,} of them by {by} alone: close, and not compared atom by atom")
            lines.append("  (stackings such as fcc and hcp may pass for one structure)")
        return [*lines, *self.notes]

    def rows(self) -> list[tuple[str, ...]]:
        """Return what was found as a table of text, its head first."""
        return [HEAD, *map(_row, self.seen)]


def _row(one: Seen) -> tuple[str, ...]:
    answers = ("yes" if said else "no" for said in (one.formula_seen, one.confirmed))
    return (one.material_id, one.formula, one.relation, one.other or "-", one.other_formula or "-", *answers)
