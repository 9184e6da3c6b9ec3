"""Addresses, registries that are remembered, and roots that are URLs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embeddings.errors import CatalogNotFound, InputInvalid
from embeddings.registry.address import is_address, mirror_name, parse_address, registry_url, split_roots
from embeddings.registry.fetch import fetch
from embeddings.registry.push import push
from embeddings.registry.remembered import config_file, forget, list_remembered, remember
from testing.servers.hub import hub_server
from testing.toys import write_toy

KEY = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"


@pytest.mark.parametrize(
    ("text", "registry", "name", "wanted"),
    [
        ("hf://org/repo/ct-multi@3.0.0", "hf://org/repo", "ct-multi", "3.0.0"),
        ("hf://datasets/org/repo/ct-multi", "hf://org/repo", "ct-multi", ""),
        ("hf://org/repo@v1/folder/ct-multi@3", "hf://org/repo@v1/folder", "ct-multi", "3"),
        ("s3://bucket/a/b/toy@0.1.0-rc.1", "s3://bucket/a/b", "toy", "0.1.0-rc.1"),
        ("S3://Bucket/toy", "s3://Bucket", "toy", ""),
        ("HTTPS://Example.ORG:8080/a/toy/", "https://example.org:8080/a", "toy", ""),
        ("file:///home/me/registry/toy", "file:///home/me/registry", "toy", ""),
    ],
)
def test_addresses(text: str, registry: str, name: str, wanted: str) -> None:
    address = parse_address(text)
    assert (address.registry, address.name, address.wanted) == (registry, name, wanted)
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["hf://org/repo", "https://host", "s3://bucket/Toy", "s3://b/toy@", "s3://b/toy@1@2", "x://"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(InputInvalid):
        parse_address(text)


@pytest.mark.parametrize("text", ["ct-multi", "ct-multi@3.0.0", "./x", "C:\\x\\y", "a:b/c", "~/x", ""])
def test_names_and_paths_are_no_addresses(text: str) -> None:
    assert not is_address(text)


@pytest.mark.skipif(os.pathsep != ":", reason="the other separator needs no care")
def test_a_search_path_of_urls_and_folders() -> None:
    parts = ["/a", "https://host:8080/x", "s3://bucket", "b", "http://127.0.0.1:80", "hf://org/repo", "/z"]
    assert split_roots(":".join(parts)) == parts
    assert split_roots("::/a::") == ["/a"]


def test_one_registry_has_one_mirror() -> None:
    assert registry_url("https://Host/a/") == registry_url("https://host/a")
    names = {mirror_name(url, key) for url in ("https://host/a-b", "https://host/a/b") for key in ("", KEY)}
    assert len(names) == 4


def test_registries_are_remembered(tmp_path: Path) -> None:
    remember("lab", "https://host/x/", KEY)
    remember("other", "s3://bucket")
    assert {name: (one.url, one.key) for name, one in list_remembered().items()} == {
        "lab": ("https://host/x", KEY),
        "other": ("s3://bucket", ""),
    }
    assert parse_address("lab:toy@0.1").registry == "https://host/x"
    with pytest.raises(CatalogNotFound, match='Did you mean "lab"'):
        parse_address("lap:toy")
    assert forget("lab").url == "https://host/x"
    assert list(list_remembered()) == ["other"]


def test_a_name_and_a_key_do_not_change_by_accident() -> None:
    remember("lab", "https://host/x")
    remember("lab", "https://host/x", KEY)
    for url, key in [("https://evil/x", KEY), ("https://host/x", ""), ("https://host/x", "RW" + "A" * 54)]:
        with pytest.raises(InputInvalid, match="Remove it first"):
            remember("lab", url, key)
    remember("mirror", "https://host/x", "RW" + "A" * 54)
    with pytest.raises(InputInvalid, match="remembered with two keys"):
        fetch(parse_address("lab:toy"))


@pytest.mark.parametrize(("name", "url", "key"), [("L", "s3://b", ""), ("lab", "b", ""), ("lab", "s3://b", "RWx")])
def test_what_cannot_be_remembered(name: str, url: str, key: str) -> None:
    with pytest.raises(InputInvalid):
        remember(name, url, key)
    assert not config_file().exists()


@pytest.mark.parametrize("text", ["[]", "{", '{"lab": {}}', '{"lab": {"url": "x"}}', '{"lab": 3}', "\x00"])
def test_settings_that_cannot_be_read(text: str) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text(text)
    with pytest.raises(InputInvalid):
        list_remembered()


def test_a_commit_of_the_hub_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    with hub_server() as hub:
        assert hub.server is not None
        origin = hub.server.origin
        monkeypatch.setattr(constants, "ENDPOINT", origin)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", origin + "/{repo_id}/resolve/{revision}/{filename}"
        )
        push(write_toy(tmp_path / "mine"), "hf://group/embeddings")
        commit = hub.head
        push(write_toy(tmp_path / "mine", version="0.2.0"), "hf://group/embeddings")
        assert fetch(parse_address(f"hf://group/embeddings@{commit}/toy")).identity == "toy@0.1.0"
        newest = fetch(parse_address("hf://group/embeddings/toy"))
        assert (newest.identity, newest.tag) == ("toy@0.2.0", hub.head)
        asked = [asked.path for asked in hub.server.asked if "/resolve/" in asked.path]
        assert not any("/resolve/main/" in path for path in asked)  # never a branch, which moves
