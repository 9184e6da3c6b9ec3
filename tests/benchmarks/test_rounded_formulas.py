"""The count of rounded formulas: what exact spelling misses, `overlap` finds."""

from __future__ import annotations

from benchmarks.rounded_formulas import counts
from embeddings import load_uae

FORMULAS = ["NaCl", "MgO", "Fe2O3", "CaF2", "LaNi5", "La4987Tb13", "Li7Mn13"]


def test_formulas_that_exact_spelling_misses_are_found() -> None:
    catalog = load_uae("starter")
    seen = catalog.overlap(FORMULAS)
    decimals, inexact, missed, reported = counts(catalog, FORMULAS, 2, len(seen))
    assert (decimals, missed) == (2, 0)
    assert inexact > 0
    assert reported.startswith("0 of ")
