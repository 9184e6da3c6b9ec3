"""What every training loop needs: a schedule, a loss that skips unknown labels, and a check of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from embeddings.errors import TrainingError


def masked_loss(predicted: Tensor, labels: Tensor, weights: Tensor, kind: str) -> Tensor:
    """Mean loss over the known labels of a batch, each target by its weight.

    Args:
        predicted: (B, n_targets).
        labels: (B, n_targets), NaN where unknown.
        weights: (n_targets,).
        kind: ``"l1"`` or ``"mse"``.
    """
    known = ~torch.isnan(labels)
    error = predicted - torch.where(known, labels, predicted.detach())
    loss = error.abs() if kind == "l1" else error.square()
    return (loss * known * weights).sum() / len(labels)


def learning_rate_factor(step: int, n_steps: int, warmup_fraction: float) -> float:
    """Linear from zero over the warm-up, then half a cosine down to zero."""
    n_warmup = max(1, round(warmup_fraction * n_steps))
    if step < n_warmup:
        return (step + 1) / n_warmup
    return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(1, n_steps - n_warmup)))


def check_loss(value: float, step: int) -> float:
    """Return the loss of a step if it is a number.

    Raises:
        TrainingError: it is NaN or infinite.
    """
    if not math.isfinite(value):
        raise TrainingError(f"The loss is {value} at step {step}. Lower the learning rate, or look for absurd labels.")
    return value


def check_weights(model: nn.Module) -> None:
    """Refuse a network whose next loss, and every vector that it gives, would not be a number.

    Raises:
        TrainingError: a weight is not finite; the message names its tensor.
    """
    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and not torch.isfinite(weight).all():
            raise TrainingError(
                f'The weights "{name}" are no longer numbers. Lower the learning rate, look for absurd labels, and '
                "begin again with --restart."
            )
