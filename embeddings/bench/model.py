"""A model of measurements, fitted, saved and loaded; it behaves as an estimator of scikit-learn."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from embeddings._version import __version__
from embeddings.bench.clock import Clock, check_budget
from embeddings.bench.features import STRUCTURES, by_name
from embeddings.bench.folder import SavedModel, read_model, write_model
from embeddings.bench.heads import checked_heads
from embeddings.bench.in_context_weights import PathLike, Weights, require_weights, use_weights
from embeddings.bench.learned import learn
from embeddings.bench.ledger import FoldLedger
from embeddings.bench.manifest import SearchEntry, WeightsUse
from embeddings.bench.measurements import Measurements, measurements
from embeddings.bench.predictor import Predictor
from embeddings.bench.structures import StructuresLike
from embeddings.bench.trials import Settings
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.featurizers.pinning import sha256_of_vectors
from embeddings.formula.column import formula_column
from embeddings.loaders import as_catalog
from embeddings.protocols import CatalogLike

if TYPE_CHECKING:
    from embeddings.bench.features import Pooled

CATALOGS = ("ct-multi", "cromel-multi")
"""What a model may choose from if nothing is named."""


class PropertyModel(Predictor):
    """The best model of a table of measurements, with intervals; numbers or classes, as the values are.

    Fitting chooses features, heads and a stack of them on inner folds that are grouped by formula, and trains it on all
    rows. The measure of its error, `learned_.estimate`, comes from rows that were neither trained nor weighted on.

    Args:
        catalogs: catalogs and composition encoders whose vectors may be used: names or what `load_catalog` returns.
        budget: seconds that fitting may take; None for no bound.
        random_state: seed of folds and models.
        heads: names out of `embeddings.bench.heads.HEADS`; None for all that can take part.
        coverage: share of new formulas that intervals shall hold.
        structures: vectors of structures that may be used too: a file that ``embeddings embed`` wrote, or a folder of
            structure files. A row is then a formula and an identifier, here and in all that takes formulas.
        in_context_weights: checkpoint of TabICL, or a folder with them, for the head "in-context"; None for what
            ``EMBEDDINGS_TABICL_WEIGHTS`` names.

    Attributes:
        learned_: the stack, its estimate of the error and its neighborhood.
        classes_: labels of the classes; for a classification only.
        set_aside_: rows that could not be used, with their reasons.

    Example:
        >>> from embeddings import PropertyModel
        >>> model = PropertyModel().fit(formulas, values)  # doctest: +SKIP
        >>> model.predict(["Fe2O3"], return_interval=True)  # doctest: +SKIP
        (array([2.1]), array([[1.4, 2.8]]))
    """

    def __init__(
        self,
        catalogs: CatalogLike | Sequence[CatalogLike] = CATALOGS,
        *,
        budget: float | None = None,
        random_state: int = 0,
        heads: Sequence[str] | None = None,
        coverage: float = 0.9,
        structures: StructuresLike | None = None,
        in_context_weights: PathLike | None = None,
    ) -> None:
        self.catalogs = catalogs
        self.budget = budget
        self.random_state = random_state
        self.heads = heads
        self.coverage = coverage
        self.structures = structures
        self.in_context_weights = in_context_weights

    def fit(self, X: Any, y: Any) -> Self:
        """Choose and train a model.

        Values of yes and no, true and false, 0 and 1, or text are classes. Rows that cannot be used are set aside with
        a warning.

        Args:
            X: n formulas: a list, an array of shape (n,) or (n, 1), a Series, or a frame with one column. With
                structures, n formulas and their identifiers: an array of shape (n, 2), a frame with two columns, or a
                list of pairs.
            y: (n,) values.

        Raises:
            InputInvalid: too few rows can be used, or a parameter is not valid.
            TargetInvalid: the values cannot be learned.
            CatalogNotFound: no catalog goes by a name.
            WeightsNotFound: the weights that are named are not there.
        """
        values = list(formula_column(y)) if getattr(y, "ndim", 1) > 1 else list(y)
        formulas, ids = self._columns(X)
        data = measurements(formulas, values, target=str(getattr(y, "name", None) or "target"), ids=ids)
        data = self._with_structures(data)
        self.fit_measurements(data, labels=_labels(values, data))
        if self.learned_.is_baseline and self.learned_.training.n_skipped:
            warnings.warn(
                f"There was no time for a model in {self.budget:g} s: this one predicts the same for every formula. "
                "Give it a larger budget.",
                stacklevel=2,
            )
        if data.set_aside:
            first = data.set_aside[0]
            warnings.warn(
                f"Set aside: {len(data.set_aside):,} of {counted(len(values), 'row')}, which cannot be used; the first "
                f"is row {first.line} (counted from 1): {first.reason}",
                stacklevel=2,
            )
        return self

    def fit_measurements(
        self,
        data: Measurements,
        *,
        labels: Sequence[Any] = (),
        advance: Callable[[], None] = lambda: None,
        ledger: FoldLedger | None = None,
    ) -> Self:
        """Fit to a table that was read already.

        Args:
            data: rows, with identifiers where there are structures.
            labels: what to predict for each class; their names if empty.
            advance: called after each inner fit.
            ledger: that a killed fit left, and that this one goes on with, see `embeddings.bench.ledger.fold_ledger`.

        Raises:
            InputInvalid: a parameter is not valid.
            CatalogNotFound: no catalog goes by a name.
            WeightsNotFound: the weights that are named are not there.
        """
        vectors = self._vectors()
        self._check()
        data, crystals = self._with_structures(data), self._crystals()
        settings, weights = self._settings(), self._weights(data)
        with use_weights(self.in_context_weights):
            self.learned_ = learn(
                data,
                vectors if crystals is None else vectors | {STRUCTURES: crystals},
                settings=settings,
                coverage=self.coverage,
                clock=Clock(self.budget),
                advance=advance,
                ledger=ledger,
            )
        self._search = SearchEntry(
            catalogs=tuple(f"{one.name}@{one.version}" for one in vectors.values()),
            heads=settings.heads,
            n_inner=settings.n_inner,
            seed=self.random_state,
            budget=self.budget,
            n_skipped=self.learned_.training.n_skipped,
            fingerprint=self._fingerprint(data, vectors, labels),
            in_context=None if weights is None else WeightsUse(path=str(weights.path), sha256=weights.sha256),
        )
        self.set_aside_ = data.set_aside
        self._set_labels(tuple(labels) or data.classes)
        return self

    def fingerprint(self, data: Measurements) -> str:
        """Return a SHA-256 over rows, catalogs and parameters: what is the same of two fits that give the same model.

        Raises:
            CatalogNotFound: no catalog goes by a name.
        """
        return self._fingerprint(data, self._vectors())

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Save as a folder with a manifest, hashes, a card, and no pickle.

        Args:
            folder: its name.
            force: replace a model that is there; nothing else is ever replaced. That of the same fit stays as it is.

        Raises:
            OutputInvalid: something is in the way, or the folder cannot be written.
        """
        return write_model(Path(folder), self._fitted(), search=self._search, labels=self._labels, force=force)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        catalogs: Iterable[CatalogLike] = (),
        structures: StructuresLike | None = None,
        in_context_weights: PathLike | None = None,
    ) -> Self:
        """Load and verify what `save` wrote; the arguments are those of `load_model`.

        Raises:
            EmbeddingsError: as `load_model` says.
        """
        with use_weights(in_context_weights):
            model = cls._of(read_model(Path(folder), catalogs=catalogs))
        return model.set_params(structures=structures)

    @classmethod
    def _of(cls, saved: SavedModel) -> Self:
        said = saved.manifest
        model = cls(
            catalogs=said.search.catalogs,
            budget=said.search.budget,
            random_state=said.search.seed,
            heads=said.search.heads,
            coverage=0.9 if said.intervals is None else said.intervals.coverage,
            in_context_weights=None if said.search.in_context is None else said.search.in_context.path,
        )
        model.learned_, model._search, model.set_aside_ = saved.learned, said.search, ()
        model._set_labels(said.labels)
        return model

    def _settings(self) -> Settings:
        with use_weights(self.in_context_weights):
            return Settings(checked_heads(self.heads), seed=self.random_state)

    def _weights(self, data: Measurements) -> Weights | None:
        """Return the weights of the in-context head, if it takes part."""
        heads = self._settings().heads
        with use_weights(self.in_context_weights):
            return require_weights(heads, classify=data.is_classification)

    def _vectors(self) -> dict[str, Pooled]:
        one = isinstance(self.catalogs, str | os.PathLike) or hasattr(self.catalogs, "manifest")
        asked: Any = [self.catalogs] if one else self.catalogs
        return by_name(map(as_catalog, asked))

    def _fingerprint(self, data: Measurements, vectors: Mapping[str, Pooled], labels: Sequence[Any] = ()) -> str:
        catalogs = {f"{one.name}@{one.version}": sha256_of_vectors(one) for one in vectors.values()}
        search = [self._settings().heads, self.random_state, self.budget, self.coverage, catalogs, __version__]
        rows = [data.target, data.unit, data.classes, data.spelled.tolist(), data.values.tolist()]
        if data.structures is not None:
            rows.append(hashlib.sha256(data.structures.tobytes()).hexdigest())
        if (other := [repr(label) for label in labels]) != [repr(name) for name in data.classes]:
            rows += other
        if (weights := self._weights(data)) is not None:
            search.append(weights.sha256)
        return hashlib.sha256(json.dumps([search, rows]).encode()).hexdigest()

    def _check(self) -> None:
        self._settings()  # refuses heads that are not there
        check_budget(self.budget)
        if not 0 < self.coverage < 1:
            raise InputInvalid(f"coverage is {self.coverage}; give a share between 0 and 1, such as 0.9.")
        if not isinstance(self.random_state, int | np.integer) or not 0 <= self.random_state < 2**32:
            raise InputInvalid(f"random_state is {self.random_state!r}; give a whole number from 0 to 2^32 - 1.")


