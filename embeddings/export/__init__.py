"""Catalogs in the places where other people's models look for element features, without a change to their code.

- :func:`write` makes the file that a client reads, by the name of the client.
- :mod:`embeddings.export.cgcnn`, :mod:`~embeddings.export.alignn`, :mod:`~embeddings.export.matgl`: the same, and
  what goes into a model or a graph in memory: element tables, and vectors of sites.
- :func:`element_rows` and :func:`table_by_number` for any other client.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

from embeddings.errors import InputInvalid, OutputInvalid, did_you_mean
from embeddings.export.rows import POLICIES, Elements, Rows, element_rows, table_by_number
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.store.folders import write_bytes
from embeddings.store.outputs import check_file

__all__ = ["CLIENTS", "POLICIES", "Rows", "element_rows", "table_by_number", "write", "writer"]

CLIENTS = {
    "cgcnn": "embeddings.export.cgcnn:cgcnn_file",
    "megnet": "embeddings.export.peers:megnet_file",
    "matgl": "embeddings.export.matgl:matgl_file",
    "alignn": "embeddings.export.alignn:alignn_file",
    "torch": "embeddings.export.torch:torch_file",
    "csv": "embeddings.export.files:csv_file",
    "json": "embeddings.export.files:json_file",
    "hdf5": "embeddings.export.files:hdf5_file",
    "pymatgen": "embeddings.export.peers:pymatgen_file",
    "matminer": "embeddings.export.peers:matminer_file",
    "element-embeddings": "embeddings.export.files:json_file",
    "aviary": "embeddings.export.peers:aviary_file",
    "crabnet": "embeddings.export.peers:crabnet_file",
    "pyg": "embeddings.export.pyg:pyg_file",
}
"""Name of each client or format, and what returns the content of its file as ``module:function``."""

ENDINGS = {
    ".csv": ("csv", "crabnet"),
    ".json": ("json", "cgcnn", "alignn", "pymatgen", "matminer", "element-embeddings", "aviary"),
    ".npy": ("megnet",),
    ".pt": ("torch", "matgl", "pyg"),
    ".pth": ("torch", "matgl", "pyg"),
    ".h5": ("hdf5",),
    ".hdf5": ("hdf5",),
}
"""Endings of file names that promise something, and the clients whose files may have them."""


def writer(client: str) -> Callable[..., None]:
    """Return the function that writes the file of a client.

    Raises:
        InputInvalid: no such client.
        MissingExtra: what the writer needs is not installed.
    """
    if client not in CLIENTS:
        known = ", ".join(CLIENTS)
        raise InputInvalid(f'Nothing to write for "{client}".{did_you_mean(client, CLIENTS)} Known: {known}.')
    content = resolve_name(CLIENTS[client])

    def written(
        catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
    ) -> None:
        check_file(Path(path))
        write_bytes(Path(path), content(catalog, missing=missing, elements=elements))

    return written


def write(
    catalog: CatalogLike,
    client: str,
    path: str | os.PathLike[str],
    *,
    missing: Missing = "raise",
    elements: Elements = None,
) -> None:
    """Write the file from which a client reads element features; it appears complete or not at all.

    Args:
        catalog: the element vectors, loaded or by name.
        client: a name of :data:`CLIENTS`.
        path: the file; one that is there is replaced.
        missing: a policy of :data:`POLICIES` for elements that have no vector. One that fills in warns, and names
            what it filled in.
        elements: the elements that the client needs. By default those of the catalog; all that the client can
            take with a policy that fills in.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``; the message names all of them.
        ElementUnknown: not a chemical element, or one that the client cannot take.
        InputInvalid: an unknown client or policy, or no elements.
        MissingExtra: what the writer needs is not installed.
        OutputInvalid: the file cannot be written, or its name ends as another client's do.
    """
    make = writer(client)
    _check_ending(client, Path(path))
    make(catalog, path, missing=missing, elements=elements)


def _check_ending(client: str, path: Path) -> None:
    """Refuse a name that promises another kind of file; one that promises nothing is fine."""
    ending = path.suffix.lower()
    if client not in ENDINGS.get(ending, (client,)):
        own = next(known for known, clients in ENDINGS.items() if client in clients)
        raise OutputInvalid(
            f'{path} ends in "{ending}", which is not an ending of files for {client}. Call it {path.stem}{own}, or '
            f"name another kind: --to {ENDINGS[ending][0]}"
        )
