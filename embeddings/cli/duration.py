"""Durations on the command line: 90, 90s, 10m, 1.5h."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
_DURATION = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*")


class Duration(click.ParamType[float]):
    """Seconds out of a number with a unit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert, and refuse what is not a duration above zero."""
        found = _DURATION.fullmatch(str(value).lower())
        seconds = float(found[1]) * _UNITS.get(found[2], math.nan) if found else math.nan
        if not 0 < seconds < math.inf:
            self.fail(f"{value!r} is not a duration; write it like 90s, 10m or 1.5h.", param, ctx)
        return seconds