def load_model(
    folder: str | os.PathLike[str],
    *,
    catalogs: Iterable[CatalogLike] = (),
    structures: StructuresLike | None = None,
    in_context_weights: PathLike | None = None,
) -> PropertyModel:
    """Load and verify a model that `PropertyModel.save` or ``embeddings fit`` wrote.

    Args:
        folder: its name.
        catalogs: to use in place of the installed ones of the same name; they have to be the same.
        structures: of the rows to predict, where the model needs them.
        in_context_weights: where the weights of the in-context head are now; they have to be the same.

    Raises:
        InputInvalid: the folder holds no model, or what is installed here makes other predictions of it.
        CatalogCorrupt: a file is missing or altered, or a catalog has other numbers.
        CatalogNotFound: a catalog that the model needs is not here; the message names the version.
        WeightsNotFound: weights that the model needs are not here; the message names them.
        MissingExtra: the model needs tabicl, which is not installed.
        ManifestInvalid: the manifest does not fit the schema, or needs a newer library.
    """
    return PropertyModel.load(folder, catalogs=catalogs, structures=structures, in_context_weights=in_context_weights)


def _labels(values: Sequence[Any], data: Measurements) -> tuple[Any, ...]:
    """Return how the user writes each class: True rather than "yes", 1 rather than "1"."""
    if not data.classes:
        return ()
    labels: dict[int, Any] = {}
    for line, number in zip(data.lines.tolist(), data.values.tolist(), strict=True):
        labels.setdefault(int(number), values[line - 1])
    plain = [label.item() if isinstance(label, np.generic) else label for label in map(labels.get, range(len(labels)))]
    return tuple(plain) if len(plain) == len(data.classes) else data.classes
