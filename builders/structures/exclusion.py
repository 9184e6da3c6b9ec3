"""Formulas that a build may not learn from, so that a table of measurements is new to what comes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings.errors import InputInvalid
from embeddings.formula.bulk import known_formulas


@dataclass(frozen=True)
class ExcludedFormulas:
    """Formulas that are left out.

    Attributes:
        file: name of the file that lists them.
        formulas: canonical reduced formulas.
    """

    file: str
    formulas: frozenset[str]

    @cached_property
    def sha256(self) -> str:
        """Of the sorted formulas, one per line: the order and the spelling of the file do not matter."""
        return hashlib.sha256("\n".join(sorted(self.formulas)).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest says of them, as plain JSON values."""
        return {"file": self.file, "sha256": self.sha256, "n_formulas": len(self.formulas)}

    def spare(self, table: StructureTable) -> np.ndarray:
        """Return which crystals have another formula, (n,) bool."""
        return np.array([formula not in self.formulas for formula in reduced_formulas_of(table)], dtype=bool)


def read_excluded(path: Path) -> ExcludedFormulas:
    """Read formulas from a text file, one per line; blank lines and lines that begin with ``#`` do not count.

    Raises:
        InputInvalid: the file cannot be read, lists nothing, or a line is not a formula.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputInvalid(f"{path} cannot be read: {reason}.") from error
    listed = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip() and line.lstrip()[0] != "#"}
    if not listed:
        raise InputInvalid(f"{path} lists no formula. Write one per line.")
    known = dict(zip(listed, known_formulas(list(listed.values())), strict=True))
    wrong = next((number for number, formula in known.items() if formula is None), None)
    if wrong is not None:
        raise InputInvalid(f"{path}, line {wrong}: {listed[wrong][:80]!r} is not a formula.")
    return ExcludedFormulas(path.name, frozenset(formula for formula in known.values() if formula))
