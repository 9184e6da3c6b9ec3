"""How much each model of a stack counts: grown greedily on what they predict of rows that they did not see.

After Caruana et al., ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Loss = Callable[[np.ndarray, np.ndarray], float]

N_ROUNDS = 20
"""Members that a stack has at most, repeats counted."""


def stack_weights(made: Sequence[np.ndarray], wanted: np.ndarray, loss: Loss) -> np.ndarray:
    """Return the weight of each member of a stack, (n_members,), one in sum.

    Again and again the member is added that lowers the loss most; a member may be added more than once.

    Args:
        made: what each member predicts.
        wanted: (n,) values.
        loss: what is minimized.
    """
    counts, total, lowest = np.zeros(len(made)), np.zeros_like(made[0]), np.inf
    for _ in range(N_ROUNDS):
        losses = [loss((total + one) / (counts.sum() + 1), wanted) for one in made]
        best = int(np.argmin(losses))
        if losses[best] >= lowest * (1 - 1e-4):
            break
        lowest, total = losses[best], total + made[best]
        counts[best] += 1
    return counts / counts.sum()
