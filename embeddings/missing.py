"""The words for an element without a vector: one vocabulary for formulas, models and tables.

Nothing happens that the caller did not choose: the default is an error that names every such element.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from embeddings.errors import InputInvalid, did_you_mean

Missing: TypeAlias = Literal["raise", "nan", "skip", "impute", "mean", "zeros"]
"""What to do with an element that has no vector."""

POLICIES: dict[Missing, str] = {
    "raise": "stop, and name every element without a vector",
    "nan": "NaN in every feature of the formula",
    "skip": "pool over the other elements, and add a column with the fraction of atoms that were covered",
    "impute": "the vector of the nearest covered element of the periodic table",
    "mean": "the mean of the catalog's vectors",
    "zeros": "a vector of zeros",
}
"""Every policy by its name, and what it does or puts in place of the vector."""

FOR_FORMULAS: tuple[Missing, ...] = ("raise", "nan", "skip", "impute")
"""Policies for columns of formulas: pooling, encoders, featurizers, searches."""

FOR_MODELS: tuple[Missing, ...] = ("raise", "impute")
"""Policies for models that train on formulas: every formula needs numbers."""

FOR_TABLES: tuple[Missing, ...] = ("raise", "impute", "mean", "zeros")
"""Policies for tables with a row for each element: every row needs numbers."""


def described(policies: Iterable[Missing]) -> dict[Missing, str]:
    """Return some policies, and what each does."""
    return {name: POLICIES[name] for name in policies}


def check_policy(missing: str, known: tuple[Missing, ...] = FOR_FORMULAS) -> Missing:
    """Return the name of a policy, checked.

    Args:
        missing: the name.
        known: the policies that can be used here.

    Raises:
        InputInvalid: no such policy, or one that cannot be used here; the message lists those that can.
    """
    if missing in known:
        return missing
    listed = ", ".join(known)
    if missing in POLICIES:
        raise InputInvalid(f'missing="{missing}" cannot be used here. Known: {listed}.')
    raise InputInvalid(f'No policy missing="{missing}".{did_you_mean(str(missing), known)} Known: {listed}.')
