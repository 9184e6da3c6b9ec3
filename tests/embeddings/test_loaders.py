"""From a name to a verified catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings import ElementCatalog, list_catalogs, load_catalog, load_uae
from embeddings.errors import CatalogCorrupt, CatalogNotFound
from embeddings.store import roots as store
from testing.toys import TOY_COUNTS, write_toy


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root of catalogs, holding the toy."""
    monkeypatch.delenv("EMBEDDINGS_CATALOGS", raising=False)
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path))
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    write_toy(store.user_root())
    return store.user_root()


@pytest.mark.parametrize("load", [load_uae, load_catalog])
@pytest.mark.parametrize("name", ["toy", "toy@0.1.0", "toy@0", Path("toy/0.1.0")])
def test_load(root: Path, load, name: str | Path) -> None:  # type: ignore[no-untyped-def]
    catalog = load(root / name if isinstance(name, Path) else name)
    assert isinstance(catalog, ElementCatalog)
    assert catalog["Fe"].tolist() == [3.0, 4.0]
    assert catalog.n_structures == TOY_COUNTS
    assert catalog.overlap(["FeCo", "FeCo2"]) == ["FeCo"]


def test_list(root: Path) -> None:
    write_toy(root, name="another")
    write_toy(root, version="0.2.0")
    assert list_catalogs() == ["another", "toy"]


def test_unknown(root: Path) -> None:
    with pytest.raises(CatalogNotFound, match="Did you mean"):
        load_uae("toi")


def test_damage_is_noticed_before_anything_is_read(root: Path) -> None:
    path = root / "toy" / "0.1.0" / "vectors.npy"
    load_uae("toy")
    path.write_bytes(path.read_bytes().replace(b"\x40", b"\x41", 1))
    with pytest.raises(CatalogCorrupt, match=r"vectors\.npy"):
        load_uae("toy")
