"""Which structures of one set are in another: the same, or of the same prototype with other elements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from builders.structures.fingerprints import Fingerprints, fingerprints, unlike, unnamed
from builders.structures.table import StructureTable

Relation = Literal["structure", "exchanged", "prototype"]
"""The same structure; the same formula and prototype, with elements in each other's place; the same prototype."""

CANDIDATE = 0.15
"""Fingerprints that differ by no more are compared by the matcher: those of structures that it calls the same differ by
up to 0.1, and those of copies strained by 5% by up to 0.055."""

CLOSE = 0.05
"""Fingerprints that differ by no more are called close where nothing is compared."""

Key = TypeVar("Key", bound=Hashable)

_TRIES = 25
"""Structures of other formulas that are compared with one, the nearest first."""

_AT_ONCE = 256


@dataclass(frozen=True)
class Pair:
    """A structure of one set, and the one of another that it is.

    Attributes:
        row: of the first set.
        other: row of the second.
        relation: of the two.
        distance: the largest difference of their fingerprints.
        confirmed: whether the matcher compared them; else their fingerprints are close.
    """

    row: int
    other: int
    relation: Relation
    distance: float
    confirmed: bool


def overlap(
    a: StructureTable, b: StructureTable, *, confirm: bool = True, advance: Callable[[int], None] = lambda n: None
) -> list[Pair]:
    """Return for each structure of a set the one of another set that it is, if there is one, in their order.

    The same structure comes before one of the same formula with elements exchanged, and that before one with other
    elements; of several, the one with the most similar fingerprint.

    Args:
        a: the set that is looked at.
        b: the other.
        confirm: whether pymatgen's matcher compares what has similar fingerprints.
        advance: called with the number of structures done since.

    Raises:
        InputInvalid: a crystal has a cell in which no neighbors can be searched, or no atoms.
    """
    prints = fingerprints(a), fingerprints(b)
    judge = _Judge(a, b, *prints) if confirm else None
    found: dict[int, Pair] = {}
    for row, candidates in _candidates(*prints, CANDIDATE if confirm else CLOSE):
        pair = _first(row, candidates, judge)
        if pair is not None:
            found[row] = pair
        advance(1)
    return [found[row] for row in sorted(found)]


@dataclass(frozen=True)
class _Candidate:
    other: int
    relation: Relation
    distance: float


class _Judge:
    """Asks the matcher."""

    def __init__(self, a: StructureTable, b: StructureTable, prints_a: Fingerprints, prints_b: Fingerprints) -> None:
        from builders.structures.matching import Matcher, exchanges

        self._matcher, self._exchanges, self._prints = Matcher(a, b), exchanges, (prints_a, prints_b)

    def __call__(self, row: int, candidate: _Candidate) -> Pair | None:
        """Return the pair if it is one; unconfirmed where it is too large to compare, and close."""
        pair = Pair(row, candidate.other, candidate.relation, candidate.distance, confirmed=True)
        if not self._matcher.may_compare(row, candidate.other):
            return _unconfirmed(row, candidate) if candidate.distance <= CLOSE else None
        if candidate.relation == "structure":
            return pair if self._matcher.are_same(row, candidate.other, candidate.distance) else None
        a, b = self._prints
        ways = self._exchanges(a, row, b, candidate.other, CANDIDATE)
        same = any(self._matcher.are_same(row, candidate.other, candidate.distance, way) for way in ways)
        return pair if same else None


def _first(row: int, candidates: Iterator[_Candidate], judge: _Judge | None) -> Pair | None:
    """Return the first of the candidates that is one."""
    for candidate in candidates:
        pair = _unconfirmed(row, candidate) if judge is None else judge(row, candidate)
        if pair is not None:
            return pair
    return None


def _unconfirmed(row: int, candidate: _Candidate) -> Pair:
    return Pair(row, candidate.other, candidate.relation, candidate.distance, confirmed=False)


def _candidates(a: Fingerprints, b: Fingerprints, tolerance: float) -> Iterator[tuple[int, Iterator[_Candidate]]]:
    """Yield for each crystal of a set those of the other that it may be, the likeliest first."""
    formulas_a, formulas_b = a.formulas, b.formulas
    same, alike = _rows_by(formulas_b), _rows_by(b.prototypes)
    for prototype, rows in _rows_by(a.prototypes).items():
        others = alike.get(prototype, np.zeros(0, np.int64))
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            far = _far(a, some, b, others, prototype)
            for row, distances in zip(some.tolist(), far, strict=True):
                within = same.get(formulas_a[row], np.zeros(0, np.int64))
                near = _nearest(others, distances, tolerance, _TRIES + len(within))
                yield row, _ordered(a, b, row, near, within, tolerance)


def _ordered(
    a: Fingerprints, b: Fingerprints, row: int, near: list[tuple[int, float]], same: np.ndarray, tolerance: float
) -> Iterator[_Candidate]:
    """Yield candidates of the same formula, then the same with elements exchanged, then the others."""
    members = set(same.tolist())
    if members:
        named = unlike(a.stacked(np.array([row])), b.stacked(same))[0]
        for other, distance in _nearest(same, named, tolerance, len(same)):
            yield _Candidate(other, "structure", distance)
        prototype = a.prototype_of(row)
        exchanged = _far(a, np.array([row]), b, same, prototype)[0]
        if len(set(prototype)) < len(prototype):
            for other, distance in _nearest(same, exchanged, tolerance, len(same)):
                yield _Candidate(other, "exchanged", distance)
    for other, distance in near:
        if other not in members:
            yield _Candidate(other, "prototype", distance)


def _far(
    a: Fingerprints, rows: np.ndarray, b: Fingerprints, others: np.ndarray, prototype: tuple[int, ...]
) -> np.ndarray:
    """Return how far fingerprints are from each other, whichever their elements are, (n_rows, n_others)."""
    if not len(others):
        return np.zeros((len(rows), 0), np.float32)
    return unlike(unnamed(a.stacked(rows), prototype), unnamed(b.stacked(others), prototype))


def _nearest(rows: np.ndarray, distances: np.ndarray, tolerance: float, n: int) -> list[tuple[int, float]]:
    """Return the nearest rows within a tolerance, nearest first; ties keep their order."""
    within = np.flatnonzero(distances <= tolerance)
    order = within[np.argsort(distances[within], kind="stable")][:n]
    return list(zip(rows[order].tolist(), distances[order].tolist(), strict=True))


def _rows_by(keys: Sequence[Key]) -> dict[Key, np.ndarray]:
    """Return the rows that have each key."""
    rows: dict[Key, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return {key: np.array(some, np.int64) for key, some in rows.items()}
