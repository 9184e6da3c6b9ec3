"""Composition encoders: a formula in, the vector that crystal structures taught for it out, with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.display.html import facts_table
from embeddings.display.numbers import counted, share_of
from embeddings.errors import CatalogCorrupt, InputInvalid
from embeddings.formula.bulk import read_column
from embeddings.missing import Missing
from embeddings.pooling.features import pool
from embeddings.pooling.statistics import STATISTICS, Block, check_statistics
from embeddings.store.manifest import Manifest, Versioned


def silu(values: np.ndarray) -> np.ndarray:
    """Return ``x / (1 + exp(-x))`` for every ``x`` of a block, in place."""
    with np.errstate(over="ignore"):  # x / infinity is the right zero
        divisor = np.exp(-values)
    divisor += 1
    return np.divide(values, divisor, out=values)


def relu(values: np.ndarray) -> np.ndarray:
    """Return the larger of ``x`` and 0 for every ``x`` of a block, in place."""
    return np.maximum(values, 0, out=values)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"silu": silu, "relu": relu}
"""What may follow a layer, by name."""


class FormulaNetwork(Protocol):
    """What makes one vector out of the vectors and amounts of the elements of a formula."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Every array, in one order."""

    def __call__(self, block: Block, /) -> np.ndarray:
        """Return one vector for each formula of a block, (n, dim) float32."""


