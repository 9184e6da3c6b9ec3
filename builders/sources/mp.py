"""Structures from the Materials Project: a census, then batches by sorted identifier, each of them checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import combinations
from typing import Any

import pyarrow as pa

from builders.sources import Batch, Cursor, DatabaseMoved, EarlierRows, Plan, Rejected, SourceOptions, Stream
from builders.sources.attempts import attempt
from builders.sources.mp_client import (
    PAGE,
    Document,
    MaterialsProjectClient,
    Transient,
    endpoint,
    read_api_key,
)
from builders.sources.mp_documents import (
    CENSUS_FIELDS,
    FIELDS,
    NON_COMMERCIAL,
    TEXTS,
    UNITS,
    CensusEntry,
    census_entry,
    normal_id,
    record_of,
    sort_key,
)
from builders.sources.origins import ORIGINS, Origin
from builders.sources.structures import StructureRecord
from builders.sources.tabulated import tabulate
from builders.structures.cleaning import EVERYTHING, Selection
from embeddings.display.numbers import counted

BATCH = 400
"""Identifiers per request; more would make the address too long."""

FIRST_PATIENCE = (1.0, 2.0)
"""Pauses before the first contact fails: users without a network should hear of it soon."""

GNOME = "gnome_r2scan_statics"
MAX_LENGTH = 60
"""Longest list of excluded elements that the service takes, in characters."""

NOTES, SEPARATOR = "notes", "; "
"""Column of what was done to a row, so that a refresh counts a reused row like a fetched one."""

MAX_SYSTEMS = 31
"""The most chemical systems asked for at once: all that five elements can form."""


def mp(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Pull from the Materials Project with a key.

    Raises:
        SourceError: there is no key, or it is not valid.
        MissingExtra: mp-api is not installed.
    """
    client = MaterialsProjectClient(endpoint(), read_api_key(options.api_key_file))
    return MaterialsProjectStream(client, options, selection)


def server_filters(selection: Selection, *, include_nc: bool) -> Document:
    """Return the part of the selection that the service can apply, in its own terms."""
    filters: Document = {"deprecated": False}
    systems = selection.chemsys or _subsystems(selection.elements or ())
    if 0 < len(systems) <= MAX_SYSTEMS:
        filters["chemsys"] = ",".join(systems)
    excluded = ",".join(selection.exclude_elements or ())
    if 0 < len(excluded) <= MAX_LENGTH:
        filters["exclude_elements"] = excluded
    if selection.n_elements is not None:
        filters["nelements_min"], filters["nelements_max"] = selection.n_elements
    if selection.max_sites is not None:
        filters["nsites_max"] = selection.max_sites
    if selection.stable_only:
        filters["is_stable"] = True
    if selection.ehull_max is not None:
        filters["energy_above_hull_max"] = selection.ehull_max
    if not include_nc:
        filters["batch_id_not_eq"] = GNOME
    return filters


def _subsystems(elements: Sequence[str]) -> list[str]:
    if not 0 < len(elements) <= MAX_SYSTEMS.bit_length():
        return []
    sizes = range(1, len(elements) + 1)
    return ["-".join(chosen) for size in sizes for chosen in combinations(sorted(elements), size)]


