"""The manifest: what a catalog version is, where it comes from, and the hashes of its files.

A builder states a `Provenance`; `embeddings.store.tables.write_catalog` adds what it measures on the vectors and
files and writes the `Manifest` last. The annotations below are the schema: they validate, and they generate
``docs/manifest.schema.json``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from embeddings.display.text import shortened
from embeddings.elements import SYMBOLS
from embeddings.errors import CatalogCorrupt, ManifestInvalid
from embeddings.store import schema
from embeddings.store.reading import read_bounded, why
from embeddings.store.schema import AtLeast, AtMost, Longest, Pattern

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 10_000_000
"""The most bytes of a manifest."""

Name = Annotated[str, Pattern("^[a-z0-9]+(-[a-z0-9]+)*$", 'a kebab-case name such as "ct-multi"'), Longest(100)]
SemVer = Annotated[
    str,
    Pattern(
        r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
        'a semantic version such as "1.0.0"',
    ),
    Longest(100),
]
FileName = Annotated[
    str, Pattern("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "a plain file name inside the version's folder"), Longest(200)
]
Sha256 = Annotated[str, Pattern("^[0-9a-f]{64}$", "a SHA-256 in lower-case hexadecimal")]
Timestamp = Annotated[
    str,
    Pattern(
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        'a UTC time such as "2026-01-31T12:00:00Z"',
    ),
]
Symbol = Annotated[str, Pattern(f"^({'|'.join(SYMBOLS)})$", "an element symbol")]
Text = Annotated[str, Pattern(r"^[\s\S]+$", "a text that is not empty")]
FileFormat = Literal["parquet", "hdf5", "npy", "safetensors", "markdown"]
Count = Annotated[int, AtLeast(0), AtMost(2**53)]
Positive = Annotated[int, AtLeast(1), AtMost(2**53)]
Width = Annotated[int, AtLeast(1), AtMost(65_536)]
Bytes = Annotated[int, AtLeast(0), AtMost(2**36)]
Seal = Annotated[str, Pattern("^([0-9a-f]{64})?$", "a SHA-256 in lower-case hexadecimal, or nothing")]


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
class FileEntry:
    """One file of the version's folder, with its hash and its size."""

    path: FileName
    format: FileFormat
    sha256: Sha256
    bytes: Bytes


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


@dataclass(frozen=True, kw_only=True)
class Manifest(Provenance):
    """The manifest of one catalog version: its provenance, its shape and its files.

    Attributes:
        kind: what the rows stand for.
        dim: width of a vector.
        n_rows: number of vectors.
        missing_elements: symbols without a row, in order of atomic number.
        n_structures: symbol -> training structures that contain the element, in order of atomic number.
        files: every file of the folder except the manifest.
        manifest_sha256: seal over the manifest's own text with this value left empty.
    """

    kind: Literal["element", "structure", "composition-encoder"]
    dim: Width
    dtype: Literal["float32"] = "float32"
    n_rows: Positive
    missing_elements: tuple[Symbol, ...] = ()
    n_structures: dict[Symbol, Positive] = field(default_factory=dict)
    files: tuple[FileEntry, ...]
    manifest_sha256: Seal = field(default="", compare=False)

    @classmethod
    def of(cls, provenance: Provenance, **measured: Any) -> Manifest:
        """Complete a provenance with what was measured on the vectors and the files."""
        stated = {entry.name: getattr(provenance, entry.name) for entry in fields(Provenance)}
        return cls(**stated, **measured)

    @property
    def provenance(self) -> Provenance:
        """What the builder knew, without what was measured on the vectors and the files."""
        return Provenance(**{entry.name: getattr(self, entry.name) for entry in fields(Provenance)})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse and validate.

        Raises:
            ManifestInvalid: not JSON, or it does not fit the schema; the message names the field.
        """
        document = read_json(text)
        _check_schema_version(document)
        manifest: Manifest = schema.parse(cls, document)
        _check_files(manifest.files)
        _check_training(manifest)
        return manifest

    def to_json(self) -> str:
        """Return the sealed JSON text: fields in order, indented by 2, a newline at the end.

        Raises:
            ManifestInvalid: a value does not fit the schema; the message names the field.
        """
        valid = schema.parse(type(self), asdict(self))
        _check_training(valid)
        unsealed = _dump(replace(valid, manifest_sha256="").document())
        return _dump(replace(valid, manifest_sha256=_sha256(unsealed)).document())

    def document(self) -> dict[str, Any]:
        """Return the fields as plain values; those of a later schema are left out where they say nothing."""
        document = asdict(self)
        return document if self.table else {key: value for key, value in document.items() if key != "table"}


def read_json(text: str) -> Any:
    """Return the document in the text of a manifest, whatever its fields.

    Raises:
        ManifestInvalid: not JSON, or JSON with repeated fields or with numbers that JSON does not have.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ManifestInvalid(f"The manifest is not valid JSON: {error}.") from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a manifest."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a catalog version",
    }
    is_table = {"properties": {"table": {"type": "object"}}, "required": ["table"]}
    return head | schema.json_schema(Manifest) | {"if": is_table, "then": _of_version(2), "else": _of_version(1)}


