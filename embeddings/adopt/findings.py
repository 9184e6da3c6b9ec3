"""What is odd about the rows of a table: elements that were filled in, or that the model behind it never saw.

Published tables have a row for every element that somebody may ask for, whether or not anything is known of it. Such
rows are zeros, the mean of the others, one and the same row for several elements, or the small random numbers that
training started from; see `Finding` for what is done with each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from embeddings.adopt.raw import ElementRows
from embeddings.display.numbers import counted, none_of
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid

RARE = 0.15
"""The largest share of the cells of a column that may be filled in; in more, it is what the column says."""

SAME = 1e-6
"""Rows are the same if no number differs by more than this share of the spread of its column."""

TINY, HUGE = 0.2, 8.0
"""Norms beside the median norm, below and above which a row stands out."""

ALIKE = 30.0
"""How far the spreads of the columns of learned vectors may differ; those of tabulated properties differ by more."""

NARROW = 8
"""Vectors of fewer numbers may be the same for two elements by themselves."""


@dataclass(frozen=True)
class Finding:
    """What is odd about one row.

    Attributes:
        symbol: of its element.
        reason: as part of a sentence.
        is_filled: whether it is left out: it holds no information of its own, or no numbers. Otherwise it is kept and
            flagged.
    """

    symbol: str
    reason: str
    is_filled: bool


def find_odd_rows(rows: ElementRows) -> list[Finding]:
    """Return what is odd, at most one finding for each element, in order of atomic number.

    - Cells that are empty or not finite: left out, since a vector has numbers only.
    - All zeros; the mean of the other rows; or, from a width of eight, one row for three or more elements: left out.
      One row for two, as coarse features have for some lanthanides, is kept and flagged.
    - In vectors whose columns are of one scale, as learned ones are, a norm below a fifth of the median: left out as
      the numbers that training started from. One above eight times the median is kept and flagged.

    Args:
        rows: of the elements of a table.
    """
    found: dict[int, Finding] = {}
    for look in (_not_numbers, _zeros, _means, _repeats, _norms):
        for place, reason, is_filled in look(rows.vectors):
            found.setdefault(place, Finding(rows.symbols[place], reason, is_filled))
    return [found[place] for place in sorted(found)]


def leave_out(rows: ElementRows, findings: Collection[Finding], keep: Collection[str] = ()) -> ElementRows:
    """Return the rows without those that were filled in.

    Args:
        rows: of a table.
        findings: what is odd about them.
        keep: symbols of elements to keep nevertheless.

    Raises:
        InputInvalid: a row to keep is not there or not finite, or none is left.
    """
    absent = [symbol for symbol in keep if symbol not in rows.symbols]
    if absent:
        raise InputInvalid(f"The table has no row for {', '.join(absent)}, so --keep cannot keep it.")
    out = {finding.symbol for finding in findings if finding.is_filled} - set(keep)
    kept = np.array([symbol not in out for symbol in rows.symbols])
    broken = [s for s, row in zip(rows.symbols, rows.vectors, strict=True) if s in keep and not np.isfinite(row).all()]
    if broken:
        raise InputInvalid(f"The rows of {', '.join(broken)} have cells that are not numbers, so they cannot be kept.")
    if not kept.any():
        raise InputInvalid(
            f"{none_of(len(kept), 'row', '', 'is')} left: {findings[0].symbol}, {findings[0].reason}, and so on."  # type: ignore[index]
        )
    return ElementRows(rows.atomic_numbers[kept], rows.vectors[kept], rows.columns, rows.notes)


def filled_cells(rows: ElementRows) -> list[str]:
    """Return, a sentence for each column, in which columns of a table with named columns cells seem to be filled in.

    Cells count as filled in if three or more elements have the mean of all others there, or zero where no other value
    comes near to it.
    """
    said = []
    for name, values in zip(rows.columns, rows.vectors.T, strict=True) if rows.columns else ():
        for what, cells in (("the mean of the others", _at_mean(values)), ("zero", _at_zero(values))):
            if 3 <= cells.sum() <= RARE * len(cells):
                symbols = [SYMBOLS[z - 1] for z in rows.atomic_numbers[cells]]
                said.append(f'Column "{name}" has {what} for {", ".join(symbols)}: filled in, by the look of it.')
    return said


Odd = Iterator[tuple[int, str, bool]]


def _not_numbers(vectors: np.ndarray) -> Odd:
    bad = ~np.isfinite(vectors.astype(np.float32))
    for place in np.flatnonzero(bad.any(axis=1)):
        n = int(bad[place].sum())
        yield (
            int(place),
            "no numbers at all" if n == bad.shape[1] else f"{n} of {counted(bad.shape[1], 'cell')} without a number",
            True,
        )


def _zeros(vectors: np.ndarray) -> Odd:
    if vectors.shape[1] > 1:
        yield from ((int(place), "all zeros", True) for place in np.flatnonzero(~vectors.any(axis=1)))


def _means(vectors: np.ndarray) -> Odd:
    finite = np.isfinite(vectors).all(axis=1)
    n = finite.sum()
    if n < 4 or vectors.shape[1] < 2:
        return
    mean, scale = vectors[finite].mean(axis=0), _scale(vectors[finite])
    others = (n * mean - vectors) / (n - 1)
    near = finite & (np.abs(vectors - others) <= 1e3 * SAME * scale).all(axis=1)
    yield from ((int(place), "the mean of the other rows", True) for place in np.flatnonzero(near))


def _repeats(vectors: np.ndarray) -> Odd:
    """Yield rows that are the same for several elements."""
    finite = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if vectors.shape[1] < NARROW or len(finite) < 3:
        return
    steps = np.round(vectors[finite] / (10 * SAME * _scale(vectors[finite])))
    _, group, sizes = np.unique(steps, axis=0, return_inverse=True, return_counts=True)
    for place, n in zip(finite.tolist(), sizes[group.ravel()].tolist(), strict=True):
        if n > 1:
            yield place, f"the same row as {counted(n - 1, 'other element')}", n > 2


def _norms(vectors: np.ndarray) -> Odd:
    """Yield rows that are much shorter or longer than the others, where columns are of one scale."""
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.any() or not _are_learned(vectors[finite]):
        return
    norms = np.linalg.norm(np.where(finite[:, None], vectors, 0.0), axis=1)
    median = np.median(norms[finite])
    for place in np.flatnonzero(finite & (norms < TINY * median) & (norms > 0)):
        yield int(place), "a norm far below that of the others, as before training", True
    for place in np.flatnonzero(finite & (norms > HUGE * median)):
        yield int(place), f"a norm of {norms[place]:.3g} where the median is {median:.2g}", False


def _are_learned(vectors: np.ndarray) -> bool:
    """Whether columns have both signs and spreads of one order, as those of a trained layer have."""
    spreads = vectors.std(axis=0)
    is_signed = (vectors < 0).any(axis=0).mean() > 0.9 and (vectors > 0).any(axis=0).mean() > 0.9
    return (
        len(vectors) >= 10 and vectors.shape[1] >= NARROW and is_signed and bool(spreads.max() < ALIKE * spreads.min())
    )


def _scale(vectors: np.ndarray) -> np.ndarray:
    """Return the spread of each column, (dim,); one where it is constant."""
    spread = np.ptp(vectors, axis=0)
    return np.where(spread > 0, spread, 1.0)


def _at_mean(values: np.ndarray) -> np.ndarray:
    """Return which cells have one value that is the mean of all others, (n,) bool."""
    finite = np.isfinite(values)
    found = np.zeros(len(values), dtype=bool)
    distinct, counts = np.unique(values[finite], return_counts=True)
    for value in distinct[counts >= 3]:
        others = values[finite & (values != value)]
        if len(others) >= 10 and abs(others.mean() - value) <= SAME * np.ptp(others):
            found |= values == value
    return found


def _at_zero(values: np.ndarray) -> np.ndarray:
    """Return which cells are zero where all others have one sign and none is within a hundredth of their median."""
    others = values[np.isfinite(values) & (values != 0)]
    if len(others) < 10 or (others.min() < 0 < others.max()):
        return np.zeros(len(values), dtype=bool)
    far = np.abs(others).min() > 0.01 * np.median(np.abs(others)) and len(np.unique(others)) > 0.5 * len(others)
    return (values == 0) & far
