"""The Materials Project's open data: a Delta table in a public bucket, for those who want most of it; no key needed."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.addresses import without_secrets
from builders.sources.attempts import attempt, rejected
from builders.sources.mp import project_origin
from builders.sources.mp_documents import FIELDS, NON_COMMERCIAL, SYNTHETIC, TEXTS, UNITS, licence_of, record_of
from builders.sources.structures import StructureRecord, count_notes
from builders.sources.tabulated import tabulate
from builders.structures.cleaning import EVERYTHING, Selection
from embeddings.errors import MissingExtra, SourceError

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

URI = "s3://materialsproject-build/collections/summary/"
COLUMNS = (*FIELDS, "deprecated")
PARTITION = "version"
"""The table keeps the documents of each version of the database apart by this column."""

ROWS_AT_ONCE = 500
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables that may be set for other work; the bucket is public, and requests to it are not signed."""

OPTIONS = {"AWS_SKIP_SIGNATURE": "true", "AWS_REGION": "us-east-1", "timeout": "60s", "max_retries": "10"}


def mp_opendata(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read the public table of summary documents, file by file.

    Raises:
        MissingExtra: deltalake or emmet-core is not installed.
    """
    try:
        import deltalake  # noqa: F401
        import emmet.core  # noqa: F401
    except ImportError as error:
        raise MissingExtra.of(error.name or "deltalake", "mp") from error
    return OpenDataStream(options)


class OpenDataStream(Stream):
    """Parquet files of the newest version of the database; a cursor is the number of a file, a file is a batch."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self.query: dict[str, Any] = {
            "table": URI,
            "columns": list(COLUMNS),
            "include_nc": options.include_nc,
            "disorder": options.disorder,
        }

    def plan(self) -> Plan:
        """List the files of the newest version; they stay readable under the number that the table has now."""
        table = _open()
        actions = pa.table(table.get_add_actions(flatten=True))
        database_version, files = _newest(actions)
        facts = {
            "route": "open data, one Parquet file after the other",
            "table_version": table.version(),
            "clients": {name: version(name) for name in ("deltalake", "emmet-core")},
        }
        n_expected = sum(n for _, n in files)
        paths = [path for path, _ in files]
        synthetic = bool(paths) and _is_synthetic(_fragments(table)[paths[0]])
        origin = project_origin(database_version, self._options, synthetic=synthetic)
        return Plan(origin, n_expected=n_expected, facts=facts, items=paths)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Read the files, beginning at ``start``."""
        fragments = _fragments(_open(plan.facts["table_version"]))
        for number in range(start or 0, len(plan.items)):
            following = number + 1 if number + 1 < len(plan.items) else None
            yield self._batch(fragments[plan.items[number]], following)

    def _batch(self, fragment: ds.Fragment, following: Cursor) -> Batch:
        tables, rejected, counts = [], list[Rejected](), Counter[str]()
        for documents in _documents(fragment):
            read = list[StructureRecord | Rejected]()
            for document in documents:
                unwanted = None if isinstance(document, Rejected) else self._unwanted(document)
                if unwanted:
                    counts[unwanted] += 1
                else:
                    read.append(document if isinstance(document, Rejected) else self._parsed(document))
            table, records, faults = tabulate(read, properties=UNITS, texts=TEXTS, units=UNITS)
            counts.update(f"licence {record.texts['licence']}" for record in records)
            counts.update(count_notes(records))
            rejected.extend(faults)
            tables.append(table)
        return Batch(pa.concat_tables(tables), following, tuple(rejected), dict(counts))

    def _parsed(self, document: dict[str, Any]) -> StructureRecord | Rejected:
        parse = partial(record_of, document, disorder=self._options.disorder)
        return attempt(str(document.get("material_id")), parse)

    def _unwanted(self, document: dict[str, Any]) -> str | None:
        """Return the name under which a document is counted and left out on purpose."""
        if document["deprecated"]:
            return "deprecated_left_out"
        if not self._options.include_nc and licence_of(document) == NON_COMMERCIAL:
            return "non_commercial_left_out"
        return None


def _open(table_version: int | None = None) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(URI, version=table_version, storage_options=OPTIONS)
    except (DeltaError, OSError, ValueError) as error:
        raise SourceError(
            f"The open data of the Materials Project at {URI} cannot be reached ({_brief(error)}). What has been "
            "pulled is kept: give the same command again later. Without a network, use --source starter."
        ) from error


def _newest(actions: pa.Table) -> tuple[str, list[tuple[str, int]]]:
    """Return the newest version of the database, and the paths and row numbers of its files."""
    column = f"partition.{PARTITION}"
    if column in actions.column_names and len(actions):
        newest = max(actions[column].to_pylist())
        actions = actions.filter(pc.equal(actions[column], newest))
    else:
        newest = "unknown"
    rows = zip(actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True)
    return str(newest), sorted((path, n or 0) for path, n in rows)


def _fragments(table: DeltaTable) -> dict[str, ds.Fragment]:
    return {fragment.path: fragment for fragment in table.to_pyarrow_dataset().get_fragments()}


def _documents(fragment: ds.Fragment) -> Iterator[list[dict[str, Any] | Rejected]]:
    try:
        for rows in fragment.to_batches(columns=list(COLUMNS), batch_size=ROWS_AT_ONCE):
            yield _documents_of(rows)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"The file {fragment.path} of {URI} cannot be read: {_brief(error)}.") from error


def _documents_of(rows: pa.RecordBatch) -> list[dict[str, Any] | Rejected]:
    """Return the documents of some rows; row by row if one of them cannot be converted."""
    try:
        documents: list[dict[str, Any] | Rejected] = rows.to_pylist(maps_as_pydicts="strict")
    except (KeyError, ValueError) as error:
        if len(rows) > 1:
            return [document for row in range(len(rows)) for document in _documents_of(rows.slice(row, 1))]
        name = rows.column("material_id").cast(pa.binary())[0].as_py() or b"a row without an identifier"
        return [rejected(name.decode(errors="replace"), "unreadable", f"{type(error).__name__}: {error}")]
    return documents


def _brief(error: Exception) -> str:
    """Return the beginning of a message, without terminal colors and secrets."""
    secrets = [os.environ[name] for name in SECRETS if os.environ.get(name)]
    text = without_secrets(re.sub(r"\x1b\[[0-9;]*m", "", str(error)), secrets)
    return " ".join(text.split())[:200]


def _is_synthetic(fragment: ds.Fragment) -> bool:
    rows = fragment.head(1, columns=["builder_meta"]).to_pylist()
    return any(str(row["builder_meta"]["batch_id"]).startswith(SYNTHETIC) for row in rows)