@dataclass(frozen=True, eq=False)
class Network:
    """Pooled element vectors in, one vector for each formula out.

    Attributes:
        statistics: of the element vectors, side by side; names out of `embeddings.pooling.STATISTICS`.
        activation: after every layer but the last, out of `ACTIVATIONS`.
        input_mean: (n_statistics * element_dim,) subtracted from what was pooled.
        input_scale: (n_statistics * element_dim,) by which it is then divided.
        weights: (n_out, n_in) of each layer.
        biases: (n_out,) of each layer.

    Raises:
        InputInvalid: on construction, where the arrays do not fit each other or hold NaN or infinity.
    """

    statistics: tuple[str, ...]
    activation: str
    input_mean: np.ndarray
    input_scale: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        check_statistics(self.statistics)
        if self.activation not in ACTIVATIONS:
            raise InputInvalid(f'No activation "{self.activation}". Known: {", ".join(ACTIVATIONS)}.')
        for name in ("input_mean", "input_scale"):
            object.__setattr__(self, name, single(getattr(self, name)))
        for name in ("weights", "biases"):
            object.__setattr__(self, name, tuple(map(single, getattr(self, name))))
        _check_shapes(self)
        _check_numbers(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are checked and read-only again."""
        return type(self), (self.statistics, self.activation, *self.arrays[:2], self.weights, self.biases)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Every array, in one order."""
        return (self.input_mean, self.input_scale, *self.weights, *self.biases)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return len(self.biases[-1])

    def __call__(self, block: Block) -> np.ndarray:
        """Return one vector for each formula of a block, (n, dim) float32.

        Raises:
            CatalogCorrupt: the weights turn numbers into NaN or infinity.
        """
        vectors = self._pooled(block)
        with np.errstate(over="ignore", invalid="ignore"):  # the result is checked below
            vectors -= self.input_mean
            vectors /= self.input_scale
            for weight, bias in zip(self.weights[:-1], self.biases, strict=False):
                vectors = vectors @ weight.T
                vectors += bias
                vectors = ACTIVATIONS[self.activation](vectors)
            vectors = vectors @ self.weights[-1].T + self.biases[-1]
        if not np.isfinite(vectors).all():
            check_given(self._pooled(block), vectors)
        return vectors

    def _pooled(self, block: Block) -> np.ndarray:
        return np.concatenate([STATISTICS[name](block) for name in self.statistics], axis=1)


@dataclass(frozen=True, eq=False)
class Spread:
    """How far samples lie from a formula's vector: ``log(1 + exp(weight @ vector + bias))``, number by number.

    Attributes:
        weight: (dim, dim).
        bias: (dim,).

    Raises:
        InputInvalid: on construction, where the arrays do not fit each other or hold NaN or infinity.
    """

    weight: np.ndarray
    bias: np.ndarray

    def __post_init__(self) -> None:
        for name in ("weight", "bias"):
            object.__setattr__(self, name, single(getattr(self, name)))
        if self.weight.shape != 2 * self.bias.shape:
            raise InputInvalid(f"A spread needs shapes (n, n) and (n,), not {self.weight.shape} and {self.bias.shape}.")
        if not np.isfinite(self.weight).all() or not np.isfinite(self.bias).all():
            raise InputInvalid("The weights of the spread hold NaN or infinity.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are checked and read-only again."""
        return type(self), (self.weight, self.bias)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return the standard deviations of the samples around each vector, (n, dim) float32.

        Raises:
            CatalogCorrupt: the weights turn numbers into NaN or infinity.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            deviations = np.logaddexp(0, vectors @ self.weight.T + self.bias, dtype=np.float32)
        check_given(vectors, deviations)
        return deviations


@dataclass(frozen=True, eq=False, repr=False)
class CompositionEncoder(Versioned):
    """Formulas in, vectors out.

    Attributes:
        manifest: name, version, provenance.
        elements: the element vectors that the network takes; they were learned with it.
        network: what makes one vector out of them: `Network`, or `embeddings.transformer.Transformer`.
        spread: of samples around a vector; None for an encoder that was trained without samples.

    Raises:
        InputInvalid: on construction, where the spread is of another width than the vectors.
    """

    manifest: Manifest
    elements: ElementCatalog
    network: FormulaNetwork
    spread: Spread | None = None

    def __post_init__(self) -> None:
        if self.spread is not None and len(self.spread.bias) != self.dim:
            raise InputInvalid(f"The spread has a width of {len(self.spread.bias)}, and the vectors have {self.dim}.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are checked and read-only again."""
        return type(self), (self.manifest, self.elements, self.network, self.spread)

    def __repr__(self) -> str:
        elements = counted(len(self.elements), "element")
        return f'CompositionEncoder("{self.name}@{self.version}", {elements}, dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return facts_table(
            f"CompositionEncoder {self.name}@{self.version}",
            {
                "vectors": f"of any formula, {self.dim} wide",
                "elements": f"{len(self.elements)} in training",
                "description": self.manifest.description,
                "license": self.manifest.licence.spdx,
            },
        )

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.network.dim

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers that the training saw, (n_elements,) int16, ascending."""
        return self.elements.atomic_numbers

    @property
    def missing_elements(self) -> tuple[str, ...]:
        """Symbols that the training never saw, in order of atomic number."""
        return self.elements.missing_elements

    def encode(self, formulas: Iterable[Any], *, missing: Missing = "raise", n_jobs: int = 1) -> np.ndarray:
        """Return one vector for each formula; only the fractions of the elements count, not how it is written.

        The work goes block by block, so that memory beyond the result and the formulas themselves stays constant.

        Args:
            formulas: n formulas: a list, array, Series or Arrow array of strings, mappings or Compositions.
            missing: what to do with an element that the training never saw: ``"raise"``, ``"nan"``, ``"skip"`` or
                ``"impute"``, as told in `embeddings.missing.POLICIES`. The coverage that goes with ``"skip"`` is a
                column of `embeddings.featurize`, not of this.
            n_jobs: threads, -1 for one per processor.

        Returns:
            (n, dim) float32.

        Raises:
            FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
            ElementNotCovered: names the elements that the training never saw, where ``missing`` is ``"raise"``.
            InputInvalid: an unknown policy, or something that is not a column.

        Example:
            >>> from embeddings import load_encoder
            >>> load_encoder("cromel-multi").encode(["Fe2O3", "LiFePO4"]).shape  # doctest: +SKIP
            (2, 128)
        """
        column = read_column(formulas)
        column.raise_invalid()
        vectors = pool(column.distinct, self, rows=column.codes, missing=missing, n_jobs=n_jobs)
        return vectors[:, : self.dim]

    def lookup(self, formulas: Iterable[Any]) -> np.ndarray:
        """Return one vector for each formula, (n, dim) float32: `encode`, under the name that catalogs have for it.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        return self.encode(formulas)

    def __getitem__(self, formula: Any) -> np.ndarray:
        """Return the vector of one formula, (dim,) float32.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        return self.encode([formula])[0]

    def sample(
        self, formulas: Iterable[Any], n_samples: int = 10, *, seed: int = 0, missing: Missing = "raise"
    ) -> np.ndarray:
        """Return Gaussian samples around the vector of each formula, as the training of a stochastic encoder drew them.

        None of the packaged encoders is stochastic, so their `spread` is None; the recipe ``cromel-samples`` makes one
        that is.

        Args:
            formulas: n formulas, see `encode`.
            n_samples: for each formula, at least 1.
            seed: of the samples.
            missing: see `encode`.

        Returns:
            (n_samples, n, dim) float32.

        Raises:
            InputInvalid: the encoder was trained without samples, or `n_samples` is below 1.
            EmbeddingsError: as `encode` says.
        """
        if self.spread is None:
            raise InputInvalid(
                f"{self!r} is deterministic: it was trained without samples. Use encode(), or build one that has them: "
                "embeddings build --recipe cromel-samples."
            )
        if n_samples < 1:
            raise InputInvalid(f"n_samples={n_samples} must be at least 1.")
        vectors = self.encode(formulas, missing=missing)
        noise = np.random.default_rng(seed).standard_normal((n_samples, *vectors.shape), dtype=np.float32)
        return vectors + self.spread(vectors) * noise

    def overlap(self, formulas: Iterable[str]) -> list[str]:
        """Return those of the formulas that the training saw; see `ElementCatalog.overlap`.

        Raises:
            FormulaInvalid: a formula cannot be read.
        """
        return self.elements.overlap(formulas)


def single(values: np.ndarray) -> np.ndarray:
    """Return a read-only copy in single precision."""
    array = np.array(values, dtype=np.float32, order="C")
    array.flags.writeable = False
    return array


def check_given(taken: np.ndarray, given: np.ndarray) -> None:
    """Refuse vectors of NaN or infinity that were computed from finite numbers."""
    lost = np.isfinite(taken).all(axis=1) & ~np.isfinite(given).all(axis=1)
    if lost.any():
        raise CatalogCorrupt(
            f"The weights of this network are so large that {share_of(lost.sum(), len(lost), 'vector', 'holds')} NaN "
            "or infinity. Install or build this version again."
        )


def _check_shapes(network: Network) -> None:
    """Refuse layers whose shapes do not fit together."""
    width = network.input_mean.shape
    fits = bool(network.weights) and network.input_scale.shape == width and len(width) == 1
    fits &= len(network.weights) == len(network.biases)
    for weight, bias in zip(network.weights, network.biases, strict=False):
        fits &= weight.ndim == 2 and weight.shape[1:] == width and bias.shape == weight.shape[:1]
        width = bias.shape
    if not fits or 0 in width:
        shapes = ", ".join(str(array.shape) for array in network.arrays)
        raise InputInvalid(f"The layers of this network do not fit each other; the shapes are {shapes}.")


def _check_numbers(network: Network) -> None:
    if not all(np.isfinite(array).all() for array in network.arrays) or not (network.input_scale > 0).all():
        raise InputInvalid("The weights of this network hold NaN or infinity, or a scale that is not positive.")
