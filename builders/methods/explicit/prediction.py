"""From formulas to candidate structures, offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from builders.methods.explicit.candidates import Candidate, Candidates, sound, table_of
from builders.methods.explicit.drafts import Draft, Generator, as_draft
from builders.methods.explicit.likeness import ElementVectors
from builders.methods.explicit.relaxing import Limits, Unrelaxed, find_potential, relax
from builders.methods.explicit.substituting import TemplateGenerator
from builders.methods.explicit.templates import TemplatePool
from embeddings.display.numbers import counted
from embeddings.errors import FormulaInvalid, InputInvalid
from embeddings.formula import reduced_formulas

SPARE = 2
"""Candidates that are drawn for each that is wanted where some may be dropped."""

LIMITS = Limits()


def predict_structures(
    formulas: Iterable[Any],
    templates: TemplatePool,
    *,
    elements: ElementVectors,
    k: int = 5,
    exclude: Iterable[Any] = (),
    generators: Sequence[Generator] = (),
    potential: Any = None,
    limits: Limits = LIMITS,
    advance: Callable[[int], None] = lambda n: None,
) -> Candidates:
    """Return at most k candidate structures of each formula, the likeliest first.

    A formula takes the structures of templates with the same anonymous formula, whose elements are most like its own:
    by their vectors, and by how often one took the place of the other in known crystals (Hautier et al., Inorg. Chem.
    50, 656, 2011). Volumes are scaled by a regression on the templates. A formula is never its own template.

    Args:
        formulas: any that can be read; each composition is taken once.
        templates: crystals to take structures from, see `read_templates`.
        elements: vectors of elements, such as ``load_uae("ct-multi")``.
        k: how many, at most.
        exclude: formulas that must not serve as templates, such as those of a test.
        generators: others that also propose candidates; theirs come after those of the templates.
        potential: relaxes the candidates: ``"chgnet"``, or any ASE calculator; None to leave them as they are.
        limits: of each relaxation; what does not end within them is dropped.
        advance: called with how many more formulas are done.

    Raises:
        FormulaInvalid: a formula cannot be read.
        InputInvalid: there are no templates, k is below 1, or no formula has a candidate; the message says why.
        MissingExtra: the potential is not installed.
    """
    if k < 1:
        raise InputInvalid(f"{k} candidates are asked for; ask for at least 1.")
    wanted = list(dict.fromkeys(reduced_formulas(list(formulas))))
    pool = templates.without(set(reduced_formulas(list(exclude))))
    if not len(pool):
        away = f"all {len(templates):,} are excluded" if len(templates) else "the table has none that can be used"
        raise InputInvalid(f"No templates: {away}. Give other templates, or exclude fewer formulas.")
    calculator = find_potential(potential) if isinstance(potential, str) else potential
    makers = [TemplateGenerator(pool, elements), *generators]
    maker = _Maker(makers, k, calculator, limits)
    for formula in wanted:
        maker.add(formula)
        advance(1)
    return maker.candidates(pool)


class _Maker:
    """Collects candidates formula by formula."""

    def __init__(self, generators: Sequence[Generator], k: int, calculator: Any, limits: Limits) -> None:
        self._generators, self._k = generators, k
        self._calculator, self._limits = calculator, limits
        self._drafts: list[Draft] = []
        self._about: list[Candidate] = []
        self._left_out: dict[str, str] = {}
        self._dropped = Counter[str]()

    def add(self, formula: str) -> None:
        """Make the candidates of a formula, or note why it has none."""
        found = self._relaxed(sound(formula, self._drawn(formula), self._dropped))
        if not found:
            self._left_out[formula] = self._left_out.get(formula) or "every candidate was dropped"
        for rank, (draft, energy) in enumerate(found, start=1):
            self._drafts.append(draft)
            self._about.append(_facts(formula, rank, draft, energy))

    def candidates(self, pool: TemplatePool) -> Candidates:
        """Return everything that was made.

        Raises:
            InputInvalid: it is nothing.
        """
        if not self._drafts:
            first, reason = next(iter(self._left_out.items()), ("", "no formula was given"))
            which = f"any of {len(self._left_out):,} formulas" if len(self._left_out) > 1 else first or "anything"
            also = f"; {first}" if len(self._left_out) > 1 else ""
            raise InputInvalid(f"No candidate for {which} among {counted(len(pool), 'template')}{also}: {reason}.")
        names = np.array([one.material_id for one in self._about], dtype=object)
        table = replace(table_of(self._drafts), material_ids=names)
        return Candidates(table, tuple(self._about), self._left_out, dict(self._dropped))

    def _drawn(self, formula: str) -> list[Draft]:
        """Return what the generators give, more than is wanted, and note it if that is nothing."""
        drawn: list[Draft] = []
        reason = "no template has its anonymous formula"
        for one in self._generators:
            try:
                drawn += map(as_draft, one.generate(formula, SPARE * self._k))
            except FormulaInvalid as error:  # another generator may know better
                reason = str(error).removeprefix(f"{formula}: ").removesuffix(".")
        if not drawn:
            self._left_out[formula] = reason
        return drawn

    def _relaxed(self, drafts: list[Draft]) -> list[tuple[Draft, float]]:
        """Return the first k drafts, relaxed if there is a potential; one that is dropped makes room for the next."""
        kept: list[tuple[Draft, float]] = []
        for draft in drafts:
            if len(kept) == self._k:
                break
            if self._calculator is None:
                kept.append((draft, np.nan))
                continue
            try:
                kept.append(relax(draft, self._calculator, self._limits))
            except Unrelaxed as error:
                self._dropped[str(error)] += 1
        return kept


def _facts(formula: str, rank: int, draft: Draft, energy: float) -> Candidate:
    return Candidate(
        material_id=f"{formula}-{rank}",
        formula=formula,
        rank=rank,
        energy=energy,
        **{
            name: getattr(draft, name)
            for name in ("template_id", "template_formula", "distance", "weight", "volume_scale")
        },
    )
