"""Registries that lie: nothing of theirs is used, nothing is written outside of their mirror, and each says why."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embeddings import load_uae
from embeddings.errors import (
    CatalogConflict,
    CatalogExists,
    CatalogNotFound,
    EmbeddingsError,
    InputInvalid,
    OutputInvalid,
    RegistryInvalid,
    RegistryUnreachable,
    RegistryWarning,
)
from embeddings.registry import archive
from embeddings.registry.address import parse_address, registry_url
from embeddings.registry.fetch import fetch
from embeddings.registry.offers import offers
from embeddings.registry.push import push
from testing.servers.files import Asked, Reply, file_reply, file_server
from testing.toys import toy_catalog, write_toy

SEAL = "0" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A good registry with the toy, to be spoiled."""
    push(write_toy(tmp_path / "mine"), (tmp_path / "registry").as_uri())
    return tmp_path / "registry"


def edit(registry: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the index."""
    document = json.loads((registry / "index.json").read_text())
    change(document["catalogs"])
    (registry / "index.json").write_text(json.dumps(document))


def repack(registry: Path, change: Callable[[dict[str, bytes]], object], **options: Any) -> None:
    """Change the files of the archive, and let the index agree with it."""
    path = registry / "toy" / "toy-0.1.0.zip"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    replace_archive(registry, buffer.getvalue())


def replace_archive(registry: Path, body: bytes) -> None:
    """Put other bytes in the place of the archive, and let the index agree with them."""
    (registry / "toy" / "toy-0.1.0.zip").write_bytes(body)
    told = {"archive_sha256": hashlib.sha256(body).hexdigest(), "archive_bytes": len(body)}
    edit(registry, lambda entries: entries["toy"]["releases"]["0.1.0"].update(told))


def inside(own_cache: Path) -> list[str]:
    """Return what a reader of the cache would see as versions."""
    return [
        str(path.relative_to(own_cache)) for path in own_cache.rglob("manifest.json") if ".embeddings" not in str(path)
    ]


MOVES: dict[str, Callable[[dict[str, bytes]], object]] = {
    "leaves its folder": lambda files: files.update({"toy/0.1.0/../../../evil": b"x"}),
    "is absolute": lambda files: files.update({"/tmp/evil": b"x"}),
    "another version": lambda files: files.update({"toy/0.2.0/manifest.json": b"x"}),
    "a folder in it": lambda files: files.update({"toy/0.1.0/sub/evil": b"x"}),
    "hidden": lambda files: files.update({"toy/0.1.0/.hidden": b"x"}),
    "another case": lambda files: files.update({"toy/0.1.0/Manifest.JSON": b"x"}),
    "a file too many": lambda files: files.update({"toy/0.1.0/evil.py": b"x"}),
    "a file too few": lambda files: files.pop("toy/0.1.0/vectors.npy"),
    "other content": lambda files: files.update({"toy/0.1.0/vectors.npy": b"x" * len(files["toy/0.1.0/vectors.npy"])}),
    "no manifest": lambda files: files.pop("toy/0.1.0/manifest.json"),
    "nothing": lambda files: files.clear(),
}


@pytest.mark.parametrize("what", MOVES)
def test_an_archive_with_what_does_not_belong_there(what: str, registry: Path, own_cache: Path) -> None:
    repack(registry, MOVES[what])
    with pytest.raises(RegistryInvalid, match="toy"):
        load_uae(f"{registry.as_uri()}/toy")
    assert inside(own_cache) == []
    assert not (own_cache.parent / "evil").exists()


def test_a_compressed_archive_is_refused_before_it_grows(registry: Path, own_cache: Path) -> None:
    repack(
        registry, lambda files: files.update({"toy/0.1.0/bomb": bytes(50_000_000)}), compression=zipfile.ZIP_DEFLATED
    )
    with pytest.raises(RegistryInvalid, match="compressed"):
        load_uae(f"{registry.as_uri()}/toy")
    assert sum(path.stat().st_size for path in own_cache.rglob("*") if path.is_file()) < 1_000_000


def test_a_disk_that_is_full_is_not_the_fault_of_the_registry(
    registry: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(OutputInvalid, match="cannot be written: No space left on device"):
        fetch(parse_address(f"{registry.as_uri()}/toy"))
    assert not inside(own_cache)
    monkeypatch.undo()


@pytest.mark.parametrize("n_bytes", [0, 10, 2_000, -10])
def test_a_damaged_archive_is_named_with_its_registry(n_bytes: int, registry: Path, own_cache: Path) -> None:
    path = registry / "toy" / "toy-0.1.0.zip"
    replace_archive(registry, path.read_bytes()[:n_bytes])
    with pytest.raises(RegistryInvalid) as caught:
        fetch(parse_address(f"{registry.as_uri()}/toy"))
    for said in ("toy/toy-0.1.0.zip in", registry.as_uri(), "cannot be read", "tell its publisher"):
        assert said in str(caught.value)
    assert not inside(own_cache)


@pytest.mark.parametrize("name", ["../../evil", "..", "/etc/passwd", "Toy", "toy\u202e", "a/b", "", "con."])
def test_names_that_are_paths(name: str, registry: Path, own_cache: Path) -> None:
    edit(registry, lambda entries: entries.update({name: entries["toy"]}))
    found = offers(registry.as_uri())
    assert [row["name"] for row in found.rows] == ["toy"]
    assert "are not those of catalogs" in found.warnings[0]
    with pytest.raises(EmbeddingsError):
        load_uae(f"{registry.as_uri()}/{name}")
    assert inside(own_cache) == []


@pytest.mark.parametrize("version", ["../../evil", "1.0", "1.0.0/..", "v1.0.0", 7, None])
def test_versions_that_are_none(version: object, registry: Path) -> None:
    edit(registry, lambda entries: entries["toy"].update(versions=[version, "0.1.0"], default=version))
    assert load_uae(f"{registry.as_uri()}/toy").version == "0.1.0"


@pytest.mark.parametrize("value", [[], "x", 7, None, {"releases": 3, "versions": {}}, {"versions": ["0.1.0"] * 3}])
def test_entries_of_another_form(value: object, registry: Path) -> None:
    edit(registry, lambda entries: entries.update(other=value))
    assert offers(registry.as_uri()).rows[-1]["name"] == "toy"
    assert push(write_toy(registry.parent / "mine", name="new"), registry.as_uri()).is_new
    with pytest.raises((CatalogNotFound, RegistryInvalid)):
        load_uae(f"{registry.as_uri()}/other")


@pytest.mark.parametrize("told", [{"seal": SEAL[1:]}, {"archive_bytes": -1}, {"archive_bytes": 10**30}, {"extra": 1}])
def test_releases_of_another_form(told: dict[str, Any], registry: Path) -> None:
    edit(registry, lambda entries: entries["toy"]["releases"]["0.1.0"].update(told))
    with pytest.raises(RegistryInvalid, match=r"is wrong about toy@0\.1\.0"):
        load_uae(f"{registry.as_uri()}/toy")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000, b'{"schema_version": 2, "catalogs": {}}', b"\xff"])
def test_an_index_that_is_none(body: bytes, registry: Path) -> None:
    (registry / "index.json").write_bytes(body)
    with pytest.raises(RegistryInvalid, match=r"index\.json"):
        load_uae(f"{registry.as_uri()}/toy")


def test_an_index_of_a_million_catalogs_is_refused_in_bounded_time_and_memory(registry: Path) -> None:
    entry = '{"versions":["1.0.0"]}'
    body = '{"schema_version":1,"catalogs":{' + ",".join(f'"n{i}":{entry}' for i in range(10**6)) + "}}"
    (registry / "index.json").write_text(body)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(RegistryInvalid, match="more than 10,000,000 bytes"):
        offers(registry.as_uri())
    assert time.perf_counter() - start < 30
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    small = '{"schema_version":1,"catalogs":{' + ",".join(f'"n{i}":{{}}' for i in range(50_000)) + "}}"
    (registry / "index.json").write_text(small)
    with pytest.raises(RegistryInvalid, match="has 50,000 catalogs"):
        offers(registry.as_uri())


def test_a_declared_size_that_is_absurd_is_refused_before_anything_is_fetched(registry: Path) -> None:
    edit(registry, lambda entries: entries["toy"]["releases"]["0.1.0"].update(archive_bytes=2**35))
    with file_server(registry) as server:
        with pytest.raises(RegistryInvalid, match=r"34,359,738,368 bytes, but at most 4,000,000,000"):
            load_uae(f"{server.origin}/toy")
        assert set(server.paths) == {"/index.json"}


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_true_size_beyond_the_declared_one_is_not_fetched(is_declared: bool, registry: Path, own_cache: Path) -> None:
    def answer(asked: Asked, content: bytes) -> Reply:
        reply = file_reply(registry, asked)
        if asked.path.endswith(".zip"):
            reply.body += bytes(3_000_000)
            reply.headers |= {} if is_declared else {"Content-Length": "", "Connection": "close"}
        return reply

    with file_server(answer) as server, pytest.raises(RegistryInvalid, match="bytes"):
        load_uae(f"{server.origin}/toy")
    assert sum(path.stat().st_size for path in own_cache.rglob("*") if path.is_file()) < 100_000


def test_the_same_version_with_another_hash_names_both(registry: Path, tmp_path: Path) -> None:
    other = write_toy(tmp_path / "other", description="Another content.")
    with pytest.raises(CatalogExists, match=r"toy@0\.1\.0 .* seal [0-9a-f]{64}.* seal [0-9a-f]{64}"):
        push(other, registry.as_uri())
    address = parse_address(f"{registry.as_uri()}/toy@0.1.0")
    first = fetch(address).folder
    second = tmp_path / "second"
    push(other, second.as_uri())
    for path in (registry / "toy").rglob("*"):
        if path.is_file():
            path.write_bytes((second / path.relative_to(registry)).read_bytes())
    (registry / "index.json").write_bytes((second / "index.json").read_bytes())
    assert fetch(address).folder == first  # what is here stays what it is
    with pytest.raises(
        CatalogConflict, match=r"toy@0\.1\.0 has two different contents: seal [0-9a-f]{64} .* seal [0-9a-f]{64}"
    ):
        fetch(address, refresh=True)
    assert load_uae(first).manifest.description == "Six elements in a plane."


def test_a_registry_cannot_stand_in_for_what_is_packaged(tmp_path: Path) -> None:
    catalog = toy_catalog(name="ct-multi", version="3.0.0")
    folder = write_toy(tmp_path / "mine", name="ct-multi", version="3.0.0")
    push(folder, (tmp_path / "registry").as_uri())
    with pytest.raises(CatalogConflict, match="two different contents"):
        load_uae(f"{(tmp_path / 'registry').as_uri()}/{catalog.name}")


def test_a_default_that_went_back_is_an_error_and_one_that_is_low_a_warning(registry: Path, tmp_path: Path) -> None:
    push(write_toy(tmp_path / "mine", version="0.2.0"), registry.as_uri())
    edit(registry, lambda entries: entries["toy"].update(default="0.1.0"))
    address = parse_address(f"{registry.as_uri()}/toy")
    with pytest.warns(RegistryWarning, match=r"is 0\.1\.0, below its release 0\.2\.0"):
        assert fetch(address).identity == "toy@0.1.0"
    edit(registry, lambda entries: entries["toy"].update(default="0.2.0"))
    assert fetch(address, refresh=True).identity == "toy@0.2.0"
    edit(registry, lambda entries: entries["toy"].update(default="0.1.0"))
    with pytest.raises(RegistryInvalid, match=r"went back from 0\.2\.0 to 0\.1\.0"):
        fetch(address, refresh=True)
    assert fetch(parse_address(f"{registry.as_uri()}/toy@0.1.0")).identity == "toy@0.1.0"


@pytest.mark.parametrize("name", ["ct-mu1ti", "ct-rnulti", "ctmulti", "ct-mutli"])
def test_names_that_look_like_ours_are_told(name: str, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    push(write_toy(tmp_path / "mine", name=name), registry.as_uri())
    looks = name != "ct-mutli"
    assert any("looks like" in warning for warning in offers(registry.as_uri()).warnings) == looks
    if looks:
        with pytest.warns(RegistryWarning, match="comes with the library"):
            load_uae(f"{registry.as_uri()}/{name}")


def test_a_name_that_looks_like_another_in_the_registry_is_not_published(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match='looks like "toy"'):
        push(write_toy(tmp_path / "mine", name="t0y"), registry.as_uri())


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@host/x", "https://host/x?token=secret", "s3://", "hf://only", "https://host/../x",
        "ftp\n://x", "https://host:port/x", "https://host/#secret",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        registry_url(url)
    assert "secret" not in str(caught.value)


def test_an_address_beyond_ascii_is_asked_for() -> None:
    with file_server(lambda asked, content: Reply(404)) as server:
        with pytest.raises(CatalogNotFound, match="not a registry"):
            load_uae(f"{server.origin}/caf\xe9/toy")
        assert server.paths == ["/caf%C3%A9/index.json"]


def test_a_file_in_a_folder_that_cannot_be_read(registry: Path) -> None:
    archive = registry / "toy" / "toy-0.1.0.zip"
    archive.unlink()
    archive.symlink_to(archive.name)
    with pytest.raises(RegistryUnreachable, match="cannot be read"):
        load_uae(f"{registry.as_uri()}/toy")


def test_redirects_are_followed_with_care(registry: Path) -> None:
    """To another host without our headers; never to a file, and not in circles."""
    targets = {"file:///etc/passwd": "not followed", "/index.json": "without end", "/caf\xe9 x": "without end"}
    for target, match in {**targets, "http://[::1": "not an address"}.items():
        with (
            file_server(lambda asked, content, to=target: Reply(302, {"Location": to})) as server,
            pytest.raises(EmbeddingsError, match=match),
        ):
            load_uae(f"{server.origin}/toy")
    with file_server(registry) as storage:
        with file_server(lambda asked, content: Reply(302, {"Location": storage.origin + asked.path})) as server:
            assert load_uae(f"{server.origin}/toy").version == "0.1.0"
        assert len(storage.asked) == 2
