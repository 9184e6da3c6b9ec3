"""Whose data it is: the license, the credit that it requires, and what to cite."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from embeddings.errors import InputInvalid, SourceError, did_you_mean


@dataclass(frozen=True)
class Origin:
    """Where structures and labels come from.

    Attributes:
        name: of the database or data set.
        licence: SPDX identifier.
        attribution: the credit that the license requires.
        bibtex: what to cite.
        doi: of that.
        database_version: as the database states it.
        synthetic: whether the labels are neither measured nor from first principles.
    """

    name: str
    licence: str = "LicenseRef-unknown"
    attribution: str = "The source states no license. Ask its owner before you share vectors made from it."
    bibtex: str = "@misc{unknown, note = {The source states no citation}}"
    doi: str | None = None
    database_version: str | None = None
    synthetic: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


_JAIN_2013 = """@article{jain2013commentary,
  title = {Commentary: The Materials Project: A materials genome approach to accelerating materials innovation},
  author = {Jain, Anubhav and Ong, Shyue Ping and Hautier, Geoffroy and Chen, Wei and others},
  journal = {APL Materials},
  volume = {1},
  pages = {011002},
  year = {2013},
  doi = {10.1063/1.4812323}
}"""

_TOHER_2014 = """@article{toher2014high,
  title = {High-throughput computational screening of thermal conductivity, Debye temperature, and Gruneisen parameter
           using a quasiharmonic Debye model},
  author = {Toher, Cormac and others},
  journal = {Physical Review B},
  volume = {90},
  pages = {174107},
  year = {2014},
  doi = {10.1103/PhysRevB.90.174107}
}"""

_CASTELLI_2012 = """@article{castelli2012new,
  title = {New cubic perovskites for one- and two-photon water splitting using the computational materials repository},
  author = {Castelli, Ivano E. and others},
  journal = {Energy \\& Environmental Science},
  volume = {5},
  pages = {9034},
  year = {2012},
  doi = {10.1039/C2EE22341D}
}"""

_MATERIALS_PROJECT = Origin(
    name="Materials Project",
    licence="CC-BY-4.0",
    attribution="Contains data of the Materials Project (materialsproject.org), licensed under CC BY 4.0.",
    bibtex=_JAIN_2013,
    doi="10.1063/1.4812323",
)

ORIGINS: dict[str, Origin] = {
    "materials-project": _MATERIALS_PROJECT,
    "materials-project-open-labels": replace(
        _MATERIALS_PROJECT,
        name="Materials Project structures with openly published labels",
        attribution=_MATERIALS_PROJECT.attribution
        + " Structures: the CIF collection of the repository topology_databases (F.-X. Coudert)."
        + " Labels: Materials Project calculations on the scale before MP2020 corrections, as published with"
        + " MEGNet (2018), Roost and MatBench.",
    ),
    "materials-project-aflow-cmr": replace(
        _MATERIALS_PROJECT,
        name="Materials Project structures with openly published labels, AFLOW's thermal library and CMR's perovskites",
        attribution=_MATERIALS_PROJECT.attribution
        + " Structures: the CIF collection of the repository topology_databases (F.-X. Coudert)."
        + " Labels: Materials Project calculations on the scale before MP2020 corrections, as published with"
        + " MEGNet (2018), Roost and MatBench. Moduli and thermal properties: AFLOW (aflow.org), quasi-harmonic Debye"
        + " model. Cubic perovskites: Computational Materials Repository (cmr.fysik.dtu.dk). Both are published for"
        + " free use and ask to be cited.",
        bibtex="\n".join([_JAIN_2013, _TOHER_2014, _CASTELLI_2012]),
    ),
}
"""Origins that can be named instead of described in a file."""

SAID = {"license": "licence"}
"""Other words for fields of `Origin` in a file that describes one."""


def find_origin(about: str) -> Origin:
    """Return a known origin by name, or read one from a JSON file with the fields of ``Origin``, or those of `SAID`.

    Raises:
        InputInvalid: neither a known name nor a file with these fields.
    """
    if about in ORIGINS:
        return ORIGINS[about]
    path = Path(about)
    if path.suffix != ".json":
        hint = did_you_mean(about, ORIGINS)
        raise InputInvalid(f'No origin "{about}".{hint} Known: {", ".join(ORIGINS)}; or give a .json file.')
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if twice := [said for said, name in SAID.items() if said in document and name in document]:
            raise ValueError(f"{twice[0]} and {SAID[twice[0]]} are the same field")
        return origin_from_dict({SAID.get(key, key): value for key, value in document.items()})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        called = {name: said for said, name in SAID.items()}
        known = ", ".join(called.get(entry.name, entry.name) for entry in fields(Origin))
        raise InputInvalid(f"{path} does not describe an origin ({error}). Its fields: {known}.") from error


def origin_from_dict(document: dict[str, Any]) -> Origin:
    """Build an origin from JSON values; unknown fields raise ``TypeError``."""
    return Origin(**document)


def origin_from_metadata(schema: pa.Schema, *, name: str) -> Origin:
    """Read what the metadata of a Parquet file says about its origin (keys as the fields of ``Origin``).

    Raises:
        SourceError: one of these entries is not text in UTF-8, or ``synthetic`` is neither true nor false.
    """
    metadata = schema.metadata or {}
    stated: dict[str, Any] = {
        entry.name: _text(metadata[entry.name.encode()], entry.name, name)
        for entry in fields(Origin)
        if entry.name.encode() in metadata
    }
    if "synthetic" in stated:
        stated["synthetic"] = _truth(stated["synthetic"], name)
    return Origin(**{"name": name, **stated})


def _text(content: bytes, key: str, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f'{name}: its metadata "{key}" is {content!r}, which is not UTF-8.') from error


def _truth(text: str, name: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise SourceError(f'{name}: its metadata "synthetic" is "{text}"; it has to be true or false.')
    return text.lower() == "true"
