"""What a method is: six things that a build asks of it, and the values that they hand on.

A build asks for `hyperparameters`, then goes `prepare` -> `train` -> `vectors` -> `describe`, see `builders.pipeline`;
`load` brings back what was published. ``docs/add-a-method.md`` writes one from nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from builders.learning.workers import ALONE, Team
from builders.progress import Reporter
from embeddings.catalog import ElementTable
from embeddings.store.encoder_files import write_encoder
from embeddings.store.manifest import Licence, Provenance
from embeddings.store.tables import write_catalog
from embeddings.store.training_vectors import TrainingVectors

if TYPE_CHECKING:
    import torch

    from builders.learning.material import Material
    from builders.learning.scores import Score


@dataclass(frozen=True)
class Run:
    """How and where a training runs.

    Attributes:
        identity: of the data, the recipe and the code; a checkpoint of another one is refused.
        seed: of every random choice.
        device: where networks of crystals compute.
        checkpoint: file that a killed run resumes from; None for none.
        reporter: tells a person about it; silent if None.
        team: the workers that train together, seen by this one.
    """

    identity: str
    seed: int
    device: torch.device
    checkpoint: Path | None
    reporter: Reporter = field(default_factory=lambda: Reporter(quiet=True))
    team: Team = ALONE


class Outcome(Protocol):
    """What a training leaves: of whatever class a method likes, as long as it has these.

    Attributes:
        scores: target -> score on the rows held out, in the units of the targets.
        history: figures of each epoch, as JSON values.
    """

    @property
    def scores(self) -> dict[str, Score]: ...  # noqa: D102
    @property
    def history(self) -> list[dict[str, Any]]: ...  # noqa: D102


class Vectors(Protocol):
    """What is published: `ElementVectors` or `EncoderVectors`."""

    def write(self, root: Path, provenance: Provenance, *, force: bool, structures: np.ndarray | None = None) -> Path:
        """Write a version into a root of catalogs, with the digest of its training structures; return its folder."""


@dataclass(frozen=True)
class ElementVectors:
    """A vector for each element, and the network that they come from.

    Attributes:
        table: the rows.
        encoder: content of the network's file; None to publish none.
        training: where the training crystals lie among the network's vectors; None where nobody can tell.
    """

    table: ElementTable
    encoder: bytes | None = None
    training: TrainingVectors | None = None

    def write(self, root: Path, provenance: Provenance, *, force: bool, structures: np.ndarray | None = None) -> Path:
        """Write a version of a catalog of elements."""
        return write_catalog(
            root, provenance, self.table,
            encoder=self.encoder, structures=structures, training=self.training, force=force,
        )  # fmt: skip


@dataclass(frozen=True)
class EncoderVectors:
    """An encoder that gives any formula a vector.

    Attributes:
        encoder: content of its file.
        n_structures: (119,) how many training crystals contain each element, by atomic number.
        formulas: canonical reduced formulas that it was trained on.
    """

    encoder: bytes
    n_structures: np.ndarray
    formulas: Sequence[str]

    def write(self, root: Path, provenance: Provenance, *, force: bool, structures: np.ndarray | None = None) -> Path:
        """Write a version of a composition encoder."""
        return write_encoder(
            root, provenance, self.encoder,
            n_structures=self.n_structures, formulas=self.formulas, structures=structures, force=force,
        )  # fmt: skip


@dataclass(frozen=True)
class Description:
    """What a manifest says of a method.

    Attributes:
        device: where it was trained.
        limits: sentences on what the vectors cannot do.
        bibtex: of the method's paper, cited after the data.
        options: of the build command, beyond those of every build; one that is given several times has a list.
        environment: facts beyond those of every build.
        said: a sentence for the description, beyond targets and data.
        split: the rule by which rows were held out, where it is not that of every recipe.
        measured: what was found out on the way, stated among the hyperparameters, as JSON values.
    """

    device: torch.device
    limits: tuple[str, ...]
    bibtex: str
    options: Mapping[str, str | list[str]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    said: str = ""
    split: str | None = None
    measured: dict[str, Any] = field(default_factory=dict)


Lessons = TypeVar("Lessons")
Trained = TypeVar("Trained", bound=Outcome)


class Method(ABC, Generic[Lessons, Trained]):
    """One way to turn crystals into vectors, set up for one build.

    Attributes:
        recipe: every hyperparameter.
        device: where networks of crystals compute.
        inputs: SHA-256 of what it is made from beside the crystals; part of the build's identity.
        licences: of files that it is made from beside the crystals and a catalog.
    """

    name: ClassVar[str]
    builds_on: ClassVar[tuple[str, ...]] = ()
    """Names of the methods whose code it calls."""
    trains_together: ClassVar[bool] = False
    """Whether several workers can share a training: each takes its part of every batch, as `Run.team` tells it."""

    def __init__(self, recipe: Any, *, device: torch.device, teacher: Path | None = None) -> None:
        """Set up.

        Args:
            recipe: of this method.
            device: where networks of crystals compute.
            teacher: folder of the catalog version that `Recipe.wanted_teacher` names.
        """
        self.recipe, self.device = recipe, device
        self.inputs: tuple[str, ...] = ()
        self.licences: tuple[Licence, ...] = ()

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the manifest states, as JSON values."""
        return self.recipe.to_dict()

    @abstractmethod
    def prepare(self, material: Material, run: Run) -> Lessons:
        """Make of the crystals what the training takes: graphs, tensors, scaled targets."""

    @abstractmethod
    def train(self, lessons: Lessons, run: Run) -> Trained:
        """Train, resuming from the checkpoint of the run if there is one.

        Raises:
            TrainingError: the checkpoint is of another run, or the loss is no longer a number.
        """

    @abstractmethod
    def vectors(self, trained: Trained, material: Material) -> Vectors:
        """Return what is published."""

    @abstractmethod
    def describe(self) -> Description:
        """Return what the manifest says of the method."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Any:
        """Return the encoder of a published version, its hash checked."""
