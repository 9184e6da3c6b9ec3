"""Search order, names and versions, and the verification of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings import load_uae
from embeddings.errors import CatalogCorrupt, CatalogNotFound, EmbeddingsError, ManifestInvalid
from embeddings.store import roots as store
from embeddings.store.locations import locate_all
from testing.toys import write_toy


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path, Path]:
    """Two chosen roots, the user's and the packaged one, all still missing."""
    first, second, cache, packaged = (tmp_path / name for name in ("first", "second", "cache", "packaged"))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", os.pathsep.join([str(first), str(second)]))
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(cache))
    monkeypatch.setattr(store, "packaged_root", lambda: packaged)
    return first, second, cache / "catalogs", packaged


def test_search_order(roots: tuple[Path, ...]) -> None:
    assert store.search_roots() == list(roots)
    for root in reversed(roots):
        folder = write_toy(root)
        assert store.resolve("toy") == folder


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"EMBEDDINGS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a/catalogs"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/materials-embeddings/catalogs"),
        ({"HOME": "/c"}, "/c/.cache/materials-embeddings/catalogs"),
        ({"HOME": "/c", "EMBEDDINGS_CACHE": "~/d"}, "/c/d/catalogs"),
    ],
)
def test_user_root(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMBEDDINGS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert store.user_root() == Path(expected)


def test_versions(roots: tuple[Path, ...]) -> None:
    root = roots[0]
    for version in ("0.1.0", "0.1.9", "0.1.10", "0.10.0", "0.2.0-rc.1", "0.2.0"):
        write_toy(root, version=version)
    for asked, found in {
        "toy": "0.10.0", "toy@0.1.0": "0.1.0", "toy@0.1": "0.1.10", "toy@0": "0.10.0",
        "toy@0.2": "0.2.0", "toy@0.2.0-rc.1": "0.2.0-rc.1",
    }.items():  # fmt: skip
        assert store.resolve(asked) == root / "toy" / found


def test_first_root_with_the_version_wins(roots: tuple[Path, ...]) -> None:
    new = write_toy(roots[0], version="2.0.0")
    old = write_toy(roots[3], version="1.0.0")
    assert store.resolve("toy") == new
    assert store.resolve("toy@1") == old


def test_pin_beats_the_highest_release(roots: tuple[Path, ...]) -> None:
    write_toy(roots[0], version="1.0.0")
    write_toy(roots[0], version="2.0.0")
    index = roots[0] / "index.json"
    document = json.loads(index.read_text())
    document["catalogs"]["toy"]["default"] = "1.0.0"
    index.write_text(json.dumps(document))
    assert store.resolve("toy").name == "1.0.0"
    document["catalogs"]["toy"]["default"] = "3.0.0"
    index.write_text(json.dumps(document))
    assert store.resolve("toy").name == "2.0.0"
    index.unlink()
    assert store.resolve("toy").name == "2.0.0"


@pytest.mark.parametrize(
    ("versions", "meant"),
    [
        ({0: ["0.1.0"], 3: ["0.3.0"]}, (3, "0.3.0")),
        ({2: ["0.1.0", "0.4.0"], 3: ["0.3.0"]}, (2, "0.4.0")),
        ({0: ["0.9.0"], 1: ["0.10.0"], 3: ["0.2.0"]}, (1, "0.10.0")),
        ({1: ["1.0.0"], 3: ["1.0.0"]}, (1, "1.0.0")),
        ({0: ["2.0.0-rc.1"], 3: ["1.0.0"]}, (3, "1.0.0")),
        ({0: ["2.0.0-rc.1"], 3: ["2.0.0-rc.2"]}, (3, "2.0.0-rc.2")),
        ({0: ["2.0.0-rc.1"]}, (0, "2.0.0-rc.1")),
    ],
)
def test_a_bare_name_means_the_highest_release_in_any_root(
    versions: dict[int, list[str]], meant: tuple[int, str], roots: tuple[Path, ...]
) -> None:
    for root, there in versions.items():
        for version in there:
            write_toy(roots[root], version=version)
    folder = roots[meant[0]] / "toy" / meant[1]
    assert store.resolve("toy") == folder
    assert [location.folder for location in locate_all() if location.is_default] == [folder]
    assert load_uae("toy").version == meant[1]


def pin(root: Path, version: str) -> None:
    path = root / "index.json"
    document = json.loads(path.read_text())
    document["catalogs"]["toy"]["default"] = version
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(("elsewhere", "meant"), [("1.5.0", (3, "1.5.0")), ("0.9.0", (0, "1.0.0"))])
def test_a_pin_holds_back_what_its_root_offers_and_no_other(
    elsewhere: str, meant: tuple[int, str], roots: tuple[Path, ...]
) -> None:
    write_toy(roots[0], version="1.0.0")
    write_toy(roots[0], version="2.0.0")
    pin(roots[0], "1.0.0")
    write_toy(roots[3], version=elsewhere)
    assert store.resolve("toy") == roots[meant[0]] / "toy" / meant[1]


def test_the_beginning_of_a_version_means_the_highest_in_any_root(roots: tuple[Path, ...]) -> None:
    write_toy(roots[0], version="0.1.1")
    highest = write_toy(roots[3], version="0.1.2")
    write_toy(roots[1], version="0.2.0")
    assert store.resolve("toy@0.1") == highest


def test_a_root_whose_index_cannot_be_read_is_not_passed_over(roots: tuple[Path, ...]) -> None:
    """It may offer a higher version: a lower one is not given in its place."""
    write_toy(roots[0], version="1.0.0")
    write_toy(roots[3], version="2.0.0")
    (roots[3] / "index.json").write_text("{")
    with pytest.raises(CatalogCorrupt, match=r"index\.json is not an index"):
        store.resolve("toy")
    assert not any(location.is_default for location in locate_all())
    assert store.resolve("toy@1.0.0") == roots[0] / "toy" / "1.0.0"


def test_paths(roots: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_toy(tmp_path / "elsewhere")
    assert store.resolve(folder) == folder
    assert store.resolve(str(folder)) == folder
    monkeypatch.chdir(folder.parent)
    assert store.resolve("./0.1.0") == Path("0.1.0")
    with pytest.raises(CatalogNotFound, match=r"holds the versions 0\.1\.0"):
        store.resolve(folder.parent)
    with pytest.raises(CatalogNotFound, match=r"no manifest\.json"):
        store.resolve(tmp_path / "nowhere")


def test_name_is_never_a_folder_of_the_working_directory(
    roots: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_toy(tmp_path / "elsewhere").parents[1])
    with pytest.raises(CatalogNotFound):
        store.resolve("toy")


def test_unknown_name_suggests_and_lists(roots: tuple[Path, ...]) -> None:
    with pytest.raises(CatalogNotFound, match=r"none at all in .*first"):
        store.resolve("toy")
    write_toy(roots[0])
    write_toy(roots[3], name="other")
    with pytest.raises(CatalogNotFound, match=r'No catalog "tyo"\. Did you mean "toy"\? Available: other, toy '):
        store.resolve("tyo")
    with pytest.raises(CatalogNotFound, match=r'No version "9\.9" of catalog "toy"\. Available: 0\.1\.0 '):
        store.resolve("toy@9.9")


@pytest.mark.parametrize("name", ["", "@1.0.0", "toy@", "Toy", "toy ", "toy\x00", "toy@../toy", "toy@..", "a@b@c"])
def test_malformed_names(roots: tuple[Path, ...], name: str) -> None:
    write_toy(roots[0])
    with pytest.raises(CatalogNotFound):
        store.resolve(name)


def test_unfinished_folders_are_invisible(roots: tuple[Path, ...]) -> None:
    finished = write_toy(roots[0])
    (finished.parent / "9.0.0").mkdir()
    (finished.parent / "9.0.0" / "vectors.npy").write_bytes(b"")
    for hidden in (".1.0.0.abc", "1.0", "latest"):
        finished.parent.joinpath(hidden).mkdir()
        (finished.parent / hidden / "manifest.json").write_text("{}")
    (roots[0] / ".hidden").symlink_to(finished.parent)
    assert [location.folder for location in locate_all()] == [finished]
    assert store.resolve("toy") == finished


def test_locations_tell_defaults_and_shadows(roots: tuple[Path, ...]) -> None:
    write_toy(roots[0], version="1.0.0")
    write_toy(roots[3], version="1.0.0")
    write_toy(roots[3], version="2.0.0")
    found = [(place.root, place.version, place.is_default, place.shadowed_by) for place in locate_all()]
    assert found == [
        (roots[0], "1.0.0", False, None),
        (roots[3], "1.0.0", False, roots[0]),
        (roots[3], "2.0.0", True, None),
    ]


def damages(content: bytes) -> list[bytes]:
    """Truncations, and single flipped bits all over the file."""
    step = max(1, len(content) // 40)
    flips = [content[:i] + bytes([content[i] ^ (1 << i % 8)]) + content[i + 1 :] for i in range(0, len(content), step)]
    return [b"", content[:-1], content[: len(content) // 2], content + b"\n", *flips]


def test_every_damage_to_every_file_is_noticed(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    store.verify(folder)
    for path in sorted(folder.iterdir()):
        intact = path.read_bytes()
        for damaged in damages(intact):
            path.write_bytes(damaged)
            with pytest.raises((CatalogCorrupt, ManifestInvalid), match=path.name):
                store.verify(folder)
        path.unlink()
        with pytest.raises(CatalogCorrupt, match=path.name):
            store.verify(folder)
        path.write_bytes(intact)
    store.verify(folder)


def test_message_names_file_hashes_and_the_way_out(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    content = bytearray((folder / "vectors.npy").read_bytes())
    expected = hashlib.sha256(content).hexdigest()
    content[-1] ^= 1
    (folder / "vectors.npy").write_bytes(content)
    with pytest.raises(CatalogCorrupt) as caught:
        store.verify(folder)
    for part in ("vectors.npy", expected, hashlib.sha256(content).hexdigest(), "build this version again"):
        assert part in str(caught.value)


@pytest.mark.parametrize("look", [store.verify, load_uae], ids=["verify", "load"])
def test_content_that_changed_behind_size_and_time_is_noticed(tmp_path: Path, look: Callable[[Path], object]) -> None:
    folder = write_toy(tmp_path)
    path = folder / "vectors.npy"
    look(folder)
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-2] ^= 0x40
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(CatalogCorrupt, match=r"vectors\.npy"):
        look(folder)


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    (folder / "CARD.md").unlink()
    (folder / "CARD.md").mkdir()
    with pytest.raises(EmbeddingsError, match=r"CARD\.md"):
        store.verify(folder)