class MaterialsProjectStream(Stream):
    """Summary documents; a cursor is a place in the sorted census."""

    def __init__(
        self,
        client: MaterialsProjectClient,
        options: SourceOptions,
        selection: Selection,
        earlier: EarlierRows | None = None,
    ) -> None:
        self._client, self._options, self._selection, self._earlier = client, options, selection, earlier
        self._filters = server_filters(selection, include_nc=options.include_nc)
        self.query: dict[str, Any] = {
            "endpoint": client.address,
            "server_filters": self._filters,
            "include_nc": options.include_nc,
            "disorder": options.disorder,
        }

    def refreshed(self, earlier: EarlierRows) -> Stream:
        """Return the same stream, which fetches only what an earlier snapshot does not have."""
        return MaterialsProjectStream(self._client, self._options, self._selection, earlier)

    def moved(self, plan: Plan) -> str | None:
        """Compare the version of the database with that of the plan."""
        planned, current = plan.origin.database_version, self._client.database_version()
        return None if planned == current else f"database version {planned} then, {current} now"

    def plan(self) -> Plan:
        """Take the census: which documents there are, when each was changed, and its license."""
        database_version = self._client.database_version(patience=FIRST_PATIENCE)
        census = self._census()
        facts = {
            "route": "REST, batches by sorted identifier",
            "clients": {name: version(name) for name in ("mp-api", "emmet-core")},
            "n_deprecated": self._count_deprecated(),
            "licences": dict(Counter(entry.licence for entry in census)),
        }
        if not self._options.include_nc:
            census = [entry for entry in census if entry.licence != NON_COMMERCIAL]
        origin = project_origin(database_version, self._options, synthetic=any(entry.synthetic for entry in census))
        items = [[e.source_id, e.last_updated] for e in sorted(census, key=lambda entry: sort_key(entry.source_id))]
        plan = Plan(origin, n_expected=len(items), facts=facts, items=items)
        if change := self.moved(plan):
            raise DatabaseMoved(f"The Materials Project was updated during the census ({change}). Start again.")
        return plan

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Fetch the documents of the census in order, beginning at ``start``."""
        for begin in range(start or 0, len(plan.items), BATCH):
            end = begin + BATCH
            yield self._batch(plan.items[begin:end], end if end < len(plan.items) else None)

    def _census(self) -> list[CensusEntry]:
        census: dict[str, CensusEntry] = {}
        total: int | None = None
        while total is None or len(census) < total:
            page, total = self._census_page(census, total)
            census |= page
        return list(census.values())

    def _census_page(self, known: Mapping[str, CensusEntry], total: int | None) -> tuple[dict[str, CensusEntry], int]:
        def check(page: list[Document], n_all: int) -> None:
            _expect("documents in all", n_all if total is None else total, n_all)
            _expect("documents on a page", min(PAGE, n_all - len(known)), len(page))
            new = {normal_id(document["material_id"]) for document in page} - known.keys()
            _expect("different documents on a page", len(page), len(new))

        window = {"_skip": len(known), "_limit": PAGE, "_sort_fields": "material_id"}
        page, n_all = self._client.page("census", self._filters | window, CENSUS_FIELDS, check)
        return {normal_id(document["material_id"]): census_entry(document) for document in page}, n_all

    def _count_deprecated(self) -> int:
        criteria = self._filters | {"deprecated": True, "_limit": 1}
        return self._client.page("number of deprecated documents", criteria, ["material_id"], _anything)[1]

    def _batch(self, items: Sequence[Sequence[str]], following: Cursor) -> Batch:
        keys = [(normal_id(source_id), changed) for source_id, changed in items]
        stored = self._earlier.take(keys) if self._earlier else {}
        fetched = self._fetch([item[0] for item, key in zip(items, keys, strict=True) if key not in stored])
        table, records, rejected = tabulate(fetched, properties=UNITS, texts=TEXTS, units=UNITS)
        table = table.append_column(NOTES, pa.array([SEPARATOR.join(record.notes) for record in records], pa.string()))
        if stored:
            rows = {record.material_id: table.slice(row, 1) for row, record in enumerate(records)}
            rows |= {key[0]: row.cast(table.schema) for key, row in stored.items()}
            table = pa.concat_tables([table.slice(0, 0), *(rows[key[0]] for key in keys if key[0] in rows)])
        counts = Counter(note for notes in table[NOTES].to_pylist() for note in notes.split(SEPARATOR) if note)
        counts.update(f"licence {name}" for name in table["licence"].to_pylist())
        return Batch(table, following, rejected, dict(counts), status=self._client.rate)

    def _fetch(self, ids: list[str]) -> list[StructureRecord | Rejected]:
        """Fetch documents by identifier; those without a structure are requested once more, then rejected."""
        documents = self._documents(ids)
        bare = [source_id for source_id, document in documents.items() if not document.get("structure")]
        documents |= self._documents(bare)
        return [
            attempt(source_id, partial(record_of, document, disorder=self._options.disorder))
            for source_id, document in documents.items()
        ]

    def _documents(self, ids: list[str]) -> dict[str, Document]:
        wanted = {normal_id(source_id): source_id for source_id in ids}

        def check(page: list[Document], n_all: int) -> None:
            _expect("documents of a batch", len(wanted), len(page))
            found = {normal_id(document["material_id"]) for document in page}
            _expect("documents that were asked for", len(wanted), len(found & wanted.keys()))

        if not ids:
            return {}
        criteria = {"deprecated": False, "material_ids": ",".join(ids), "_limit": PAGE}
        page, _ = self._client.page(f"{counted(len(ids), 'document')} from {ids[0]} on", criteria, FIELDS, check)
        found = {normal_id(document["material_id"]): document for document in page}
        return {source_id: found[known] for known, source_id in wanted.items()}


def _expect(what: str, wanted: int, received: int) -> None:
    if wanted != received:
        raise Transient(f"{what}: {received}, not {wanted}")


def _anything(page: list[Document], n_all: int) -> None:
    """Accept every page."""


def project_origin(database_version: str, options: SourceOptions, *, synthetic: bool) -> Origin:
    """Return the origin of this version of the data, with the credit that their license requires."""
    known = options.origin or ORIGINS["materials-project"]
    attribution = f"{known.attribution} Database version {database_version}."
    if not options.include_nc:
        return replace(known, attribution=attribution, database_version=database_version, synthetic=synthetic)
    return replace(
        known,
        licence=NON_COMMERCIAL,
        attribution=f"{attribution} It may include GNoME structures (Merchant et al., Nature 624, 80 (2023), "
        "10.1038/s41586-023-06735-9), licensed under CC BY-NC 4.0: no commercial use.",
        database_version=database_version,
        synthetic=synthetic,
    )
