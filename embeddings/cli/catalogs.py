"""Commands that look at catalogs: list, show, verify, neighbors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.printing import as_json_option, echo, print_json, print_line, print_table
from embeddings.cli.source_options import source_options
from embeddings.cli.types import COUNT
from embeddings.errors import CatalogCorrupt, EmbeddingsError
from embeddings.loaders import load_uae
from embeddings.store import roots as store
from embeddings.store.card import listed, trained_on
from embeddings.store.index import precedence
from embeddings.store.manifest import Manifest
from embeddings.vectors.file import Footer, open_vectors
from embeddings.vectors.names import is_vectors, place_of
from embeddings.vectors.rows import check_vectors

if TYPE_CHECKING:
    from embeddings.vectors.file import VectorFiles

_WIDTH = 100

_WORST = 5
"""Rows that are named when vectors are made again."""


@click.command("list")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="List a file of vectors instead; repeatable.")  # fmt: skip
@click.option("--from", "registry", help="List what a registry offers: its URL, folder, or remembered name.")
@click.option("--all", "everything", is_flag=True, help="Also versions of ours that were released and are not here.")
@as_json_option
def list_command(files: tuple[Path, ...], registry: str | None, everything: bool, as_json: bool) -> None:
    r"""List all catalogs: kind, size, the root that each version lies in, and which version a bare name means.

    A bare name means the highest default version of any root. If several roots have the same version, the first
    counts: roots in EMBEDDINGS_CATALOGS, then the user's cache, then the catalogs that come with the library.

    Of registries in EMBEDDINGS_CATALOGS, this shows what was fetched; --from shows all. Files of vectors are in no
    root: --file lists those that it names. Versions that newer ones took the place of are in the folder released/ of
    the library's sources; an installation without it lists them with --all, and says how to fetch one.

    \b
    Example:
      embeddings list
      embeddings list --all
      embeddings list --file vectors.parquet --file sites.parquet
      embeddings list --from hf://my-group/embeddings
    """
    if everything and (files or registry is not None):
        raise click.UsageError("--all is for the catalogs of the library. Leave out --file and --from.")
    if files:
        if registry is not None:
            raise click.UsageError("--from lists a registry, and --file files; give one of them.")
        _list_files(files, as_json=as_json)
        return
    if registry is not None:
        _list_registry(registry, as_json)
        return
    rows = [_listing(location) for location in store.locate_all()]
    if everything:
        rows = sorted([*rows, *_not_in_roots(rows)], key=lambda row: (row["name"], precedence(row["version"])))
    if as_json:
        print_json(rows)
        return
    if rows:
        keys = ("name", "version", "kind", "n_rows", "dim", "licence", "root")
        shown = ([*("-" if row[key] is None else str(row[key]) for key in keys), _remark(row)] for row in rows)
        print_table([(*keys, ""), *shown])
    else:
        print_line(f"No catalogs in {', '.join(map(str, store.search_roots()))}.")
    broken = [each.reason for each in store.troubles() if each.is_damage]
    for trouble in [*(row["error"] for row in rows if row["error"]), *broken]:
        print_line(f"Warning: {trouble}")


def _list_files(files: Sequence[Path], *, as_json: bool) -> None:
    rows = [_file_listing(path, *open_vectors(path)) for path in files]
    if as_json:
        print_json(rows)
        return
    print_table([[*rows[0]], *([str(value) for value in row.values()] for row in rows)])


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
        print_table([keys, *([str(row[key]) for key in keys] for row in offered.rows)])
    else:
        print_line(f"No catalogs in {offered.url}.")
    for warning in offered.warnings:
        echo(f"Warning: {warning}", err=True)


def _listing(location: store.Location) -> dict[str, Any]:
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
        return _listing(store.Location(name, version, folder.parents[1], is_default=False))
    facts = dict.fromkeys(("root", "shadowed_by", "kind", "n_rows", "dim", "licence", "description", "error"))
    return {"name": name, "version": version, "default": False, **facts}


def _remark(row: dict[str, Any]) -> str:
    if row["root"] is None:
        return f"not here: embeddings get {row['name']}@{row['version']} --from PLACE"
    if row["error"]:
        return "corrupt: run embeddings verify"
    if row["shadowed_by"]:
        return f"shadowed by {row['shadowed_by']}"
    return "default" if row["default"] else ""


@click.command()
@click.argument("name")
@as_json_option
def show(name: str, as_json: bool) -> None:
    r"""Show what a catalog is: its training, its accuracy, its coverage and its license.

    NAME is a name, name@version, the path of a version's folder, or a file or folder of vectors. --json prints the
    whole manifest, of a file what it says of itself.

    \b
    Example:
      embeddings show starter
      embeddings show vectors.parquet
    """
    if is_vectors(name):
        _show_file(place_of(name), as_json=as_json)
        return
    folder = store.resolve(name)
    manifest = store.manifest_of(folder)
    if as_json:
        print_json(manifest.document())
        return
    for title, text in _facts(manifest, folder).items():
        _fact(title, text)
    if manifest.metrics:
        held_out = "formulas" if manifest.kind == "composition-encoder" else "structures"
        echo(f"\nAccuracy on held-out {held_out} (beside the error of predicting the training mean):")
        print_table(_metric_rows(manifest), indent="  ")


def _fact(title: str, text: str) -> None:
    echo(click.wrap_text(f"{title:<13}{text}", width=_WIDTH, subsequent_indent=" " * 13))


def _show_file(path: Path | str, *, as_json: bool) -> None:
    file, footer = open_vectors(path)
    n_rows = file.metadata.num_rows
    if as_json:
        print_json(asdict(footer) | {"n_rows": n_rows, "catalog": footer.catalog.document()})
        return
    for title, text in _file_facts(path, footer, n_rows, file.dtype).items():
        _fact(title, text)


def _file_facts(path: Path | str, footer: Footer, n_rows: int, dtype: str) -> dict[str, str]:
    version = f", {footer.database_version}" if footer.database_version else ""
    return {
        "file": str(path),
        "vectors": f"{n_rows} x {footer.dim} {dtype}, one for each {footer.level}",
        "encoder": f"{footer.encoder}: {footer.catalog.description}",
        "structures": f"{footer.n_structures:,} of {footer.source}{version}",
        "left out": ", ".join(f"{n:,} {reason}" for reason, n in footer.dropped.items()) or "none",
        "uncovered": ", ".join(f"{symbol} in {n:,}" for symbol, n in footer.uncovered.items()) or "none",
        "synthetic": "yes" if footer.synthetic or footer.catalog.synthetic else "no",
        "sealed": "yes" if footer.sealed else "no",
        "licence": " AND ".join(dict.fromkeys((footer.licence.spdx, footer.catalog.licence.spdx))),
        "attribution": " ".join(footer.licence.attribution.split()),
        "identity": footer.identity,
    }


def _facts(manifest: Manifest, folder: Path) -> dict[str, str]:
    model = manifest.model
    return {
        "catalog": f"{manifest.name}@{manifest.version}",
        "description": manifest.description,
        "folder": str(folder),
        "vectors": f"{manifest.n_rows} x {manifest.dim} {manifest.dtype}, kind {manifest.kind}",
        "missing": " ".join(manifest.missing_elements) or "none",
        "model": f"{model.name}, recipe {model.recipe}, code {model.code_version}",
        "trained on": trained_on(manifest, "from"),
        **_table_facts(manifest),
        "synthetic": "yes" if manifest.synthetic else "no",
        "limits": " ".join(manifest.limits) or "none",
        "licence": manifest.licence.spdx,
        "attribution": " ".join(manifest.licence.attribution.split()),
        "created": manifest.created,
        "rebuild": manifest.command,
    }


def _table_facts(manifest: Manifest) -> dict[str, str]:
    """Return what is to know of a table that was not trained here."""
    table = manifest.table
    if table is None:
        return {}
    facts = {"taken from": f"{table.source} ({table.format})", "left out": listed(table.left_out)}
    facts |= {"flagged": listed(table.flagged), "notes": " ".join(table.notes)}
    return {title: text for title, text in facts.items() if text}


def _metric_rows(manifest: Manifest) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("target", "MAE", "mean's MAE", "unit", "R2", "n", "set")]
    for name, m in manifest.metrics.items():
        r2 = "-" if m.r2 is None else f"{m.r2:.3f}"
        rows.append((name, f"{m.mae:.4g}", f"{m.baseline_mae:.4g}", m.unit or "-", r2, f"{m.n:,}", m.split))
    return rows


@click.command()
@click.argument("name", required=False)
@click.option(
    "--recompute",
    metavar="N",
    type=COUNT,
    help="Also make vectors again with the encoder, from N structures or formulas at most, and compare.",
)
@click.option("--source", help="Where these structures come from; see embeddings sources.")
@click.option("--snapshot", type=click.Path(path_type=Path, file_okay=False), help="Or a folder made by pull.")
@source_options
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
              help="Where the encoder computes.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No progress.")
@as_json_option
@click.pass_context
def verify(ctx: click.Context, name: str | None, recompute: int | None, as_json: bool, **options: Any) -> None:
    r"""Check every byte of a catalog, or of all catalogs and the folders that hold them.

    Checked are the manifest and its seal, the place of the folder, size and SHA-256 of each file, and the content: the
    same rows in every format, the name and version of the manifest, no value that is not a number. NAME may also be a
    file of vectors that embeddings embed wrote.

    With --recompute, stored vectors are made again from the structures that they came from, and have to agree to a
    cosine of 0.99999. Of a catalog of elements, the rarest elements are checked, as many as N structures hold. A
    composition encoder stores no vectors: N of its formulas are encoded by NumPy, and by torch as its recipe says.

    \b
    Example:
      embeddings verify
      embeddings verify starter@0.3.0 --json
      embeddings verify starter --recompute 1000 --source starter
      embeddings verify cromel-multi --recompute 1000
    """
    if recompute is not None:
        _check_recompute(ctx, name, options)
    elif options["source"] or options["snapshot"]:
        raise click.UsageError("Structures are needed only to make vectors again: add --recompute N.")
    if name and is_vectors(name):
        results = [_verified(place_of(name), check_vectors)]
    else:
        folders = [store.resolve(name)] if name else [location.folder for location in store.locate_all()]
        broken = [] if name else [trouble for trouble in store.troubles() if trouble.is_damage]
        results = [_verified(folder) for folder in folders] + [_result(each.place, each.reason) for each in broken]
    if recompute is not None and name and results[0]["ok"]:
        results = [_recomputed(name, results[0], recompute, options)]
    _report(results, as_json=as_json, made_again=recompute is not None)


def _check_recompute(ctx: click.Context, name: str | None, options: dict[str, Any]) -> None:
    from embeddings.cli.source_options import check_source, require_builders

    if name is None:
        raise click.UsageError("Name the catalog or the file whose vectors are made again.")
    if options["source"] or options["snapshot"]:
        check_source(ctx, options)
        require_builders(options["source"])


def _recomputed(name: str, result: dict[str, Any], n: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a check with what came of making vectors again."""
    from embeddings.cli.recompute import run

    found = run(name, n, options)
    worst = list(found.cosines.items())[:_WORST]
    result |= {
        "recomputed": {
            "what": found.what,
            "n_checked": len(found.cosines),
            "n_rows": found.n_rows,
            "n_structures": found.n_structures,
            "n_wrong": len(found.wrong),
            "lowest": dict(worst),
        }
    }
    if found.wrong:
        key, cosine = worst[0]
        n_wrong, most = f"{len(found.wrong):,} of {len(found.cosines):,}", f"{key} the most (cosine {cosine:.5f})"
        result |= {
            "ok": False,
            "error": f"{name}: {n_wrong} formulas have another vector with the network that the recipe describes, "
            f"{most}. The settings in its manifest are not those of its training."
            if found.what == "formulas"
            else f"{name}: {n_wrong} {found.what} that were made again differ from what is stored, {most}. They come "
            "from another encoder, other settings or other structures.",
        }
    return result


