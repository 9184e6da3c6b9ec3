"""The manifest: JSON in and out, validation that names the field, and its JSON Schema."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.errors import CatalogCorrupt, ManifestInvalid
from embeddings.store.manifest import Manifest, json_schema, read_manifest
from embeddings.store.tables import measure
from testing.toys import toy_provenance, toy_table

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "manifest.schema.json"


def toy_manifest(**changes: Any) -> Manifest:
    return measure(toy_provenance(**changes), toy_table())


def toy_document() -> dict[str, Any]:
    return json.loads(toy_manifest().to_json())


def complaint(document: Any) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        Manifest.from_json(json.dumps(document))
    return str(caught.value)


def edited(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = toy_document()
    *parents, last = path
    inner = document
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return document


def test_json_round_trip_keeps_everything() -> None:
    manifest = toy_manifest()
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.to_json()).to_json() == manifest.to_json()


def test_json_is_made_for_reading() -> None:
    text = toy_manifest(description="Six atoms, façon naïve.").to_json()
    assert text.startswith('{\n  "schema_version": 1,\n  "name": "toy",\n  "version": "0.1.0",\n')
    assert text.endswith("}\n")
    assert "façon naïve" in text


def test_measured_fields_come_from_the_table() -> None:
    manifest = toy_manifest()
    assert (manifest.kind, manifest.dim, manifest.n_rows) == ("element", 2, 6)
    assert list(manifest.n_structures) == ["H", "O", "Na", "Cl", "Fe", "Co"]
    assert len(manifest.missing_elements) == 112
    assert manifest.training.formula_digest is not None
    assert manifest.training.formula_digest.n_formulas == 6


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("dim",), "2", "dim: expected an integer, got '2'"),
        (("dim",), True, "dim: expected an integer, got True"),
        (("dim",), 0, "dim: expected a number >= 1, got 0"),
        (("name",), "../toy", "name: expected a kebab-case name"),
        (("name",), "toy\n", "name: expected a kebab-case name"),
        (("version",), "1.0", "version: expected a semantic version"),
        (("version",), "1.0.00", "version: expected a semantic version"),
        (("kind",), "molecule", "kind: expected 'element' or 'structure'"),
        (("synthetic",), 1, "synthetic: expected true or false, got 1"),
        (("created",), "yesterday", "created: expected a UTC time"),
        (("metrics", "energy", "mae"), -1, "metrics.energy.mae: expected a number >= 0"),
        (("metrics", "energy", "r2"), "good", "metrics.energy.r2: expected a finite number"),
        (("files",), [{"path": "a/b"}], "files[0].format: this field is missing"),
        (("n_structures", "fe"), 1, "n_structures (key): expected an element symbol, got 'fe'"),
        (("training", "dropped", "no volume"), 0.5, "training.dropped.no volume: expected an integer"),
        (("licence", "spxd"), "MIT", 'licence.spxd: no such field. Did you mean "spdx"?'),
        (("missing_elements",), "He", "missing_elements: expected an array, got 'He'"),
    ],
)
def test_invalid_field_is_named(path: tuple[Any, ...], value: Any, expected: str) -> None:
    assert expected in complaint(edited(path, value))


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/b", "a\\b", "..", ".hidden", "", "a\x00b", "C:x"])
def test_file_paths_stay_inside_the_folder(path: str) -> None:
    entry = {"path": path, "format": "npy", "sha256": "0" * 64, "bytes": 1}
    assert "files[0].path: expected a plain file name" in complaint(edited(("files",), [entry]))


def test_newer_schema_asks_for_a_newer_library() -> None:
    document = toy_document() | {"schema_version": 3, "a_field_of_the_future": 1}
    assert "needs a newer library" in complaint(document)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"dim": NaN}', "[" * 100_000, "\x00"])
def test_what_is_no_manifest_at_all(text: str) -> None:
    with pytest.raises(ManifestInvalid):
        Manifest.from_json(text)


def test_writer_is_held_to_the_schema_too() -> None:
    metric = replace(toy_provenance().metrics["energy"], mae=np.float32(0.1))
    with pytest.raises(ManifestInvalid, match=r"metrics\.energy\.mae: expected a finite number"):
        toy_manifest(metrics={"energy": metric}).to_json()
    with pytest.raises(ManifestInvalid, match=r"training\.query\.x\[1\]: expected a JSON value without NaN"):
        toy_manifest(training=replace(toy_provenance().training, query={"x": [1, float("nan")]})).to_json()


def test_seal_notices_every_edit_that_still_fits_the_schema(tmp_path: Path) -> None:
    text = toy_manifest().to_json()
    path = tmp_path / "manifest.json"
    path.write_text(text)
    assert read_manifest(tmp_path) == toy_manifest()
    for edit in (text.replace("plane", "plain"), text + " ", text.replace('"seed": 7', '"seed": 8')):
        path.write_text(edit)
        with pytest.raises(CatalogCorrupt, match="altered after it was written"):
            read_manifest(tmp_path)


def test_unsealed_manifest_is_refused(tmp_path: Path) -> None:
    document = toy_document()
    del document["manifest_sha256"]
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(CatalogCorrupt):
        read_manifest(tmp_path)


def test_invalid_manifest_on_disk_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ManifestInvalid, match=r"manifest\.json: name: this field is missing"):
        read_manifest(tmp_path)


def test_schema_file_is_current() -> None:
    written = json.loads(SCHEMA_FILE.read_text())
    assert written == json_schema(), (
        f"write json.dumps(embeddings.store.manifest.json_schema(), indent=2) to {SCHEMA_FILE}"
    )
    jsonschema.Draft202012Validator.check_schema(json_schema())


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in _places(item, (*at, key)))]


PLACES = _places(toy_document())[1:]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "Fe", "1.0.0", "0" * 64, [], {}, [1], {"a": 1}, 40, 1.0, -1, "element", "sha256"]),
)  # fmt: skip


@given(place=st.sampled_from(PLACES), value=VALUES, remove=st.booleans())
def test_agrees_with_the_jsonschema_library(place: tuple[Any, ...], value: Any, remove: bool) -> None:
    document = copy.deepcopy(DOCUMENT)
    *parents, last = place
    inner = document
    for key in parents:
        inner = inner[key]
    if remove:
        del inner[last]
    else:
        inner[last] = value
    try:
        Manifest.from_json(json.dumps(document))
        ours = True
    except ManifestInvalid:
        ours = False
    assert ours == VALIDATOR.is_valid(document)


DOCUMENT = toy_document()
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
