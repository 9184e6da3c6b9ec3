"""What is published anywhere is loaded from there to the byte, in few requests, and works offline afterwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from embeddings import load_catalog, load_uae
from embeddings.registry.address import parse_address
from embeddings.registry.fetch import fetch
from embeddings.registry.origins import origin_of
from embeddings.registry.push import push
from embeddings.store.index import names, versions
from embeddings.store.manifest import MANIFEST
from embeddings.store.roots import manifest_of, packaged_root
from testing.registries import Place
from testing.servers.files import file_server
from testing.toys import write_toy

PACKAGED = [
    packaged_root() / name / version for name in names(packaged_root()) for version in versions(packaged_root(), name)
]
MOST_REQUESTS = 3


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def unreachable(patch: pytest.MonkeyPatch) -> None:
    """Let every attempt at a connection fail, and no time pass by waiting."""
    import socket

    def refuse(*arguments: object, **named: object) -> None:
        raise OSError("there is no network")

    patch.setattr(socket.socket, "connect", refuse)
    patch.setattr("embeddings.registry.stores.tries.pause", lambda seconds: None)


def test_everything_that_is_packaged_makes_the_round_trip(
    anywhere: Place, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setattr("embeddings.registry.push.verify", lambda folder: None)  # tests/catalogs does it
    for folder in PACKAGED:
        push(folder, anywhere.write_url)
    counts = []
    for folder in PACKAGED:
        before = anywhere.requests()
        identity = f"{folder.parent.name}@{folder.name}"
        fetched = fetch(parse_address(f"{anywhere.url}/{identity}")).folder
        counts.append(anywhere.requests() - before)
        assert files(fetched) == files(folder)
        assert own_cache in fetched.parents
        assert manifest_of(fetched) == manifest_of(folder)
    assert max(counts[1:]) <= MOST_REQUESTS, counts
    assert counts[0] <= MOST_REQUESTS + 1, counts  # when nothing is known of the registry
    unreachable(monkeypatch)
    for folder in PACKAGED:
        assert load_catalog(f"{anywhere.url}/{folder.parent.name}@{folder.name}").dim


def test_a_bare_name_works_offline_too(anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(write_toy(tmp_path / "mine"), anywhere.write_url)
    assert load_uae(f"{anywhere.url}/toy").version == "0.1.0"
    unreachable(monkeypatch)
    assert load_uae(f"{anywhere.url}/toy").version == "0.1.0"


def test_a_new_version_is_the_default_and_the_old_one_stays(anywhere: Place, tmp_path: Path) -> None:
    push(write_toy(tmp_path / "mine"), anywhere.write_url)
    address = parse_address(f"{anywhere.url}/toy")
    assert fetch(address).identity == "toy@0.1.0"
    push(write_toy(tmp_path / "mine", version="0.2.0"), anywhere.write_url)
    assert fetch(address).identity == "toy@0.1.0"  # the index is fresh
    assert fetch(address, refresh=True).identity == "toy@0.2.0"
    assert load_uae(f"{anywhere.url}/toy@0.1").version == "0.1.0"
    assert load_uae(f"{anywhere.url}/toy@0.2.0").version == "0.2.0"


def test_a_version_is_fetched_once(anywhere: Place, tmp_path: Path) -> None:
    push(write_toy(tmp_path / "mine"), anywhere.write_url)
    load_uae(f"{anywhere.url}/toy@0.1.0")
    before = anywhere.requests()
    load_uae(f"{anywhere.url}/toy@0.1.0")
    load_uae(f"{anywhere.url}/toy")
    load_uae(f"{anywhere.url}/toy@0")
    assert anywhere.requests() == before


def test_pushing_twice_changes_nothing(anywhere: Place, tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "mine")
    assert push(folder, anywhere.write_url).is_new
    assert not push(folder, anywhere.write_url).is_new


def test_where_it_comes_from_is_written_down(anywhere: Place, tmp_path: Path) -> None:
    push(write_toy(tmp_path / "mine"), anywhere.write_url)
    origin = origin_of(fetch(parse_address(f"{anywhere.url}/toy")).folder)
    assert origin is not None
    assert (origin.identity, origin.url) == ("toy@0.1.0", anywhere.url)
    assert origin.signed.state == "none"
    if anywhere.url.startswith("hf://"):
        assert len(origin.tag) == 40  # the commit


def test_any_folder_with_an_index_is_a_registry(tmp_path: Path) -> None:
    """Such as a root of catalogs that nobody pushed to; its files are fetched one by one."""
    folder = write_toy(tmp_path / "root")
    with file_server(tmp_path / "root") as server:
        assert files(fetch(parse_address(f"{server.origin}/toy@0.1.0")).folder) == files(folder)
        assert server.paths[:2] == ["/index.json", f"/toy/0.1.0/{MANIFEST}"]
        assert len(server.asked) == 1 + len(files(folder))


def test_a_url_among_the_roots_is_searched_for_bare_names(
    anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(write_toy(tmp_path / "mine"), anywhere.write_url)
    other = write_toy(tmp_path / "other", name="other").parents[1]
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", os.pathsep.join([str(other), anywhere.url]))
    assert load_uae("toy").version == "0.1.0"
    assert load_uae("other").version == "0.1.0"
    before = anywhere.requests()
    assert load_uae("toy@0.1.0").version == "0.1.0"
    assert load_uae("ct-multi@5.0.0").version == "5.0.0"
    assert anywhere.requests() == before  # what is here is not asked for


def test_a_registry_that_is_silent_leaves_the_other_roots(
    anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if anywhere.requests() == 0 and anywhere.url.startswith(("file", "memory")):
        pytest.skip("there is no network to lose")
    write_toy(tmp_path / "mine")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", os.pathsep.join([anywhere.url, str(tmp_path / "mine")]))
    unreachable(monkeypatch)
    with pytest.warns(match="Only the other roots are searched"):
        assert load_uae("toy").version == "0.1.0"


def test_an_archive_unpacks_into_a_root(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "mine")
    push(folder, (tmp_path / "registry").as_uri())
    shutil.unpack_archive(tmp_path / "registry" / "toy" / "toy-0.1.0.zip", tmp_path / "root")
    assert files(tmp_path / "root" / "toy" / "0.1.0") == files(folder)
