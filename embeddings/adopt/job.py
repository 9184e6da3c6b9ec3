"""Import a table: read, look for rows that hold nothing, and write it as a catalog with what is known of its origin."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from embeddings._version import __version__
from embeddings.adopt.findings import Finding, filled_cells, find_odd_rows, leave_out
from embeddings.adopt.raw import ElementRows, RawTable, element_rows
from embeddings.catalog import ElementTable
from embeddings.errors import CatalogExists, EmbeddingsError, InputInvalid
from embeddings.store import roots
from embeddings.store.epoch import source_date
from embeddings.store.index import is_name, is_version, repair_index, versions
from embeddings.store.manifest import (
    Citation,
    Column,
    Licence,
    ModelInfo,
    Provenance,
    TableInfo,
    TrainingInfo,
    read_manifest,
)
from embeddings.store.tables import write_catalog

UNKNOWN = "unknown: a table that others made"


@dataclass(frozen=True, kw_only=True)
class About:
    """What the person who imports a table says of it.

    Attributes:
        name: of the catalog to be.
        version: of it.
        description: one or two sentences.
        licence: of the table.
        citation: of whoever made it.
        source: what it was read from, as the manifest says.
        model: what made the vectors.
        training: what that was trained on, in words.
        options: that were given, for the command that repeats it.
    """

    name: str
    version: str = "1.0.0"
    description: str
    licence: Licence
    citation: Citation
    source: str
    model: str = "unknown"
    training: str = UNKNOWN
    options: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Imported:
    """A table that is ready to be written.

    Attributes:
        rows: to publish.
        findings: what was odd about the rows of the table.
        kept: symbols of rows that hold nothing by the look of it, and were kept as asked.
        notes: what was passed over or supposed.
    """

    rows: ElementRows
    findings: tuple[Finding, ...]
    kept: frozenset[str]
    notes: tuple[str, ...]

    @property
    def left_out(self) -> dict[str, str]:
        """Symbol -> why its row is not published."""
        return {f.symbol: f.reason for f in self.findings if f.is_filled and f.symbol not in self.kept}

    @property
    def flagged(self) -> dict[str, str]:
        """Symbol -> what is odd about its row, which is published."""
        return {f.symbol: f.reason for f in self.findings if not f.is_filled or f.symbol in self.kept}


def examine(table: RawTable, *, skip_unknown: bool = False, keep: Collection[str] = ()) -> Imported:
    """Return the rows of a table that hold something, and what is odd about all of them.

    Args:
        table: as its file has it.
        skip_unknown: leave out rows that are not those of elements; an error otherwise.
        keep: symbols of rows to keep even if they hold nothing by the look of it.

    Raises:
        ElementUnknown: a row is not that of an element.
        InputInvalid: an element has several rows, a row to keep is not there, or none is left.
    """
    rows = element_rows(table, skip_unknown=skip_unknown)
    findings = find_odd_rows(rows)
    kept = leave_out(rows, findings, keep)
    return Imported(kept, tuple(findings), frozenset(keep), (*rows.notes, *filled_cells(kept)))


def write_import(
    root: Path, imported: Imported, about: About, sha256: str, format: str, *, force: bool = False
) -> Path:
    """Write an examined table as a version of a catalog.

    Args:
        root: folder of catalogs; made if needed.
        imported: the rows.
        about: what is said of it.
        sha256: of the file that the rows come from.
        format: of the file, in words.
        force: replace the version if it exists.

    Returns:
        The version's folder. It stays as it is if the same was imported before.

    Raises:
        CatalogExists: the version exists with other content, and `force` is off.
        ManifestInvalid: what is said of it does not fit the schema.
        OutputInvalid: it cannot be written.
        MissingExtra: h5py is not installed.
    """
    rows = imported.rows
    table = ElementTable(rows.atomic_numbers, rows.vectors, None)
    provenance, place = provenance_of(imported, about, sha256, format), Path(root) / about.name / about.version
    if not force and _fingerprint(place) == provenance.fingerprint:
        repair_index(Path(root))  # its writer may have died before it entered the version
        return place
    return write_catalog(root, provenance, table, force=force)


def check_free(name: str, version: str, root: Path) -> None:
    """Refuse a name that another catalog has: vectors of different origin must not be told apart by a number alone.

    Args:
        name: of the catalog to be.
        version: of it.
        root: that it is written to.

    Raises:
        CatalogExists: the name is taken, or its version is in another root.
        InputInvalid: not a name, or not a version.
    """
    if not is_name(name) or not is_version(version):
        bad, what = (
            (name, 'a kebab-case name, such as "mat2vec"') if not is_name(name) else (version, 'such as "1.0.0"')
        )
        raise InputInvalid(f'"{bad}" is not a catalog\'s {"name" if not is_name(name) else "version"}, {what}.')
    for place in dict.fromkeys([Path(root), *roots.search_roots()]):
        known = versions(place, name)
        if known and read_manifest(place / name / known[-1]).table is None:
            raise CatalogExists(
                f"{name} is a catalog in {place} that was not imported, so the name is taken. Choose another."
            )
        if version in known and os.path.realpath(place) != os.path.realpath(root):
            raise CatalogExists(
                f"{name}@{version} exists in {place}, and a released version is never edited. Choose a "
                "higher --version for other vectors, or another name."
            )


def _fingerprint(folder: Path) -> str | None:
    """Return the identity of a version that is there; None where none is that can be read."""
    try:
        return read_manifest(folder).fingerprint
    except EmbeddingsError:
        return None


def provenance_of(imported: Imported, about: About, sha256: str, format: str) -> Provenance:
    """Return the provenance of an imported table: what was said of it, and the hash of the file that it comes from."""
    said = replace(about, options=())
    rows = hashlib.sha256(imported.rows.vectors.tobytes() + imported.rows.atomic_numbers.tobytes()).hexdigest()
    identity = json.dumps([sha256, rows, repr(said), __version__])
    columns = tuple(Column(name=name) for name in imported.rows.columns)
    return Provenance(
        schema_version=2,
        name=about.name,
        version=about.version,
        description=about.description,
        synthetic=False,
        model=ModelInfo(name=about.model, recipe="imported", hyperparameters={}, code_version=__version__),
        training=TrainingInfo(
            source=about.training, snapshot_sha256=sha256, n_structures=None, targets={}, split="unknown", seed=None
        ),
        metrics={},
        licence=about.licence,
        citation=about.citation,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        command=" ".join(["embeddings import", *map(shlex.quote, about.options)]),
        created=(source_date() or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment={"python": platform.python_version(), "numpy": np.__version__},
        table=TableInfo(
            source=about.source,
            format=format,
            columns=columns,
            left_out=imported.left_out,
            flagged=imported.flagged,
            notes=imported.notes,
        ),
    )
