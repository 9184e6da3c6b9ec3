"""The manifest: what a catalog version is, where it comes from, and the hashes of its files.

- :mod:`embeddings.store.manifest.values` says what a single value may be.
- :mod:`embeddings.store.manifest.provenance` is what a builder states.
- :mod:`embeddings.store.manifest.document` is the whole: `embeddings.store.tables.write_catalog` adds what it measures
  on the vectors and files, and writes the `Manifest` last.
- :mod:`embeddings.store.manifest.text` is its JSON, and the hash of that.
- :mod:`embeddings.store.manifest.reading` reads it from a folder and checks its seal.
- :mod:`embeddings.store.manifest.versioned` is what catalogs and encoders have in common: they go by a manifest.
"""

from embeddings.store.manifest.document import MANIFEST, SCHEMA_VERSION, FileEntry, Manifest, json_schema
from embeddings.store.manifest.provenance import (
    Citation,
    Column,
    Downstream,
    FormulaDigest,
    Licence,
    Metric,
    ModelInfo,
    Provenance,
    Spread,
    TableInfo,
    TrainingInfo,
)
from embeddings.store.manifest.reading import LARGEST_MANIFEST, read_manifest
from embeddings.store.manifest.text import read_json
from embeddings.store.manifest.values import (
    Bytes,
    Count,
    FileFormat,
    FileName,
    Name,
    Positive,
    Seal,
    SemVer,
    Sha256,
    Symbol,
    Text,
    Timestamp,
    Width,
)
from embeddings.store.manifest.versioned import Versioned

__all__ = [
    "LARGEST_MANIFEST",
    "MANIFEST",
    "SCHEMA_VERSION",
    "Bytes",
    "Citation",
    "Column",
    "Count",
    "Downstream",
    "FileEntry",
    "FileFormat",
    "FileName",
    "FormulaDigest",
    "Licence",
    "Manifest",
    "Metric",
    "ModelInfo",
    "Name",
    "Positive",
    "Provenance",
    "Seal",
    "SemVer",
    "Sha256",
    "Spread",
    "Symbol",
    "TableInfo",
    "Text",
    "Timestamp",
    "TrainingInfo",
    "Versioned",
    "Width",
    "json_schema",
    "read_json",
    "read_manifest",
]
