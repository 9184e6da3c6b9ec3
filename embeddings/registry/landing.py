"""The README.md of a registry, made from its index: for people, and for ``datasets``, which reads its header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embeddings.registry.listing import Listing
from embeddings.store.card import TABLES, hub_header

_TITLE = "Embeddings for materials"


def landing_page(entries: Mapping[str, Any], url: str) -> str:
    """Return the page: a YAML header with one configuration for each version, then a table of them.

    Args:
        entries: of the index, as `embeddings.registry.listing.with_release` makes them.
        url: of the registry.
    """
    listing = Listing(url, entries)
    known = {name: entries[name] for name in listing.names() if listing.versions(name)}
    configs = [
        {"config_name": f"{name}@{version}", "data_files": f"{name}/{version}/{TABLES[listing.fact(name, 'kind')]}"}
        for name in known
        if listing.fact(name, "kind") in TABLES
        for version in listing.versions(name)
    ]
    licences = [str(entry["licence"]) for entry in known.values() if "licence" in entry]
    rows = [_row(listing, name) for name in known]
    example = f'load_catalog("{_shown(url)}/{next(iter(known), "NAME")}")'
    return "\n".join(
        [
            "---", hub_header(_TITLE, licences, configs), "---", "",
            f"# {_TITLE}", "",
            "Versioned catalogs of vectors, each with its manifest, hashes, license and citation.", "",
            "```python", "from embeddings import load_catalog", "", example, "```", "",
            "| catalog | default | versions | kind | rows | width | license | |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows, "",
        ]
    )  # fmt: skip


def _row(listing: Listing, name: str) -> str:
    stated = (listing.entries[name].get(key, "") for key in ("kind", "n_rows", "dim", "licence", "description"))
    facts = [name, str(listing.default(name)), ", ".join(listing.versions(name)), *map(str, stated)]
    return "| " + " | ".join(" ".join(fact.split()).replace("|", "\\|") for fact in facts) + " |"


def _shown(url: str) -> str:
    """Return the URL as others can use it; a folder of this machine means nothing elsewhere."""
    return "REGISTRY" if url.startswith("file:") else url
