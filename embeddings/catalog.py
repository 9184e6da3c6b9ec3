"""Catalogs in memory: keys, read-only vectors and the manifest that says where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.display.html import facts_table
from embeddings.display.numbers import counted
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS, SYMBOLS, atomic_number, symbol, table_distance
from embeddings.errors import ElementNotCovered, InputInvalid, needs
from embeddings.search import neighbors
from embeddings.store.manifest import Manifest, Versioned

if TYPE_CHECKING:
    import pandas as pd

DIGEST_BYTES = 5

_DTYPES: dict[str, np.dtype] = {
    "atomic_numbers": np.dtype("i2"),
    "vectors": np.dtype("f4"),
    "n_structures": np.dtype("i4"),
}


@dataclass(frozen=True, eq=False)
class ElementTable:
    """Element vectors and what they were trained on, as arrays; checked, and read-only from then on.

    Attributes:
        atomic_numbers: (n_elements,) int16, ascending.
        vectors: (n_elements, dim) float32, finite.
        n_structures: (n_elements,) int32, the training structures that contain the element, at least 1; None where
            nobody knows, as for tables that were imported, or where nothing was trained.
        training_formulas: (n_formulas, 5) uint8 from `embeddings.formula.formula_digest`, or None.

    Raises:
        InputInvalid: on construction, where the arrays break one of these rules.
    """

    atomic_numbers: np.ndarray
    vectors: np.ndarray
    n_structures: np.ndarray | None
    training_formulas: np.ndarray | None = None

    def __post_init__(self) -> None:
        for field, dtype in _DTYPES.items():
            if getattr(self, field) is not None:
                object.__setattr__(self, field, _read_only(getattr(self, field), dtype))
        _check_rows(self)
        if self.training_formulas is not None:
            object.__setattr__(self, "training_formulas", _check_digest(self.training_formulas))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are checked and read-only again."""
        return type(self), (self.atomic_numbers, self.vectors, self.n_structures, self.training_formulas)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the rows."""
        return tuple(SYMBOLS[z - 1] for z in self.atomic_numbers)

    @property
    def counts(self) -> dict[str, int]:
        """Symbol -> training structures that contain the element; empty where nobody knows."""
        return {} if self.n_structures is None else dict(zip(self.symbols, self.n_structures.tolist(), strict=True))

    @property
    def missing_elements(self) -> tuple[str, ...]:
        """Symbols without a row, in order of atomic number."""
        covered = set(self.symbols)
        return tuple(name for name in SYMBOLS if name not in covered)


@dataclass(frozen=True, eq=False, repr=False)
class ElementCatalog(Versioned):
    """One vector for each covered element.

    A catalog reads like a mapping: ``catalog["Fe"]`` or ``catalog[26]`` is the vector of iron,
    ``"Og" in catalog`` says whether an element is covered, and iteration yields symbols in order of atomic number.

    Attributes:
        manifest: name, version, provenance.
        table: the rows.
    """

    manifest: Manifest
    table: ElementTable

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what was computed from the rows."""
        return type(self), (self.manifest, self.table)

    @property
    def vectors(self) -> np.ndarray:
        """All vectors, (n_elements, dim) float32, read-only, in order of atomic number."""
        return self.table.vectors

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers of the rows, (n_elements,) int16, ascending."""
        return self.table.atomic_numbers

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.vectors.shape[1]

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the rows."""
        return self.table.symbols

    @cached_property
    def missing_elements(self) -> tuple[str, ...]:
        """Symbols without a row, in order of atomic number."""
        return self.table.missing_elements

    @cached_property
    def n_structures(self) -> Mapping[str, int]:
        """Symbol -> number of training structures that contain the element; empty where nobody knows."""
        return MappingProxyType(self.table.counts)

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {z: row for row, z in enumerate(self.atomic_numbers.tolist())}

    def __getitem__(self, element: str | int) -> np.ndarray:
        """Return the vector of an element, (dim,) float32, a read-only view.

        Raises:
            ElementUnknown: not a chemical element.
            ElementNotCovered: an element without a row in this catalog.
            InputInvalid: several elements, which `lookup` takes.
        """
        if isinstance(element, list | tuple | set | np.ndarray) and np.shape(element) != ():
            several = element.tolist() if isinstance(element, np.ndarray) else list(element)
            raise InputInvalid(f"catalog[...] takes one element; for several: catalog.lookup({several}).")
        return self.vectors[self._row(element)]

    def lookup(self, elements: Iterable[str | int]) -> np.ndarray:
        """Return the vectors of the given elements in the given order, (n, dim) float32.

        Raises:
            ElementUnknown: one is not a chemical element.
            ElementNotCovered: one has no row in this catalog.
            InputInvalid: one element without a list.
        """
        if isinstance(elements, str | int):
            raise InputInvalid(f"lookup takes a list of elements; for one of them: catalog[{elements!r}].")
        return self.vectors[np.fromiter(map(self._row, elements), dtype=np.intp)]

    def __contains__(self, element: object) -> bool:
        z = ATOMIC_NUMBERS.get(element) if isinstance(element, str) else element
        return z in self._row_of

    def __len__(self) -> int:
        return len(self.symbols)

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __repr__(self) -> str:
        return f'ElementCatalog("{self.name}@{self.version}", {counted(len(self), "element")}, dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return facts_table(
            f"ElementCatalog {self.name}@{self.version}",
            {
                "vectors": f"{counted(len(self), 'element')}, {self.dim} wide",
                "without a vector": ", ".join(self.missing_elements),
                "description": self.manifest.description,
                "license": self.manifest.licence.spdx,
            },
        )

    def neighbors(
        self, element: str | int, k: int = 5, *, metric: neighbors.Metric = "cosine"
    ) -> list[tuple[str, float]]:
        """Return the elements nearest to one, nearest first, as ``[("Co", 0.93), ...]``.

        Args:
            element: symbol or atomic number.
            k: how many; all the others where the catalog covers fewer.
            metric: ``"cosine"`` similarity, descending, or ``"euclidean"`` distance, ascending; ties go by
                atomic number.

        Raises:
            ElementUnknown: not a chemical element.
            ElementNotCovered: an element without a row in this catalog.
            InputInvalid: `k` is below 1, or the metric is unknown.
        """
        rows, values = neighbors.nearest(self.vectors, self._row(element), k, metric=metric)
        return [(self.symbols[row], float(value)) for row, value in zip(rows, values, strict=True)]

    def overlap(self, formulas: Iterable[str]) -> list[str]:
        """Return those of the formulas that the training saw, in the given order and spelling.

        Formulas are compared by a 40-bit hash of their reduced form. A formula that was not trained on is
        reported with a probability of about ``n_formulas / 2**40``: one in ten million for 100,000 formulas.

        Amounts with two to nine decimals are taken as rounded: such a formula counts as seen where a formula of the
        training is written with those decimals, ``Nb0.067As0.133...`` as well as ``Nb0.066667...``; see
        `embeddings.formula.rounding`.

        Raises:
            FormulaInvalid: a formula cannot be read.
            InputInvalid: the catalog carries no digest of its training formulas, or one text is given, not a list.
        """
        from embeddings.formula.column import items_of
        from embeddings.formula.rounding import seen_formulas

        if self.table.training_formulas is None:
            raise InputInvalid(f"{self!r} has no digest of its training formulas{_why_none(self.manifest)}")
        formulas = items_of(formulas)
        seen = seen_formulas(formulas, self.table.training_formulas)
        return [formula for formula, was_seen in zip(formulas, seen, strict=True) if was_seen]

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return symbol -> vector, (dim,) float32, read-only."""
        return dict(zip(self.symbols, self.vectors, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with one row per element, indexed by symbol, and columns ``v0``, ``v1``, ...

        Raises:
            MissingExtra: pandas is not installed.
        """
        with needs("pandas", "sklearn"):
            import pandas as pd
        index = pd.Index(self.symbols, name="symbol")
        return pd.DataFrame(self.vectors.copy(), index=index, columns=[f"v{i}" for i in range(self.dim)])

    def _row(self, element: str | int) -> int:
        z = atomic_number(element)
        if z in self._row_of:
            return self._row_of[z]
        closest = sorted(self._row_of, key=lambda covered: table_distance(z, covered))[:3]
        raise ElementNotCovered(
            f"{symbol(z)} has no vector in {self!r}: {_why_absent(self.manifest, symbol(z))}. "
            f"The nearest covered ones in the periodic table are {', '.join(map(symbol, closest))}."
        )


