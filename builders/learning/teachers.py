"""Teachers: files of vectors that other networks give the crystals of a build.

What is learned of them is each method's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from builders.learning.targets import MIN_VALUES
from builders.structures.texts import Texts
from embeddings.display.numbers import counted, share_of
from embeddings.errors import InputInvalid, TrainingError
from embeddings.store.card import trained_on
from embeddings.store.manifest import Licence
from embeddings.store.tables import ENCODER
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import Footer
from embeddings.vectors.rows import FileRows

if TYPE_CHECKING:
    import pyarrow as pa

TEACHERS, FOUND = "teachers", "teachers_found"
"""Hyperparameters of a manifest beside those of the recipe: who taught, and what came of it."""

CONSTANT = 1e-6
"""A column that varies by less than this share of its largest number is constant but for rounding."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A file or folder of structure vectors.

    Attributes:
        path: of it, or its URL.
        footer: what it says of itself.
        sha256: of everything in it.
    """

    path: Path | str
    footer: Footer
    sha256: str

    @property
    def name(self) -> str:
        """Name and version of the encoder that made the vectors."""
        return self.footer.encoder

    @property
    def encoder_sha256(self) -> str:
        """Hash of the encoder; of its manifest where that names no file of a network."""
        manifest = self.footer.catalog
        return next((file.sha256 for file in manifest.files if file.path == ENCODER), manifest.manifest_sha256)

    @property
    def sentence(self) -> str:
        """What a user of the student has to know."""
        return (
            f"The network was also taught by {self.name}, whose own training ({trained_on(self.footer.catalog)}) may "
            "hold the materials that you test on, and those held out here. What overlap() and the benchmarks call seen "
            "leaves that out."
        )

    def stated(self) -> dict[str, Any]:
        """Return what a manifest says of it before it has taught."""
        return {
            "name": self.name,
            "encoder_sha256": self.encoder_sha256,
            "vectors_sha256": self.sha256,
            "dim": self.footer.dim,
            "licence": self.footer.catalog.licence.spdx,
        }

    def matched(self, material_ids: np.ndarray | Texts, formulas: Sequence[str], training_rows: np.ndarray) -> Matched:
        """Return its vectors of the crystals of a build.

        Args:
            material_ids: (n,) identifiers of the crystals.
            formulas: (n,) canonical reduced formulas of them.
            training_rows: those that are learned from.

        Raises:
            InputInvalid: it has vectors of too few of the crystals, or of other crystals of the same identifiers.
            CatalogCorrupt: it is damaged.
            TrainingError: it is not the file any more that the build began with.
        """
        if open_vectors(self.path)[0].sha256() != self.sha256:
            raise TrainingError(f"{self.path} was altered since this build began. Give the command again.")
        return Matched(self, material_ids, formulas, training_rows)

    def all_alike(self) -> InputInvalid:
        """Return the error where no column of its vectors varies."""
        return InputInvalid(f"The vectors in {self.path} are all alike: there is nothing to learn from them.")


@dataclass(frozen=True, eq=False)
class Teachers:
    """All files that teach a build, in the order in which they were named.

    Attributes:
        all: of them.
    """

    all: tuple[Teacher, ...]

    def __iter__(self) -> Iterator[Teacher]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Their part of a build's identity."""
        return tuple(one.sha256 for one in self.all)

    @property
    def licences(self) -> tuple[Licence, ...]:
        """Those of the structures, and of the encoders."""
        return tuple(licence for one in self.all for licence in (one.footer.licence, one.footer.catalog.licence))

    @property
    def names(self) -> tuple[str, ...]:
        """Of their encoders, with the versions."""
        return tuple(one.name for one in self.all)

    @property
    def files(self) -> list[str]:
        """The last parts of their paths."""
        return [Path(one.path).name for one in self.all]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a user of the student has to know."""
        return tuple(one.sentence for one in self.all)

    def stated(self) -> dict[str, Any]:
        """Return the hyperparameter that names them; none where there are none."""
        return {TEACHERS: [one.stated() for one in self.all]} if self.all else {}

    def cited_after(self, bibtex: str) -> str:
        """Return a citation with theirs behind it."""
        return "\n\n".join([bibtex, *(one.footer.catalog.citation.bibtex.strip() for one in self.all)])


def read_teachers(paths: Sequence[Path | str]) -> Teachers:
    """Open files or folders of structure vectors.

    Raises:
        InputInvalid: vectors of another level, of width 1, or two files by one encoder.
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
    """
    teachers: dict[str, Teacher] = {}
    for path in paths:
        teacher = _read(path)
        twin = teachers.setdefault(teacher.encoder_sha256, teacher)
        if twin is not teacher:
            raise InputInvalid(
                f"{twin.path} and {path} are vectors by one encoder, {teacher.name}: a teacher is named once. Make one "
                "file of all structures with: embeddings embed"
            )
    return Teachers(tuple(teachers.values()))


def _read(path: Path | str) -> Teacher:
    file, footer = open_vectors(path)
    if footer.level != "structure":
        raise InputInvalid(
            f"{path} holds vectors of level {footer.level}, and a teacher gives one to each structure. Make them with: "
            "embeddings embed --level structure"
        )
    if footer.dim < 2:
        raise InputInvalid(f"{path} holds vectors of width 1: that is a property, which --targets learns.")
    return Teacher(path, footer, file.sha256())


class Matched:
    """The rows of a teacher's file that are crystals of a build. Vectors are read a row group at a time.

    Attributes:
        teacher: whose they are.
        known: (n,) bool, which crystals have a vector.
        in_training: (n,) bool, which are learned from.
    """

    def __init__(
        self, teacher: Teacher, material_ids: np.ndarray | Texts, formulas: Sequence[str], training_rows: np.ndarray
    ) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self.teacher, self._material_ids = teacher, material_ids
        self._file = FileRows(teacher.path)
        found = pc.index_in(self._file.keys, value_set=pa.array(material_ids, pa.string()))
        self._crystals = np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)  # of each row of the file
        self.known = np.zeros(len(material_ids), dtype=bool)
        self.known[self._crystals[self._crystals >= 0]] = True
        self.in_training = np.zeros(len(material_ids), dtype=bool)
        self.in_training[training_rows] = True
        self._check_formulas(pa.array(formulas, pa.string()))
        self._check_number()

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows of the build, and the vectors of these crystals, (m, dim)."""
        for rows, vectors in self._file.vectors():
            crystals = self._crystals[rows]
            yield crystals[crystals >= 0], vectors[crystals >= 0]

    def vectors(self) -> np.ndarray:
        """Return the vectors of all crystals, (n, dim) float32; NaN rows where there is none.

        A column that is constant over the crystals that are learned from, but for rounding, is 0: it says nothing.

        Raises:
            InputInvalid: all are constant.
        """
        vectors = np.full((len(self.known), self.teacher.footer.dim), np.nan, dtype=np.float32)
        for crystals, block in self.blocks():
            vectors[crystals] = block
        learned = vectors[self.known & self.in_training]
        varying = learned.std(axis=0, dtype=np.float64) > CONSTANT * np.abs(learned).max(axis=0)
        if not varying.any():
            raise self.teacher.all_alike()
        vectors[np.ix_(self.known, ~varying)] = 0
        return vectors

    def _check_number(self) -> None:
        """Refuse vectors of too few crystals."""
        n_ids, path = len(self._file.keys), self.teacher.path
        if not self.known.any():
            raise InputInvalid(
                f"{path} has a vector of none of the {counted(len(self._material_ids), 'structure')}: it holds "
                f"{counted(n_ids, 'identifier')} such as {self._file.named(np.arange(1))[0]}, and theirs are such as "
                f"{self._material_ids[0]}. Embed these very structures."
            )
        n_known = int((self.known & self.in_training).sum())
        if n_known < MIN_VALUES:
            raise InputInvalid(
                f"{path} has vectors of {n_known} of the {counted(self.in_training.sum(), 'structure')} to be learned "
                f"from; at least {MIN_VALUES} are needed. It holds {counted(n_ids, 'identifier')}. Embed these very "
                "structures."
            )

    def _check_formulas(self, formulas: pa.Array) -> None:
        import pyarrow.compute as pc

        rows = np.flatnonzero(self._crystals >= 0)
        theirs, ours = self._file.formulas.take(rows), formulas.take(self._crystals[rows])
        others = np.flatnonzero(pc.not_equal(theirs, ours).to_numpy())
        if len(others):
            first = int(others[0])
            name = self._material_ids[self._crystals[rows[first]]]
            raise InputInvalid(
                f"{self.teacher.path} holds vectors of other structures: {name} is {theirs[first]} there and "
                f"{ours[first]} here, and {share_of(len(others), len(rows), 'shared identifier', 'differs')} so. Embed "
                "these very structures."
            )
