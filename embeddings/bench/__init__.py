"""The best honest model for a table of measurements, and which vectors help it.

What is exported is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embeddings.bench.front import compare
    from embeddings.bench.measurements import Measurements
    from embeddings.bench.report import Report

__all__ = ["Measurements", "Report", "compare"]

_HOMES = {"Measurements": "measurements", "Report": "report", "compare": "front"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
