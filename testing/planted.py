"""Tables in which it is known what there is to learn, and catalogs that know it or do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.formula import element_fractions, formula_digest
from testing.toys import toy_catalog, toy_table

if TYPE_CHECKING:
    from embeddings.bench import Report

ELEMENTS = SYMBOLS[:90]
"""So many that each stands in few formulas: what is told of an element does not follow from its other formulas."""
HIDDEN = dict(zip(ELEMENTS, np.random.default_rng(0).normal(size=(90, 3)), strict=True))
QUICK: dict[str, Any] = {"n_folds": 3, "heads": ("ridge",)}


def formulas(n: int = 120) -> list[str]:
    """Return different formulas of two elements."""
    pairs = np.random.default_rng(1).choice(ELEMENTS, size=(3 * n, 2))
    return list(dict.fromkeys(f"{a}1{b}2" for a, b in pairs if a != b))[:n]


def learnable(asked: list[str]) -> list[float]:
    """Return values that follow from the hidden vectors of the elements, but for a little noise."""
    noise = 0.05 * np.random.default_rng(3).normal(size=len(asked))
    exact = [sum(w * HIDDEN[e][0] for e, w in element_fractions(one).items()) for one in asked]
    return [float(value) for value in exact + noise]


def knowing(seen: list[str] | None = None) -> ElementCatalog:
    """Return a catalog whose vectors hold what the values are made of, and whose training saw some formulas."""
    catalog = toy_catalog(HIDDEN, name="knowing")
    return ElementCatalog(catalog.manifest, toy_table(HIDDEN, training_formulas=formula_digest(seen or ["H2"])))


def guessing() -> ElementCatalog:
    """Return a catalog of random vectors."""
    vectors = dict(zip(ELEMENTS, np.random.default_rng(2).normal(size=(90, 3)), strict=True))
    return toy_catalog(vectors, name="guessing")


def quick(values: Any, catalogs: Any = (), *, n: int = 120, **options: Any) -> Report:
    """Return a report on n formulas by one cheap head."""
    from embeddings.bench import compare

    return compare(formulas(n), values, catalogs=list(catalogs), **(QUICK | options))
