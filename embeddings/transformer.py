"""The network of a language encoder, with NumPy alone: attention among the elements of a formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from embeddings.encoder import check_given, silu, single
from embeddings.errors import InputInvalid
from embeddings.pooling.statistics import Block

NORM_EPSILON = 1e-6
"""Added to a mean of squares before its root."""

NORMS = ("attention_norm.weight", "forward_norm.weight")
LINEAR = ("attention", "join", "expand", "contract")
"""Parts of a layer."""


@dataclass(frozen=True, eq=False)
class Transformer:
    """Element vectors and amounts in, one vector for each formula out.

    Attributes:
        n_heads: of attention.
        tensors: everything else, as float32 by the names that docs/format.md lists.

    Raises:
        InputInvalid: on construction, where the tensors do not fit each other or hold NaN or infinity.
    """

    n_heads: int
    tensors: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        tensors = MappingProxyType({name: single(self.tensors[name]) for name in sorted(self.tensors)})
        object.__setattr__(self, "tensors", tensors)
        _check(self)
        object.__setattr__(self, "_layers", tuple(_Layer.of(self, k) for k in range(self.n_layers)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are checked and read-only again."""
        return type(self), (self.n_heads, dict(self.tensors))

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Every array, in one order."""
        return tuple(self.tensors.values())

    @staticmethod
    def names(tensors: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        """Return the names of the tensors that a network of as many layers has."""
        return tuple(_shapes(tensors))

    @property
    def element_dim(self) -> int:
        """Width of an element vector, and of a token."""
        return len(self.tensors["whole"])

    @property
    def n_layers(self) -> int:
        """Of attention."""
        return _n_layers(self.tensors)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return 2 * self.element_dim

    def __call__(self, block: Block) -> np.ndarray:
        """Return one vector for each formula of a block, (n, dim), in the precision of the block.

        Raises:
            CatalogCorrupt: the weights turn numbers into NaN or infinity.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # the result is checked below
            tokens = self._tokens(block)  # (1 + n_elements, n_rows, width)
            for layer in self._layers:  # type: ignore[attr-defined]
                layer(tokens)
            fractions = block.fractions.astype(tokens.dtype)
            mean = np.einsum("nr,nrw->rw", fractions, tokens[1:])
            parts = [
                normed(tokens[0]) * self.tensors["whole_norm.weight"],
                normed(mean) * self.tensors["mean_norm.weight"],
            ]
            vectors = np.concatenate(parts, axis=1)
        if not np.isfinite(vectors).all():
            check_given(block.mean, vectors)
        return vectors

    def _tokens(self, block: Block) -> np.ndarray:
        """Return the tokens before any layer; the formula's own comes first."""
        n_elements, n_rows, width = block.values.shape
        tokens = np.empty((1 + n_elements, n_rows, width), dtype=block.values.dtype)
        tokens[0] = self.tensors["whole"]
        expanded = self._expanded(block.fractions.astype(tokens.dtype).ravel())
        np.matmul(expanded, self.tensors["amounts.weight"].T, out=tokens[1:].reshape(-1, width))
        tokens[1:] += self.tensors["amounts.bias"]
        tokens[1:] += block.values
        return tokens

    def _expanded(self, fractions: np.ndarray) -> np.ndarray:
        """Return Gaussians of fractions and of their logarithms, (n, n_linear + n_log)."""
        linear, log = self.tensors["expansion.linear"], self.tensors["expansion.log"]
        logs = np.log10(np.maximum(fractions, np.float32(10 ** float(log[0]))))
        return np.concatenate([_gaussians(fractions, linear), _gaussians(logs, log)], axis=1)


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer: norms and the scale of attention are part of the matrices that follow or precede them."""

    n_heads: int
    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]

    @classmethod
    def of(cls, network: Transformer, k: int) -> _Layer:
        """Take a layer out of a network."""
        found = {part: network.tensors[f"layers.{k}.{part}"] for part in (*NORMS, *_named(LINEAR))}
        weights = {part: found[f"{part}.weight"] for part in LINEAR}
        biases = {part: found[f"{part}.bias"] for part in LINEAR}
        weights["attention"] = weights["attention"] * found["attention_norm.weight"]
        weights["expand"] = weights["expand"] * found["forward_norm.weight"]
        scale = np.ones(len(biases["attention"]), dtype=np.float32)
        scale[: network.element_dim] = (network.element_dim / network.n_heads) ** -0.5
        weights["attention"], biases["attention"] = weights["attention"] * scale[:, None], biases["attention"] * scale
        weights = {part: np.ascontiguousarray(weight.T) for part, weight in weights.items()}
        return cls(network.n_heads, weights, biases)

    def __call__(self, tokens: np.ndarray) -> None:
        """Add to the tokens of formulas what they see in each other, (n_tokens, n_rows, width)."""
        flat = tokens.reshape(-1, tokens.shape[2])
        seen = self._attend(self._linear("attention", normed(flat)).reshape(*tokens.shape[:2], -1))
        flat += self._linear("join", seen.reshape(flat.shape))
        flat += self._linear("contract", silu(self._linear("expand", normed(flat))))

    def _attend(self, mixed: np.ndarray) -> np.ndarray:
        """Return the values of all tokens by the attention of each, (n_tokens, n_rows, n_heads, width of a head)."""
        n_tokens, n_rows, width = mixed.shape
        split = mixed.reshape(n_tokens, n_rows, 3, self.n_heads, width // 3 // self.n_heads)
        queries, keys, values = split.transpose(2, 1, 3, 0, 4)  # (n_rows, n_heads, n_tokens, width of a head) each
        weights = queries @ keys.transpose(0, 1, 3, 2)
        weights -= weights.max(axis=3, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=3, keepdims=True)
        return (weights @ values).transpose(2, 0, 1, 3)

    def _linear(self, part: str, values: np.ndarray) -> np.ndarray:
        result = values @ self.weights[part]
        result += self.biases[part]
        return result


def normed(tokens: np.ndarray) -> np.ndarray:
    """Return tokens over the root of the mean of their squares, (n, width)."""
    squares = np.einsum("nw,nw->n", tokens, tokens)
    squares /= np.float32(tokens.shape[1])
    squares += np.float32(NORM_EPSILON)
    return tokens * (1 / np.sqrt(squares))[:, None]


def _gaussians(values: np.ndarray, centers: np.ndarray) -> np.ndarray:
    distances = (values[:, None] - centers) / (centers[1] - centers[0])
    np.square(distances, out=distances)
    distances *= np.float32(-0.5)
    return np.exp(distances, out=distances)


def _named(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{part}.{kind}" for part in parts for kind in ("weight", "bias"))


def _n_layers(tensors: Mapping[str, np.ndarray]) -> int:
    return sum(name.startswith("layers.") for name in tensors) // (len(NORMS) + 2 * len(LINEAR))


def _check(network: Transformer) -> None:
    """Refuse tensors that do not fit each other, and numbers that nothing can be computed with."""
    tensors = network.tensors
    expected = _shapes(tensors)
    wrong = [
        name for name in {**expected, **tensors} if name not in tensors or tensors[name].shape != expected.get(name)
    ]
    if not network.n_layers:
        raise InputInvalid("This network has no layers.")
    if wrong:
        raise InputInvalid(f"The tensors of this network do not fit each other: {', '.join(sorted(wrong)[:5])}.")
    if not isinstance(network.n_heads, int) or network.n_heads < 1 or network.element_dim % network.n_heads:
        raise InputInvalid(f"{network.n_heads!r} heads cannot share a width of {network.element_dim}.")
    if not all(np.isfinite(array).all() for array in network.arrays):
        raise InputInvalid("The weights of this network hold NaN or infinity.")
    centers = (tensors["expansion.linear"], tensors["expansion.log"])
    if any(len(some) < 2 or (np.diff(some) <= 0).any() for some in centers):
        raise InputInvalid("The centers of this network's Gaussians are fewer than two, or do not ascend.")


def _shapes(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Return the shape that each tensor must have, as some of them say."""
    width, hidden, linear, log = (
        tensors[name].size if name in tensors else 0
        for name in ("whole", "layers.0.expand.bias", "expansion.linear", "expansion.log")
    )
    shapes: dict[str, tuple[int, ...]] = {
        "amounts.weight": (width, linear + log),
        "amounts.bias": (width,),
        "expansion.linear": (linear,),
        "expansion.log": (log,),
        "whole": (width,),
        "whole_norm.weight": (width,),
        "mean_norm.weight": (width,),
    }
    sizes = {"attention": (3 * width, width), "join": (width, width), "expand": (hidden, width)}
    for k in range(_n_layers(tensors)):
        shapes |= {f"layers.{k}.{norm}": (width,) for norm in NORMS}
        for part, size in (sizes | {"contract": (width, hidden)}).items():
            shapes |= {f"layers.{k}.{part}.weight": size, f"layers.{k}.{part}.bias": size[:1]}
    return shapes
