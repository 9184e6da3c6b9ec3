"""Types of options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from embeddings.store.urls import is_url

SEED = click.IntRange(0, 2**32 - 1)
"""A seed that every random number generator accepts."""

COUNT = click.IntRange(1, 2**31 - 1)
"""A count that fits into any array."""


class Finite(click.FloatRange):
    """A number in a range, not infinity and not NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert, and refuse numbers that are not finite."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class PathOrUrl(click.Path):
    """A path, as `pathlib.Path`, or an address such as ``s3://bucket/folder``, as text."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an address as it is, and anything else as a path."""
        return value if is_url(value) else super().convert(value, param, ctx)
