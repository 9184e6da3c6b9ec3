"""What a model is given of a formula: blocks of columns, each by name, and how they are joined.

A block is one line in `BLOCKS`, or the name of a catalog or encoder; `"fractions+properties"` is two, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from embeddings.analysis.properties import PROPERTIES, property_values
from embeddings.elements import N_ELEMENTS, SYMBOLS, table_distance
from embeddings.errors import InputInvalid, MissingExtra, did_you_mean
from embeddings.formula import FractionMatrix
from embeddings.pooling import pool
from embeddings.pooling.features import is_pooled
from embeddings.pooling.statistics import STATISTICS, Block

if TYPE_CHECKING:
    from embeddings.bench.structures import StructureVectors
    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder

    Pooled: TypeAlias = ElementCatalog | CompositionEncoder
    Vectors: TypeAlias = Pooled | StructureVectors

BASE = "fractions+properties"
"""What all vectors are compared with and joined to: nothing learned, and no catalog."""

STRUCTURES = "structures"
"""The block of each row's own structure, which its formula does not tell."""

PROPERTY_STATS = ("mean", "std", "min", "max", "range")

SHELLS = {"s": 2, "p": 6, "d": 10, "f": 14}
"""Electrons that a shell holds."""

NOBLE_GASES = (2, 10, 18, 36, 54, 86)
"""Atomic numbers whose electrons are the core of heavier elements."""


@dataclass(frozen=True)
class FeatureMaker:
    """Makes blocks of columns, and joins them.

    Attributes:
        vectors: name -> catalog or encoder; `STRUCTURES` -> vectors of structures, where rows have them.
        precise: whether encoders compute in double precision, which takes twice the time and matters to derivatives
            alone.
    """

    vectors: Mapping[str, Vectors]
    precise: bool = False

    @property
    def catalogs(self) -> dict[str, Pooled]:
        """Those that a formula alone has vectors of, by name."""
        return {name: one for name, one in self.vectors.items() if name != STRUCTURES}  # type: ignore[misc]

    def names(self) -> tuple[str, ...]:
        """Return every block by name."""
        return (*BLOCKS, *self.vectors)

    def make(self, features: str, matrix: FractionMatrix, structures: np.ndarray | None = None) -> np.ndarray:
        """Return the columns of one or more blocks, (n, d) float64, finite.

        Args:
            features: names of blocks, joined by ``+``.
            matrix: n formulas.
            structures: (n, d) vectors of the structure of each, for the block `STRUCTURES`.

        Raises:
            InputInvalid: a block has no such name, or needs structures.
        """
        return np.hstack([self._block(name, matrix, structures) for name in features.split("+")])

    def _block(self, name: str, matrix: FractionMatrix, structures: np.ndarray | None) -> np.ndarray:
        if name in BLOCKS:
            return BLOCKS[name](matrix)
        if name == STRUCTURES and structures is not None:
            return structures.astype(np.float64)
        if name not in self.catalogs:
            known = ", ".join(self.names())
            raise InputInvalid(f'No features "{name}".{did_you_mean(name, self.names())} There are: {known}.')
        one = self.catalogs[name]
        precision = np.float64 if self.precise or is_pooled(one) else np.float32
        return pool(matrix, one, missing="impute", dtype=precision).astype(np.float64, copy=False)


def fractions(matrix: FractionMatrix) -> np.ndarray:
    """Return the atomic fraction of every element, (n, 118)."""
    dense = np.zeros((len(matrix), N_ELEMENTS))
    dense[np.repeat(np.arange(len(matrix)), matrix.n_elements), matrix.atomic_numbers.astype(int) - 1] = (
        matrix.fractions
    )
    return dense


def properties(matrix: FractionMatrix) -> np.ndarray:
    """Return statistics over the tabulated properties and valence electrons of the elements, (n, d).

    The weighted mean and standard deviation, smallest and largest value, and their difference, after Ward et al., npj
    Comput. Mater. 2, 16028 (2016), 10.1038/npjcompumats.2016.28, on the properties that `embeddings.analysis` has.

    Raises:
        MissingExtra: pymatgen is not installed.
    """
    table = _property_table()
    return np.hstack([_pooled(matrix, table, stat) for stat in PROPERTY_STATS])


