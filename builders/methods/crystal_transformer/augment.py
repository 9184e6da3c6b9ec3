"""Augmentation for the Cartesian geometry: positions turned, shifted, mirrored and shaken (ct-UAE's recipe)."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from builders.methods.crystal_transformer.batches import Batch

MAX_SHIFT = 5.0
"""Angstrom, along each axis."""

NOISE = 0.001
"""Standard deviation of the displacement of each atom, angstrom."""


def augment(batch: Batch, probability: float, generator: torch.Generator) -> Batch:
    """Return the batch with each crystal's coordinates moved, each kind of move with the given probability."""
    n = len(batch.coords)
    turn = torch.where(_chosen(n, probability, generator), _rotations(n, generator), torch.eye(3))
    mirror = torch.where(_chosen(n, probability, generator), _mirrors(n, generator), torch.eye(3))
    shift = (2 * torch.rand(n, 1, 3, generator=generator) - 1) * MAX_SHIFT
    noise = NOISE * torch.randn(batch.coords.shape, generator=generator)
    shift = shift * _chosen(n, probability, generator)
    noise = noise * _chosen(n, probability, generator)
    return dataclasses.replace(batch, coords=batch.coords @ turn @ mirror + shift + noise)


def _chosen(n: int, probability: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, 1, 1, generator=generator) < probability


def _rotations(n: int, generator: torch.Generator) -> Tensor:
    """Uniform rotations, (n, 3, 3), from random unit quaternions."""
    w, x, y, z = torch.nn.functional.normalize(torch.randn(n, 4, generator=generator), dim=1).unbind(1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _mirrors(n: int, generator: torch.Generator) -> Tensor:
    """Reflections through one of the three coordinate planes, (n, 3, 3)."""
    axis = torch.randint(3, (n,), generator=generator)
    return torch.eye(3) - 2 * torch.diag_embed(torch.nn.functional.one_hot(axis, 3).float())
