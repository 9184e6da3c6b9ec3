"""What was probably meant by a formula whose letters have the wrong case."""

from __future__ import annotations

import re

from embeddings.elements import ATOMIC_NUMBERS

_MAX_LETTERS = 40
_MAX_SPELLINGS = 3


def probable_spellings(formula: str) -> list[str]:
    """Return ``["NaCl"]`` for ``nacl`` or ``NACL``; nothing where no letters fit.

    The letters are cut into element symbols; up to three cuttings are named, those with the fewest symbols first
    (``co`` may be ``Co`` or ``CO``).
    """
    if len(formula) > _MAX_LETTERS or not re.fullmatch(r"[A-Za-z0-9.()\[\]{}\s]+", formula):
        return []
    return [spelling for spelling in _spellings(formula) if spelling != formula]


def _spellings(formula: str) -> list[str]:
    """Return the ways to cut the letters into symbols, fewest symbols first."""
    cuttings: list[list[tuple[int, str]]] = [[] for _ in formula] + [[(0, "")]]  # of the rest from each position
    for start in range(len(formula) - 1, -1, -1):
        options = []
        for piece, cost in _pieces(formula, start):
            options += [(count + cost, piece + rest) for count, rest in cuttings[start + len(piece)]]
        cuttings[start] = sorted(options)[:_MAX_SPELLINGS]
    return [spelling for _, spelling in cuttings[0]]


def _pieces(formula: str, start: int) -> list[tuple[str, int]]:
    """Return what may come first from a position, an element symbol (which costs one) or another character."""
    if not formula[start].isalpha():
        return [(formula[start], 0)]
    symbols = {formula[start : start + length].capitalize() for length in (1, 2)}
    return [(symbol, 1) for symbol in symbols if symbol in ATOMIC_NUMBERS]
