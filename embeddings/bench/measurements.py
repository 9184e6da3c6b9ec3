"""A table of measurements that can be learned from: formulas, values, and which rows were set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from embeddings.bench.values import read_values
from embeddings.display.numbers import counted
from embeddings.errors import FormulaInvalid, InputInvalid, TargetInvalid
from embeddings.formula import FractionMatrix
from embeddings.formula.bulk import known_formulas, read_column
from embeddings.formula.column import items_of
from embeddings.formula.materials import materials_of
from embeddings.tables.cells import is_blank
from embeddings.tables.sheet import SetAside

MIN_ROWS = 10
"""Fewer rows than this are not enough to learn from and to test on."""

MAX_CLASSES = 20
"""More classes than this are not a classification but a column of names."""

MIN_FORMULAS = 5
"""Fewer different formulas than this cannot be split into folds."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """Rows that can be used, in the order of the table.

    Attributes:
        target: name of what was measured.
        formulas: (n,) canonical reduced formulas.
        materials: (n,) the formula of each row's material: one for formulas that may be roundings of each other. No
            material is on both sides of a split.
        spelled: (n,) as the table has them.
        matrix: element amounts, one row each, as written.
        values: (n,) float64; for a classification the number of the class.
        lines: (n,) line of the file, or row counted from 1.
        classes: names of the classes in order; empty for a regression.
        unit: of the values; empty where none is given.
        order: (n,) float64 by which rows follow each other in time, or None.
        folds: (n,) the outer fold that each row is tested in, or None.
        ids: (n,) what each row's material is called elsewhere, such as its structure, or None.
        structures: (n, d) float32 vectors of each row's own structure, or None.
        set_aside: rows that are not used.
        notes: what was found, left out or supposed in reading, a sentence each.
    """

    target: str
    formulas: np.ndarray
    materials: np.ndarray
    spelled: np.ndarray
    matrix: FractionMatrix
    values: np.ndarray
    lines: np.ndarray
    classes: tuple[str, ...] = ()
    unit: str = ""
    order: np.ndarray | None = None
    folds: np.ndarray | None = None
    ids: np.ndarray | None = None
    structures: np.ndarray | None = None
    set_aside: tuple[SetAside, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_classification(self) -> bool:
        """Whether the values are classes rather than numbers."""
        return bool(self.classes)

    def take(self, rows: np.ndarray) -> Measurements:
        """Return the rows at the given places."""
        columns = ("formulas", "materials", "spelled", "values", "lines", "order", "folds", "ids", "structures")
        taken: dict[str, Any] = {name: column[rows] for name in columns if (column := getattr(self, name)) is not None}
        return replace(self, matrix=self.matrix.take(rows), **taken)


def measurements(
    formulas: Sequence[Any],
    values: Sequence[Any],
    *,
    target: str = "target",
    unit: str = "",
    lines: Sequence[int] | None = None,
    order: Sequence[float] | np.ndarray | None = None,
    folds: Sequence[Any] | np.ndarray | None = None,
    ids: Sequence[Any] | None = None,
    set_aside: Sequence[SetAside] = (),
    notes: Sequence[str] = (),
) -> Measurements:
    """Return the rows that can be used; a blank or unreadable one is set aside with its reason.

    Values of yes and no, true and false, 0 and 1, or text are classes; anything else is numbers.

    Args:
        formulas: n formulas.
        values: n measurements.
        target: what was measured.
        unit: of the values.
        lines: (n,) where each row stands in its file; counted from 1 if None.
        order: (n,) when it was measured, as numbers.
        folds: (n,) the outer fold that each row is tested in.
        ids: (n,) what each row's material is called elsewhere, such as its structure.
        set_aside: rows that the reader left out before.
        notes: what the reader has to say.

    Raises:
        InputInvalid: the columns differ in length, or fewer than `MIN_ROWS` rows can be used.
        TargetInvalid: every value is the same, or there are too many classes.
    """
    formulas = items_of(formulas)
    if len(formulas) != len(values):
        raise InputInvalid(
            f"{counted(len(formulas), 'formula')} came with {counted(len(values), 'value')}; every formula needs a "
            "value."
        )
    if ids is not None and len(ids) != len(values):
        raise InputInvalid(
            f"{counted(len(formulas), 'formula')} came with {counted(len(ids), 'identifier')}; every formula needs one."
        )
    values = list(values)
    places = np.arange(1, len(values) + 1) if lines is None else np.asarray(lines)
    column, canonical = read_column(formulas), known_formulas(formulas)
    read, times = read_values(values, target, unit), None if order is None else np.asarray(order, dtype=np.float64)
    reasons = dict(read.reasons)
    for row, code in enumerate(column.codes):
        if canonical[row] is None:
            reasons[row] = _of_formula(formulas[row], column.invalid.get(int(code)))
        elif times is not None and not np.isfinite(times[row]):
            reasons[row] = "the time cannot be read, or not as those of most rows"
    kept = np.array([row for row in range(len(values)) if row not in reasons], dtype=np.int64)
    classes, numbers = _that_occur(read.classes, read.numbers[kept])
    aside = [SetAside(int(places[row]), reason) for row, reason in sorted(reasons.items())]
    found = np.array(canonical, dtype=object)[kept]
    made = Measurements(
        target=target,
        formulas=found,
        materials=materials_of([formulas[row] for row in kept.tolist()], found),
        spelled=np.array([str(formula) for formula in formulas], dtype=object)[kept],
        matrix=column.distinct.take(column.codes[kept]),
        values=numbers,
        lines=places[kept],
        classes=classes,
        unit=read.unit or unit,
        order=None if times is None else times[kept],
        folds=None if folds is None else np.asarray(folds)[kept],
        ids=None if ids is None else np.array([*ids, None], dtype=object)[kept],
        set_aside=tuple(sorted((*set_aside, *aside), key=lambda row: row.line)),
        notes=(*notes, *read.notes),
    )
    check_measurements(made)
    return made


def with_classes_that_occur(data: Measurements) -> Measurements:
    """Return the same rows without classes that none of them has."""
    classes, values = _that_occur(data.classes, data.values)
    return replace(data, classes=classes, values=values)


def _that_occur(classes: tuple[str, ...], numbers: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Leave out classes of which only rows that are set aside were, and number the others anew."""
    if not classes:
        return classes, numbers
    there, renumbered = np.unique(numbers, return_inverse=True)
    return tuple(classes[int(k)] for k in there), renumbered.astype(np.float64)


