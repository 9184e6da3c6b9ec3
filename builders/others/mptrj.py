"""MPtrj, which potentials of others are trained on: relaxations of the Materials Project."""

from __future__ import annotations

ELEMENTS = tuple(z for z in range(1, 95) if z not in (84, 85, 86, 87, 88))
"""Atomic numbers, ascending."""

TRAINING = (
    "MPtrj: relaxation trajectories of about 146,000 materials of the Materials Project, GGA and GGA+U, "
    "September 2022; which of them were held out is not published with the weights"
)
"""Deng et al., 10.1038/s42256-023-00716-3."""

UNKNOWN = "The formulas of its training are not known here, so nothing counts as unseen."
"""A limit of every potential that was trained on it."""
