"""What was released once stays: in the tree, on the list that comes with the library, and within reach of its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings import load_catalog, load_crystal_encoder, load_uae
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt, CatalogNotFound
from embeddings.store import roots as store
from embeddings.store.index import names, versions
from embeddings.store.manifest import read_manifest
from embeddings.store.released import RELEASED
from testing.toys import write_toy

RELEASES = {(name, version): seal for name, known in store.released().items() for version, seal in known.items()}
GONE = {
    "ct-band-gap": ("1.0.0",),
    "ct-ef-eg": ("1.0.0",),
    "ct-formation-energy": ("1.0.0",),
    "ct-multi": ("0.1.0", "1.0.0", "2.0.0"),
    "starter": ("0.1.0", "0.2.0"),
}
"""Versions that newer ones took the place of before there was a list of them."""

every_release = pytest.mark.parametrize(("name", "version"), RELEASES, ids=lambda part: part)


def there() -> dict[tuple[str, str], Path]:
    roots = (store.packaged_root(), store.earlier_root())
    return {(name, v): root / name / v for root in roots for name in names(root) for v in versions(root, name)}


def test_no_released_version_has_vanished_and_each_new_one_is_on_the_list() -> None:
    """Move a version to released/ when a newer one takes its place; enter a new one with the seal of its manifest."""
    assert set(RELEASES) == set(there())
    assert {(name, version) for name, known in GONE.items() for version in known} <= set(RELEASES)


@every_release
def test_a_release_is_what_it_was_and_its_name_loads_it(name: str, version: str) -> None:
    folder = store.resolve(f"{name}@{version}")
    assert folder == there()[name, version]
    assert read_manifest(folder).manifest_sha256 == RELEASES[name, version]
    store.verify(folder)
    loaded = load_catalog(f"{name}@{version}")
    assert (loaded.name, loaded.version) == (name, version)


def test_a_bare_name_means_the_packaged_version() -> None:
    for name in names(store.earlier_root()):
        assert store.resolve(name).parents[1] == store.packaged_root()
    listed = json.loads(CliRunner().invoke(main, ["list", "--json"]).stdout)
    assert {(row["name"], row["version"]) for row in listed} == set(RELEASES)


@pytest.fixture
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with the newest ct-multi alone, and the list of all that was released."""
    packaged = tmp_path / "site" / "_catalogs"
    shutil.copytree(store.packaged_root() / "ct-multi", packaged / "ct-multi")
    shutil.copy(store.packaged_root() / RELEASED, packaged)
    monkeypatch.setattr(store, "packaged_root", lambda: packaged)
    return packaged


EARLIER = store.earlier_root()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("asked", "meant"), [("ct-multi@2.0.0", "2.0.0"), ("ct-multi@2", "2.0.0"), ("ct-multi@0.1", "0.1.0")]
)
def test_a_light_installation_says_how_to_get_an_earlier_version(asked: str, meant: str, light: Path) -> None:
    with pytest.raises(CatalogNotFound, match=rf"was released, .*embeddings get ct-multi@{meant} --from PLACE"):
        load_uae(asked)
    with pytest.raises(CatalogNotFound, match=r'No version "7.0.0" of catalog "ct-multi". Available: 5.0.0'):
        load_uae("ct-multi@7.0.0")
    rows = json.loads(run("list", "--all", "--json").stdout)
    found = [row["version"] for row in rows if row["name"] == "ct-multi"]
    assert found == ["0.1.0", "1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0"]
    assert "not here: embeddings get ct-multi@2.0.0 --from PLACE" in run("list", "--all").stdout
    assert "2.0.0" not in run("list").stdout


def test_an_earlier_version_that_was_fetched_goes_by_its_bare_name(
    light: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("get", "ct-multi@2.0.0", "--from", EARLIER)
    assert result.exit_code == 0, result.output
    assert 'load_catalog("ct-multi@2.0.0")' in result.stdout
    expected = load_uae(EARLIER / "ct-multi" / "2.0.0")
    for asked in ("ct-multi@2.0.0", "ct-multi@2"):
        np.testing.assert_array_equal(load_uae(asked).vectors, expected.vectors)
    assert load_crystal_encoder("ct-multi@2.0.0").version == "2.0.0"
    assert load_uae("ct-multi").version == "5.0.0"
    rows = json.loads(run("list", "--all", "--json").stdout)
    fetched = next(row for row in rows if (row["name"], row["version"]) == ("ct-multi", "2.0.0"))
    assert (fetched["n_rows"], fetched["default"], fetched["error"]) == (88, False, None)


def test_other_content_under_the_name_of_a_release_is_refused_and_never_loaded(light: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "forged", name="ct-multi", version="2.0.0")
    result = run("get", "ct-multi@2.0.0", "--from", tmp_path / "forged")
    assert isinstance(result.exception, SystemExit)
    assert "ct-multi@2.0.0 has two different contents: seal 6fb776085d55" in result.stderr
    with pytest.raises(CatalogNotFound, match="was released"):
        load_uae("ct-multi@2.0.0")


def test_a_registry_may_be_named_apart_from_the_catalog(
    light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy(tmp_path / "lab")
    monkeypatch.chdir(tmp_path)
    for place in ("lab", "./lab", tmp_path / "lab", (tmp_path / "lab").as_uri()):
        result = run("get", "toy@0.1.0", "--from", place)
        assert result.exit_code == 0, result.output
        assert f'load_catalog("{(tmp_path / "lab").as_uri()}/toy@0.1.0")' in result.stdout
    assert "already says where the catalog is" in run("get", "./lab/toy", "--from", "lab").stderr
    assert 'No registry "nobody"' in run("get", "toy", "--from", "nobody").stderr
    assert run("list", "--all", "--from", "lab").exit_code == 2


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema_version": 2, "released": {}}', '{"schema_version": 1, "released": {"a b": {"1": 2}}}']
)
def test_a_damaged_list_is_named_and_keeps_nothing_from_loading(text: str, light: Path) -> None:
    (light / RELEASED).write_text(text)
    assert load_uae("ct-multi@5.0.0").version == "5.0.0"
    with pytest.raises(CatalogCorrupt, match="is not a list of released versions"):
        load_uae("ct-multi@2.0.0")
    listed = run("list", "--all")
    assert (listed.exit_code, "Traceback" in listed.output) == (1, False)
