"""A generator of structures that knows one crystal."""

from __future__ import annotations

from pathlib import Path

from builders.methods.explicit.drafts import Draft
from testing.crystals import cscl, rocksalt


class OneCrystal:
    """Gives lithium fluoride, and potassium iodide with it, whatever is asked."""

    def __init__(self, weights: Path | None = None) -> None:
        self.weights = weights

    def generate(self, formula: str, n: int) -> list[Draft]:
        return [Draft(*rocksalt(3, 9, 4.0)), Draft(*cscl(19, 53, 4.0))]
