"""All that a bench learned of a table of measurements; words, tables and pages are made of it."""

from __future__ import annotations

from dataclasses import dataclass

from embeddings.bench.contest import Contest
from embeddings.bench.curve import Curve
from embeddings.bench.facts import Facts
from embeddings.bench.findings import Findings
from embeddings.bench.folds import Split
from embeddings.bench.measurements import Measurements


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Attributes:
        catalogs: names of catalogs and encoders that took part.
        split: what is never on both sides of a fold.
        n_folds: outer folds that were planned, all repeats together.
        n_repeats: how often the rows were dealt anew.
        budget: seconds; None for no bound.
        seed: of folds and heads.
        n_rows: rows that could be used, before too many of them were sampled.
        source: file that the rows come from; empty where they were handed over in Python.
        formula_column: that was named; empty where it was found.
        structures: file or folder that they come from; empty where none took part.
        id_column: of their identifiers, that was named; empty where it was found.
        in_context_weights: path of the weights of the in-context head; empty where it took no part.
    """

    catalogs: tuple[str, ...]
    split: Split
    n_folds: int
    n_repeats: int
    budget: float | None
    seed: int
    n_rows: int
    source: str = ""
    formula_column: str = ""
    structures: str = ""
    id_column: str = ""
    in_context_weights: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was asked, what the rows are, and what came out.

    Attributes:
        plan: what was asked for.
        data: rows that took part.
        facts: what they are.
        contest: outer folds that were done.
        findings: of the contest; None where not one fold was done.
        curves: learning curves, without vectors first; empty where there was no time.
        curve_was_cut: whether time or Ctrl-C ended the learning curves.
    """

    plan: Plan
    data: Measurements
    facts: Facts
    contest: Contest
    findings: Findings | None = None
    curves: tuple[Curve, ...] = ()
    curve_was_cut: bool = False

    @property
    def place(self) -> str:
        """What the number of a row counts: lines of a file, or rows."""
        return "line" if self.plan.source else "row"

    @property
    def was_cut(self) -> bool:
        """Whether the budget left something out."""
        return self.contest.was_cut or (self.curve_was_cut and not self.was_stopped)

    @property
    def was_stopped(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.contest.was_stopped