def _of_formula(cell: Any, error: FormulaInvalid | None) -> str:
    """Say what is wrong with the cell of a formula."""
    return "the formula is blank" if is_blank(cell) else str(error or f"{cell!r} is not a formula")


def check_measurements(made: Measurements) -> None:
    """Refuse what cannot be learned from.

    Raises:
        InputInvalid: too few rows or formulas.
        TargetInvalid: every value is the same, or there are too many classes.
    """
    n_formulas = len(set(made.formulas))
    if len(made) < MIN_ROWS:
        raise InputInvalid(
            f"{counted(len(made), 'row')} can be used; at least {MIN_ROWS} are needed.{_first_aside(made)}"
        )
    if n_formulas < MIN_FORMULAS:
        raise InputInvalid(
            f"The {counted(len(made), 'row', 'holds')} {counted(n_formulas, 'distinct formula')}; at least "
            f"{MIN_FORMULAS} are needed, to test on formulas that were not trained on."
        )
    if len(set(made.values.tolist())) < 2:
        value = made.classes[int(made.values[0])] if made.classes else f"{made.values[0]:g}"
        raise TargetInvalid(f'Every "{made.target}" is {value}: there is nothing to learn.')
    if len(made.classes) > MAX_CLASSES:
        raise TargetInvalid(
            f'"{made.target}" has {len(made.classes)} different texts, which are read as classes; the limit is '
            f"{MAX_CLASSES}. Is it a column of names?"
        )


def _first_aside(made: Measurements) -> str:
    if not made.set_aside:
        return ""
    first = made.set_aside[0]
    return f" Of {counted(len(made.set_aside), 'row')} left out, the first is line {first.line}: {first.reason}."
