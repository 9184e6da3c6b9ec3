"""Structures from any database that speaks OPTIMADE, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from builders.cleaning import EVERYTHING, Selection
from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.optimade_providers import Provider, find_provider, value_at
from builders.sources.structures import Site, StructureRecord, Unusable, count_notes, make_record, structures_to_arrow
from embeddings.errors import MissingExtra, SourceError

PAGE: int | None = None
"""Entries on a page; None leaves it to the provider, some of whom refuse what others offer."""

RETRIES, BACKOFF = 6, 1.0
FIELDS = (
    *("lattice_vectors", "cartesian_site_positions", "species", "species_at_sites"),
    *("nperiodic_dimensions", "last_modified"),
)
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

    def _batch(self, entries: list[dict[str, Any]], plan: Plan, following: Cursor) -> Batch:
        records, rejected = [], []
        for entry in entries:
            try:
                records.append(self._record(entry, plan))
            except Unusable as fault:
                rejected.append(Rejected(str(entry.get("id")), fault.reason, fault.detail))
        properties = self._provider.properties or None
        table = structures_to_arrow(records, properties=properties, texts=TEXTS)
        return Batch(table, following, tuple(rejected), count_notes(records), status=f"{len(rejected)} rejected")

    def _record(self, entry: Mapping[str, Any], plan: Plan) -> StructureRecord:
        attributes = entry.get("attributes") or {}
        if not entry.get("id"):
            raise Unusable("no_id", "the entry has no identifier")
        lattice, sites, coords = _structure(attributes)
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


def _structure(attributes: Mapping[str, Any]) -> tuple[np.ndarray, list[Site], np.ndarray]:
    if attributes.get("nperiodic_dimensions", 3) != 3:
        raise Unusable("no_cell", "it is not periodic in three directions")
    try:
        lattice = np.asarray(attributes["lattice_vectors"], dtype=float).reshape(3, 3)
        positions = np.asarray(attributes["cartesian_site_positions"], dtype=float).reshape(-1, 3)
        species = {kind["name"]: _site(kind) for kind in attributes["species"]}
        sites = [species[name] for name in attributes["species_at_sites"]]
        return lattice, sites, np.linalg.solve(lattice.T, positions.T).T
    except (KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error


def _site(kind: Mapping[str, Any]) -> Site:
    shares = zip(kind["chemical_symbols"], kind["concentration"], strict=True)
    return {symbol: share for symbol, share in shares if symbol != "vacancy"}


def _properties(attributes: Mapping[str, Any], provider: Provider) -> dict[str, float | None]:
    """Values under our names where they are known, else all of the provider's own numbers."""
    if provider.properties:
        return {name: value_at(attributes, path) for name, path in provider.properties.items()}
    own = (name for name in attributes if name.startswith("_"))
    return {
        name.lstrip("_"): value_at(attributes, (name,)) for name in own if value_at(attributes, (name,)) is not None
    }
