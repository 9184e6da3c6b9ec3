"""The formulas of tasks, for encoders whose training has to leave them out.

To leave out those that are tested keeps their labels out. A head on frozen vectors needs more: where the encoder has
learned from the formulas that the head is trained on, and not from the tested ones, the head trusts vectors too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.data import MATERIALS_PROJECT
from benchmarks.imkt.tasks import TASKS, formulas_tested, read_task
from embeddings.formula import reduced_formulas
from embeddings.store.folders import write_text


def formulas_of(data: Path, names: Sequence[str] = (), *, all_rows: bool = False) -> list[str]:
    """Return the canonical reduced formulas that tasks are tested on, sorted.

    Args:
        data: folder of the tasks.
        names: of the tasks; those of JARVIS if none is named.
        all_rows: whether those that are trained on alone count as well.

    Raises:
        InputInvalid: the file of a task is not there.
    """
    chosen = names or [name for name, about in TASKS.items() if about.family == "jarvis"]
    found: set[str] = set()
    for name in chosen:
        task = read_task(data, name)
        found.update(task.groups.tolist() if all_rows else formulas_tested(task))
    return sorted(found)


def write_formulas(data: Path, out: Path, names: Sequence[str] = (), *, all_rows: bool = False) -> str:
    """Write those formulas, one a line, and say how many there are, and how many of the crystals' remain without them.

    Args:
        data: folder of the tasks, and perhaps of the crystals.
        out: file to write.
        names: of the tasks; those of JARVIS if none is named.
        all_rows: whether those that are trained on alone count as well.

    Raises:
        InputInvalid: the file of a task is not there.
        OutputInvalid: the file cannot be written.
    """
    found = formulas_of(data, names, all_rows=all_rows)
    write_text(out, "".join(f"{formula}\n" for formula in found))
    said = f"{out}: {len(found):,} formulas"
    crystals = data / MATERIALS_PROJECT
    if not crystals.is_file():
        return said
    source = set(reduced_formulas(pq.read_table(crystals, columns=["formula"])["formula"].unique().to_pylist()))
    return f"{said}; {len(source.difference(found)):,} of {len(source):,} formulas of {crystals.name} remain"
