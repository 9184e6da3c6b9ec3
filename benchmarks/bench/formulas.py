"""The formulas of all sets, for encoders whose training has to leave them out."""

from __future__ import annotations

from pathlib import Path

from benchmarks.sets import SETS, read_set
from embeddings.store.folders import write_text


def write_formulas(data: Path, out: Path) -> int:
    """Write the canonical reduced formulas of all sets, sorted, one a line, and return how many there are.

    Args:
        data: folder of the sets.
        out: file to write.

    Raises:
        InputInvalid: a set is not there.
        OutputInvalid: the file cannot be written.
    """
    found = sorted({str(formula) for name in SETS for formula in read_set(data, name).groups})
    write_text(out, "".join(f"{formula}\n" for formula in found))
    return len(found)
