"""Files of vectors of structures and sites as ``embeddings embed`` writes them, without an encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embeddings.catalog import ElementTable
from embeddings.formula.bulk import reduced_formulas
from embeddings.store.decode import table_of_hdf5, table_of_npy, table_of_parquet
from embeddings.store.manifest import Licence, Manifest
from embeddings.store.tables import measure, read_file
from embeddings.vectors.footer import Footer, Level
from testing.toys import toy_provenance, toy_table


def write_structures(
    path: Path, ids: Sequence[str], formulas: Sequence[str], vectors: Any, *, encoder: str | Manifest = "toy"
) -> Path:
    """Write one vector for each structure, by an encoder of this name or with this manifest."""
    columns = {"material_id": pa.array(ids), "formula": pa.array(reduced_formulas(formulas))}
    return _write(path, "structure", vectors, encoder=encoder, **columns)


def write_sites(path: Path, ids: Sequence[str], atomic_numbers: Sequence[Sequence[int]], vectors: Any) -> Path:
    """Write one vector for each site, structure after structure."""
    n_sites = [len(some) for some in atomic_numbers]
    return _write(
        path,
        "site",
        vectors,
        material_id=pa.array(np.repeat(ids, n_sites).tolist()),
        site=pa.array(np.concatenate([np.arange(n) for n in n_sites]), pa.int32()),
        atomic_number=pa.array(np.concatenate(atomic_numbers), pa.int16()),
    )


def _write(path: Path, level: Level, vectors: Any, *, encoder: str | Manifest = "toy", **columns: pa.Array) -> Path:
    flat = np.asarray(vectors, dtype=np.float32)
    footer = Footer(
        level=level,
        dim=flat.shape[1],
        n_structures=1,
        source="toys",
        snapshot_sha256="0" * 64,
        synthetic=True,
        licence=Licence(spdx="CC0-1.0", attribution="Nobody."),
        identity="1" * 64,
        catalog=encoder if isinstance(encoder, Manifest) else _manifest(encoder),
    )
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
    pq.write_table(pa.table(columns).replace_schema_metadata(footer.to_metadata()), path, compression="none")
    return path


def _manifest(encoder: str) -> Manifest:
    sealed = "2" * 64 if encoder == "toy" else hashlib.sha256(encoder.encode()).hexdigest()
    return replace(measure(toy_provenance(name=encoder), toy_table()), manifest_sha256=sealed)


def read_element_table(path: Path) -> ElementTable:
    """Return the rows of a file of element vectors, in any of its formats."""
    content = read_file(path)
    if path.suffix == ".npy":
        return table_of_npy(content, path)
    if path.suffix == ".parquet":
        return table_of_parquet(content, path)[0]
    return table_of_hdf5(BytesIO(content), path)[0]
