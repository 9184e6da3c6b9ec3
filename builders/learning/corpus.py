"""Formulas that a language of compositions is learned from, without labels or structures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.display.numbers import all_of
from embeddings.errors import InputInvalid
from embeddings.formula.bulk import known_formulas
from embeddings.tables.cells import is_blank
from embeddings.tables.columns import find_column, find_formulas
from embeddings.tables.files import open_sheet


@dataclass(frozen=True)
class Corpus:
    """Formulas to read.

    Attributes:
        file: name of the file that lists them.
        formulas: (n,) canonical reduced formulas, ascending, without repeats.
        n_unreadable: rows of the file that are not formulas.
    """

    file: str
    formulas: np.ndarray
    n_unreadable: int = 0

    def __len__(self) -> int:
        return len(self.formulas)

    @cached_property
    def sha256(self) -> str:
        """Of the sorted formulas, one per line: the order and the spelling of the file do not matter."""
        return hashlib.sha256("\n".join(self.formulas.tolist()).encode()).hexdigest()

    def without(self, formulas: Collection[str]) -> Corpus:
        """Return the corpus without some formulas (canonical spelling).

        Raises:
            InputInvalid: none are left.
        """
        kept = self.formulas[~np.isin(self.formulas, list(formulas))]
        if not len(kept):
            raise InputInvalid(
                f"{all_of(len(self), 'formula', f'of the corpus {self.file}', 'is')} excluded. Name another file."
            )
        return replace(self, formulas=kept)

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest says of it, as plain JSON values."""
        return {"file": self.file, "sha256": self.sha256, "n_formulas": len(self)}


def read_corpus(path: Path, column: str | None = None) -> Corpus:
    """Read formulas from a table of any kind: CSV, Parquet, Excel, JSON Lines.

    Args:
        path: of the file.
        column: that holds them; None to look for it.

    Raises:
        ColumnNotFound: no column holds formulas, or there is none of that name.
        InputInvalid: the file cannot be read, or holds no formula.
    """
    with open_sheet(path) as sheet:
        place = find_formulas(sheet, None) if column is None else find_column(sheet, column, "--corpus")
        cells = [cell for _, (cell,) in sheet.rows([place]) if not is_blank(cell)]
    spelled = known_formulas(cells)
    formulas = sorted({formula for formula in spelled if formula})
    if not formulas:
        where = f'the column "{column}" of {path}' if column else str(path)
        raise InputInvalid(f"{where} holds no formula, and a corpus needs some. Name another file or column.")
    return Corpus(Path(path).name, np.array(formulas), sum(formula is None for formula in spelled))
