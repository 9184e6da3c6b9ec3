"""The show command: what a catalog or a file of vectors is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.store import roots as store
from embeddings.store.card import listed, trained_on
from embeddings.store.manifest import Manifest
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import Footer
from embeddings.vectors.names import is_vectors, place_of

_WIDTH = 100


@click.command()
@click.argument("name")
@as_json_option
def show(name: str, as_json: bool) -> None:
    r"""Show what a catalog is: its training, its accuracy, its coverage and its license.

    NAME is a name, name@version, the path of a version's folder, or a file or folder of vectors. --json prints the
    whole manifest, or the metadata of a file of vectors.

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
        "license": " AND ".join(dict.fromkeys((footer.licence.spdx, footer.catalog.licence.spdx))),
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
        "license": manifest.licence.spdx,
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
