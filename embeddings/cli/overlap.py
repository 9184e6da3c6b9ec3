"""The overlap command: what of a set of structures or formulas another set, or the training of a catalog, has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.analysis.overlap import Overlap, Seen
from embeddings.cli.guard import guard
from embeddings.cli.measurements_options import formula_option, read_formulas
from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.progress import progress
from embeddings.cli.source_options import guess_source, require_builders
from embeddings.cli.types import PathOrUrl
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.loaders import as_catalog, list_catalogs
from embeddings.store import roots as store
from embeddings.store.outputs import Output
from embeddings.store.urls import is_url

if TYPE_CHECKING:
    from builders.structures.table import StructureTable

_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl", ".ndjson", ".csv.gz", ".tsv.gz", ".jsonl.gz")
"""Endings of tables of formulas; a Parquet file is one if it holds no structures."""

_STRUCTURES = ("lattice", "atomic_numbers", "frac_coords")
"""Columns of a Parquet file of structures."""

_SHOWN = 20

_ELSEWHERE = "{} is not on this machine, and files are compared here. Copy it, and give the path of the copy."


@click.command()
@click.argument("a", type=PathOrUrl())
@click.argument("b")
@formula_option
@click.option(
    "--no-confirm", is_flag=True, help="Compare fingerprints only: finds close structures, in a millisecond each."
)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False),
              help="Also write all findings to a .csv file; replaced if it exists.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
def overlap(
    a: Path | str, b: str, formula: str | None, no_confirm: bool, out: Path | None, quiet: bool, as_json: bool
) -> None:
    r"""Find which structures or formulas of A are also in B, for example whether a test set is in the training set.

    A is a set of structures (a folder of CIF, POSCAR or Parquet files, one such file, or a snapshot that pull wrote) or
    a table of formulas. B is another such set, or a catalog, which stands for its training data.

    For each structure of A, the closest match in B is reported: the same structure, in any cell, with any order of
    atoms and up to a few percent of strain; the same structure with elements exchanged; the same prototype with other
    elements; or only the same formula. Fingerprints find the candidates, and pymatgen's matcher confirms them. A
    catalog stores only fingerprints of its training structures, so a close match there cannot be confirmed. Two files
    of vectors by one encoder are compared by their vectors: the same formula, and a cosine of 0.999 or more.

    \b
    Example:
      embeddings overlap test-cifs/ train.parquet
      embeddings overlap my-structures.parquet ct-multi --json
      embeddings overlap formulas.csv ct-multi -o seen.csv
    """
    a = _here(a, b)
    if out is not None:
        _check_out(out, a, b)
    found = _overlap(a, b, formula, confirm=not no_confirm, quiet=quiet)
    if out is not None:
        _write(out, found)
    if as_json:
        print_json(found.to_dict())
        return
    for line in found.summary():
        echo(line)
    rows = found.rows()
    if len(rows) > 1:
        print_table(rows[: _SHOWN + 1])
    if len(rows) > _SHOWN + 1:
        echo(f"... and {len(rows) - _SHOWN - 1:,} more: -o FILE.csv or --json for all", err=True)


def _check_out(out: Path, a: Path, b: str) -> None:
    if out.suffix.lower() != ".csv":
        raise InputInvalid(f'{out} ends in "{out.suffix}"; the table is written as .csv.')
    is_path = not _is_catalog(b)
    guard(Output(out), inputs=[a, b] if is_path else [a], catalogs=[] if is_path else [b])


def _overlap(a: Path, b: str, formula: str | None, *, confirm: bool, quiet: bool) -> Overlap:
    if not a.exists():
        raise InputInvalid(f"There is nothing at {a}. Give a folder or file of structures, or a table of formulas.")
    other = None if _is_catalog(b) else Path(b)
    if other is not None and _holds_vectors(a) and _holds_vectors(other):
        return _of_vectors(a, other)
    if _holds_formulas(a) or (other is not None and _holds_formulas(other)):
        return _of_formulas(a, b, other, formula)
    if formula is not None:
        raise click.UsageError("--formula goes with a table of formulas.")
    require_builders()
    mine = _structures(a)
    if other is None:
        return _in_catalog(a, b, mine)
    return _in_structures(a, other, mine, confirm=confirm, quiet=quiet)


def _here(a: Path | str, b: str) -> Path:
    """Return A, after what lies elsewhere was refused: files and folders; catalogs may be addresses of a registry."""
    from embeddings.vectors.names import is_vectors

    if is_url(b) and is_vectors(b):
        raise InputInvalid(_ELSEWHERE.format(b))
    if isinstance(a, str):
        raise InputInvalid(_ELSEWHERE.format(a))
    return a


def _is_catalog(name: str) -> bool:
    """Whether a name or path is that of a catalog: what nothing else is at, or what goes by its name all the same."""
    if not os.path.exists(name) or os.path.isfile(os.path.join(name, "manifest.json")):
        return True
    return name.partition("@")[0] in list_catalogs()


def _holds_formulas(path: Path) -> bool:
    """Whether a path is a table of formulas rather than one of structures."""
    if path.is_dir():
        return _holds_vectors(path)
    if not path.name.lower().endswith((".parquet", ".pq")):
        return path.name.lower().endswith(_TABLES)
    return not set(_STRUCTURES) & set(_schema_of(path).names)


def _schema_of(path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise InputInvalid(f"{path} is not a Parquet file that can be read: {error}") from error


def _of_formulas(a: Path, b: str, other: Path | None, column: str | None) -> Overlap:
    """Compare formulas: those of a table, and those of another, of structures, or of a catalog's training."""
    from embeddings.formula.digest import formula_digest
    from embeddings.formula.rounding import seen_formulas

    mine = {formula: str(written) for formula, written in _formulas(a, column).items()}
    if other is None:
        theirs = _seen_by(b, list(mine.values()))
    else:
        found = seen_formulas(list(mine.values()), formula_digest(list(_formulas(other, column))))
        theirs = {written for written, is_there in zip(mine.values(), found, strict=True) if is_there}
    seen = tuple(Seen(written, formula, "formula") for formula, written in mine.items() if written in theirs)
    files = [path for path in (a, other) if path is not None and _holds_vectors(path)]
    notes = tuple(f"{path} holds vectors and no structures, so formulas alone were compared." for path in files)
    return Overlap(str(a), b, "formulas", len(mine), seen, notes)