def size(matrix: FractionMatrix) -> np.ndarray:
    """Return atoms and elements of the formula as written, (n, 4): what is measured per mole depends on them."""
    totals, norms = matrix.totals, [_norm(matrix, power) for power in (2, 3)]
    return np.column_stack([totals, matrix.n_elements, *norms])


BLOCKS: dict[str, Callable[[FractionMatrix], np.ndarray]] = {
    "fractions": fractions,
    "properties": properties,
    "size": size,
}
"""Blocks that need no catalog, by name."""


def by_name(catalogs: Iterable[Pooled]) -> dict[str, Pooled]:
    """Return catalogs and encoders by the name that their features will have.

    Raises:
        InputInvalid: two of one name, or a name that means something else here.
    """
    found: dict[str, Pooled] = {}
    for one in catalogs:
        if one.name in found:
            raise InputInvalid(
                f'Two catalogs are called "{one.name}". Name each once; compare two versions in separate runs.'
            )
        if "+" in one.name:
            raise InputInvalid(
                f'A catalog called "{one.name}" cannot be used: its name has a plus sign, which joins features.'
            )
        if one.name in (*BLOCKS, STRUCTURES):
            which = "that take part without any catalog" if one.name in BLOCKS else "of each row's own structure"
            raise InputInvalid(
                f'The features {which} are called "{one.name}", too. Leave this catalog out, or import its vectors '
                "under another name (embeddings import)."
            )
        found[one.name] = one
    return found


@cache
def _property_table() -> np.ndarray:
    """Return the properties of all elements, (118, n_properties), gaps filled from the nearest element."""
    columns = [property_values(name) for name in PROPERTIES]
    columns += [np.arange(1.0, N_ELEMENTS + 1), *_valence().T]
    return np.column_stack([_filled(column) for column in columns])


def _filled(values: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(np.isfinite(values)) + 1
    nearest = [min(known.tolist(), key=lambda other: table_distance(z, other)) for z in range(1, N_ELEMENTS + 1)]
    return values[np.array(nearest) - 1]


def _valence() -> np.ndarray:
    """Return valence electrons by shell, what open shells lack to be full, and both in sum, (118, 10)."""
    try:
        from pymatgen.core import Element
    except ImportError as error:
        raise MissingExtra.of("pymatgen", "bench") from error
    rows = []
    for atomic_number, symbol in enumerate(SYMBOLS, start=1):
        core = max((noble for noble in NOBLE_GASES if noble < atomic_number), default=0)
        try:
            valence = _beyond(Element(symbol).full_electronic_structure, core)
        except KeyError:  # the heaviest have none tabulated
            rows.append([np.nan] * (2 * len(SHELLS) + 2))
            continue
        filled = [valence.get(shell, 0) for shell in SHELLS]
        lacking = [room - n if n else 0 for room, n in zip(SHELLS.values(), filled, strict=True)]
        rows.append([*filled, sum(filled), *lacking, sum(lacking)])
    return np.array(rows, dtype=np.float64)


def _beyond(structure: Sequence[tuple[int, str, int]], n_core: int) -> dict[str, int]:
    """Return shell -> electrons beyond those of the noble gas before."""
    left, valence = n_core, dict[str, int]()
    for _, shell, n in structure:
        core = min(left, n)
        left -= core
        if n > core:
            valence[shell] = valence.get(shell, 0) + n - core
    return valence


def _pooled(matrix: FractionMatrix, table: np.ndarray, stat: str) -> np.ndarray:
    out = np.empty((len(matrix), table.shape[1]))
    for length in np.unique(matrix.n_elements):
        rows = np.flatnonzero(matrix.n_elements == length)
        entries = matrix.offsets[rows] + np.arange(length)[:, None]
        block = Block(table[matrix.atomic_numbers[entries].astype(int) - 1], matrix.amounts[entries])
        out[rows] = STATISTICS[stat](block)
    return out


def _norm(matrix: FractionMatrix, power: int) -> np.ndarray:
    rows = np.repeat(np.arange(len(matrix)), matrix.n_elements)
    return np.bincount(rows, weights=matrix.fractions**power, minlength=len(matrix)) ** (1 / power)
