"""The formulas of all sets, for encoders whose training has to leave them out."""

from __future__ import annotations

from pathlib import Path

from benchmarks.sets import SETS, Kind, read_set
from embeddings.store.folders import write_text


def write_formulas(data: Path, out: Path, kind: Kind | None = None) -> int:
    """Write the canonical reduced formulas of the sets, sorted, one a line, and return how many there are.

    Args:
        data: folder of the sets.
        out: file to write.
        kind: of the sets; None for all.

    Raises:
        InputInvalid: a set is not there.
        OutputInvalid: the file cannot be written.
    """
    names = [name for name, about in SETS.items() if kind in (None, about.kind)]
    found = sorted({str(formula) for name in names for formula in read_set(data, name).groups})
    write_text(out, "".join(f"{formula}\n" for formula in found))
    return len(found)
