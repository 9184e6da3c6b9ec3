"""The language model: formulas in, one vector for each out, whatever the order of their elements.

Tokens are elements with their amounts, beside one that stands for the whole formula; there are no positions. Layers of
attention let each token see the others. `embeddings.transformer.Transformer` computes the same with NumPy alone, from
the tensors of this network under the same names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.compositions import Compositions
from builders.learning.encoders import FormulaModule
from builders.methods.language.config import LanguageConfig
from builders.methods.language.tokens import AmountExpansion
from embeddings.elements import N_ELEMENTS
from embeddings.transformer import NORM_EPSILON

PADDED = 128
"""Formulas at most that go through the layers together, whatever their number of elements."""


class Layer(nn.Module):
    """Attention, then a network for each token; both add to what they are given, and norm it before."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        width, self.n_heads = config.width, config.n_heads
        self.attention_norm = nn.RMSNorm(width, eps=NORM_EPSILON)
        self.attention = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.forward_norm = nn.RMSNorm(width, eps=NORM_EPSILON)
        self.expand = nn.Linear(width, config.feed_forward)
        self.contract = nn.Linear(config.feed_forward, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the tokens after the layer, (B, N, width).

        Args:
            tokens: (B, N, width).
            seen: (B, 1, 1, N) bool, false for padding, to which no token attends; None if nothing is padded.
        """
        n_rows, n_tokens, width = tokens.shape
        mixed = self.attention(self.attention_norm(tokens))
        split = mixed.view(n_rows, n_tokens, 3, self.n_heads, width // self.n_heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # (B, n_heads, N, width / n_heads) each
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        tokens = tokens + self.dropout(self.join(attended.transpose(1, 2).reshape(tokens.shape)))
        hidden = F.silu(self.expand(self.forward_norm(tokens)))
        return tokens + self.dropout(self.contract(hidden))


class LanguageModel(FormulaModule):
    """Compositions in, one vector for each out: the token of the whole formula, and the mean of those of its elements.

    Of many formulas those of equally many elements go through the layers together, so that nothing is padded. A few
    go together as they are: one pass over padding costs less than a pass for each number of elements. On a GPU all do,
    at the width that they are given: padding costs nothing there, and to ask how long formulas are makes it wait.
    """

    config: LanguageConfig

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        self.elements = nn.Parameter(torch.empty(N_ELEMENTS + 1, config.width).normal_(0, config.table_std))
        self.expansion = AmountExpansion(config)
        self.amounts = nn.Linear(self.expansion.width, config.width)
        self.whole = nn.Parameter(torch.empty(config.width).normal_(0, config.table_std))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layers))
        self.whole_norm = nn.RMSNorm(config.width, eps=NORM_EPSILON)
        self.mean_norm = nn.RMSNorm(config.width, eps=NORM_EPSILON)

    @property
    def settings(self) -> dict[str, Any]:
        """What `embeddings.transformer.Transformer` needs beside tensors."""
        return {"architecture": "transformer", "n_heads": self.config.n_heads}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what `embeddings.transformer.Transformer` computes with, and the element vectors."""
        return {name: values.numpy().copy() for name, values in self.state_dict().items()}

    def tokens(self, compositions: Compositions) -> Tensor:
        """Return the tokens of the elements before any layer, (B, N, width)."""
        return self.elements[compositions.atomic_numbers] + self.amounts(self.expansion(compositions.fractions))

    def contextual(self, tokens: Tensor, is_element: Tensor | None = None) -> Tensor:
        """Return the tokens of formulas after all layers, (B, 1 + N, width); the formula's own comes first.

        Args:
            tokens: (B, N, width) of the elements.
            is_element: (B, N) bool, false for padding; None if nothing is padded.
        """
        tokens = torch.cat([self.whole.expand(len(tokens), 1, -1), tokens], dim=1)
        seen = None if is_element is None else F.pad(is_element, (1, 0), value=True)[:, None, None]
        for layer in self.layers:
            tokens = layer(tokens, seen)
        return tokens

    def read(self, contextual: Tensor, fractions: Tensor) -> Tensor:
        """Return the vectors of formulas from their tokens, (B, dim)."""
        mean = (contextual[:, 1:] * fractions[..., None]).sum(1)
        return torch.cat([self.whole_norm(contextual[:, 0]), self.mean_norm(mean)], dim=1)

    def forward(self, compositions: Compositions) -> Tensor:
        """Return one vector for each formula, (B, dim)."""
        if compositions.atomic_numbers.is_cuda:
            return self._padded(compositions)
        if len(compositions) <= PADDED:
            return self._padded(compositions.first(int((compositions.atomic_numbers > 0).sum(1).max())))
        rows, parts = zip(*by_length(compositions), strict=True)
        vectors = torch.cat([self.read(self.contextual(self.tokens(part)), part.fractions) for part in parts])
        return vectors[torch.cat(rows).argsort()]

    def _padded(self, compositions: Compositions) -> Tensor:
        contextual = self.contextual(self.tokens(compositions), compositions.atomic_numbers > 0)
        return self.read(contextual, compositions.fractions)


def by_length(compositions: Compositions) -> list[tuple[Tensor, Compositions]]:
    """Return groups of formulas of equally many elements: their rows, and what they are without padding."""
    lengths = (compositions.atomic_numbers > 0).sum(1)
    groups = []
    for length in lengths.unique().tolist():
        rows = torch.nonzero(lengths == length).squeeze(1)
        groups.append((rows, compositions.take(rows).first(length)))
    return groups
