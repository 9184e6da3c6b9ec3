"""Amounts as a network reads them: Gaussian expansions of a fraction, on a linear scale and on a logarithmic one.

The linear scale tells 0.50 from 0.55, the logarithmic one a hundredth from a thousandth, and a millionth from both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from builders.methods.language.config import LanguageConfig


class AmountExpansion(nn.Module):
    """Fractions in, the values of Gaussians out; each is as wide as it is far from the next.

    Attributes:
        linear: (n_linear,) centers from 0 to 1.
        log: (n_log,) centers of the decimal logarithm, the last one 0; smaller amounts count as the first one.
    """

    linear: Tensor
    log: Tensor

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.register_buffer("linear", torch.linspace(0, 1, config.n_linear))
        self.register_buffer("log", torch.linspace(config.smallest_log, 0, config.n_log))

    @property
    def width(self) -> int:
        """Number of Gaussians."""
        return len(self.linear) + len(self.log)

    def forward(self, fractions: Tensor) -> Tensor:
        """Return the expansion of fractions of any shape, (..., width)."""
        logs = fractions.clamp(min=float(10 ** self.log[0])).log10()
        return torch.cat([gaussians(fractions, self.linear), gaussians(logs, self.log)], dim=-1)


def gaussians(values: Tensor, centers: Tensor) -> Tensor:
    """Return ``exp(-((x - c) / spacing)^2 / 2)`` for each center ``c``, (..., n_centers)."""
    distances = (values[..., None] - centers) / (centers[1] - centers[0])
    return distances.square().mul(-0.5).exp()
