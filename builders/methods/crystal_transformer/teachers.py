"""Teachers: files of vectors that other networks give the same crystals, and what of them is learned.

The vectors are standardized on the training crystals and turned onto their principal components. Each component is one
more column beside the labels, unknown where the teacher has no vector. A component weighs what it contributes to the
length of a vector: with components of equal weight the last per cent of the variance, much of it noise, would count as
much as the first half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from builders.learning.targets import MIN_VALUES
from builders.methods.crystal_transformer.config import Loss
from embeddings.errors import InputInvalid, TrainingError
from embeddings.store.card import trained_on
from embeddings.store.tables import ENCODER
from embeddings.vectors.file import Footer, open_vectors
from embeddings.vectors.rows import FileRows

if TYPE_CHECKING:
    import pyarrow as pa

TEACHERS, FOUND = "teachers", "teachers_found"
"""Hyperparameters of a manifest beside those of the recipe: who taught, and what came of it."""

VARIANCE, MOST_COMPONENTS = 0.99, 64
"""Share of a teacher's variance that its components hold, and how many there are at most."""

_CONSTANT = 1e-6
"""A column that varies by less than this share of its largest number is constant but for rounding."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned of one teacher.

    Attributes:
        name: of its encoder, with the version.
        variances: (n_components,) share of the variance of its vectors, descending.
        known_fraction: share of the training crystals that it has a vector of.
        n_known: crystals that it has a vector of, those held out included.
    """

    name: str
    variances: np.ndarray
    known_fraction: float
    n_known: int

    def shares(self, loss: Loss) -> np.ndarray:
        """Return what each component weighs within the teacher, (n_components,), 1 in all.

        The loss is then that of components on their own scale: an absolute error grows with it, a square with its
        square.
        """
        weights = self.variances if loss == "mse" else np.sqrt(self.variances)
        return weights / weights.sum()

    def explained(self, predicted: np.ndarray, actual: np.ndarray) -> float | None:
        """Return which share of the teacher's variance is predicted, R2; None where it knows none of the crystals.

        Args:
            predicted: (n_rows, n_components).
            actual: (n_rows, n_components), NaN where it has no vector.
        """
        actual = actual.astype(np.float64)
        known = ~np.isnan(actual[:, 0])
        total = (actual[known] ** 2 * self.variances).sum()
        left = ((predicted[known] - actual[known]) ** 2 * self.variances).sum()
        return float(1 - left / total) if total > 0 else None

    def stated(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {
            "name": self.name,
            "n_structures": self.n_known,
            "n_components": len(self.variances),
            "explained_variance": round(float(self.variances.sum()), 4),
        }


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

    def lesson(
        self, material_ids: np.ndarray, formulas: Sequence[str], training_rows: np.ndarray
    ) -> tuple[Lesson, np.ndarray]:
        """Return what is learned of it, and what it says of crystals. The file is read twice, a row group at a time.

        Args:
            material_ids: (n,) identifiers of the crystals.
            formulas: (n,) canonical reduced formulas of them.
            training_rows: those whose vectors set mean, scale and components.

        Returns:
            The lesson; and the components, (n, n_components) float32, of variance 1 over the training rows, NaN where
            there is no vector.

        Raises:
            InputInvalid: it has vectors of too few of the crystals, of other crystals of the same identifiers, or all
                alike.
            CatalogCorrupt: it is damaged.
            TrainingError: it is not the file any more that the build began with.
        """
        self._check_unaltered()
        matched = _Matched(self, material_ids, formulas)
        in_training = np.zeros(len(material_ids), dtype=bool)
        in_training[training_rows] = True
        matched.check(in_training)
        turn = _Turn.of(matched.moments(in_training))
        if turn is None:
            raise InputInvalid(f"The vectors in {self.path} are all alike: there is nothing to learn from them.")
        known_fraction = float(matched.known[training_rows].mean())
        lesson = Lesson(self.name, turn.variances, known_fraction, int(matched.known.sum()))
        return lesson, matched.turned(turn)

    def _check_unaltered(self) -> None:
        if open_vectors(self.path)[0].sha256() != self.sha256:
            raise TrainingError(f"{self.path} was altered since this build began. Give the command again.")


def read_teachers(paths: Sequence[Path | str]) -> tuple[Teacher, ...]:
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
    return tuple(teachers.values())


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


class _Matched:
    """The rows of a teacher's file that are crystals of a build."""

    def __init__(self, teacher: Teacher, material_ids: np.ndarray, formulas: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self.teacher, self.material_ids = teacher, material_ids
        self.file = FileRows(teacher.path)
        found = pc.index_in(self.file.keys, value_set=pa.array(material_ids, pa.string()))
        self.crystals = np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)  # of each row of the file
        self.known = np.zeros(len(material_ids), dtype=bool)
        self.known[self.crystals[self.crystals >= 0]] = True
        self._check_formulas(pa.array(formulas, pa.string()))

    def check(self, in_training: np.ndarray) -> None:
        """Refuse vectors of too few crystals."""
        n_ids, path = len(self.file.keys), self.teacher.path
        if not self.known.any():
            raise InputInvalid(
                f"{path} has a vector of none of the {len(self.material_ids):,} structures: it holds {n_ids:,} "
                f"identifiers such as {self.file.named(np.arange(1))[0]}, and theirs are such as "
                f"{self.material_ids[0]}. Embed these very structures."
            )
        n_known = int((self.known & in_training).sum())
        if n_known < MIN_VALUES:
            raise InputInvalid(
                f"{path} has vectors of {n_known} of the {in_training.sum():,} structures that are learned from; at "
                f"least {MIN_VALUES} are needed. It holds {n_ids:,} identifiers. Embed these very structures."
            )

    def moments(self, in_training: np.ndarray) -> _Moments:
        """Return sums over the vectors of the training crystals."""
        moments = _Moments(self.teacher.footer.dim)
        for rows, vectors in self.file.vectors():
            crystals = self.crystals[rows]
            moments.add(vectors[(crystals >= 0) & in_training[crystals]])
        return moments

    def turned(self, turn: _Turn) -> np.ndarray:
        """Return the components of all crystals, (n, n_components) float32, NaN where there is no vector."""
        components = np.full((len(self.known), len(turn.variances)), np.nan, dtype=np.float32)
        for rows, vectors in self.file.vectors():
            crystals = self.crystals[rows]
            components[crystals[crystals >= 0]] = turn(vectors[crystals >= 0])
        return components

    def _check_formulas(self, formulas: pa.Array) -> None:
        import pyarrow.compute as pc

        rows = np.flatnonzero(self.crystals >= 0)
        theirs, ours = self.file.formulas.take(rows), formulas.take(self.crystals[rows])
        others = np.flatnonzero(pc.not_equal(theirs, ours).to_numpy())
        if len(others):
            first = int(others[0])
            name = self.material_ids[self.crystals[rows[first]]]
            raise InputInvalid(
                f"{self.teacher.path} holds vectors of other structures: {name} is {theirs[first]} there and "
                f"{ours[first]} here, and {len(others):,} of {len(rows):,} shared identifiers differ so. Embed these "
                "very structures."
            )


class _Moments:
    """Sums over vectors, block by block, about the mean of the first block so that no digits are lost."""

    def __init__(self, dim: int) -> None:
        self.n, self.origin = 0, np.zeros(dim)
        self._sum, self._products, self._largest = np.zeros(dim), np.zeros((dim, dim)), np.zeros(dim)

    def add(self, vectors: np.ndarray) -> None:
        """Add vectors (n, dim)."""
        if not len(vectors):
            return
        vectors = vectors.astype(np.float64)
        if not self.n:
            self.origin = vectors.mean(axis=0)
        self._largest = np.maximum(self._largest, np.abs(vectors).max(axis=0))
        vectors -= self.origin
        self.n += len(vectors)
        self._sum += vectors.sum(axis=0)
        self._products += vectors.T @ vectors

    @cached_property
    def mean(self) -> np.ndarray:
        """(dim,)."""
        return self.origin + self._sum / self.n

    @cached_property
    def covariance(self) -> np.ndarray:
        """(dim, dim)."""
        shift = self._sum / self.n
        return self._products / self.n - np.outer(shift, shift)

    @property
    def varying(self) -> np.ndarray:
        """(dim,) bool, which columns are not constant."""
        return np.sqrt(self.covariance.diagonal().clip(min=0)) > _CONSTANT * self._largest


@dataclass(frozen=True, eq=False)
class _Turn:
    """From vectors to components of variance 1.

    Attributes:
        mean: (dim,) that is subtracted.
        matrix: (dim, n_components) by which the rest is multiplied.
        variances: (n_components,) share of the variance of the standardized vectors, descending.
    """

    mean: np.ndarray
    matrix: np.ndarray
    variances: np.ndarray

    @classmethod
    def of(cls, moments: _Moments) -> _Turn | None:
        """Return the turn onto the components that hold most of the variance; None where there is no variance."""
        varying = moments.varying
        if not varying.any():
            return None
        scale = np.where(varying, np.sqrt(moments.covariance.diagonal().clip(min=0)), np.inf)
        values, axes = np.linalg.eigh(moments.covariance / np.outer(scale, scale))
        values, axes = values[::-1].clip(min=0), axes[:, ::-1]
        shares = values / values.sum()
        n = min(int(np.searchsorted(np.cumsum(shares), VARIANCE - 1e-12)) + 1, MOST_COMPONENTS)
        axes = axes[:, :n] * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))][:n] < 0, -1, 1)
        return cls(moments.mean, axes / scale[:, None] / np.sqrt(values[:n]), shares[:n])

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Turn vectors (n, dim)."""
        return (vectors - self.mean) @ self.matrix
