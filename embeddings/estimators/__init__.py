"""Models for properties of formulas, in the manner of scikit-learn.

`CrossModalRegressor` and `CrossModalClassifier` start from a composition encoder; they need scikit-learn, and torch to
learn: ``materials-embeddings[sklearn,build]``. `PropertyModel` needs the extra ``bench``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.estimators.cross_modal import CrossModalClassifier, CrossModalRegressor, finetune

if TYPE_CHECKING:
    from embeddings.bench.model import PropertyModel as PropertyModel
    from embeddings.bench.model import load_model as load_model

__all__ = ["CrossModalClassifier", "CrossModalRegressor", "finetune"]

OF_THE_BENCH = ("PropertyModel", "load_model")
"""Names that need the extra ``bench``, and so are imported when they are first used."""


def __getattr__(name: str) -> Any:
    """Import what needs more than scikit-learn when it is first asked for (PEP 562)."""
    if name not in OF_THE_BENCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from embeddings.bench import model

    return getattr(model, name)
