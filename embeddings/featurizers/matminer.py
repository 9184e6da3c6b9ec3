"""For matminer: a featurizer of its own kind, and catalogs as a source of element data for ``ElementProperty``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from embeddings.encoder import CompositionEncoder
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid, did_you_mean, needs
from embeddings.featurizers.crystals import StructureVectors, Uncovered
from embeddings.featurizers.pinning import PinnedCatalogs
from embeddings.formula.bulk import read_column
from embeddings.formula.column import formula_column
from embeddings.loaders import as_catalog
from embeddings.missing import Missing
from embeddings.pooling import DEFAULT_STATS, feature_names, featurize, pool
from embeddings.protocols import CatalogLike

with needs("matminer", "matminer"):
    from matminer.featurizers.base import BaseFeaturizer
    from matminer.utils.data import AbstractData


class CompositionEmbedding(PinnedCatalogs, BaseFeaturizer):
    """Composition vectors from catalogs of element vectors and from composition encoders.

    Reads compositions, formulas, and structures (whose composition is used). A whole column is featurized at once,
    without a process pool, so that ``set_n_jobs`` changes nothing.

    Features: for every catalog and statistic one per dimension, such as ``ct-multi_mean_000``, and for every encoder
    one per dimension, such as ``cromel-multi_000``.

    Args:
        catalog: the name of a catalog or encoder, the path of a version's folder, one that is loaded, or a list.
        stats: names out of :data:`embeddings.pooling.STATISTICS`, for catalogs of elements;
            :data:`embeddings.pooling.DEFAULT_STATS` if not given.
        missing: what to do with an element that a catalog does not cover: ``"raise"``, ``"nan"``, ``"skip"`` or
            ``"impute"``, as told in :data:`embeddings.missing.POLICIES`.
    """

    def __init__(
        self,
        catalog: CatalogLike | Sequence[CatalogLike] = "ct-multi",
        stats: str | Sequence[str] = DEFAULT_STATS,
        missing: Missing = "raise",
    ) -> None:
        self.catalog = catalog
        self.stats = stats
        self.missing = missing

    @classmethod
    def from_preset(cls, preset_name: str) -> Self:
        """Return the featurizer of one catalog with the statistics mean, std, min, max and range."""
        return cls(preset_name, stats=("mean", "std", "min", "max", "range"))

    def precheck(self, comp: Any) -> bool:
        """Whether a composition, formula or structure can be featurized."""
        try:
            self.featurize(comp)
        except (FormulaInvalid, ElementNotCovered):
            return False
        return True

    def featurize(self, comp: Any) -> list[float]:
        """Return the features of one composition, formula or structure.

        Raises:
            FormulaInvalid: the formula cannot be read.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        """
        return self._features([_composition(comp)])[0].tolist()

    def featurize_many(
        self, entries: Iterable[Any], ignore_errors: bool = False, return_errors: bool = False, pbar: Any = True
    ) -> np.ndarray | list[list[Any]]:
        """Return the features of many entries.

        Args:
            entries: n compositions, formulas or structures: a list, Series, or an array or frame with one column.
            ignore_errors: whether an entry that cannot be featurized gives NaN instead of an error.
            return_errors: whether each row ends with its error as text, NaN where there is none; needs
                `ignore_errors`.
            pbar: ignored; there is nothing to wait for.

        Returns:
            (n, d) float32, or n lists of d + 1 with `return_errors`.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
            InputInvalid: `return_errors` without `ignore_errors`, or an entry of several values.
        """
        if return_errors and not ignore_errors:
            raise InputInvalid("return_errors needs ignore_errors=True.")
        column = [_composition(entry) for entry in formula_column(entries)]
        if not ignore_errors:
            return self._features(column)
        features, failed = self._features_of_the_good(column)
        if not return_errors:
            return features
        return [
            [*row, self._error(entry) if bad else np.nan]
            for row, entry, bad in zip(features.tolist(), column, failed.tolist(), strict=True)
        ]

    def transform(self, X: Iterable[Any]) -> np.ndarray:
        """Return the features of many entries, (n, d) float32; an error is raised, never turned into NaN."""
        return self._features([_composition(entry) for entry in formula_column(X)])

    def feature_labels(self) -> list[str]:
        """Return the names of the features, such as ``ct-multi_mean_000``."""
        return feature_names(self.catalogs, self.stats, missing=self.missing)

    def citations(self) -> list[str]:
        """Return a BibTeX entry for each catalog and encoder."""
        return [one.manifest.citation.bibtex for one in self.catalogs]

    def implementors(self) -> list[str]:
        """Return who wrote this featurizer."""
        return ["The materials-embeddings developers"]

    def _features(self, column: list[Any]) -> np.ndarray:
        return featurize(column, self.catalogs, stats=self.stats, missing=self.missing)

    def _features_of_the_good(self, column: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the features, NaN where an entry cannot be featurized, and which those are."""
        read = read_column(column)
        policy: Missing = "nan" if self.missing == "raise" else self.missing
        features = pool(read.distinct, self.catalogs, rows=read.codes, stats=self.stats, missing=policy)
        failed = np.isin(read.codes, list(read.invalid))
        if self.missing == "raise":
            failed |= np.isnan(features).any(axis=1)
        features[failed] = np.nan
        return features, failed

    def _error(self, entry: Any) -> str:
        """Return what is said of an entry that cannot be featurized."""
        try:
            self.featurize(entry)
        except (FormulaInvalid, ElementNotCovered) as error:
            return f"{type(error).__name__}: {error}"
        return ""


