"""On what terms a table may be used, and what to cite for it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from embeddings.display.text import shortened
from embeddings.errors import InputInvalid, did_you_mean, needs
from embeddings.store.manifest import Citation
from embeddings.store.reading import read_bounded, why

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/[^\s{}\"<>]+)", re.IGNORECASE)
_LARGEST = 100_000


def read_licence(text: str) -> str:
    """Return an SPDX license expression, spelled as SPDX does: ``mit`` becomes ``MIT``.

    Args:
        text: an identifier or expression; ``LicenseRef-...`` for terms that SPDX does not list.

    Raises:
        InputInvalid: not one.
        MissingExtra: the package `packaging` is not installed.
    """
    with needs("packaging", ""):
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
        from packaging.licenses._spdx import LICENSES
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        known = [entry["id"] for entry in LICENSES.values()]
        raise InputInvalid(
            f'"{shortened(text)}" is not an SPDX license.{did_you_mean(text, known)} Give one such as MIT, '
            "CC-BY-4.0 or CC0-1.0 (spdx.org/licenses), or LicenseRef-NAME for terms that it does not list."
        ) from error


def read_citation(text: str, *, title: str) -> Citation:
    """Return what to cite: from a DOI, a BibTeX entry, or a .bib file.

    Args:
        text: the DOI with or without ``https://doi.org/``, the entry itself, or the path of a file that holds it.
        title: of the entry that is made for a DOI.

    Raises:
        InputInvalid: none of these.
    """
    text = text.strip()
    if found := _DOI.fullmatch(text):
        doi = found[1].rstrip(".,;")
        return Citation(bibtex=f"@misc{{{_key(title)},\n  title = {{{title}}},\n  doi = {{{doi}}}\n}}", doi=doi)
    entry = text if text.startswith("@") else _entry_in(Path(os.path.expanduser(text)))
    if not re.match(r"@\w+\s*\{[^}]+,", entry) or entry.count("{") != entry.count("}"):
        raise InputInvalid(
            f'"{shortened(entry)}" is not a BibTeX entry. Give a DOI, such as 10.1038/s41586-019-1335-8.'
        )
    doi = re.search(r"\bdoi\s*=\s*[{\"]+\s*([^}\"]+)", entry, re.IGNORECASE)
    found = _DOI.fullmatch(doi[1].strip()) if doi else None
    return Citation(bibtex=entry, doi=found[1] if found else None)


def _entry_in(path: Path) -> str:
    if path.suffix.lower() != ".bib":
        raise InputInvalid(
            f'"{shortened(str(path))}" is not a DOI, a BibTeX entry or a .bib file. For what has no DOI, give '
            'an entry, such as "@misc{key, author={Family, Given}, title={Title}, year={2026}}".'
        )
    try:
        return read_bounded(path, at_most=_LARGEST).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        raise InputInvalid(f"{path} cannot be read: {reason}.") from error


def _key(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-") or "table"
