"""Candidates as files: CIF files with a list of them, or one table in the structure schema."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from builders.methods.explicit.candidates import Candidate, Candidates
from builders.sources.origins import Origin
from builders.sources.structures import StructureRecord, structures_to_arrow
from embeddings.elements import SYMBOLS
from embeddings.errors import OutputInvalid
from embeddings.store.folders import atomic_file, move_into_place, replace_folder, staged_folder
from embeddings.store.outputs import check_replaceable

LIST = "candidates.csv"

NUMBERS = ("rank", "distance", "weight", "volume_scale", "energy")
TEXTS = ("template_id", "template_formula")

_UNITS = {"energy": "eV/atom"}


def is_table(out: Path) -> bool:
    """Whether an output is one table, by its name; otherwise it is a folder."""
    return out.suffix.lower() in (".parquet", ".pq")


def check_target(out: Path) -> None:
    """Refuse a folder in which something else than candidates is; that is never replaced.

    Raises:
        OutputInvalid: something is in the way.
    """
    if is_table(out) or not (out.exists() or out.is_symlink()):
        return
    check_replaceable(out)
    names = {path.name for path in out.iterdir()} if out.is_dir() else {""}
    is_ours = LIST in names and all(name == LIST or name.endswith(".cif") for name in names)
    if names and not is_ours:
        raise OutputInvalid(f"{out} exists and holds something else, which is never replaced. Choose another name.")


def write_candidates(out: Path, candidates: Candidates, origin: Origin, *, force: bool = False) -> None:
    """Write candidates, all or nothing.

    Args:
        out: a .parquet file in the structure schema, which ``embed`` and ``build`` take with ``--source table``; or a
            folder of CIF files with a list, which they take with ``--source local``.
        candidates: at least one.
        origin: of the templates, whose license and credit go with what is made of them.
        force: replace other candidates in a folder. The same ones stay as they are; tables are always replaced.

    Raises:
        OutputInvalid: it cannot be written, or something is in the way.
    """
    check_target(out)
    if is_table(out):
        with atomic_file(out) as temporary:
            _write_table(temporary, candidates, origin)
        return
    files, target = _files(candidates), out.resolve()
    try:
        if _holds(target, files):
            return
        if target.exists() and any(target.iterdir()) and not force:
            raise OutputInvalid(f"{out} holds other candidates. Choose another name, or replace them with --force.")
        with staged_folder(target) as staged:
            for name, text in files.items():
                (staged / name).write_text(text, encoding="utf-8")
            (replace_folder if target.exists() else move_into_place)(staged, target)
    except FileExistsError as error:
        raise OutputInvalid(f"{out} was made by another process meanwhile. Choose another name.") from error


def _holds(folder: Path, files: Mapping[str, str]) -> bool:
    """Whether a folder holds these very files, from an earlier run of the same command."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != set(files):
        return False
    return all((folder / name).read_bytes() == text.encode() for name, text in files.items())


def list_csv(candidates: Candidates) -> str:
    """Return one line for each candidate, with every fact; unknown ones are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Candidate)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(one.to_dict() for one in candidates.about)
    return text.getvalue()


def _write_table(path: Path, candidates: Candidates, origin: Origin) -> None:
    table = structures_to_arrow(list(_records(candidates)), properties=NUMBERS, texts=TEXTS, units=_UNITS)
    made = replace(origin, name=f"candidate structures from templates of {origin.name}", synthetic=True)
    stated = {name: str(value).lower() if isinstance(value, bool) else value for name, value in made.to_dict().items()}
    pq.write_table(
        table.replace_schema_metadata({name: value for name, value in stated.items() if value is not None}),
        path,
        compression="zstd",
    )


def _records(candidates: Candidates) -> Iterator[StructureRecord]:
    table = candidates.structures
    for row, about in enumerate(candidates.about):
        atoms = slice(table.offsets[row], table.offsets[row + 1])
        known = about.to_dict()
        yield StructureRecord(
            about.material_id,
            table.lattices[row],
            table.atomic_numbers[atoms].tolist(),
            table.frac_coords[atoms],
            properties={name: known[name] for name in NUMBERS},
            texts={name: known[name] for name in TEXTS},
        )


def _files(candidates: Candidates) -> dict[str, str]:
    """Return the content of every file of a folder, by name."""
    return {**dict(_cif_files(candidates)), LIST: list_csv(candidates)}


def _cif_files(candidates: Candidates) -> Iterator[tuple[str, str]]:
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.cif import CifWriter

    table = candidates.structures
    for row, about in enumerate(candidates.about):
        atoms = slice(table.offsets[row], table.offsets[row + 1])
        symbols = [SYMBOLS[z - 1] for z in table.atomic_numbers[atoms].tolist()]
        structure = Structure(Lattice(table.lattices[row]), symbols, np.asarray(table.frac_coords[atoms]))
        made = f"# candidate {about.rank} of {about.formula}"
        template = f" after {about.template_id} ({about.template_formula})" if about.template_id else ""
        yield f"{about.material_id}.cif", f"{made}{template}\n{CifWriter(structure)}"
