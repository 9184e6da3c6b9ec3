"""What a back end is asked to learn: which crystals, and which of them are tested on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builders.learning.splits import split_by_formula
from builders.structures.cleaning import apply_filters
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings.catalog import ElementCatalog
from embeddings.errors import ColumnNotFound, InputInvalid

TEST_SEED, VALIDATION_SEED = 101, 102
"""Seeds of the split, the same for every back end. Catalogs hold out formulas with seeds near 0: with one of those, the
formulas that a catalog held out would be the tested ones."""

MIN_FORMULAS = 10
"""Unseen formulas that a split needs."""


@dataclass(frozen=True)
class Sizes:
    """At most how many crystals to train on, to choose the epoch and the learning rate by, and to report on."""

    training: int
    validation: int
    test: int


@dataclass(frozen=True)
class Split:
    """Rows to train on, to choose the epoch by, and to report on; no reduced formula is in two of them."""

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Problem:
    """One property of the crystals of one split.

    Attributes:
        table: the crystals of the split and no others.
        target: the property.
        values: (n,) the property of each crystal, finite.
        split: rows of the table.
        dropped: reason -> crystals of the source that could not take part.
        overlap: test formulas that the catalog was trained on.
    """

    table: StructureTable
    target: str
    values: np.ndarray
    split: Split
    dropped: dict[str, int]
    overlap: int

    @property
    def identity(self) -> str:
        """SHA-256 over the crystals, their order, their values and the sizes of the split."""
        sizes = [len(part) for part in (self.split.training, self.split.validation, self.split.test)]
        content = json.dumps([self.target, sizes, self.table.material_ids.tolist(), self.values.tolist()])
        return hashlib.sha256(content.encode()).hexdigest()


def pose(
    table: StructureTable,
    target: str,
    catalog: ElementCatalog,
    sizes: Sizes,
    *,
    elements: np.ndarray,
    max_sites: int | None = None,
    others: Sequence[ElementCatalog] = (),
) -> Problem:
    """Choose the crystals and split them by reduced formula.

    No catalog saw a validation or test formula in its training.

    Args:
        table: crystals to choose from.
        target: the property to learn.
        catalog: whose vectors are measured.
        sizes: of the split.
        elements: (119,) bool by atomic number; crystals with others are left out.
        max_sites: larger cells are left out.
        others: catalogs whose vectors are measured too.

    Raises:
        ColumnNotFound: the table lacks the property.
        InputInvalid: the catalogs were trained on too many of the formulas.
    """
    table, dropped = usable(table, target, elements=elements, max_sites=max_sites)
    formulas = np.array(reduced_formulas_of(table))
    seen = np.isin(formulas, _known(np.unique(formulas), (catalog, *others)))
    split = split_unseen(formulas, seen, sizes)
    overlap = len(_known(np.unique(formulas[split.test]), (catalog, *others)))
    if overlap:
        raise InputInvalid(
            f"{catalog!r} was trained on {overlap} of the test formulas; the comparison would be worthless."
        )
    chosen, split = _renumbered(split)
    table = table.take(chosen)
    return Problem(table, target, table.properties[target], split, dropped, overlap)


def _known(formulas: np.ndarray, catalogs: Sequence[ElementCatalog]) -> list[str]:
    """Return the formulas that some catalog was trained on."""
    return sorted({formula for catalog in catalogs for formula in catalog.overlap(formulas.tolist())})


def pose_on_others(
    table: StructureTable,
    target: str,
    problem: Problem,
    *,
    n_validation: int,
    elements: np.ndarray,
    max_sites: int | None = None,
    n_training: int | None = None,
) -> Problem:
    """Pose a problem on formulas that another does not have; the tested crystals are those of the other.

    Args:
        table: crystals to choose from, those that the other problem was chosen from.
        target: the property to learn.
        problem: the other one.
        n_validation: at most how many rows to choose the epoch by.
        elements: (119,) bool by atomic number; crystals with others are left out.
        max_sites: larger cells are left out.
        n_training: at most how many rows to train on; all that are left by default.

    Raises:
        ColumnNotFound: the table lacks the property.
        InputInvalid: the other problem has all formulas but a few.
    """
    table, dropped = usable(table, target, elements=elements, max_sites=max_sites)
    formulas = np.array(reduced_formulas_of(table))
    others = np.flatnonzero(~np.isin(formulas, reduced_formulas_of(problem.table)))
    if len(others) <= n_validation or len(np.unique(formulas[others])) < MIN_FORMULAS:
        raise InputInvalid(f"{len(others)} crystals have other formulas, too few to learn from.")
    training, validation = _hold_out(formulas, others, n_validation, VALIDATION_SEED)
    tested = problem.table.material_ids[problem.split.test]
    test = np.flatnonzero(np.isin(table.material_ids, tested))
    split = Split(_draw(training, n_training or len(training), 0), validation, test)
    chosen, split = _renumbered(split)
    table = table.take(chosen)
    return Problem(table, target, table.properties[target], split, dropped, problem.overlap)


def usable(
    table: StructureTable, target: str, *, elements: np.ndarray, max_sites: int | None
) -> tuple[StructureTable, dict[str, int]]:
    """Return the crystals that can take part, and reason -> how many others cannot.

    Raises:
        ColumnNotFound: the table lacks the property.
    """
    if target not in table.properties:
        raise ColumnNotFound(f'No property "{target}" in this table. It has: {", ".join(table.properties)}.')
    filters = {
        "no_target": lambda t: np.isfinite(t.properties[target]),
        "too_many_sites": lambda t: t.n_sites <= (max_sites or np.inf),
        "element_without_a_vector": lambda t: np.logical_and.reduceat(elements[t.atomic_numbers], t.offsets[:-1]),
    }
    return apply_filters(table, filters)


def split_unseen(formulas: np.ndarray, seen: np.ndarray, sizes: Sizes) -> Split:
    """Split rows so that no formula is on two sides, and validation and test rows are among those not seen.

    Args:
        formulas: (n,) canonical reduced formulas.
        seen: (n,) bool, alike for all rows of a formula.
        sizes: upper bounds. Whole formulas are drawn, so there may be a few percent fewer rows.

    Raises:
        InputInvalid: too few rows are unseen.
    """
    unseen = np.flatnonzero(~seen)
    n_formulas = len(np.unique(formulas[unseen]))
    if len(unseen) <= sizes.validation + sizes.test or n_formulas < MIN_FORMULAS:
        raise InputInvalid(
            f"The catalog was not trained on {len(unseen)} of {len(seen)} crystals ({n_formulas} formulas); "
            f"{sizes.validation} to validate on and {sizes.test} to test on need more."
        )
    rest, test = _hold_out(formulas, unseen, sizes.test, TEST_SEED)
    rest, validation = _hold_out(formulas, rest, sizes.validation, VALIDATION_SEED)
    training = np.concatenate([np.flatnonzero(seen), rest])
    return Split(_draw(training, sizes.training, 0), validation, test)


def _hold_out(formulas: np.ndarray, rows: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are left, and at most ``n`` rows of formulas that are not among them."""
    rest, held_out = split_by_formula(formulas[rows], validation_fraction=n / len(rows), seed=seed)
    return rows[rest], _draw(rows[held_out], n, seed)


def _draw(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:n])


def _renumbered(split: Split) -> tuple[np.ndarray, Split]:
    """Return all rows of a split, and the split in terms of their positions."""
    parts = (split.training, split.validation, split.test)
    stops = np.cumsum([len(part) for part in parts])
    return np.concatenate(parts), Split(*np.split(np.arange(stops[-1]), stops[:-1]))
