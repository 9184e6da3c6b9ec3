"""Where templates come from: a snapshot, a table of structures, or the packaged starter set."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from builders.methods.explicit.templates import TemplatePool
from builders.snapshots.snapshot import read_snapshot, read_structures
from builders.sources.origins import origin_from_metadata
from builders.sources.starter import STARTER_FILE
from builders.structures.table import read_structure_table
from embeddings.errors import SourceError

STARTER = "starter"


def read_templates(where: Path | str) -> TemplatePool:
    """Read the crystals of a snapshot, of a Parquet file in the structure schema, or of the starter set.

    Args:
        where: a folder made by pull, a file, or ``"starter"``.

    Raises:
        SourceError: nothing is there, or it cannot be read.
        ColumnNotFound: the table lacks a column of structures.
    """
    if str(where) == STARTER and not Path(where).exists():
        return read_templates(STARTER_FILE)
    path = Path(where)
    if path.is_dir():
        snapshot = read_snapshot(path)
        return TemplatePool.of(read_structures(snapshot), snapshot.origin)
    if not path.is_file():
        raise SourceError(f'No templates at {path}. Give a snapshot, a Parquet table of structures, or "{STARTER}".')
    structures = read_structure_table(path)
    return TemplatePool.of(structures, origin_from_metadata(pq.read_schema(path), name=path.name))
