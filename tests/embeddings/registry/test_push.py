"""Publishing: several at once, writes that fail, and what lies in a registry afterwards."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from embeddings.errors import CatalogCorrupt, CatalogExists, EmbeddingsError, OutputInvalid, RegistryUnreachable
from embeddings.registry.address import parse_address
from embeddings.registry.fetch import fetch
from embeddings.registry.offers import offers
from embeddings.registry.push import push
from embeddings.registry.stores import open_store
from embeddings.registry.zenodo import write_deposit
from embeddings.store.index import default_version, names, update_index
from testing.registries import Place
from testing.servers.files import file_server
from testing.toys import write_toy


def listed(place: Place) -> dict[str, str]:
    return {row["name"]: row["versions"] for row in offers(place.url).rows}


def test_two_publishers_at_once_both_end_well(anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second publishes while the first has read the index and not yet written it."""
    first, second = write_toy(tmp_path / "mine", name="first"), write_toy(tmp_path / "mine", name="second")
    kind = type(open_store(anywhere.write_url))
    write, once = kind.write, iter([True])

    def late(store: Any, changes: Any) -> None:
        if next(once, False):
            push(second, anywhere.write_url)
        write(store, changes)

    monkeypatch.setattr(kind, "write", late)
    push(first, anywhere.write_url)
    assert listed(anywhere) == {"first": "0.1.0", "second": "0.1.0"}


def test_two_contents_at_once_under_one_version(
    anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = write_toy(tmp_path / "mine"), write_toy(tmp_path / "theirs", description="Another content.")
    kind = type(open_store(anywhere.write_url))
    write, once = kind.write, iter([True])

    def late(store: Any, changes: Any) -> None:
        if next(once, False):
            push(theirs, anywhere.write_url)
        write(store, changes)

    monkeypatch.setattr(kind, "write", late)
    with pytest.raises(CatalogExists, match="seal"):
        push(mine, anywhere.write_url)
    assert (
        fetch(parse_address(f"{anywhere.url}/toy")).folder.joinpath("manifest.json").read_bytes()
        == (theirs / "manifest.json").read_bytes()
    )


@pytest.mark.parametrize("anywhere", ["s3", "memory"], indirect=True)
def test_a_push_that_breaks_at_any_write_shows_nothing_and_can_be_repeated(
    anywhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(write_toy(tmp_path / "mine", name="other"), anywhere.write_url)
    folder = write_toy(tmp_path / "mine")
    kind = type(open_store(anywhere.write_url))
    put, breaks_at = kind._put, [0]  # type: ignore[attr-defined]

    def breaking(store: Any, *arguments: Any, **named: Any) -> Any:
        breaks_at[0] -= 1
        if breaks_at[0] < 0:
            raise OutputInvalid("it broke")
        return put(store, *arguments, **named)

    monkeypatch.setattr(kind, "_put", breaking)
    n_breaks, stride = 0, 4 if anywhere.url.startswith("s3") else 1
    while True:
        breaks_at[0] = n_breaks
        try:
            push(folder, anywhere.write_url)
            break
        except OutputInvalid:
            n_breaks += stride
        breaks_at[0] = 1_000
        assert listed(anywhere) == {"other": "0.1.0"}
    assert n_breaks >= 8  # six files of the version, the archive, the card, the page, the index
    assert fetch(parse_address(f"{anywhere.url}/toy")).identity == "toy@0.1.0"


def test_a_damaged_version_is_not_published(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "mine")
    (folder / "vectors.npy").write_bytes(b"x")
    with pytest.raises(CatalogCorrupt):
        push(folder, (tmp_path / "registry").as_uri())
    assert not (tmp_path / "registry").exists()


def test_a_folder_in_the_place_of_a_version_stays(tmp_path: Path) -> None:
    place = tmp_path / "registry" / "toy" / "0.1.0"
    place.mkdir(parents=True)
    (place / "vectors.npy").write_bytes(b"half of a copy")
    with pytest.raises(CatalogExists, match="seal unknown"):
        push(write_toy(tmp_path / "mine"), (tmp_path / "registry").as_uri())
    assert [path.name for path in place.iterdir()] == ["vectors.npy"]


@pytest.mark.parametrize("anywhere", ["memory"], indirect=True)
@pytest.mark.parametrize("broken", ["open", "exists", "makedirs"])
def test_errors_of_file_systems_are_named(
    anywhere: Place, broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise KeyError("no such account")

    monkeypatch.setattr(type(open_store(anywhere.write_url)._system), broken, refuse)  # type: ignore[attr-defined]
    with pytest.raises((OutputInvalid, RegistryUnreachable), match="no such account"):
        push(write_toy(tmp_path / "mine"), anywhere.write_url)


def test_a_folder_registry_is_a_root_of_catalogs(tmp_path: Path) -> None:
    root = tmp_path / "registry"
    push(write_toy(tmp_path / "mine", version="0.2.0"), root.as_uri())
    push(write_toy(tmp_path / "mine"), root.as_uri())
    assert (names(root), default_version(root, "toy")) == (["toy"], "0.2.0")
    write_toy(root, name="built")  # a build into it keeps what the registry knows
    releases = json.loads((root / "index.json").read_text())["catalogs"]["toy"]["releases"]
    assert list(releases) == ["0.1.0", "0.2.0"]
    write_toy(root, force=True, description="Replaced.")
    update_index(root, "toy", "0.1.0")
    assert list(json.loads((root / "index.json").read_text())["catalogs"]["toy"]["releases"]) == ["0.2.0"]


def test_a_web_server_takes_nothing(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "mine")
    with file_server(tmp_path) as server, pytest.raises(OutputInvalid, match="Push into the folder"):
        push(folder, server.origin)


def test_threads_fetch_a_version_once(tmp_path: Path) -> None:
    push(write_toy(tmp_path / "mine"), (tmp_path / "registry").as_uri())
    with file_server(tmp_path / "registry") as server:
        threads = [
            threading.Thread(target=lambda: fetch(parse_address(f"{server.origin}/toy@0.1.0"))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(path.endswith(".zip") for path in server.paths) == 1


def test_a_deposit_for_zenodo(tmp_path: Path) -> None:
    folder, out = write_toy(tmp_path / "mine"), tmp_path / "deposit"
    written = write_deposit(folder, out, ["Doe, Jane", "Roe, Richard"])
    assert {"deposit.json", "toy-0.1.0.zip", "manifest.json", "vectors.parquet", "README.md"} <= set(written)
    metadata = json.loads((out / "deposit.json").read_text())["metadata"]
    assert metadata["creators"] == [{"name": "Doe, Jane"}, {"name": "Roe, Richard"}]
    assert (metadata["license"], metadata["version"], metadata["upload_type"]) == ("cc-by-4.0", "0.1.0", "dataset")
    assert metadata["related_identifiers"][0]["identifier"] == "10.0000/toy"
    assert write_deposit(folder, out, ["Doe, Jane", "Roe, Richard"]) == written
    for creators, target in [([], tmp_path / "a"), (["Jane Doe"], tmp_path / "b"), (["Doe, John"], out)]:
        with pytest.raises(EmbeddingsError):
            write_deposit(folder, target, creators)