class StructureEmbedding(StructureVectors, BaseFeaturizer):
    """Vectors of crystal structures by the encoder behind a catalog.

    A structure is encoded once in a process. A whole column is encoded at once, so that ``set_n_jobs`` changes nothing.

    Features: one per dimension, such as ``ct-multi_000``.

    Args:
        catalog: the name of a catalog of elements with an encoder or of a third-party potential, the path of a
            version's folder, or what `load_crystal_encoder` returns.
        missing: what to do with a structure of an element that the encoder was not trained on: ``"raise"``, or
            ``"nan"`` for a row of NaN.
    """

    def __init__(self, catalog: Any = "ct-multi", missing: Uncovered = "raise") -> None:
        self.catalog = catalog
        self.missing = missing

    def featurize(self, structure: Any) -> list[float]:
        """Return the features of one structure.

        Raises:
            ElementNotCovered: an element is not covered and ``missing`` is ``"raise"``.
            InputInvalid: it cannot be encoded.
        """
        vector: list[float] = self._vectors([structure])[0].tolist()
        return vector

    def featurize_many(
        self, entries: Iterable[Any], ignore_errors: bool = False, return_errors: bool = False, pbar: Any = True
    ) -> np.ndarray | list[list[Any]]:
        """Return the features of many structures.

        Args:
            entries: n structures: a list, Series, or an array or frame with one column.
            ignore_errors: whether a structure that cannot be encoded gives NaN instead of an error.
            return_errors: whether each row ends with its error as text, NaN where there is none; needs
                `ignore_errors`.
            pbar: ignored.

        Returns:
            (n, dim) float32, or n lists of dim + 1 with `return_errors`.

        Raises:
            ElementNotCovered: an element is not covered and ``missing`` is ``"raise"``.
            InputInvalid: `return_errors` without `ignore_errors`, or a structure cannot be encoded.
        """
        if return_errors and not ignore_errors:
            raise InputInvalid("return_errors needs ignore_errors=True.")
        column = [_single(entry) for entry in formula_column(entries)]
        if not ignore_errors:
            return self._vectors(column)
        rows = [self._row_or_error(entry) for entry in column]
        if return_errors:
            return [[*row, np.nan if error is None else error] for row, error in rows]
        return np.array([row for row, _ in rows], dtype=np.float32).reshape(len(rows), self.encoder.dim)

    def transform(self, X: Iterable[Any]) -> np.ndarray:
        """Return the features of many structures, (n, dim) float32; an error is raised, never turned into NaN."""
        return self._vectors([_single(entry) for entry in formula_column(X)])

    def feature_labels(self) -> list[str]:
        """Return the names of the features, such as ``ct-multi_000``."""
        return self._names()

    def citations(self) -> list[str]:
        """Return the BibTeX entry of the catalog."""
        return [self.encoder.manifest.citation.bibtex]

    def implementors(self) -> list[str]:
        """Return who wrote this featurizer."""
        return ["The materials-embeddings developers"]

    def _row_or_error(self, structure: Any) -> tuple[list[float], str | None]:
        try:
            return self.featurize(structure), None
        except (ElementNotCovered, InputInvalid) as error:
            return [np.nan] * self.encoder.dim, f"{type(error).__name__}: {error}"


class CatalogElementData(AbstractData):
    """The vectors of a catalog as element data: one property for each dimension.

    Attributes:
        prop_names: the properties, such as ``ct-multi_000``.

    Args:
        catalog: a catalog's name, the path of a version's folder, or a loaded catalog. Of an encoder these are the
            element vectors that it pools.

    Example:
        >>> from matminer.featurizers.composition import ElementProperty
        >>> data = CatalogElementData("starter")  # doctest: +SKIP
        >>> ElementProperty(data, data.prop_names, ["mean"], impute_nan=False)  # doctest: +SKIP
    """

    def __init__(self, catalog: CatalogLike = "ct-multi") -> None:
        found = as_catalog(catalog)
        self.catalog = found.elements if isinstance(found, CompositionEncoder) else found
        self.prop_names = [f"{self.catalog.name}_{i:03d}" for i in range(self.catalog.dim)]
        self._columns = {name: i for i, name in enumerate(self.prop_names)}

    def get_elemental_property(self, elem: Any, property_name: str) -> float:
        """Return one number of the vector of an element.

        Args:
            elem: a pymatgen ``Element``, a symbol or an atomic number.
            property_name: out of `prop_names`.

        Raises:
            ElementNotCovered: the catalog has no vector for the element.
            InputInvalid: no such property.
        """
        if property_name not in self._columns:
            hint = did_you_mean(str(property_name), self.prop_names)
            raise InputInvalid(
                f'No property "{property_name}".{hint} There are {self.prop_names[0]} to {self.prop_names[-1]}.'
            )
        return float(self.catalog[getattr(elem, "symbol", elem)][self._columns[property_name]])


def _composition(entry: Any) -> Any:
    """Return what is to be read: out of a row of one value, and of a structure its composition."""
    entry = _single(entry)
    return getattr(entry, "composition", entry)


def _single(entry: Any) -> Any:
    """Return the value of a row of one value."""
    if isinstance(entry, list | tuple | np.ndarray):
        if len(entry) != 1:
            raise InputInvalid(f"One value per entry is expected, but one has {len(entry)}; select a single column.")
        return entry[0]
    return entry
