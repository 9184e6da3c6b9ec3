"""Models for properties of formulas, in the manner of scikit-learn.

`CrossModalRegressor` and `CrossModalClassifier` start from a composition encoder; they need scikit-learn, and torch to
learn: ``materials-embeddings[sklearn,build]``. `PropertyModel` needs the extra ``bench``, and
`ExplicitTransferRegressor` crystals to take structures from.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from embeddings.estimators.cross_modal import CrossModalClassifier, CrossModalRegressor, finetune

if TYPE_CHECKING:
    from embeddings.bench.model import PropertyModel as PropertyModel
    from embeddings.bench.model import load_model as load_model
    from embeddings.estimators.explicit import ExplicitTransferRegressor as ExplicitTransferRegressor

__all__ = ["CrossModalClassifier", "CrossModalRegressor", "finetune"]

LATER = {
    "PropertyModel": "embeddings.bench.model",
    "load_model": "embeddings.bench.model",
    "ExplicitTransferRegressor": "embeddings.estimators.explicit",
}
"""Names that need more than scikit-learn, and so are imported when they are first used."""


def __getattr__(name: str) -> Any:
    """Import what needs more than scikit-learn when it is first asked for (PEP 562)."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(LATER[name]), name)
