"""Where a catalog version comes from: what its builder states of model, training, errors, terms and citation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from embeddings.store.manifest.values import Count, FileName, Name, Positive, SemVer, Sha256, Symbol, Text, Timestamp
from embeddings.store.schema import AtLeast


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The model and the recipe that trained it.

    Attributes:
        name: the method, such as ``"crystal-transformer"``.
        recipe: the recipe's name.
        hyperparameters: all of them, as plain JSON values.
        code_version: version of the builder, with a commit if one is known.
    """

    name: Text
    recipe: Text
    hyperparameters: dict[str, Any]
    code_version: Text


@dataclass(frozen=True, kw_only=True)
class FormulaDigest:
    """The hashed training formulas behind ``catalog.overlap``; see ``embeddings.formula.formula_digest``."""

    file: FileName
    algorithm: Literal["sha256"] = "sha256"
    bits: Literal[40] = 40
    n_formulas: Count


@dataclass(frozen=True, kw_only=True)
class TrainingInfo:
    """What the model was trained on.

    Attributes:
        source: where the structures come from.
        database_version: the source's own version, where it has one.
        query: what the source was asked for: filters, limits.
        snapshot_sha256: hash of the frozen snapshot that the build read, or of the file that was imported.
        n_structures: structures that the model learned from; those held out do not count. None, as `seed`, for a table
            that was not trained here.
        dropped: reason -> number of structures that were left out.
        targets: target -> unit.
        split: the rule that separates training, validation and test structures.
        seed: of every random choice of the build.
        formula_digest: filled in by ``write_catalog``.
    """

    source: Text
    database_version: str | None = None
    query: dict[str, Any] = field(default_factory=dict)
    snapshot_sha256: Sha256
    n_structures: Positive | None
    dropped: dict[str, Count] = field(default_factory=dict)
    targets: dict[str, str]
    split: Text
    seed: int | None
    formula_digest: FormulaDigest | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How well one target is predicted on held-out structures, beside predicting the training mean.

    Attributes:
        mae: mean absolute error, in `unit`.
        r2: coefficient of determination; None where the held-out target is constant.
        n: held-out structures that carry the target.
        baseline_mae: the same error when the training mean is predicted.
        unit: of `mae` and `baseline_mae`.
        split: which held-out set.
    """

    mae: Annotated[float, AtLeast(0)]
    r2: float | None
    n: Positive
    baseline_mae: Annotated[float, AtLeast(0)]
    unit: str
    split: Literal["validation", "test"] = "validation"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean and standard deviation of an error over seeds."""

    mean: Annotated[float, AtLeast(0)]
    std: Annotated[float, AtLeast(0)]


@dataclass(frozen=True, kw_only=True)
class Downstream:
    """What the vectors do in somebody else's model: mean absolute errors on formulas that neither has seen.

    Attributes:
        model: that learns the target.
        target: a property.
        n_training: structures that the model learns from.
        n_seeds: of the model.
        own_features: what the model takes by default.
        without: its error with them.
        with_vectors: way of taking the vectors -> its error with all else equal.
    """

    model: Text
    target: Text
    n_training: Positive
    n_seeds: Positive
    own_features: Text
    without: Spread
    with_vectors: dict[str, Spread]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One number of every vector, where the numbers have names.

    Attributes:
        name: of the column.
        unit: of what was tabulated; empty where it has none or nobody says.
        source: who tabulated it.
        mean: that was subtracted; None where nothing was.
        std: by which it was divided then; None where it was not.
        missing: elements for which it is not tabulated; they have the mean here.
    """

    name: Text
    unit: str = ""
    source: str = ""
    mean: float | None = None
    std: float | None = None
    missing: tuple[Symbol, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """A table that was not trained here: made by others and imported, or put together from tabulated values.

    Attributes:
        source: what it was read from: the name of a file, or a package with its version and the table's name.
        format: of that.
        training: ``"unknown"``, or ``"none"`` for tabulated values.
        columns: of the vectors, where they have names.
        left_out: symbol -> why the row that the table has for it is not here.
        flagged: symbol -> what is odd about its row.
        notes: what was passed over or supposed, a sentence each.
    """

    source: Text
    format: Text
    training: Literal["unknown", "none"] = "unknown"
    columns: tuple[Column, ...] = ()
    left_out: dict[Symbol, Text] = field(default_factory=dict)
    flagged: dict[Symbol, Text] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Terms of use: the SPDX identifier and the attribution that the data's license asks for."""

    spdx: Text
    attribution: Text


@dataclass(frozen=True, kw_only=True)
class Citation:
    """What to cite: a BibTeX entry, and a DOI where there is one."""

    bibtex: Text
    doi: str | None = None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a catalog version comes from: all that its builder knows.

    Attributes:
        schema_version: 1; 2 for a catalog that has a `table`, so that earlier libraries say that they are too old.
        name: kebab-case name of the catalog.
        version: semantic version; MAJOR when vectors change, MINOR when rows are added, PATCH for metadata.
        description: one or two sentences.
        synthetic: True where the training structures or targets are not from a database of calculations or
            measurements but made up or predicted by a model.
        metrics: target -> `Metric`.
        downstream: benchmark -> `Downstream`.
        limits: what the vectors should not be used for, a sentence each.
        fingerprint: SHA-256 over recipe, snapshot and code: the identity of the build.
        command: rebuilds the catalog.
        created: UTC time of the build.
        environment: package -> version, and the device.
        table: of a catalog that was not trained here.
    """

    schema_version: Literal[1, 2] = 1
    name: Name
    version: SemVer
    description: Text
    synthetic: bool
    model: ModelInfo
    training: TrainingInfo
    metrics: dict[str, Metric]
    downstream: dict[str, Downstream] = field(default_factory=dict)
    limits: tuple[Text, ...] = ()
    licence: Licence
    citation: Citation
    fingerprint: Sha256
    command: Text
    created: Timestamp
    environment: dict[str, str]
    table: TableInfo | None = None
