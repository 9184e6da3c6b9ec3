"""Every size of a language model of compositions, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LanguageConfig:
    """Every size of the network.

    Attributes:
        width: of a token.
        n_layers: of attention.
        n_heads: of attention; they share the width.
        feed_forward: width of the hidden layer that follows attention.
        n_linear: Gaussians on the scale of fractions.
        n_log: Gaussians on the scale of their decimal logarithms.
        smallest_log: where that scale begins; amounts below are not told apart.
        table_std: standard deviation of the initial element vectors.
        dropout: after attention and after the hidden layer, in training.
    """

    width: int = 96
    n_layers: int = 2
    n_heads: int = 4
    feed_forward: int = 192
    n_linear: int = 21
    n_log: int = 22
    smallest_log: float = -7.0
    table_std: float = 0.5
    dropout: float = 0.0

    @property
    def dim(self) -> int:
        """Width of a formula's vector: a token, and a mean of tokens."""
        return 2 * self.width
