"""Batches for a device: a GPU finds the next ones ready, so that neither it nor the processor waits for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch

from builders.methods.crystal_transformer.batches import Batch, PackedCrystals
from builders.runs.ahead import ahead

Given = TypeVar("Given")
Made = TypeVar("Made")

N_THREADS = 4
"""That make batches for a GPU."""


def fed(items: Iterable[Given], make: Callable[[Given], Made], device: torch.device) -> Iterator[Made]:
    """Yield what is made of each item, in order; for a device other than the processor itself, ahead of time."""
    return ahead(items, make, threads=1 if device.type == "cpu" else N_THREADS)


def fed_crystals(crystals: PackedCrystals, parts: Iterable[np.ndarray], device: torch.device) -> Iterator[Batch]:
    """Yield the crystals at each part's rows, ready to go to a device."""
    return fed(parts, lambda rows: crystals.batch(rows).staged(device), device)
