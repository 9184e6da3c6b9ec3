"""What changed from one file of vectors to another: its rows, their formulas, and how far their vectors moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.exact import directions
from embeddings.search.shared import encoder_sha256
from embeddings.store.scratch import mapped_blocks, scratch_folder
from embeddings.vectors.footer import Footer, Level
from embeddings.vectors.rows import FileRows

SAME = 0.99999
"""Vectors of this cosine or more did not move; ``embeddings verify --recompute`` asks for the same."""


@dataclass(frozen=True)
class FileChanges:
    """What changed from one file of vectors to another.

    A row is a structure, known by its identifier, or a site, known by that and its number.

    Attributes:
        a: path of the first.
        b: of the second.
        level: of both.
        facts: what the files state -> its value in the first and in the second.
        n_shared: rows in both.
        added: rows of the second alone, in its order.
        gone: rows of the first alone, in its order.
        formulas: row -> its formula in the first and in the second, where they differ; of a site, its element.
        not_compared: why the vectors were not compared; None where they were.
        n_identical: shared rows whose vectors are the same to the bit.
        moved: row -> cosine of its two vectors, the lowest first, where it is below `SAME`.
    """

    a: str
    b: str
    level: Level
    facts: dict[str, tuple[Any, Any]]
    n_shared: int
    added: tuple[str, ...]
    gone: tuple[str, ...]
    formulas: dict[str, tuple[str, str]]
    not_compared: str | None
    n_identical: int
    moved: dict[str, float]

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Those of the `facts` that differ."""
        return {fact: both for fact, both in self.facts.items() if both[0] != both[1]}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"changed": sorted(self.changed)}

    def to_text(self, n: int = 5) -> str:
        """Return everything as text of several lines, for people; n rows of each kind are named."""
        from embeddings.analysis.file_report import text_of

        return text_of(self, n)

    def to_page(self, n: int = 5) -> str:
        """Return everything as an HTML page that works from disk and fetches nothing."""
        from embeddings.analysis.file_report import page_of

        return page_of(self, n)


def compare_files(a: Path | str, b: Path | str) -> FileChanges:
    """Return what changed from one file or folder of vectors of structures or sites to another.

    Vectors are compared where the same encoder made both; those of two encoders have no axes in common. The vectors of
    the second lie in a temporary file meanwhile, so memory holds identifiers and formulas alone.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: one is damaged, or names a row twice.
        InputInvalid: one is no file of vectors, holds vectors of elements, or the two are of different levels.
    """
    files = tuple(FileRows(path) for path in (a, b))
    first, second = files
    if first.level != second.level:
        raise InputInvalid(
            f"{a} holds vectors of level {first.level}, and {b} of level {second.level}. Give two files of the same "
            "level."
        )
    place = first.places_in(second)
    shared = np.flatnonzero(place >= 0)
    reason = _why_incomparable(first.footer, second.footer)
    cosines, n_identical = np.zeros(0), 0
    if reason is None:
        cosines, n_identical = _cosines(first, second, place)
    low = np.flatnonzero(cosines < SAME)
    low = low[np.argsort(cosines[low], kind="stable")]
    return FileChanges(
        a=str(a),
        b=str(b),
        level=first.level,
        facts=_facts(first, second),
        n_shared=len(shared),
        added=second.named(np.setdiff1d(np.arange(len(second.keys)), place[shared])),
        gone=first.named(np.flatnonzero(place < 0)),
        formulas=_renamed(first, second, shared, place[shared]),
        not_compared=reason,
        n_identical=n_identical,
        moved=dict(zip(first.named(shared[low]), cosines[low].tolist(), strict=True)),
    )


def _cosines(first: FileRows, second: FileRows, place: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the cosines of the shared rows, in the order of the first file, and how many are the same to the bit."""
    cosines, n_identical = [np.zeros(0)], 0
    if not (place >= 0).any():
        return cosines[0], 0
    with scratch_folder() as folder:
        theirs = mapped_blocks(folder / "vectors", (vectors for _, vectors in second.vectors()), second.footer.dim)
        for rows, vectors in first.vectors():
            there = np.flatnonzero(place[rows] >= 0)
            mine, its = vectors[there], np.asarray(theirs[place[rows][there]])
            n_identical += int((mine == its).all(axis=1).sum())
            cosines.append(_cosine_of_each(mine, its))
        del theirs
    return np.concatenate(cosines), n_identical


def _cosine_of_each(mine: np.ndarray, its: np.ndarray) -> np.ndarray:
    """Return the cosine of each row and its counterpart; that of two rows that are zero is 1."""
    values = np.einsum("ij,ij->i", directions(mine), directions(its))
    return np.where((mine == its).all(axis=1), 1.0, np.clip(values, -1.0, 1.0))


def _renamed(first: FileRows, second: FileRows, mine: np.ndarray, its: np.ndarray) -> dict[str, tuple[str, str]]:
    import pyarrow.compute as pc

    pair = first.formulas.take(mine), second.formulas.take(its)
    other = np.flatnonzero(pc.not_equal(*pair).to_numpy())
    both = zip(*(column.take(other).to_pylist() for column in pair), strict=True)
    return dict(zip(first.named(mine[other]), both, strict=True))


def _why_incomparable(a: Footer, b: Footer) -> str | None:
    """Return why vectors of two files cannot be compared; None where they can."""
    if a.dim != b.dim:
        return f"one file is {a.dim} wide and the other {b.dim}"
    if encoder_sha256(a) != encoder_sha256(b):
        return f"two encoders made them, {a.encoder} and {b.encoder}, whose axes have nothing in common"
    return None


def _facts(first: FileRows, second: FileRows) -> dict[str, tuple[Any, Any]]:
    stated: tuple[Mapping[str, Any], ...] = tuple(
        {
            "encoder": rows.footer.encoder,
            "network": encoder_sha256(rows.footer),
            "width": rows.footer.dim,
            "rows": len(rows.keys),
            "structures": rows.footer.n_structures,
            "left out": sum(rows.footer.dropped.values()),
            "source": rows.footer.source,
            "database version": rows.footer.database_version,
            "snapshot": rows.footer.snapshot_sha256,
            "synthetic": rows.footer.synthetic,
            "license": rows.footer.licence.spdx,
            "attribution": rows.footer.licence.attribution,
            "identity": rows.footer.identity,
        }
        for rows in (first, second)
    )
    return {fact: (stated[0][fact], stated[1][fact]) for fact in stated[0]}