def _holds_vectors(path: Path) -> bool:
    """Whether a path is a file or a folder of vectors that embed wrote; the parts of a snapshot have the same names."""
    from embeddings.vectors.footer import KEY
    from embeddings.vectors.names import FIRST, is_vectors

    if not path.exists() or not is_vectors(str(path)):
        return False
    first = path / FIRST if path.is_dir() else path  # the parts of a snapshot have the same names
    return KEY in (_schema_of(first).metadata or {})


def _of_vectors(a: Path, b: Path) -> Overlap:
    """Compare the structures of two files of vectors by these: of one formula, and nearly one vector."""
    from embeddings.search.shared import near_in

    mine, near = near_in(a, b)
    seen = tuple(
        Seen(one.material_id, one.formula, "structure", one.other, one.formula, cosine=one.cosine, confirmed=False)
        if one.other is not None
        else Seen(one.material_id, one.formula, "formula")
        for one in near
    )
    return Overlap(str(a), str(b), "structures", mine, seen)


def _formulas(path: Path, column: str | None) -> dict[str, Any]:
    """Return the formulas of a table, or of structures: canonical -> as written."""
    if _holds_formulas(path):
        return read_formulas(path, column)
    from builders.structures.formulas import reduced_formulas_of

    require_builders()
    return {formula: formula for formula in reduced_formulas_of(_structures(path))}


def _seen_by(name: str, formulas: list[str]) -> set[str]:
    """Return those of some formulas, as they are written, that the training of a catalog saw."""
    return set(as_catalog(name).overlap(formulas))


def _structures(path: Path) -> StructureTable:
    """Return the structures of a path; how many cannot be used, and why, goes to standard error."""
    from builders.snapshots.whole import read_structures

    table, dropped = read_structures(path, guess_source(path))
    for reason, n in dropped.items():
        echo(f"{path}: {counted(n, 'structure')} left out, {reason}", err=True)
    return table


def _in_structures(a: Path, b: Path, mine: StructureTable, *, confirm: bool, quiet: bool) -> Overlap:
    from builders.structures.formulas import reduced_formulas_of
    from builders.structures.overlap import overlap as find

    theirs = _structures(b)
    with progress("Comparing", lambda: len(mine), quiet=quiet) as advance:
        pairs = {pair.row: pair for pair in find(mine, theirs, confirm=confirm, advance=advance)}
    formulas, others = reduced_formulas_of(mine), reduced_formulas_of(theirs)
    known = set(others)
    seen = []
    for row, (name, formula) in enumerate(zip(mine.material_ids.tolist(), formulas, strict=True)):
        pair = pairs.get(row)
        if pair is not None:
            found = Seen(name, formula, pair.relation, theirs.material_ids[pair.other], others[pair.other],
                         distance=round(pair.distance, 4), confirmed=pair.confirmed)  # fmt: skip
            seen.append(replace(found, formula_seen=formula in known))
        elif formula in known:
            seen.append(Seen(name, formula, "formula"))
    return Overlap(str(a), str(b), "structures", len(mine), tuple(seen))


def _in_catalog(a: Path, name: str, mine: StructureTable) -> Overlap:
    """Look structures up in what a catalog says of its training."""
    from builders.structures.digest import look_up
    from builders.structures.formulas import reduced_formulas_of
    from embeddings.store.training_structures import read_structures

    folder = store.resolve(name)
    manifest = store.manifest_of(folder)
    digest = read_structures(folder, manifest)
    formulas, notes = reduced_formulas_of(mine), []
    known = _seen_by(name, list(dict.fromkeys(formulas)))
    found: list[Any] = [None] * len(mine)
    if digest is None:
        notes.append(
            f"{manifest.name}@{manifest.version} has no fingerprints of its training structures: it was built before "
            "there were any. Only formulas were looked up; to compare structures, give those that it was trained on "
            "in its place."
        )
    else:
        found = look_up(mine, digest)
    seen = []
    for material_id, formula, close in zip(mine.material_ids.tolist(), formulas, found, strict=True):
        if close is not None:
            one = Seen(material_id, formula, close[0], distance=round(close[1], 4), confirmed=False)
            seen.append(replace(one, formula_seen=formula in known))
        elif formula in known:
            seen.append(Seen(material_id, formula, "formula"))
    notes += [
        f"{manifest.name}@{manifest.version} was also taught by {teacher['name']}, whose training is not looked into."
        for teacher in manifest.model.hyperparameters.get("teachers", ())
    ]
    compared = digest is not None
    return Overlap(str(a), f"the training of {name}", "structures", len(mine), tuple(seen), tuple(notes), compared)


def _write(out: Path, found: Overlap) -> None:
    import csv
    import io

    from embeddings.store.folders import write_text

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(found.rows())
    write_text(out, text.getvalue())
