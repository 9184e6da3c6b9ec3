"""Every size of a language model of compositions, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from builders.methods.recipe import Schedule


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


@dataclass(frozen=True)
class ReadingConfig(Schedule):
    """How a language is learned from formulas alone: parts of them are hidden, and guessed from the rest.

    Attributes:
        hidden_elements: share of the elements; at least one of a formula.
        hidden_amounts: share of the amounts.
        without_amounts: share of the formulas that show no amount at all, so that it cannot be inferred from the rest.
        amounts: weight of guessing amounts; guessing elements has the weight 1.
        epochs: passes over the corpus; 0 to learn from structures and labels alone.
    """

    hidden_elements: float = 0.25
    hidden_amounts: float = 0.2
    without_amounts: float = 0.3
    amounts: float = 0.5
    epochs: int = 8
    batch_size: int = 512
    learning_rate: float = 2e-3
