"""The export command: a catalog as a file that another program reads."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import echo
from embeddings.export import CLIENTS, POLICIES, write
from embeddings.loaders import load_uae
from embeddings.missing import Missing
from embeddings.store.outputs import Output


@click.command()
@click.argument("name")
@click.option(
    "--to", "client", required=True, type=click.Choice(list(CLIENTS)), help="Program that will read the file."
)
@click.option(
    "--missing",
    type=click.Choice(list(POLICIES)),
    default="raise",
    show_default=True,
    help="For an element without a vector: " + "; ".join(f"{name}: {does}" for name, does in POLICIES.items()) + ".",
)
@click.option("--elements", help="Elements to write, separated by commas.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Output; replaced if it exists.")
def export(name: str, client: str, missing: Missing, elements: str | None, out: Path) -> None:
    r"""Write a catalog of elements for another program.

    Without --elements, the file has the elements of the catalog; with --missing mean or zeros, it has every element
    that the program can read.

    \b
      cgcnn        atom_init.json
      megnet       .npy, weights of the Keras layer atom_embedding
      matgl        torch file with element_types and weight
      alignn       JSON for jarvis.core.specie.cgcnn_feature_json
      torch        state of an nn.Embedding(119, dim), by atomic number
      csv, json    by symbol
      hdf5         by symbol and atomic number, with name, version and recipe
      pymatgen     JSON by symbol and name of the number, as periodic_table.json
      matminer     JSON by symbol, as matscholar_els.json
      element-embeddings  JSON by symbol for Embedding.from_json (SMACT)
      aviary       JSON by symbol for elem_embedding of Roost, Wren, CGCNN
      crabnet      CSV of all 118 elements in order, for elem_prop
      pyg          torch file, for Data.from_dict of PyTorch Geometric

    \b
    Example:
      embeddings export starter --to cgcnn -o atom_init.json
    """
    asked = None if elements is None else [element.strip() for element in elements.split(",") if element.strip()]
    guard(Output(out), catalogs=[name])
    catalog = load_uae(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write(catalog, client, out, missing=missing, elements=asked)
    for warning in caught:
        echo(f"Warning: {warning.message}", err=True)
    echo(f"{out}: {catalog.name}@{catalog.version} for {client}", err=True)
