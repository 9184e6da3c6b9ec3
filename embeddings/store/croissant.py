"""A catalog version as a Croissant file: JSON-LD that search engines and data loaders of machine learning read.

The form is that of http://mlcommons.org/croissant/1.0, which ``mlcroissant validate`` checks.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from embeddings.store.licences import is_spdx
from embeddings.store.manifest import MANIFEST, FileFormat, Manifest

CROISSANT = "croissant.json"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that version 1.0 of the format prescribes."""

_MEDIA_TYPES: dict[FileFormat, str] = {
    "parquet": "application/x-parquet",
    "hdf5": "application/x-hdf5",
    "npy": "application/octet-stream",
    "safetensors": "application/octet-stream",
    "markdown": "text/markdown",
}

_COLUMNS: dict[str, dict[str, tuple[str, str]]] = {
    "vectors.parquet": {
        "atomic_number": ("sc:Integer", "Atomic number of the element."),
        "symbol": ("sc:Text", "Symbol of the element."),
        "n_structures": ("sc:Integer", "Training structures that contain the element."),
        "vector": ("sc:Float", "The vector of the element."),
    },
    "formulas.parquet": {"formula": ("sc:Text", "A canonical reduced formula that the encoder was trained on.")},
}


def render_croissant(manifest: Manifest, manifest_text: bytes, *, url: str | None = None) -> str:
    """Return the content of croissant.json.

    Args:
        manifest: of the version.
        manifest_text: content of its file, which becomes one of the distribution.
        url: where the version is published; a name made of the manifest's seal if None.
    """
    limits = " ".join(manifest.limits)
    files = [_file(entry.path, _MEDIA_TYPES[entry.format], entry.sha256, entry.bytes) for entry in manifest.files]
    own_hash = hashlib.sha256(manifest_text).hexdigest()
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": manifest.description,
        "version": manifest.version,
        "license": _licence(manifest.licence.spdx),
        "url": url or f"urn:sha256:{manifest.manifest_sha256}",
        "creator": {"@type": "sc:Organization", "name": f"The makers of {manifest.name}"},
        "datePublished": manifest.created,
        "citeAs": manifest.citation.bibtex.strip(),
        "keywords": ["chemistry", "materials science", "embeddings", manifest.model.name],
        "isLiveDataset": False,
        "usageInfo": manifest.licence.attribution,
        **({"rai:dataLimitations": limits} if limits else {}),
        "rai:dataCollection": manifest.training.source,
        "distribution": [*files, _file(MANIFEST, "application/json", own_hash, len(manifest_text))],
        "recordSet": [_records(entry.path, manifest) for entry in manifest.files if entry.path in _COLUMNS],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _licence(spdx: str) -> str:
    return f"https://spdx.org/licenses/{spdx}" if is_spdx(spdx) else spdx


def _file(path: str, media_type: str, sha256: str, n_bytes: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{n_bytes} B",
        "encodingFormat": media_type,
        "sha256": sha256,
    }


def _records(table: str, manifest: Manifest) -> dict[str, Any]:
    """Return the description of the rows of a table; its name without the ending names them."""
    rows = table.removesuffix(".parquet")
    columns = dict(_COLUMNS[table])
    if not manifest.n_structures:  # nobody counted them
        columns.pop("n_structures", None)
    return {
        "@type": "cr:RecordSet",
        "@id": rows,
        "name": rows,
        "key": {"@id": f"{rows}/{next(iter(columns))}"},
        "field": [_field(rows, table, column, *about) for column, about in columns.items()],
    }


def _field(rows: str, table: str, column: str, data_type: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{rows}/{column}",
        "name": column,
        "description": description,
        "dataType": data_type,
        **({"repeated": True} if column == "vector" else {}),
        "source": {"fileObject": {"@id": table}, "extract": {"column": column}},
    }