def _why_none(manifest: Manifest) -> str:
    """Return the rest of the sentence that a catalog has no digest of its training formulas."""
    if manifest.table is None:
        return ", so overlap is unknown."
    if manifest.table.training == "none":
        return ": nothing was trained, its columns are tabulated. Whatever the tables rest on is not known by formula."
    return (
        f": it is a table that others made, imported from {manifest.table.source}. What it was trained on is unknown, "
        "and so is its overlap with your formulas."
    )


def _why_absent(manifest: Manifest, name: str) -> str:
    if manifest.table is None:
        return "its training data holds no structure with it"
    reason = manifest.table.left_out.get(name)
    return f"it was left out ({reason})" if reason else "the table has no row for it"


def _read_only(values: Any, dtype: np.dtype) -> np.ndarray:
    given = np.asarray(values)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            array = np.array(given, dtype=dtype, order="C")
    except (TypeError, ValueError) as error:
        raise InputInvalid(f"Values of type {given.dtype} do not fit {dtype}: {error}.") from error
    if array.dtype.kind == "i" and not np.array_equal(array, given):
        raise InputInvalid(f"Values do not fit {array.dtype}: they must be whole numbers in its range.")
    array.flags.writeable = False
    return array


def _check_rows(table: ElementTable) -> None:
    z, vectors, counts = table.atomic_numbers, table.vectors, table.n_structures
    n_counts = z.shape if counts is None else counts.shape
    if vectors.ndim != 2 or not vectors.size or z.shape != vectors.shape[:1] or n_counts != z.shape:
        raise InputInvalid(
            f"Element tables need shapes (n,), (n, dim), (n,), but atomic_numbers is {z.shape}, vectors "
            f"{vectors.shape}, n_structures {n_counts}."
        )
    if z[0] < 1 or z[-1] > N_ELEMENTS or np.any(np.diff(z.astype(int)) < 1):
        raise InputInvalid(f"Atomic numbers must ascend without repeats within 1 to {N_ELEMENTS}.")
    _check_every(np.isfinite(vectors).all(axis=1), table, "a vector that is not finite in float32")
    if counts is not None:
        _check_every(counts >= 1, table, "no training structure; leave out its row")


def _check_every(good: np.ndarray, table: ElementTable, complaint: str) -> None:
    if not good.all():
        bad = [name for name, fine in zip(table.symbols, good, strict=True) if not fine]
        raise InputInvalid(f"Each of {', '.join(bad)} has {complaint}.")


def _check_digest(digest: Any) -> np.ndarray:
    array = np.asarray(digest)
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != DIGEST_BYTES:
        raise InputInvalid(f"A formula digest is uint8 (n, {DIGEST_BYTES}), but this is {array.dtype} {array.shape}.")
    from embeddings.formula.digest import as_integers

    if np.any(np.diff(as_integers(array)) < 1):
        raise InputInvalid("A formula digest must be sorted without repeats; make it with formula_digest.")
    return _read_only(array, array.dtype)
