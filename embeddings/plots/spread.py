"""Labels that do not cover each other: points moved apart by as little as needed."""

from __future__ import annotations

import numpy as np

_ROUNDS = 500
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def spread(at: np.ndarray, distance: float) -> np.ndarray:
    """Return places at least about a distance apart, close to the given ones; those already apart stay.

    Pairs that are too close push each other away by half of the missing distance, until none are left or after 500
    rounds.

    Args:
        at: (n, 2).
        distance: minimum distance of two points, in the same unit.
    """
    turns = np.arange(len(at)) * _GOLDEN_ANGLE
    moved = at + 1e-6 * distance * np.stack([np.cos(turns), np.sin(turns)], axis=1)  # none at the same place
    for _ in range(_ROUNDS):
        apart = moved[:, None] - moved[None]
        lengths = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(lengths, np.inf)
        missing = np.clip(distance - lengths, 0.0, None)
        if missing.max(initial=0.0) <= 1e-3 * distance:
            break
        moved = moved + (apart * (0.5 * missing / lengths)[..., None]).sum(axis=1)
    still = np.linalg.norm(moved - at, axis=1) <= 1e-5 * distance
    return np.where(still[:, None], at, moved)
