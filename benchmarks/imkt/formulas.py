"""The formulas that are tested, for encoders whose training has to leave them out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.data import MATERIALS_PROJECT
from benchmarks.imkt.tasks import TASKS, formulas_tested, read_task
from embeddings.formula import reduced_formulas
from embeddings.store.folders import write_text


def formulas_of(data: Path, names: Sequence[str] = ()) -> list[str]:
    """Return the canonical reduced formulas of all rows that are tested, sorted.

    Args:
        data: folder of the tasks.
        names: of the tasks; those of JARVIS if none is named.

    Raises:
        InputInvalid: the file of a task is not there.
    """
    chosen = names or [name for name, about in TASKS.items() if about.family == "jarvis"]
    found: set[str] = set()
    for name in chosen:
        found.update(formulas_tested(read_task(data, name)))
    return sorted(found)


def write_formulas(data: Path, out: Path, names: Sequence[str] = ()) -> str:
    """Write those formulas, one a line, and say how many there are, and how many of the crystals' remain without them.

    Args:
        data: folder of the tasks, and perhaps of the crystals.
        out: file to write.
        names: of the tasks; those of JARVIS if none is named.

    Raises:
        InputInvalid: the file of a task is not there.
        OutputInvalid: the file cannot be written.
    """
    found = formulas_of(data, names)
    write_text(out, "".join(f"{formula}\n" for formula in found))
    said = f"{out}: {len(found):,} formulas"
    crystals = data / MATERIALS_PROJECT
    if not crystals.is_file():
        return said
    source = set(reduced_formulas(pq.read_table(crystals, columns=["formula"])["formula"].unique().to_pylist()))
    return f"{said}; {len(source.difference(found)):,} of {len(source):,} formulas of {crystals.name} remain"
