"""The neighbors command: the elements or structures whose vectors are nearest to one."""

from __future__ import annotations

from pathlib import Path

import click

from embeddings.cli.printing import as_json_option, print_json, print_table
from embeddings.cli.types import COUNT
from embeddings.loaders import load_uae
from embeddings.vectors.file import open_vectors
from embeddings.vectors.names import is_vectors, place_of


@click.command()
@click.argument("name")
@click.argument("element")
@click.option("-k", default=5, show_default=True, type=COUNT, help="Number of neighbors.")
@as_json_option
def neighbors(name: str, element: str, k: int, as_json: bool) -> None:
    r"""List the elements, or the structures in a file of vectors, that are nearest to one by cosine similarity.

    ELEMENT is a symbol or an atomic number. For a file of structure vectors, it is the identifier of a structure, a
    structure file, a vector (.npy), or a formula; embeddings search has more options.

    \b
    Example:
      embeddings neighbors starter Fe -k 3
      embeddings neighbors vectors.parquet mp-149
    """
    if is_vectors(name) and open_vectors(place_of(name))[1].level != "element":
        _structure_neighbors(place_of(name), element, k, as_json=as_json)
        return
    catalog = load_uae(name)
    found = catalog.neighbors(int(element) if element.isdecimal() and len(element) < 10 else element, k=k)
    if as_json:
        print_json([{"symbol": symbol, "similarity": similarity} for symbol, similarity in found])
    else:
        print_table([(symbol, f"{similarity:+.3f}") for symbol, similarity in found])


def _structure_neighbors(path: Path | str, like: str, k: int, *, as_json: bool) -> None:
    from embeddings.search.collections import InFile
    from embeddings.search.encoding import encode
    from embeddings.search.matches import search

    found = search(InFile(path, encode=encode), like, k)
    if as_json:
        print_json([{"id": one.material_id, "formula": one.formula, "similarity": one.cosine} for one in found])
    elif found:
        print_table([(one.material_id, one.formula, f"{one.cosine:+.3f}") for one in found])
