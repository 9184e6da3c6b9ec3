"""Structures of one file of vectors that another has, too: of the same formula, and with nearly the same vector."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.exact import directions
from embeddings.store.tables import ENCODER
from embeddings.vectors.footer import Footer
from embeddings.vectors.structures import read_structure_catalog

LEAST = 0.999
"""The cosine from which on two structures of one formula are called near."""


@dataclass(frozen=True)
class Near:
    """A structure whose formula another file has.

    Attributes:
        material_id: its identifier.
        formula: its canonical reduced formula.
        other: identifier of the nearest of that formula; None where that is not near.
        cosine: of the two; None as well.
    """

    material_id: str
    formula: str
    other: str | None
    cosine: float | None


def near_in(a: Path, b: Path) -> tuple[int, list[Near]]:
    """Return how many structures a file of vectors has, and those whose formula another one has.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: one is damaged.
        InputInvalid: one holds no vectors of structures, or two encoders made them.
    """
    mine, theirs = read_structure_catalog(a), read_structure_catalog(b)
    if mine.dim != theirs.dim or encoder_sha256(mine.footer) != encoder_sha256(theirs.footer):
        raise InputInvalid(
            f"{a} was made by {mine.footer.encoder}, {mine.dim} wide, and {b} by {theirs.footer.encoder}, {theirs.dim} "
            "wide. Vectors of different encoders cannot be compared; give files that one encoder made, or structures."
        )
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, formula in enumerate(theirs.formulas):
        rows_of[formula].append(row)
    found = []
    for row, formula in enumerate(mine.formulas):
        if formula not in rows_of:
            continue
        some = np.array(rows_of[formula])
        cosines = np.clip(directions(theirs.vectors[some]) @ directions(mine.vectors[row][None])[0], -1.0, 1.0)
        best = int(cosines.argmax())
        near = cosines[best] >= LEAST
        other, cosine = (theirs.material_ids[some[best]], float(cosines[best])) if near else (None, None)
        found.append(Near(mine.material_ids[row], formula, other, cosine))
    return len(mine), found


def encoder_sha256(footer: Footer) -> str:
    """Return the hash of the network that made a file of vectors, else that of its whole catalog."""
    network = next((file.sha256 for file in footer.catalog.files if file.path == ENCODER), None)
    return network or footer.catalog.manifest_sha256
