"""The citation of a catalog version as a Citation File Format file, which GitHub, Zenodo and Zotero read.

The form is that of https://citation-file-format.github.io, version 1.2.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embeddings.store.bibtex import Entry, plain, read_bibtex
from embeddings.store.licences import is_spdx
from embeddings.store.manifest import Manifest

CITATION = "CITATION.cff"

_TYPES = {"article": "article", "book": "book", "inproceedings": "conference-paper", "phdthesis": "thesis"}
_TEXTS = ("journal", "volume", "doi", "url", "publisher")


def render_citation(manifest: Manifest) -> str:
    """Return the content of CITATION.cff, from the manifest alone.

    The catalog itself is the data set; what its manifest asks to cite stands among the references.
    """
    references = [reference for entry in read_bibtex(manifest.citation.bibtex) if (reference := _reference(entry))]
    fields: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": _message(manifest, has_references=bool(references)),
        "type": "dataset",
        "title": f"{manifest.name}: {manifest.description}",
        "authors": [{"name": f"The makers of {manifest.name}"}],
        "version": manifest.version,
        "date-released": manifest.created.partition("T")[0],
        **({"license": manifest.licence.spdx} if is_spdx(manifest.licence.spdx) else {}),
        "keywords": ["materials science", "embeddings", manifest.model.name],
        **({"references": references} if references else {}),
    }
    return _lines(fields)


def _message(manifest: Manifest, *, has_references: bool) -> str:
    message = f"Cite this catalog with its version, the data and the method. {manifest.licence.attribution}"
    return message if has_references else f"{message} {manifest.citation.bibtex}"


def _reference(entry: Entry) -> dict[str, Any] | None:
    """Return an entry as a reference; None where it lacks a title or authors, which the format asks for."""
    title = plain(entry.fields.get("title", ""))
    if not title or not entry.authors:
        return None
    year = entry.fields.get("year", "")
    return {
        "type": _TYPES.get(entry.kind, "generic"),
        "title": title,
        "authors": [_author(family, given) for family, given in entry.authors],
        **({"year": int(year)} if year.isdecimal() and len(year) == 4 else {}),
        **{name: plain(entry.fields[name]) for name in _TEXTS if entry.fields.get(name)},
        **({"start": entry.fields["pages"]} if entry.fields.get("pages") else {}),
    }


def _author(family: str, given: str) -> dict[str, str]:
    return {"family-names": family, "given-names": given} if given else {"name": family}


def _lines(fields: Mapping[str, Any]) -> str:
    """Return YAML: a line for each field, its value as JSON, which quotes what needs quoting."""
    return "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items())
