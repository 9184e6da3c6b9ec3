"""Embeddings as a dataset: verified, versioned vectors for atoms, formulas and crystals.

>>> from embeddings import load_uae
>>> uae = load_uae("starter")  # doctest: +SKIP
>>> uae["Fe"]  # doctest: +SKIP
"""

from embeddings._version import __version__
from embeddings.catalog import ElementCatalog
from embeddings.errors import EmbeddingsError
from embeddings.loaders import list_catalogs, load_catalog, load_encoder, load_uae

__all__ = [
    "ElementCatalog",
    "EmbeddingsError",
    "__version__",
    "list_catalogs",
    "load_catalog",
    "load_encoder",
    "load_uae",
]
