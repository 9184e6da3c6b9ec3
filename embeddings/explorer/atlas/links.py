"""Where the entry of a structure can be read, by its identifier."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BY_NAME = (
    (re.compile(r"(?:mp|mvc)-[0-9a-z]+"), "https://next-gen.materialsproject.org/materials/{}"),
    (re.compile(r"JVASP-\d+"), "https://www.ctcms.nist.gov/~knc6/jsmol/{}.html"),
    (re.compile(r"aflow:[0-9a-f]+"), "https://aflow.org/material/?id={}"),
    (re.compile(r"oqmd-(\d+)"), "https://oqmd.org/materials/entry/{}"),
)
"""Identifiers that tell their database."""

_BY_SOURCE = (
    ("OQMD", re.compile(r"\d+"), "https://oqmd.org/materials/entry/{}"),
    ("Crystallography Open Database", re.compile(r"\d{7}"), "https://www.crystallography.net/cod/{}.html"),
)
"""Numbers, which are entries only of a database that is named."""


def link_of(material_id: str, source: str) -> str | None:
    """Return the address of a structure's entry; None where it is not known.

    Args:
        material_id: its identifier.
        source: where the structures come from, as their file tells.
    """
    for form, address in _BY_NAME:
        if found := form.fullmatch(material_id):
            return address.format(found[found.lastindex or 0])
    for name, form, address in _BY_SOURCE:
        if name in source and form.fullmatch(material_id):
            return address.format(material_id)
    return None


def links_of(material_ids: Iterable[str], source: str) -> list[str | None]:
    """Return the address of each structure's entry."""
    return [link_of(material_id, source) for material_id in material_ids]
