"""Symmetry operations of a cell as whole numbers: parsed, closed, compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

import gemmi
import numpy as np

from builders.sources.structures import Unusable
from embeddings.display.numbers import counted

DENOMINATOR = 24
"""Translations are counted in this part of a cell edge: all space groups are exact in it."""

MOST_OPERATIONS = 384
"""Of a magnetic group in a doubled cell; 192 without."""

_DECIMAL = re.compile(r"\d*\.\d+")

_ITSELF = ((1, 0, 0, 0, 1, 0, 0, 0, 1), (0, 0, 0))
"""The identity."""

LENGTH_TOLERANCE, COSINE_TOLERANCE = 0.01, 0.0088
"""How far a cell may be from what its symmetry asks for: half a percent of a length, half a degree of an angle."""


class Operations:
    """The operations of a space group in one setting.

    Attributes:
        rotations: (n, 3, 3) int64, acting on columns of fractional coordinates.
        shifts: (n, 3) int64, translations in units of 1/24, from 0 to 23.
    """

    def __init__(self, rotations: np.ndarray, shifts: np.ndarray) -> None:
        self.rotations = np.asarray(rotations, dtype=np.int64).reshape(-1, 3, 3)
        self.shifts = np.asarray(shifts, dtype=np.int64).reshape(-1, 3) % DENOMINATOR

    def __len__(self) -> int:
        return len(self.rotations)

    @cached_property
    def translations(self) -> np.ndarray:
        """(n, 3) float64, in cell edges."""
        return self.shifts / DENOMINATOR

    @cached_property
    def codes(self) -> np.ndarray:
        """(n,) int64, a number for each operation."""
        return _codes(self.rotations, self.shifts)

    @cached_property
    def key(self) -> frozenset[int]:
        """Equal for two lists of the same operations in any order."""
        return frozenset(self.codes.tolist())

    @cached_property
    def distinct_rotations(self) -> np.ndarray:
        """(m, 3, 3) int64, without repetition."""
        return np.unique(self.rotations, axis=0)

    @cached_property
    def quotients(self) -> np.ndarray | None:
        """(n, n) int16: at (g, h) the index of the operation that h is made of after g; None if not a group."""
        order = np.argsort(self.codes)
        inverse = np.rint(np.linalg.inv(self.rotations)).astype(np.int64)
        rotations = np.einsum("gij,hjk->ghik", inverse, self.rotations)
        shifts = np.einsum("gij,ghj->ghi", inverse, self.shifts[None, :] - self.shifts[:, None]) % DENOMINATOR
        wanted = _codes(rotations, shifts)
        places = np.minimum(np.searchsorted(self.codes, wanted, sorter=order), len(self) - 1)
        found = order[places]
        return found.astype(np.int16) if (self.codes[found] == wanted).all() else None

    def fit_cell(self, metric: np.ndarray) -> bool:
        """True if they leave a cell as it is; ``metric`` is (3, 3), the products of its vectors."""
        lengths = np.sqrt(np.diag(metric))
        scale = np.outer(lengths, lengths)
        turned = np.einsum("nji,jk,nkl->nil", self.distinct_rotations, metric, self.distinct_rotations)
        off = np.abs(turned - metric) / scale
        diagonal = off[:, range(3), range(3)]
        return bool((diagonal <= 2 * LENGTH_TOLERANCE / 2).all() and (off <= 2 * COSINE_TOLERANCE).all())


def _codes(rotations: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """One whole number for each operation; entries of rotations are from -4 to 4."""
    digits = np.concatenate([rotations.reshape(*rotations.shape[:-2], 9) + 4, shifts], axis=-1)
    bases = np.array([9] * 9 + [DENOMINATOR] * 3, dtype=np.int64)
    weights = np.concatenate([[1], np.cumprod(bases)[:-1]])
    return np.asarray(digits @ weights)


Pair = tuple[tuple[int, ...], tuple[int, ...]]
"""Nine entries of a rotation and three of a translation."""


def distinct_operations(triplets: Iterable[str]) -> list[Pair]:
    """Return the operations of a list of ``x,y,z``, each once, whether they are a group or not.

    Raises:
        Unusable: one cannot be read, or there are more than a space group has.
    """
    spellings = dict.fromkeys(triplets)
    if len(spellings) > MOST_OPERATIONS:
        raise Unusable("too_large", f"{len(spellings):,} symmetry operations; the limit is {MOST_OPERATIONS}")
    return list(dict.fromkeys(_parsed(text) for text in spellings))


@lru_cache(maxsize=256)
def listed_operations(triplets: tuple[str, ...]) -> Operations:
    """Return the operations that a file lists as ``x,y,z``.

    Raises:
        Unusable: one cannot be read, there are more than a space group has, or they are not a group.
    """
    distinct = distinct_operations(triplets)
    found = from_pairs(distinct)
    if found.quotients is None and _ITSELF not in distinct:  # SHELX, too, takes the identity as given
        found = from_pairs([_ITSELF, *distinct])
    if found.quotients is None:
        raise Unusable(
            "setting_disagrees",
            f"{counted(len(distinct), 'symmetry operation')} in its list, not a group: some are missing or wrong",
        )
    return found


@lru_cache(maxsize=8192)
def _parsed(text: str) -> Pair:
    try:
        operation = gemmi.Op(_DECIMAL.sub(_as_fraction, text))
    except (ValueError, RuntimeError) as error:
        raise Unusable("unreadable", f'the symmetry operation "{text[:60]}" cannot be read') from error
    rotation = np.array(operation.rot, dtype=np.int64)
    whole = rotation // DENOMINATOR
    if (whole * DENOMINATOR != rotation).any() or abs(whole).max() > 4 or abs(round(np.linalg.det(whole))) != 1:
        raise Unusable("unreadable", f'"{text[:60]}" is not a symmetry operation')
    return tuple(whole.ravel().tolist()), tuple(shift % DENOMINATOR for shift in operation.tran)


def _as_fraction(match: re.Match[str]) -> str:
    """``0.333`` -> ``1/3``; what is not such a part of a cell stays, and cannot be read."""
    part = float(match[0]) * DENOMINATOR
    return f"{round(part)}/{DENOMINATOR}" if abs(part - round(part)) < 0.1 else match[0]


def from_pairs(pairs: Iterable[tuple[Sequence[int], Sequence[int]]]) -> Operations:
    """Return operations of their (rotation, translation)."""
    rotations, shifts = zip(*pairs, strict=True)
    return Operations(np.array(rotations), np.array(shifts))


def from_gemmi(group: gemmi.GroupOps) -> Operations:
    """Return the operations of a group of gemmi."""
    members = list(group)
    rotations = np.array([operation.rot for operation in members]) // DENOMINATOR
    return Operations(rotations, np.array([operation.tran for operation in members]))


IDENTITY = Operations(np.eye(3), np.zeros(3))


def differ_by_origin(one: Operations, other: Operations) -> bool:
    """True if the operations are the same after another choice of the origin."""
    if len(one) != len(other):
        return False
    mine, theirs = _shifts_by_rotation(one), _shifts_by_rotation(other)
    if mine.keys() != theirs.keys() or any(len(mine[key]) != len(theirs[key]) for key in mine):
        return False
    origins = np.stack(np.meshgrid(*[np.arange(DENOMINATOR)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for rotation, shifts in mine.items():
        matrix = np.array(rotation).reshape(3, 3) - np.eye(3, dtype=np.int64)
        moved = (shifts[0] + origins @ matrix.T) % DENOMINATOR
        allowed = _shift_codes(np.array(theirs[rotation]))
        origins = origins[np.isin(_shift_codes(moved), allowed)]
    return len(origins) > 0


def _shifts_by_rotation(operations: Operations) -> dict[tuple[int, ...], list[np.ndarray]]:
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for rotation, shift in zip(operations.rotations, operations.shifts, strict=True):
        found.setdefault(tuple(rotation.ravel().tolist()), []).append(shift)
    return found


def _shift_codes(shifts: np.ndarray) -> np.ndarray:
    return np.asarray(shifts @ np.array([1, DENOMINATOR, DENOMINATOR**2]))
