"""The entry ``emb`` of a Parquet file's metadata, by which tools of other fields recognize a table of embeddings.

Collections of embeddings of satellite images keep such an entry in the footer of their Parquet files. Its fields are
those of the geoembeddings convention without their prefix: type, dimensions, data_type, model, source_data and
quantization, of which only the last may be null: the numbers are then as they were computed.
"""

from __future__ import annotations

import json
from typing import Any

from embeddings.store.manifest import Manifest

EMB = "emb"

FIELDS = ("type", "dimensions", "data_type", "model", "source_data", "quantization")
"""What the entry has to say."""


def emb_entry(manifest: Manifest, **changes: Any) -> dict[str, str]:
    """Return the entry as metadata of a Parquet schema.

    Args:
        manifest: of the catalog that the vectors are from, or whose encoder made them.
        changes: fields that differ from what the catalog says, such as the `type` of a row and the `source_data` of
            structures that were encoded.
    """
    about = {
        "type": manifest.kind,
        "dimensions": manifest.dim,
        "data_type": manifest.dtype,
        "model": f"{manifest.name}@{manifest.version}",
        "source_data": [manifest.training.source],
        "quantization": None,
        "license": manifest.licence.spdx,
    }
    return {EMB: json.dumps(about | changes, ensure_ascii=False)}
