"""Types of options that several commands share."""

from __future__ import annotations

import math
from typing import Any

import click

SEED = click.IntRange(0, 2**32 - 1)
"""A seed that every generator of random numbers takes."""

COUNT = click.IntRange(1, 2**31 - 1)
"""A number of things that fits into every array."""


class Finite(click.FloatRange):
    """A number in a range, not infinity and not NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert, and refuse what is not finite."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number
