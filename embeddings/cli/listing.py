"""The list command: the catalogs that are here, that a registry offers or that files hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.printing import as_json_option, echo, print_json, print_line, print_table
from embeddings.errors import EmbeddingsError
from embeddings.store import locations
from embeddings.store import roots as store
from embeddings.store.index import precedence
from embeddings.store.locations import Location
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import Footer

if TYPE_CHECKING:
    from embeddings.vectors.file import VectorFiles


@click.command("list")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="List a file of vectors instead; repeatable.")  # fmt: skip
@click.option("--from", "registry", help="List what a registry offers: its URL, folder, or remembered name.")
@click.option(
    "--all", "everything", is_flag=True, help="Also list released versions of our catalogs that are not installed."
)
@as_json_option
def list_command(files: tuple[Path, ...], registry: str | None, everything: bool, as_json: bool) -> None:
    r"""List all catalogs: kind, size, the root that each version lies in, and which version a bare name means.

    A bare name means the highest default version of any root. If several roots have the same version, the first
    counts: roots in EMBEDDINGS_CATALOGS, then the user's cache, then the catalogs that come with the library.

    For registries in EMBEDDINGS_CATALOGS, this shows what was fetched; --from shows everything that a registry offers.
    Files of vectors are in no root; list them with --file. Older versions of our catalogs are in the folder released/
    of the library's sources; an installation without that folder lists them with --all, and says how to fetch one.

    \b
    Example:
      embeddings list
      embeddings list --all
      embeddings list --file vectors.parquet --file sites.parquet
      embeddings list --from hf://my-group/embeddings
    """
    if everything and (files or registry is not None):
        raise click.UsageError("--all lists catalogs of the library. Leave out --file and --from.")
    if files:
        if registry is not None:
            raise click.UsageError("--from lists a registry, and --file lists files. Give one of them.")
        _list_files(files, as_json=as_json)
        return
    if registry is not None:
        _list_registry(registry, as_json)
        return
    rows = [_listing(location) for location in locations.locate_all()]
    if everything:
        rows = sorted([*rows, *_not_in_roots(rows)], key=lambda row: (row["name"], precedence(row["version"])))
    if as_json:
        print_json(rows)
        return
    if rows:
        keys = ("name", "version", "kind", "n_rows", "dim", "licence", "root")
        shown = ([*("-" if row[key] is None else str(row[key]) for key in keys), _remark(row)] for row in rows)
        print_table([(*map(_title, keys), ""), *shown])
    else:
        print_line(f"No catalogs in {', '.join(map(str, store.search_roots()))}.")
    broken = [each.reason for each in locations.troubles() if each.is_damage]
    for trouble in [*(row["error"] for row in rows if row["error"]), *broken]:
        print_line(f"Warning: {trouble}")


def _list_files(files: Sequence[Path], *, as_json: bool) -> None:
    rows = [_file_listing(path, *open_vectors(path)) for path in files]
    if as_json:
        print_json(rows)
        return
    print_table([[*map(_title, rows[0])], *([str(value) for value in row.values()] for row in rows)])


def _file_listing(path: Path, file: VectorFiles, footer: Footer) -> dict[str, Any]:
    return {
        "file": str(path),
        "level": footer.level,
        "n_rows": file.metadata.num_rows,
        "dim": footer.dim,
        "encoder": footer.encoder,
        "n_structures": footer.n_structures,
        "source": footer.source,
        "licence": footer.licence.spdx,
    }


def _list_registry(asked: str, as_json: bool) -> None:
    from embeddings.registry.offers import offers

    offered = offers(asked)
    if as_json:
        print_json(offered.rows)
    elif offered.rows:
        keys = ("name", "default", "versions", "kind", "n_rows", "dim", "licence", "signed", "fetched")
        print_table([[*map(_title, keys)], *([str(row[key]) for key in keys] for row in offered.rows)])
    else:
        print_line(f"No catalogs in {offered.url}.")
    for warning in offered.warnings:
        echo(f"Warning: {warning}", err=True)


def _listing(location: Location) -> dict[str, Any]:
    """Return the facts of one version; those of its manifest are None where it cannot be read."""
    facts: dict[str, Any] = {
        "name": location.name,
        "version": location.version,
        "default": location.is_default,
        "root": str(location.root),
        "shadowed_by": str(location.shadowed_by) if location.shadowed_by else None,
        **dict.fromkeys(("kind", "n_rows", "dim", "licence", "description", "error")),
    }
    try:
        manifest = store.manifest_of(location.folder)
    except EmbeddingsError as error:
        return facts | {"error": str(error)}
    return facts | {
        "kind": manifest.kind,
        "n_rows": manifest.n_rows,
        "dim": manifest.dim,
        "licence": manifest.licence.spdx,
        "description": manifest.description,
    }


def _not_in_roots(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the facts of the released versions that no root has: fetched from a registry, or not here."""
    there = {(row["name"], row["version"]) for row in rows}
    return [
        _elsewhere(name, version)
        for name, known in store.released().items()
        for version in known
        if (name, version) not in there
    ]


def _elsewhere(name: str, version: str) -> dict[str, Any]:
    folder = store.fetched_release(name, version)
    if folder is not None:
        return _listing(Location(name, version, folder.parents[1], is_default=False))
    facts = dict.fromkeys(("root", "shadowed_by", "kind", "n_rows", "dim", "licence", "description", "error"))
    return {"name": name, "version": version, "default": False, **facts}


def _title(key: str) -> str:
    """Return a key of the JSON as the head of a column."""
    return "license" if key == "licence" else key


def _remark(row: dict[str, Any]) -> str:
    if row["root"] is None:
        return f"not here: embeddings get {row['name']}@{row['version']} --from PLACE"
    if row["error"]:
        return "corrupt: run embeddings verify"
    if row["shadowed_by"]:
        return f"shadowed by {row['shadowed_by']}"
    return "default" if row["default"] else ""
