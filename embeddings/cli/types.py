"""Types of options that several commands share."""

from __future__ import annotations

import math
import re
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


class Duration(click.ParamType):
    """A length of time, such as ``90s``, ``10m`` or ``1.5h``, in seconds; a bare number is seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert, and refuse what is not a positive length of time."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([smh]?)", str(value).strip(), re.ASCII)
        seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
        if not seconds > 0:
            self.fail(f"{value!r} is not a length of time. Write 90s, 10m or 1.5h.", param, ctx)
        return seconds
