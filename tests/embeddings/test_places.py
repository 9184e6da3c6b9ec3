"""Places behind URLs through fsspec, which knows what Arrow does not: files written, listed, read and removed."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import pytest

from embeddings.cli.types import PathOrUrl
from embeddings.errors import InputInvalid, MissingExtra, OutputInvalid, SourceError
from embeddings.store.places import Found, Place, open_place
from embeddings.store.urls import is_url


@pytest.fixture
def place() -> Place:
    """An empty place in memory."""
    pytest.importorskip("fsspec")
    return open_place(f"memory://{uuid.uuid4().hex}/vectors/")


def test_what_is_written_is_listed_and_read(place: Place, tmp_path: Path) -> None:
    assert place.files(".parquet", SourceError) == []
    (tmp_path / "one").write_bytes(b"content")
    for name in ("b.parquet", "a/c.parquet", "_hidden.parquet", "d.txt"):
        place.put(name, tmp_path / "one", OutputInvalid)
    found = place.files(".parquet", SourceError)
    assert [(one.name, one.size) for one in found] == [("a/c.parquet", 7), ("b.parquet", 7)]
    assert place.open_file("b.parquet").read() == b"content"
    place.remove("b.parquet", OutputInvalid)
    assert [one.name for one in place.files(".parquet", SourceError)] == ["a/c.parquet"]
    alone = open_place(f"{place.url}a/c.parquet")
    assert [Found(one.name, one.size, "") for one in alone.files(".parquet", SourceError)] == [Found("", 7, "")]
    assert alone.open_file("").read() == b"content"


def test_what_cannot_be_done_is_named(place: Place) -> None:
    with pytest.raises(OutputInvalid, match=r"memory://.*cannot be written: .*Check the address, your credentials"):
        place.remove("nothing.parquet", OutputInvalid)


def test_credentials_are_not_repeated() -> None:
    with pytest.raises(InputInvalid, match="holds credentials") as told:
        open_place("s3://me:secret@bucket/x")
    assert "secret" not in str(told.value)


def test_without_fsspec_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match="share"):
        open_place("memory://x/y")


def test_addresses_stay_as_they_are_and_paths_become_paths() -> None:
    given = ("s3://bucket//a/", "folder/", "C:/x", "gs://b")
    converted = [PathOrUrl().convert(text, None, None) for text in given]
    assert converted == ["s3://bucket//a/", Path("folder"), Path("C:/x"), "gs://b"]
    assert not is_url(Path("s3://bucket"))
