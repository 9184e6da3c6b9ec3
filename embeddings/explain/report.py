"""The explanations of several formulas: words, JSON and a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from embeddings.display.html import html_table
from embeddings.display.numbers import agreeing, counted, listed, number, signed
from embeddings.display.pages import check_page
from embeddings.explain.explanation import INDEX_WORDS, Explanation
from embeddings.explain.overview import Overview
from embeddings.explain.values import MAX_PLAYERS, Index
from embeddings.store.folders import write_text

SHOWN = 10
"""Elements and pairs that the words name."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanations:
    """What a model makes of several formulas; ``print`` says it, notebooks show it as a table.

    Attributes:
        each: one for each formula, in their order.
        what: the model predicts.
        unit: of all values.
        absent: the choice for absent elements, by its name.
        absent_words: what it does, in words.
        base_words: what the base is, in words.
        background: formulas that were drawn, where there are any.
        index: ``"k-sii"`` or ``"fsii"``.
        order: size of the largest sets.
        seed: of background and estimates.
    """

    each: tuple[Explanation, ...]
    what: str
    unit: str
    absent: str
    absent_words: str
    base_words: str
    background: tuple[str, ...]
    index: Index
    order: int
    seed: int

    def __getitem__(self, row: int) -> Explanation:
        return self.each[row]

    def __len__(self) -> int:
        return len(self.each)

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.each)

    def __repr__(self) -> str:
        return f"<Explanations of {self.what} for {counted(len(self), 'formula')}, absent elements: {self.absent}>"

    def __str__(self) -> str:
        return self.text()

    @cached_property
    def overview(self) -> Overview:
        """Elements and pairs over all formulas."""
        return Overview.of(self.each)

    def notes(self) -> list[str]:
        """Return how to read the numbers, a sentence each: the choice that they hang on, and what is estimated."""
        said = [f"Absent elements are {self.absent_words}.", f"The base is {self.base_words}."]
        if self.order > 1:
            said.append(f"Interactions are {INDEX_WORDS[self.index]} up to order {self.order}.")
        single = [one.formula for one in self if len(one.elements) == 1]
        estimated = [one.formula for one in self if one.is_estimated]
        if single and self.order > 1:
            said.append(f"{_named(single)} of one element, so without pairs.")
        if estimated:
            said.append(
                f"{_named(estimated)} of more than {MAX_PLAYERS} elements: values are estimated from random orders, "
                "with standard errors."
            )
        said += [
            f"{one.formula} holds {listed(one.unseen)}, which the model was not trained on."
            for one in self
            if one.unseen
        ][:3]
        return said

    def text(self, *, formulas: int = 20) -> str:
        """Return the explanations in words.

        Args:
            formulas: that are told of one by one; beyond that, the overview alone.
        """
        lines = [*self.notes(), ""]
        if len(self) > 1:
            lines += [*self._overview_lines(), ""]
        if len(self) <= formulas:
            for one in self:
                lines += [one.text(), ""]
        else:
            lines += [
                f"{counted(len(self), 'formula')}; each of them is in the JSON (--json) and, of the first, on the page "
                "(-o)."
            ]
        return "\n".join(lines).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON holds."""
        return {
            "what": self.what,
            "unit": self.unit,
            "absent": self.absent,
            "absent_words": self.absent_words,
            "base_words": self.base_words,
            "background": list(self.background),
            "index": self.index,
            "order": self.order,
            "seed": self.seed,
            "formulas": [one.to_dict() for one in self],
            "overview": self.overview.to_dict(),
        }

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page with figures, which works offline and from disk.

        Args:
            path: ends in .html; replaced if it is there.

        Raises:
            OutputInvalid: another ending, no such folder, or a place that cannot be written to.
        """
        from embeddings.explain.page import render_page

        path = Path(path)
        check_page(path, "the explanation")
        write_text(path, render_page(self))

    def _overview_lines(self) -> list[str]:
        found = self.overview
        lines = [f"over {counted(found.n_formulas, 'formula')}: mean, mean of the absolute, formulas"]
        for group in (found.elements, found.pairs):
            for effect in group[:SHOWN]:
                name = "-".join(effect.elements)
                mean = signed(effect.mean)
                lines.append(f"  {name:6} {mean:>9} {number(effect.mean_absolute):>9} {effect.n_formulas:>7,}")
        return lines

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        rows = [(one.formula, number(one.prediction), _strongest(one)) for one in self.each[:SHOWN]]
        return html_table(repr(self), ("formula", self.what, "strongest pair"), rows)


def _strongest(one: Explanation) -> str:
    names, value = next(iter(one.pairs.items()), ((), 0.0))
    return f"{'-'.join(names)} {signed(value)}" if names else ""


def _named(formulas: list[str]) -> str:
    rest = f" and {len(formulas) - 3:,} more" if len(formulas) > 3 else ""
    return f"{', '.join(formulas[:3])}{rest} {agreeing(len(formulas), 'is', 'are')}"
