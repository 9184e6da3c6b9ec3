"""What stands beside a published version is read by the tools of others, and changes nothing of the version."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from embeddings.store import roots as store
from embeddings.store.bibtex import read_bibtex
from embeddings.store.companions import COMPANIONS, companions
from embeddings.store.index import names, versions
from embeddings.store.manifest import Citation, Licence
from testing.toys import write_toy

yaml = pytest.importorskip("yaml")

ROOT = store.packaged_root()
PACKAGED = [ROOT / name / version for name in names(ROOT) for version in versions(ROOT, name)]

BIBTEX = """@article{one, title = {The {CromEL} loss},
  author = {Na, Gyoung S. and Jane Q. Doe and {The Consortium} and others}, year = 2025, pages = "1--9"}
@misc{two, note = {no title and no authors}}
not bibtex at all @article{three, title = {never closed"""


def published(folder: Path) -> Path:
    """Put the companions beside the files of a version, as publishing does."""
    for name, content in companions(folder).items():
        (folder / name).write_bytes(content)
    return folder


def citation_of(folder: Path) -> dict[str, Any]:
    return yaml.safe_load(companions(folder)["CITATION.cff"])


def test_companions_may_stand_beside_a_version_and_nothing_else_may(tmp_path: Path) -> None:
    folder = published(write_toy(tmp_path))
    assert {path.name for path in folder.iterdir()} > COMPANIONS
    store.verify(folder)
    (folder / "notes.md").write_text("mine")
    with pytest.raises(OSError, match=r"notes\.md is not listed"):
        store.verify(folder)


@pytest.mark.parametrize("folder", PACKAGED, ids=lambda folder: folder.parent.name)
def test_every_packaged_version_has_companions(folder: Path) -> None:
    first, again = companions(folder), companions(folder)
    assert first == again
    assert set(first) == COMPANIONS
    described = {entry["@id"]: entry["sha256"] for entry in json.loads(first["croissant.json"])["distribution"]}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert described == there


def test_croissant_says_where_it_is_published(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    assert json.loads(companions(folder)["croissant.json"])["url"].startswith("urn:sha256:")
    there = json.loads(companions(folder, url="https://example.org/toy")["croissant.json"])
    assert there["url"] == "https://example.org/toy"


def test_citation_names_the_catalog_and_refers_to_what_its_manifest_cites(tmp_path: Path) -> None:
    found = citation_of(write_toy(tmp_path, citation=Citation(bibtex=BIBTEX)))
    assert (found["title"], found["version"], found["license"]) == (
        "toy: Six elements in a plane.",
        "0.1.0",
        "CC-BY-4.0",
    )
    (reference,) = found["references"]
    assert reference["title"] == "The CromEL loss"
    assert reference["year"] == 2025
    assert reference["authors"] == [
        {"family-names": "Na", "given-names": "Gyoung S."},
        {"family-names": "Doe", "given-names": "Jane Q."},
        {"name": "The Consortium"},
    ]


def test_citation_that_cannot_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    found = citation_of(write_toy(tmp_path, citation=Citation(bibtex="see my web page")))
    assert "references" not in found
    assert "see my web page" in found["message"]


def test_license_outside_spdx_is_not_claimed_to_be_in_it(tmp_path: Path) -> None:
    folder = write_toy(tmp_path, licence=Licence(spdx="LicenseRef-mine", attribution="Me."))
    assert "license" not in citation_of(folder)
    assert json.loads(companions(folder)["croissant.json"])["license"] == "LicenseRef-mine"


@pytest.mark.parametrize("text", ["", "@", "@article{", "@article{a, title = {", '@a{b, c = "d', "@a{b,,,=}", "{" * 99])
def test_bibtex_of_any_kind_is_read_without_complaint(text: str) -> None:
    assert all(isinstance(entry.fields, dict) for entry in read_bibtex(text))
