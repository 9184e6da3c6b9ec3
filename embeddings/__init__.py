"""Embeddings as a dataset: verified, versioned vectors for atoms, formulas and crystals.

Everything here is imported when it is first used, so that ``import embeddings`` costs next to nothing. The estimators
`CrossModalRegressor` and `CrossModalClassifier`, and `finetune`, need the extras ``sklearn`` and ``build``;
`PropertyModel` and `load_model` need ``bench``.

>>> from embeddings import featurize, load_uae
>>> uae = load_uae("starter")  # doctest: +SKIP
>>> uae["Fe"]  # doctest: +SKIP
>>> featurize(["Fe2O3", "NaCl"], uae)  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from embeddings._version import __version__

if TYPE_CHECKING:
    from embeddings.bench.model import PropertyModel as PropertyModel
    from embeddings.bench.model import load_model as load_model
    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder
    from embeddings.errors import EmbeddingsError
    from embeddings.estimators import CrossModalClassifier as CrossModalClassifier
    from embeddings.estimators import CrossModalRegressor as CrossModalRegressor
    from embeddings.estimators import finetune as finetune
    from embeddings.formula import element_fractions, parse_formula, reduced_formula, reduced_formulas
    from embeddings.loaders import (
        list_catalogs,
        load_catalog,
        load_composition_encoder,
        load_crystal_encoder,
        load_encoder,
        load_uae,
    )
    from embeddings.missing import Missing
    from embeddings.pooling import feature_names, featurize
    from embeddings.protocols import Catalog, Encoder
    from embeddings.search.agreement import neighbor_overlap
    from embeddings.search.compositions import CompositionIndex, composition_distance, nearest_compositions
    from embeddings.streaming import featurize_file
    from embeddings.unlike import distance_to_training
    from embeddings.vectors.sites import SiteCatalog
    from embeddings.vectors.structures import StructureCatalog

__all__ = [
    "Catalog",
    "CompositionEncoder",
    "CompositionIndex",
    "ElementCatalog",
    "EmbeddingsError",
    "Encoder",
    "Missing",
    "SiteCatalog",
    "StructureCatalog",
    "__version__",
    "composition_distance",
    "distance_to_training",
    "element_fractions",
    "feature_names",
    "featurize",
    "featurize_file",
    "list_catalogs",
    "load_catalog",
    "load_composition_encoder",
    "load_crystal_encoder",
    "load_encoder",
    "load_uae",
    "nearest_compositions",
    "neighbor_overlap",
    "parse_formula",
    "reduced_formula",
    "reduced_formulas",
]

_HOMES = {
    "catalog": "ElementCatalog",
    "encoder": "CompositionEncoder",
    "errors": "EmbeddingsError",
    "bench.model": "PropertyModel load_model",
    "estimators": "CrossModalClassifier CrossModalRegressor finetune",
    "formula": "element_fractions parse_formula reduced_formula reduced_formulas",
    "loaders": "list_catalogs load_catalog load_composition_encoder load_crystal_encoder load_encoder load_uae",
    "missing": "Missing",
    "pooling": "feature_names featurize",
    "protocols": "Catalog Encoder",
    "search.agreement": "neighbor_overlap",
    "search.compositions": "CompositionIndex composition_distance nearest_compositions",
    "streaming": "featurize_file",
    "unlike": "distance_to_training",
    "vectors.sites": "SiteCatalog",
    "vectors.structures": "StructureCatalog",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    """Return the public names; estimators only where what they need is installed, so that each name can be used."""
    from importlib.util import find_spec

    needs = {"estimators": ["sklearn"], "bench.model": ["sklearn", "lightgbm"]}
    there = [home for home, packages in needs.items() if all(map(find_spec, packages))]
    return sorted({*__all__, *(name for home in there for name in _HOMES[home].split())})
