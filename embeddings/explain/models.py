"""Any model of formulas as one function: compositions in, a number for each out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.display.numbers import counted
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid
from embeddings.explain.mixtures import Mixtures
from embeddings.loaders import as_composition_encoder
from embeddings.pooling.features import pool

if TYPE_CHECKING:
    from embeddings.bench.model import PropertyModel

ModelLike: TypeAlias = Any
"""A fitted `PropertyModel`, any estimator of formulas, ``(encoder, head)``, or a function of a list of formulas."""

_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Model:
    """A model that can be explained.

    Attributes:
        function: compositions -> (n,) numbers.
        what: it predicts, such as ``"band gap"``.
        unit: of the numbers.
        elements: symbols that it was trained on; None where that is not known.
        digest: (n, 5) uint8 hashes of the formulas that it was trained on; None where that is not known.
        vectors: of elements, in which some are near others; None where there are none.
        precise: the same function in double precision, where it computes in single.
    """

    function: Callable[[Mixtures], Any]
    what: str = "prediction"
    unit: str = ""
    elements: frozenset[str] | None = None
    digest: np.ndarray | None = None
    vectors: ElementCatalog | None = None
    precise: Callable[[Mixtures], Any] | None = None

    def in_double_precision(self) -> Model:
        """Return the model as differences of its values need it."""
        return self if self.precise is None else replace(self, function=self.precise, precise=None)

    def __call__(self, mixtures: Mixtures) -> np.ndarray:
        """Return a number for each composition, (n,) float64.

        Raises:
            InputInvalid: it gives NaN or infinity, or not one number for each; the message names the composition.
        """
        return np.concatenate([np.empty(0), *map(self._checked, _parts(mixtures))])

    def _checked(self, mixtures: Mixtures) -> np.ndarray:
        values = np.asarray(self.function(mixtures), dtype=np.float64)
        if values.size != len(mixtures):
            raise InputInvalid(
                f"The model returned an array of shape {values.shape} for {counted(len(mixtures), 'formula')}; one "
                "number for each is needed. For a model of classes, explain the probability of one of them."
            )
        values = values.reshape(-1)
        if not (good := np.isfinite(values)).all():
            row = int(np.argmin(good))
            first = Mixtures(mixtures.fractions[row : row + 1], mixtures.totals[row : row + 1]).spelled()[0]
            raise InputInvalid(
                f"The model returned {values[row]} for {first} ({(~good).sum():,} of "
                f"{counted(len(good), 'composition')}), so there is nothing to explain. Try another --absent "
                "(absent=...), or repair the model."
            )
        return values


def as_model(model: ModelLike, *, of_class: Any = None) -> Model:
    """Return whatever can be explained as a `Model`.

    Args:
        model: a fitted `PropertyModel`; an estimator of scikit-learn that takes formulas; a pair of a composition
            encoder, or its name, and a head, which is an estimator or a function of vectors; or a function that takes
            a list of formulas.
        of_class: the class whose probability is explained; of two, the second if None.

    Raises:
        InputInvalid: it cannot be explained, or has no such class.
        CatalogNotFound: no encoder goes by the name.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, tuple | list) and len(model) == 2:
        return _encoder_and_head(as_composition_encoder(model[0]), model[1], of_class)
    if isinstance(model, CompositionEncoder | str | os.PathLike):
        raise InputInvalid(
            "An encoder gives vectors, not numbers. Give a head with it, (encoder, head), or load a model with "
            "load_model."
        )
    if hasattr(model, "learned_") and hasattr(model, "needed_structures"):
        return _property_model(model, of_class)
    value_of, what = _function(model, of_class)
    return Model(lambda mixtures: value_of(mixtures.spelled()), what)


def _property_model(model: PropertyModel, of_class: Any) -> Model:
    learned = model.learned_
    if learned.structures is not None:
        raise InputInvalid(
            "This model needs the structure of each row, and mixtures of elements have none. Fit a model on formulas "
            "alone: leave out --structures (structures=...)."
        )
    said, column = learned.training, 0
    what, unit = said.target, said.unit
    if said.classes:
        column = _class_number(list(model.classes_), of_class)
        what, unit = f"probability of {said.target} = {model.classes_[column]}", ""
    elif of_class is not None:
        raise InputInvalid(f'This model predicts numbers; there is no class "{of_class}".')
    precise = replace(learned, maker=replace(learned.maker, precise=True))
    return Model(
        lambda mixtures: learned.predict(mixtures.matrix())[:, column],
        what,
        unit,
        frozenset(said.elements),
        learned.digest,
        next((one for one in learned.maker.catalogs.values() if isinstance(one, ElementCatalog)), None),
        lambda mixtures: precise.predict(mixtures.matrix())[:, column],
    )


def _encoder_and_head(encoder: CompositionEncoder, head: Any, of_class: Any) -> Model:
    value_of, what = _function(head, of_class)
    return Model(
        lambda mixtures: value_of(pool(mixtures.matrix(), encoder)),
        what,
        elements=frozenset(encoder.elements.symbols),
        vectors=encoder.elements,
        precise=lambda mixtures: value_of(pool(mixtures.matrix(), encoder, dtype=np.float64)),
    )


def _function(model: Any, of_class: Any) -> tuple[Callable[[Any], Any], str]:
    """Return what gives numbers, and what they are."""
    if hasattr(model, "predict_proba") and hasattr(model, "classes_"):
        column = _class_number(list(model.classes_), of_class)
        return (
            lambda given: np.asarray(model.predict_proba(given))[:, column]
        ), f"probability of {model.classes_[column]}"
    if of_class is not None:
        raise InputInvalid(f'This model has no classes, so there is no class "{of_class}".')
    if hasattr(model, "predict"):
        return model.predict, "prediction"
    if callable(model):
        return model, "prediction"
    raise InputInvalid(
        f"A {type(model).__name__} cannot be explained. Give a fitted model, (encoder, head), or a function that takes "
        "a list of formulas and returns a number for each."
    )


def _class_number(classes: list[Any], of_class: Any) -> int:
    names = [str(label) for label in classes]
    if of_class is None and len(names) == 2:
        return 1
    if str(of_class) not in names:
        asked = "Of more than two classes, name one" if of_class is None else f'There is no class "{of_class}"'
        raise InputInvalid(f"{asked} (--class, of_class=...): {', '.join(names)}.")
    return names.index(str(of_class))


def _parts(mixtures: Mixtures) -> Iterator[Mixtures]:
    for start in range(0, len(mixtures), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        yield Mixtures(mixtures.fractions[rows], mixtures.totals[rows])