def _of_version(number: int) -> dict[str, Any]:
    """Return what `_check_training` asks of a schema version, as JSON Schema."""
    counted = {"type": "number" if number == 1 else "null"}
    training = {"type": "object", "properties": {"n_structures": counted, "seed": counted}}
    return {"properties": {"schema_version": {"const": number}, "training": training}}


class Versioned:
    """What has a manifest goes by its name and version."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """Name of the catalog, or of that which an encoder comes from."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Semantic version."""
        return self.manifest.version


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a version's folder and check its seal.

    Whether it is in the right place is checked by `embeddings.store.roots.manifest_of`.

    Raises:
        CatalogCorrupt: the file is missing, unreadable, or its text was altered after it was written.
        ManifestInvalid: the file does not fit the schema; the message names the file and the field.
    """
    path = Path(folder) / MANIFEST
    try:
        text = read_bounded(path, at_most=LARGEST_MANIFEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        raise CatalogCorrupt(f"{path} cannot be read: {reason}. Install or build this version again.") from error
    try:
        manifest = Manifest.from_json(text)
    except ManifestInvalid as error:
        raise ManifestInvalid(f"{path}: {error}") from error
    found = _sha256(text.replace(f'"{manifest.manifest_sha256}"', '""', 1))
    if found != manifest.manifest_sha256:
        raise CatalogCorrupt(
            f'{path} was altered after it was written: its seal is "{manifest.manifest_sha256}" but its text '
            f'gives "{found}". Install or build this version again; changed metadata is a new version.'
        )
    return manifest


def _check_files(files: tuple[FileEntry, ...]) -> None:
    seen = {MANIFEST}
    for i, entry in enumerate(files):
        if entry.path in seen:
            raise ManifestInvalid(f'files[{i}].path: "{entry.path}" is listed twice, or is the manifest itself.')
        seen.add(entry.path)


def _check_training(manifest: Manifest) -> None:
    """Refuse what the types of the fields allow, and only a table that was not trained here may have."""
    training, is_trained = manifest.training, manifest.table is None
    if manifest.schema_version != (1 if is_trained else 2):
        raise ManifestInvalid("schema_version: 2 is that of a catalog with the field table, 1 that of all others.")
    for name in ("n_structures", "seed"):
        if (getattr(training, name) is not None) != is_trained:
            expected = "a number" if is_trained else "null, since nothing was trained here"
            raise ManifestInvalid(f"training.{name}: expected {expected}, got {getattr(training, name)!r}.")


def _check_schema_version(document: Any) -> None:
    found = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(found, int) and found > SCHEMA_VERSION:
        raise ManifestInvalid(
            f"schema_version: this catalog has {found} and needs a newer library; this one reads up to "
            f"{SCHEMA_VERSION}. Upgrade it: pip install --upgrade materials-embeddings"
        )


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f'the field "{shortened(repeated)}" is there twice in one object')
    return document


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
