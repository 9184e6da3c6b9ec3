"""Structures from any database that speaks OPTIMADE, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from builders.sources import Batch, Cursor, Plan, SourceOptions, Stream
from builders.sources.addresses import Address, address_within, without_secrets
from builders.sources.attempts import attempt
from builders.sources.optimade_entry import ENTRY_FIELDS, attributes_of, read_structure
from builders.sources.optimade_providers import Provider, find_provider, value_at
from builders.sources.structures import StructureRecord, count_notes, make_record
from builders.sources.tabulated import tabulate
from builders.sources.values import is_number
from builders.structures.cleaning import EVERYTHING, Selection
from embeddings.errors import MissingExtra, SourceError

PAGE: int | None = None
"""Entries on a page; None leaves it to the provider, since some refuse what others offer."""

RETRIES, BACKOFF = 6, 1.0
FIELDS = (*ENTRY_FIELDS, "last_modified")
TEXTS = ("database", "functional", "last_updated")


def optimade(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Ask one provider for all structures that match a filter.

    Raises:
        InputInvalid: no provider is named, or it is unknown.
        MissingExtra: optimade with its http-client is not installed.
    """
    provider = find_provider(options.provider)
    _client_class()
    return OptimadeStream(provider, options, selection)


def provider_filter(wanted: str | None, selection: Selection) -> str:
    """Return the user's filter, and the part of the selection that the provider can apply, as an OPTIMADE filter."""
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
        self._provider, self._options, self._address = provider, options, provider.address
        self._session = _session_class(provider.address)
        self.query: dict[str, Any] = {
            "endpoint": provider.url,
            "filter": provider_filter(options.filter, selection),
            "fields": self._fields(),
            "disorder": options.disorder,
        }

    def plan(self) -> Plan:
        """Ask how many entries there are."""
        meta = self._page(None, page_limit=1).meta
        implementation = _mapping(meta.get("implementation"))
        facts = {
            "route": "OPTIMADE, page by page",
            "api_version": self._shown(meta.get("api_version")),
            "server": " ".join(str(self._shown(implementation.get(key))) for key in ("name", "version")),
            "clients": {"optimade": version("optimade")},
        }
        known = self._options.origin or self._provider.origin
        origin = replace(known, database_version=known.database_version or self._shown(_day(meta)))
        n_all = meta.get("data_returned")
        return Plan(origin, n_expected=n_all if isinstance(n_all, int) else None, facts=facts)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Fetch the pages, beginning at ``start``."""
        address, seen = start, {start}
        while True:
            page = self._page(address)
            address = self._following(page)
            if address is None and page.meta.get("more_data_available"):
                raise SourceError(
                    f"{self._provider.url} says that there is a next page, but not where. Try again later."
                )
            if address is not None and address in seen:
                raise SourceError(f"The pages of {self._provider.url} lead back to an earlier one. Try again later.")
            seen.add(address)
            yield self._batch(page.data, plan, address)
            if address is None:
                return

    def _following(self, page: Any) -> str | None:
        """Return the address of the next page, which is on the origin of this provider, without secrets.

        Raises:
            LeavesService: it lies elsewhere. Where only the scheme is http instead of https, ours is kept.
        """
        from builders.sources.sessions import LeavesService

        link = _mapping(page.links).get("next")
        link = link.get("href") if isinstance(link, Mapping) else link
        if not link:
            return None
        address = address_within(f"{self._provider.url}/v1/structures", str(link))
        if address is None or self._shown(address) != address:
            place = self._shown(str(link).partition("?")[0])[:100]
            raise LeavesService(
                f"{self._provider.url} says that its next page is elsewhere ({place}); nothing was sent there. Set "
                "--provider to the address under which the service gives its own pages."
            )
        return address

    def _batch(self, entries: Any, plan: Plan, following: Cursor) -> Batch:
        read = [
            attempt(self._name(number, entry), partial(self._record, entry, plan))
            for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1)
        ]
        properties = self._provider.properties or None
        table, records, rejected = tabulate(read, properties=properties, texts=TEXTS)
        return Batch(table, following, rejected, count_notes(records), status=f"{len(rejected)} rejected")

    def _name(self, number: int, entry: Any) -> str:
        """Return the name of a rejected entry: its identifier, or its place on the page."""
        return str(_mapping(entry).get("id") or f"entry {number} of its page")

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
        """Return the fields to ask for; all of them where the provider's own are unknown."""
        if not self._provider.properties and self._provider.functional is None:
            return None
        return [*FIELDS, *dict.fromkeys(path[0] for path in self._provider.properties.values())]

    def _page(self, address: str | None, *, page_limit: int | None = None) -> Any:
        from builders.sources.sessions import LeavesService

        url = self._provider.url
        client = _client_class()(
            url, max_results_per_provider=0, use_async=False, silent=True, http_client=self._session
        )
        try:
            results = client.get_one(
                "structures",
                self.query["filter"],
                url,
                response_fields=self.query["fields"],
                page_limit=page_limit or PAGE,
                paginate=False,
                override_url=address,
            )[url]
        except Exception as error:  # the client names most failures, and raises anything for the rest
            raise self._trouble(f"{type(error).__name__}: {error}") from None
        if results.errors:
            text, refused = str(results.errors[0]), f"{LeavesService.__name__}: "
            raise LeavesService(text.removeprefix(refused)) if text.startswith(refused) else self._trouble(text)
        if not isinstance(results.meta, Mapping):
            raise self._trouble("an answer without meta")
        return results

    def _trouble(self, reason: str) -> SourceError:
        return SourceError(
            f"{self._provider.url} did not answer as it should ({self._shown(' '.join(reason.split()))[:300]}). Check "
            "--provider and --filter. What has been pulled is kept: give the same command again later. Without a "
            "network, use --source starter."
        )

    def _shown(self, value: Any) -> Any:
        """Return a message of a server without user and password, which it may repeat."""
        return without_secrets(value, self._address.secrets) if isinstance(value, str) else value


def _client_class() -> Any:
    try:
        return import_module("optimade.client").OptimadeClient
    except ImportError as error:
        raise MissingExtra.of("optimade[http-client]", "sources") from error


def _session_class(address: Address) -> type:
    """Return a session class that waits and tries again; the client's own never gives up."""
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    from builders.sources.sessions import bound_session

    class PatientSession(bound_session(address, "--provider")):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            waits = Retry(RETRIES, backoff_factor=BACKOFF, status_forcelist=(429, 500, 502, 503, 504))
            self.mount("http://", HTTPAdapter(max_retries=waits))
            self.mount("https://", HTTPAdapter(max_retries=waits))

    return PatientSession


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _day(meta: Mapping[str, Any]) -> str | None:
    """Return the day on which the provider answered: its data have no other version."""
    return str(meta["time_stamp"])[:10] if meta.get("time_stamp") else None


def _name_of(entry: Any, place: int) -> str:
    """Return the identifier of an entry, or its place on the page where it has none."""
    identifier = entry.get("id") if isinstance(entry, Mapping) else None
    return str(identifier) if identifier else f"entry {place + 1} of a page"


def _properties(attributes: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    """Return values under our names where those are known, else all of the provider's own numbers."""
    if provider.properties:
        return {name: value_at(attributes, path) for name, path in provider.properties.items()}
    return {name.lstrip("_"): value for name, value in attributes.items() if name.startswith("_") and is_number(value)}
