"""Structures from any database that speaks OPTIMADE, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from builders.cleaning import EVERYTHING, Selection
from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.attempts import attempt
from builders.sources.optimade_entry import ENTRY_FIELDS, attributes_of, read_structure
from builders.sources.optimade_providers import Provider, find_provider, value_at
from builders.sources.structures import StructureRecord, count_notes, make_record, structures_to_arrow
from builders.sources.values import is_number
from embeddings.errors import MissingExtra, SourceError

PAGE: int | None = None
"""Entries on a page; None leaves it to the provider, some of whom refuse what others offer."""

RETRIES, BACKOFF = 6, 1.0
FIELDS = (*ENTRY_FIELDS, "last_modified")
TEXTS = ("database", "functional", "last_updated")


def optimade(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Ask one provider for all structures that fit a filter.

    Raises:
        InputInvalid: no provider is named, or it is not known.
        MissingExtra: optimade with its http-client is not installed.
    """
    provider = find_provider(options.provider)
    _client_class()
    return OptimadeStream(provider, options, selection)


def provider_filter(wanted: str | None, selection: Selection) -> str:
    """Return the user's filter and what the provider itself can leave out, in the language of OPTIMADE."""
    terms = [f"({wanted})"] if wanted else []
    if selection.max_sites is not None:
        terms.append(f"nsites<={selection.max_sites}")
    if selection.n_elements is not None:
        terms.append("nelements>={} AND nelements<={}".format(*selection.n_elements))
    if selection.exclude_elements:
        unwanted = ",".join(f'"{symbol}"' for symbol in selection.exclude_elements)
        terms.append(f"NOT elements HAS ANY {unwanted}")
    return " AND ".join(terms)


class OptimadeStream(Stream):
    """Pages of structures; a cursor is the address of a page."""

    def __init__(self, provider: Provider, options: SourceOptions, selection: Selection) -> None:
        self._provider, self._options = provider, options
        self.query: dict[str, Any] = {
            "endpoint": provider.url,
            "filter": provider_filter(options.filter, selection),
            "fields": self._fields(),
            "disorder": options.disorder,
        }

    def plan(self) -> Plan:
        """Ask how much there is."""
        meta = self._page(None, page_limit=1).meta
        implementation = meta.get("implementation") or {}
        facts = {
            "route": "OPTIMADE, page by page",
            "api_version": meta.get("api_version"),
            "server": " ".join(str(implementation.get(key)) for key in ("name", "version")),
            "clients": {"optimade": version("optimade")},
        }
        known = self._options.origin or self._provider.origin
        origin = replace(known, database_version=known.database_version or _day(meta))
        return Plan(origin, n_expected=meta.get("data_returned"), facts=facts)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Fetch the pages from ``start`` on."""
        address = start
        while True:
            page = self._page(address)
            address = _next_address(page.links)
            if address is None and page.meta.get("more_data_available"):
                raise SourceError(f"{self._provider.url} says that there is more, and not where. Try again later.")
            yield self._batch(page.data, plan, address)
            if address is None:
                return

    def _batch(self, entries: list[Any], plan: Plan, following: Cursor) -> Batch:
        parsed = [
            attempt(_name_of(entry, place), partial(self._record, entry, plan)) for place, entry in enumerate(entries)
        ]
        records = [result for result in parsed if isinstance(result, StructureRecord)]
        rejected = tuple(result for result in parsed if isinstance(result, Rejected))
        properties = self._provider.properties or None
        table = structures_to_arrow(records, properties=properties, texts=TEXTS)
        return Batch(table, following, rejected, count_notes(records), status=f"{len(rejected)} rejected")

    def _record(self, entry: Any, plan: Plan) -> StructureRecord:
        attributes = attributes_of(entry)
        lattice, sites, coords = read_structure(attributes)
        return make_record(
            str(entry["id"]),
            lattice,
            sites,
            coords,
            disorder=self._options.disorder,
            properties=_properties(attributes, self._provider),
            texts={
                "database": plan.origin.name,
                "functional": self._provider.functional,
                "last_updated": attributes.get("last_modified"),
            },
        )

    def _fields(self) -> list[str] | None:
        """The fields to ask for; everything where the provider's own are not known."""
        if not self._provider.properties and self._provider.functional is None:
            return None
        return [*FIELDS, *dict.fromkeys(path[0] for path in self._provider.properties.values())]

    def _page(self, address: str | None, *, page_limit: int | None = None) -> Any:
        url = self._provider.url
        client = _client_class()(
            url, max_results_per_provider=0, use_async=False, silent=True, http_client=_session_class()
        )
        results = client.get_one(
            "structures",
            self.query["filter"],
            url,
            response_fields=self.query["fields"],
            page_limit=page_limit or PAGE,
            paginate=False,
            override_url=address,
        )[url]
        if results.errors:
            reason = " ".join(str(results.errors[0]).split())[:300]
            raise SourceError(
                f"{url} did not answer as it should ({reason}). Check --provider and --filter. What has been pulled "
                "is kept: give the same command again later. Without a network, use --source starter."
            )
        return results


def _client_class() -> Any:
    try:
        return import_module("optimade.client").OptimadeClient
    except ImportError as error:
        raise MissingExtra.of("optimade[http-client]", "sources") from error


def _session_class() -> type:
    """Return a session that waits and tries again; the client's own way of doing so never gives up."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    class PatientSession(requests.Session):
        def __init__(self) -> None:
            super().__init__()
            waits = Retry(RETRIES, backoff_factor=BACKOFF, status_forcelist=(429, 500, 502, 503, 504))
            self.mount("http://", HTTPAdapter(max_retries=waits))
            self.mount("https://", HTTPAdapter(max_retries=waits))

    return PatientSession


def _next_address(links: Mapping[str, Any]) -> str | None:
    link = links.get("next")
    return link.get("href") if isinstance(link, Mapping) else link


def _day(meta: Mapping[str, Any]) -> str | None:
    """The day on which the provider answered: its data have no other version."""
    return str(meta["time_stamp"])[:10] if meta.get("time_stamp") else None


def _name_of(entry: Any, place: int) -> str:
    """The identifier of an entry, or its place on the page where it has none."""
    identifier = entry.get("id") if isinstance(entry, Mapping) else None
    return str(identifier) if identifier else f"entry {place + 1} of a page"


def _properties(attributes: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    """Values under our names where they are known, else all of the provider's own numbers."""
    if provider.properties:
        return {name: value_at(attributes, path) for name, path in provider.properties.items()}
    return {name.lstrip("_"): value for name, value in attributes.items() if name.startswith("_") and is_number(value)}
