"""Batches for a device: a GPU finds the next ones ready, so that neither it nor the processor waits for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch

from builders.methods.crystal_transformer.batches import Batch, Crystals
from builders.methods.crystal_transformer.resident import ResidentCrystals
from builders.runs.ahead import ahead

Given = TypeVar("Given")
Made = TypeVar("Made")

N_THREADS = 4
"""That make batches for a GPU."""


def fed(
    items: Iterable[Given], make: Callable[[Given], Made], crystals: Crystals, device: torch.device
) -> Iterator[Made]:
    """Yield what is made of each item with batches of these crystals, in order; ahead of time where it pays.

    It does for a device other than the processor itself, unless the crystals are there already.
    """
    at_hand = device.type == "cpu" or isinstance(crystals, ResidentCrystals)
    return ahead(items, make, threads=1 if at_hand else N_THREADS)


def fed_crystals(crystals: Crystals, parts: Iterable[np.ndarray], device: torch.device) -> Iterator[Batch]:
    """Yield the crystals at each part's rows, ready to go to a device."""
    return fed(parts, lambda rows: crystals.batch(rows).staged(device), crystals, device)
