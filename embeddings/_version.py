"""The version of the library (catalogs have versions of their own)."""

__version__ = "0.3.0"
