"""The import command: a table that others made becomes a catalog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import echo, print_line
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.store.outputs import Output

_OF_FILES = {"kind_of_file": "--format", "array": "--array", "first_row": "--first-row", "drop": "--drop-column"}

_PACKAGES = ("element-embeddings", "matminer", "aviary")
_FORMATS = ("csv", "json", "npy", "npz", "parquet", "hdf5", "word2vec", "safetensors", "torch")


@click.command("import")
@click.argument("source", required=False)
@click.option("--from", "package", type=click.Choice(_PACKAGES), help="Take SOURCE from this installed package.")
@click.option("--name", help="Name of the catalog, such as mat2vec.  [default with --from: package and table]")
@click.option("--version", "number", default="1.0.0", show_default=True, help="Version of the catalog.")
@click.option("--kind", type=click.Choice(["element"]), default="element", show_default=True, help="What a row is.")
@click.option("--license", "--licence", "licence", help="License of the table: an SPDX identifier, such as CC-BY-4.0.")
@click.option("--attribution", help="Credit that the license requires.  [default: the authors cited]")
@click.option("--citation", help="What to cite for the table: a DOI, a BibTeX entry or a .bib file.")
@click.option("--description", help="Description of the catalog, one or two sentences.")
@click.option("--model", default="unknown", show_default=True, help="Model that made the vectors.")
@click.option("--training", help="What that model was trained on, in words, if you know it.")
@click.option("--format", "kind_of_file", type=click.Choice(_FORMATS), help="Format of the file.  [default: detected]")
@click.option("--array", help="Array or tensor to read, if the file holds several.")
@click.option(
    "--first-row", type=click.IntRange(0, 118), help="Atomic number of the first row, if the file has no symbols."
)
@click.option("--drop-column", "drop", multiple=True, help="Column to leave out; repeatable.")
@click.option("--skip-unknown", is_flag=True, help="Leave out rows that do not belong to an element.")
@click.option("--keep", help="Elements to keep although their rows look empty, separated by commas.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Root folder of catalogs to write to.  [default: your cache]"
)
@click.option("--force", is_flag=True, help="Replace an imported version if it exists.")
def import_command(source: str | None, package: str | None, **options: Any) -> None:
    r"""Make a catalog of a table of elements that others made.

    SOURCE is a file: CSV, JSON (CGCNN's atom_init.json as well), NPY, NPZ, Parquet, HDF5, word2vec text, safetensors,
    or a torch checkpoint. With --from, it is the name of a table in a package; leave it out to list the names.

    Rows that hold no information are left out, and named: zeros, means, one row shared by several elements, or values
    that training never changed.

    \b
    Example:
      embeddings import skipatom.csv --name skipatom --license MIT --citation 10.1038/s41524-022-00729-3
      embeddings import --from element-embeddings mat2vec
    """
    from embeddings.adopt import list_tables
    from embeddings.store.roots import user_root

    if source is None:
        if package is None:
            raise click.UsageError("Name a file, or a package with --from.")
        for name in list_tables(package):
            print_line(name)
        return
    of_files = [flag for key, flag in _OF_FILES.items() if options[key] not in (None, ())]
    if package and of_files:
        raise click.UsageError(f"{of_files[0]} goes with a file; a table of a package is read as the package reads it.")
    root = options["out"] or user_root()
    _write(root, source, package, options)


def _write(root: Path, source: str, package: str | None, options: dict[str, Any]) -> None:
    from embeddings.adopt.job import check_free, examine, write_import

    name, keep = _name(source, package, options), _split(options["keep"])
    inputs = [] if package else [source]
    check_free(name, options["number"], root)
    guard(Output(root / name / options["number"], "the catalog", "folder"), inputs=inputs)
    table, about, sha256 = _of_package(source, package, name, options) if package else _of_file(source, name, options)
    imported = examine(table, skip_unknown=bool(package) or options["skip_unknown"], keep=keep)
    folder = write_import(root, imported, about, sha256, table.format, force=options["force"])
    _report(imported, folder)


def _of_file(source: str, name: str, options: dict[str, Any]) -> tuple[Any, Any, str]:
    """Return the table in a file, what is said of it, and the hash of the file."""
    from embeddings.adopt import read_citation, read_licence, read_table
    from embeddings.adopt.job import UNKNOWN, About
    from embeddings.store.manifest import Licence
    from embeddings.store.reading import hash_of, why

    for asked, flag in (("licence", "--license SPDX"), ("citation", "--citation DOI")):
        if not options[asked]:
            raise InputInvalid(
                f"Somebody else's table needs {flag}; without it, nobody can use or credit the table properly."
            )
    path = Path(os.path.expanduser(source))  # pathlib raises where there is no such user
    licence, citation = read_licence(options["licence"]), read_citation(options["citation"], title=name)
    table = read_table(
        path,
        format=options["kind_of_file"],
        array=options["array"],
        first_row=options["first_row"],
        drop=options["drop"],
    )
    about = About(
        name=name,
        version=options["number"],
        description=options["description"] or f"Element vectors that others made, imported from {path.name}.",
        licence=Licence(
            spdx=licence,
            attribution=options["attribution"] or f"Cite {citation.doi or 'the entry in the manifest'}.",
        ),
        citation=citation,
        source=path.name,
        model=options["model"],
        training=options["training"] or UNKNOWN,
        options=[path.name, *_given(name, options)],
    )
    try:
        return table, about, hash_of(path)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {why(error)}.") from error


def _of_package(source: str, package: str, name: str, options: dict[str, Any]) -> tuple[Any, Any, str]:
    """Return a table of an installed package, what is said of it, and the hash of its files."""
    from embeddings.adopt import packaged_table, read_citation, read_licence
    from embeddings.adopt.job import UNKNOWN, About
    from embeddings.store.licences import check_licence
    from embeddings.store.manifest import Licence

    found = packaged_table(package, source)
    given, licence = options["citation"], read_licence(options["licence"] or found.licence)
    check_licence(licence, [found.licence])
    about = About(
        name=name,
        version=options["number"],
        description=options["description"] or f"Element vectors that others made, imported from {found.source}.",
        licence=Licence(
            spdx=licence,
            attribution=options["attribution"] or found.attribution,
        ),
        citation=read_citation(given, title=name) if given else found.citation,
        source=found.source,
        model=options["model"],
        training=options["training"] or UNKNOWN,
        options=["--from", package, source, *_given(name, options)],
    )
    return found.table, about, found.sha256


def _given(name: str, options: dict[str, Any]) -> list[str]:
    """Return the options that repeat an import."""
    said = {"--name": name, "--version": options["number"]}
    names = {key: f"--{key}" for key in ("licence", "attribution", "citation", "description", "training", "keep")}
    names |= {"licence": "--license"} | {key: flag for key, flag in _OF_FILES.items() if key != "drop"}
    said |= {flag: str(options[key]) for key, flag in names.items() if options[key] is not None}
    said |= {"--model": options["model"]} if options["model"] != "unknown" else {}
    flat = [part for pair in said.items() for part in pair] + [p for d in options["drop"] for p in ("--drop-column", d)]
    return [*flat, "--skip-unknown"] if options["skip_unknown"] else flat


def _name(source: str, package: str | None, options: dict[str, Any]) -> str:
    if options["name"]:
        return str(options["name"])
    if package is None:
        raise InputInvalid("A catalog needs a name: --name, such as --name mat2vec.")
    return f"{package}-{source}".lower().replace("_", "-")


def _split(keep: str | None) -> list[str]:
    from embeddings.elements import symbol

    return [symbol(part.strip()) for part in (keep or "").split(",") if part.strip()]


def _report(imported: Any, folder: Path) -> None:
    """Say what was written, and loudly what was not."""
    from embeddings.store.card import listed
    from embeddings.store.manifest import read_manifest

    for note in imported.notes:
        echo(f"Note: {note}", err=True)
    if imported.left_out:
        echo(
            f"Warning: left out (--keep keeps rows whose cells are all numbers): {listed(imported.left_out)}.",
            err=True,
        )
    if imported.flagged:
        echo(f"Warning: kept, and odd: {listed(imported.flagged)}.", err=True)
    made = read_manifest(folder)
    print_line(
        f"{made.name}@{made.version}: {counted(made.n_rows, 'element')} x {made.dim}, {len(imported.left_out)} left "
        f"out, license {made.licence.spdx}. No digest of training formulas, so overlap is unknown."
    )
    print_line(str(folder))
