"""The scikit-learn transformers: a column of formulas in, composition vectors out; or of structures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from embeddings.errors import needs
from embeddings.featurizers.crystals import StructureEncoder, StructureVectors, Uncovered
from embeddings.featurizers.pinning import PinnedCatalogs
from embeddings.formula.column import formula_column
from embeddings.missing import Missing
from embeddings.pooling import DEFAULT_STATS, feature_names, featurize
from embeddings.protocols import CatalogLike

with needs("scikit-learn", "sklearn"):
    from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    from sklearn.utils import Tags


class CompositionFeaturizer(PinnedCatalogs, TransformerMixin, BaseEstimator):
    """Turn a column of formulas into composition vectors, as a step of a scikit-learn pipeline.

    There is nothing to fit: :meth:`transform` works at once, and :meth:`fit` only loads the catalogs and checks the
    parameters. A pickle holds name, version and hash of the catalogs, and unpickling verifies them.

    Args:
        catalog: a catalog's name (``"ct-multi"``, ``"ct-multi@5.0.0"``), the path of a version's folder, a loaded
            catalog, a composition encoder by name or loaded, or a list of them whose features are put side by side.
        stats: names out of :data:`embeddings.pooling.STATISTICS`, for catalogs of elements;
            :data:`embeddings.pooling.DEFAULT_STATS` if not given.
        missing: what to do with an element that a catalog does not cover: ``"raise"``, ``"nan"``, ``"skip"`` or
            ``"impute"``, as told in :data:`embeddings.missing.POLICIES`.

    Example:
        >>> from embeddings.featurizers.sklearn import CompositionFeaturizer
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> model = make_pipeline(CompositionFeaturizer("starter", stats=("mean", "std")), Ridge())
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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the catalogs and check the parameters; the formulas are not read.

        Args:
            X: n formulas, as in :meth:`transform`.
            y: ignored.

        Raises:
            CatalogNotFound: no catalog goes by this name.
            CatalogCorrupt: a file of the catalog is missing or altered.
            InputInvalid: an unknown statistic or policy, or not one column.
        """
        formula_column(X)
        self.get_feature_names_out()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Turn formulas into composition vectors.

        Args:
            X: n formulas: a list, an array of shape (n,) or (n, 1), a Series, or a frame with one column.

        Returns:
            (n, d) float32, or the container that ``set_output`` chose, with the index of `X`.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
            CatalogNotFound: no catalog goes by this name.
            InputInvalid: an unknown statistic or policy, or not one column.
        """
        return featurize(formula_column(X), self.catalogs, stats=self.stats, missing=self.missing)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features, such as ``ct-multi_mean_000``: (d,) of objects.

        Args:
            input_features: ignored; the names come from the catalogs and statistics.
        """
        return np.array(feature_names(self.catalogs, self.stats, missing=self.missing), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.dict = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        tags.no_validation = True
        return tags


class StructureFeaturizer(StructureVectors, TransformerMixin, BaseEstimator):
    """Turn a column of crystal structures into vectors, as a step of a scikit-learn pipeline.

    There is nothing to fit. A structure is encoded once in a process, whatever folds, clones and grids ask for it.
    A pickle holds the name of the catalog and the hash of its encoder, which is verified on use.

    Args:
        catalog: the name of a catalog of elements with an encoder or of a third-party potential, the path of a
            version's folder, or what `load_crystal_encoder` returns.
        missing: what to do with a structure of an element that the encoder was not trained on: ``"raise"``, or
            ``"nan"`` for a row of NaN.

    Example:
        >>> from embeddings.featurizers.sklearn import StructureFeaturizer
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> model = make_pipeline(StructureFeaturizer("ct-multi"), Ridge())
    """

    def __init__(
        self, catalog: str | os.PathLike[str] | StructureEncoder = "ct-multi", missing: Uncovered = "raise"
    ) -> None:
        self.catalog = catalog
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the encoder; the structures are not read.

        Args:
            X: n structures, as in :meth:`transform`.
            y: ignored.

        Raises:
            EmbeddingsError: the encoder cannot be loaded.
            InputInvalid: not one column.
        """
        formula_column(X)
        self._names()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Turn structures into vectors.

        Args:
            X: n pymatgen structures or ASE atoms: a list, a Series, or a frame or array with one column.

        Returns:
            (n, dim) float32, or the container that ``set_output`` chose, with the index of `X`.

        Raises:
            ElementNotCovered: an element is not covered and ``missing`` is ``"raise"``.
            InputInvalid: not one column, or a row cannot be encoded; the message names its place, counted from 0.
            EmbeddingsError: the encoder cannot be loaded.
        """
        return self._vectors(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features, such as ``ct-multi_000``: (dim,) of objects.

        Args:
            input_features: ignored; the names come from the encoder.
        """
        return np.array(self._names(), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        tags.no_validation = True
        return tags
