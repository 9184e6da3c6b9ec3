"""The README.md of a registry, made from its index: for people, and for ``datasets``, which reads its header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embeddings.store.card import hub_header
from embeddings.store.index import is_name

README = "README.md"
_TITLE = "Embeddings for materials"
_ROWS = {"element": "vectors.parquet", "structure": "vectors.parquet", "composition-encoder": "formulas.parquet"}


def landing_page(entries: Mapping[str, Any], url: str) -> str:
    """Return the page: a YAML header with one configuration for each version, then a table of them.

    Args:
        entries: of the index, as `embeddings.registry.listing.with_release` makes them.
        url: of the registry.
    """
    known = {name: entry for name, entry in sorted(entries.items()) if is_name(name) and isinstance(entry, dict)}
    configs = [
        {"config_name": f"{name}@{version}", "data_files": f"{name}/{version}/{_ROWS[entry['kind']]}"}
        for name, entry in known.items()
        if entry.get("kind") in _ROWS
        for version in entry.get("versions", [])
    ]
    licences = [str(entry["licence"]) for entry in known.values() if "licence" in entry]
    rows = [_row(name, entry) for name, entry in known.items()]
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


def _row(name: str, entry: Mapping[str, Any]) -> str:
    facts = [
        name,
        str(entry.get("default", "")),
        ", ".join(map(str, entry.get("versions", []))),
        *(str(entry.get(key, "")) for key in ("kind", "n_rows", "dim", "licence", "description")),
    ]
    return "| " + " | ".join(" ".join(fact.split()).replace("|", "\\|") for fact in facts) + " |"


def _shown(url: str) -> str:
    """Return the URL as others can use it; a folder of this machine means nothing elsewhere."""
    return "REGISTRY" if url.startswith("file:") else url