def _report(results: list[dict[str, Any]], *, as_json: bool, made_again: bool) -> None:
    failed = [result["error"] for result in results if not result["ok"]]
    if as_json:
        print_json(results)
    else:
        for result in results:
            print_line(f"{'ok' if result['ok'] else 'FAILED':<6}  {result['folder']}")
    if failed:
        raise CatalogCorrupt(f"{len(failed)} of {len(results)} failed. {' '.join(failed)}")
    if as_json:
        return
    print_line(f"Intact: {len(results)} of {len(results)}, by manifest, place, SHA-256 of every file, and content.")
    if made_again:
        _report_made_again(results[0]["recomputed"])


def _report_made_again(made: dict[str, Any]) -> None:
    key, cosine = next(iter(made["lowest"].items()))
    n, lowest = f"{made['n_checked']:,} of {made['n_rows']:,}", f"the lowest cosine is {cosine:.8f} ({key})"
    if made["what"] != "formulas":
        print_line(f"Made again: {n} {made['what']} from {made['n_structures']:,} structures; {lowest}.")
        return
    print_line(f"Computed twice: {n} formulas, by NumPy and by torch; {lowest}.")
    if made["n_structures"]:
        print_line(f"Learned from: the training formulas of these {made['n_structures']:,} structures, and no others.")
    print_line("Not shown: that these weights came out of the training. The same build again gives the same bytes.")


def _verified(place: Any, check: Callable[[Any], None] = store.verify) -> dict[str, Any]:
    try:
        check(place)
    except EmbeddingsError as error:
        return _result(place, str(error))
    return _result(place, None)


def _result(folder: Path | str, error: str | None) -> dict[str, Any]:
    return {"folder": str(folder), "ok": error is None, "error": error}


@click.command()
@click.argument("name")
@click.argument("element")
@click.option("-k", default=5, show_default=True, type=COUNT, help="How many neighbors.")
@as_json_option
def neighbors(name: str, element: str, k: int, as_json: bool) -> None:
    r"""List the elements nearest to one by cosine similarity, or the structures of a file of vectors.

    ELEMENT is a symbol or an atomic number. For a file of structure vectors, it is the identifier of a structure, a
    structure file, a vector as .npy, or a formula; embeddings search does more.

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
