"""What a model makes of a formula: a value for each element, and for each pair of elements.

- :mod:`embeddings.explain.values` has the mathematics: Shapley values and interactions of any set function.
- :mod:`embeddings.explain.absence` says what stands where an element is absent.
- :mod:`embeddings.explain.front` explains formulas.

What is exported is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embeddings.explain.explanation import Explanation
    from embeddings.explain.front import explain
    from embeddings.explain.overview import Overview
    from embeddings.explain.report import Explanations
    from embeddings.explain.values import interactions, shapley_values

__all__ = ["Explanation", "Explanations", "Overview", "explain", "interactions", "shapley_values"]

_HOMES = {
    "Explanation": "explanation",
    "Explanations": "report",
    "Overview": "overview",
    "explain": "front",
    "interactions": "values",
    "shapley_values": "values",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
