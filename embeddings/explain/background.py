"""The formulas over which an absent element is averaged: whose they are, and which are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.errors import EmbeddingsError, InputInvalid
from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model
from embeddings.formula.bulk import FractionMatrix, canonical_matrix, fraction_matrix, reduced_formulas
from embeddings.formula.digest import HASH_BYTES, as_integers, hash_canonical
from embeddings.store.encoder_files import FORMULA_TABLE
from embeddings.store.roots import resolve

PACKAGED = "cromel-multi"
"""Encoder whose training formulas serve where no others are given."""

N_DRAWS = 64

MIN_SEEN = 64
"""So many of the packaged formulas have to be of the model's training for the others to be left out."""

_ADVICE = "Give formulas of your own: --background FILE (background=[...])."


@dataclass(frozen=True, eq=False)
class Pool:
    """Canonical formulas, each once, and what was read of them."""

    formulas: list[str]
    matrix: FractionMatrix

    def take(self, rows: np.ndarray) -> Pool:
        """Return some of them: `rows` is a mask, (n,) bool."""
        kept = np.flatnonzero(rows)
        return Pool([self.formulas[row] for row in kept.tolist()], self.matrix.take(kept))


@dataclass(frozen=True, eq=False)
class Background:
    """Formulas of which some are drawn.

    Attributes:
        pool: all formulas, each once.
        source: what they are, for people, such as ``"formulas of training.csv"``.
        n_draws: how many are drawn at most.
        seed: of the draw.

    Raises:
        InputInvalid: on construction, where there are no formulas, or `n_draws` or `seed` is out of range.
    """

    pool: Pool
    source: str
    n_draws: int = N_DRAWS
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.pool.formulas:
            raise InputInvalid(f"{self.source} hold no formula, but a background needs at least one.")
        if self.n_draws < 1:
            raise InputInvalid(f"{self.n_draws} is too few background formulas; give at least 1.")
        if self.seed < 0:
            raise InputInvalid(f"seed={self.seed} is negative; give a whole number, 0 or more.")

    @cached_property
    def rows(self) -> np.ndarray:
        """Which formulas are drawn."""
        return np.random.default_rng(self.seed).permutation(len(self.pool.formulas))[: self.n_draws]

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """The formulas that are drawn."""
        return tuple(self.pool.formulas[row] for row in self.rows.tolist())

    @cached_property
    def mixtures(self) -> Mixtures:
        """The same as compositions."""
        return Mixtures.of(self.pool.matrix.take(self.rows))

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean fraction of every element over all formulas, (118,)."""
        matrix = self.pool.matrix
        return np.bincount(matrix.atomic_numbers, weights=matrix.fractions, minlength=N_ELEMENTS + 1)[1:] / len(matrix)

    def pool_words(self) -> str:
        """Return what is drawn from, such as ``"the 3,000 formulas of training.csv"``."""
        return f"the {len(self.pool.formulas):,} {self.source}"

    def words(self) -> str:
        """Return what it is, such as ``"64 of the 3,000 formulas of training.csv (seed 0)"``."""
        if len(self.rows) == len(self.pool.formulas):
            return self.pool_words()
        return f"{len(self.rows):,} of {self.pool_words()} (seed {self.seed})"


def given_background(formulas: Iterable[Any], source: str, *, n_draws: int = N_DRAWS, seed: int = 0) -> Background:
    """Return a background of the formulas that somebody chose.

    Args:
        formulas: any number of them; each distinct composition counts once, as it is written first: there are models
            that know the size of a formula.
        source: what they are, for people, such as ``"formulas of training.csv"``.
        n_draws: formulas that are drawn; all where there are fewer.
        seed: of the draw.

    Raises:
        FormulaInvalid: a formula cannot be read.
        InputInvalid: there are none, or `n_draws` or `seed` is out of range.
    """
    given = formulas if isinstance(formulas, str) else list(formulas)
    first: dict[str, Any] = {}
    for reduced, formula in zip(reduced_formulas(given), given, strict=True):
        first.setdefault(reduced, formula)
    return Background(Pool(list(first), fraction_matrix(list(first.values()))), source, n_draws, seed)


def default_background(model: Model, *, n_draws: int = N_DRAWS, seed: int = 0) -> Background:
    """Return a background of formulas that are installed: those of `PACKAGED` that suit the model.

    Those that the model was trained on, where there are at least `MIN_SEEN`; otherwise those of the elements that it
    was trained on.

    Raises:
        InputInvalid: none suits, or `n_draws` or `seed` is out of range.
    """
    pool, source = _packaged(), f"formulas of {PACKAGED}"
    if model.digest is not None:
        seen = _seen(pool, model.digest.tobytes())
        if len(seen.formulas) >= MIN_SEEN:
            return _drawn(seen, f"{source} that the model was trained on", n_draws, seed)
    if model.elements is not None:
        suits = _of_elements(pool, model.elements)
        if not suits.formulas:
            raise InputInvalid(f"No formula of {PACKAGED} has only elements of the model's training. {_ADVICE}")
        if len(suits.formulas) < len(pool.formulas):
            pool, source = suits, f"{source} whose elements the model was trained on"
    return _drawn(pool, source, n_draws, seed)


_drawn = lru_cache(maxsize=4)(Background)
"""A background keeps its draw and its compositions: the next formula finds them."""


@lru_cache(maxsize=4)
def _seen(pool: Pool, digest: bytes) -> Pool:
    """Return the formulas whose hashes are in a digest."""
    hashes = np.frombuffer(digest, dtype=np.uint8).reshape(-1, HASH_BYTES)
    return pool.take(np.isin(as_integers(hash_canonical(pool.formulas)), as_integers(hashes)))


@lru_cache(maxsize=4)
def _of_elements(pool: Pool, elements: frozenset[str]) -> Pool:
    """Return the formulas that have these elements alone."""
    known = [symbol in elements for symbol in SYMBOLS]
    strange = ~np.array([False, *known])[pool.matrix.atomic_numbers]
    return pool.take(~np.logical_or.reduceat(strange, pool.matrix.offsets[:-1]))


def _packaged() -> Pool:
    try:
        return _formulas_in(resolve(PACKAGED) / FORMULA_TABLE)
    except (EmbeddingsError, OSError) as error:
        raise InputInvalid(f"The formulas of {PACKAGED} cannot be read: {error} {_ADVICE}") from error


@lru_cache(maxsize=1)
def _formulas_in(file: Path) -> Pool:
    import pyarrow.parquet as pq

    formulas: list[str] = pq.read_table(file, columns=["formula"])["formula"].to_pylist()
    return Pool(formulas, canonical_matrix(formulas))
