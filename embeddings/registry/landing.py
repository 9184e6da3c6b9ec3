"""The README.md of a registry, made from its index: for people, and for ``datasets``, which reads its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embeddings.store.index import is_name

README = "README.md"
_ROWS = {"element": "vectors.parquet", "structure": "vectors.parquet", "composition-encoder": "formulas.parquet"}


def landing_page(entries: Mapping[str, Any], url: str) -> str:
    """Return the page: a YAML header with one configuration for each catalog, then a table of them.

    Args:
        entries: of the index, as `embeddings.registry.listing.with_release` makes them.
        url: of the registry.
    """
    known = {name: entry for name, entry in sorted(entries.items()) if is_name(name) and isinstance(entry, dict)}
    configs = [
        {"config_name": name, "data_files": f"{name}/{entry['default']}/{_ROWS[entry['kind']]}"}
        for name, entry in known.items()
        if entry.get("kind") in _ROWS and "default" in entry
    ]
    header = {
        "pretty_name": "Embeddings for materials",
        "tags": ["chemistry", "materials-science", "embeddings"],
        "configs": configs,
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()]  # JSON is YAML
    rows = [_row(name, entry) for name, entry in known.items()]
    example = f'load_catalog("{_shown(url)}/{next(iter(known), "NAME")}")'
    return "\n".join(
        [
            "---", *lines, "---", "",
            "# Embeddings for materials", "",
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
