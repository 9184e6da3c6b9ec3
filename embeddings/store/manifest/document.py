"""The manifest of a catalog version: its provenance, and what was measured on its vectors and files.

The annotations are the schema: they validate, and they generate ``docs/manifest.schema.json``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from embeddings.errors import ManifestInvalid
from embeddings.store import schema
from embeddings.store.manifest.provenance import Provenance
from embeddings.store.manifest.text import hash_of_text, read_json, written
from embeddings.store.manifest.values import Bytes, FileFormat, FileName, Positive, Seal, Sha256, Symbol, Width

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of the version's folder, with its hash and its size."""

    path: FileName
    format: FileFormat
    sha256: Sha256
    bytes: Bytes


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
        unsealed = written(replace(valid, manifest_sha256="").document())
        return written(replace(valid, manifest_sha256=hash_of_text(unsealed)).document())

    def document(self) -> dict[str, Any]:
        """Return the fields as plain values; those of a later schema are left out where they say nothing."""
        document = asdict(self)
        return document if self.table else {key: value for key, value in document.items() if key != "table"}


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
        raise ManifestInvalid("schema_version: a catalog with the field table has 2, all others have 1.")
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
