"""Whatever a manifest says, there is one named line for it, and nothing else stops working."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings import list_catalogs, load_catalog, load_encoder, load_uae
from embeddings.cli import main
from embeddings.display.text import is_plain
from embeddings.errors import CatalogCorrupt, EmbeddingsError, ManifestInvalid
from embeddings.store import roots as store
from embeddings.store.locations import troubles
from embeddings.store.manifest import read_manifest
from testing.attacks import ABSURD, changed, nested, places, replace_manifest, sealed
from testing.composition_encoders import write_toy_encoder
from testing.toys import write_toy

WRITERS: dict[str, Callable[[Path], Path]] = {"toy": write_toy, "toy-encoder": write_toy_encoder}
each_kind = pytest.mark.parametrize("name", WRITERS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a catalog of each kind, and one more that nobody touches, written once."""
    root = tmp_path_factory.mktemp("written")
    for write in WRITERS.values():
        write(root)
    write_toy(root, name="zoo")
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that root of this test's own."""
    root = Path(shutil.copytree(written, tmp_path / "root"))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    return root


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="embeddings")


def check_commands(name: str, *, is_usable: bool) -> None:
    """Run what looks at catalogs: one line for what is wrong, and all else as ever."""
    for arguments in (("list",), ("list", "--json"), ("show", name), ("show", name, "--json"), ("verify", name)):
        result = run(*arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in ((0,) if is_usable or arguments[0] == "list" else (0, 1))
        assert result.stderr.count("\n") == result.exit_code
        assert is_plain(result.output)
        assert len(result.stderr) < 1500
        assert arguments[0] != "list" or "zoo" in result.output


def try_to_use(name: str) -> bool:
    """Load a catalog and compute with it; return whether it can be used. What comes out are numbers."""
    try:
        catalog = load_catalog(name)
        vectors = catalog.encode(["Fe2O3", "H2O"]) if name == "toy-encoder" else catalog.vectors  # type: ignore[union-attr]
    except EmbeddingsError:
        return False
    assert np.isfinite(vectors).all()
    return True


@each_kind
def test_no_value_in_any_place_gives_more_than_a_named_line(name: str, root: Path) -> None:
    folder = root / name / "0.1.0"
    document = json.loads((folder / "manifest.json").read_text())
    everywhere = [at for at in places(document) if at]
    for number, at in enumerate(everywhere):
        (folder / "manifest.json").write_text(sealed(changed(document, at, ABSURD[7 * number % len(ABSURD)])))
        try_to_use(name)
        if number % 4 == 0:
            check_commands(name, is_usable=False)
    assert list_catalogs() == ["toy", "toy-encoder", "zoo"]
    assert load_uae("zoo")["Fe"].tolist() == [3.0, 4.0]


ATTACKS: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "nested": (("training", "query"), {"a": nested(600)}, "nested more than 64 deep"),
    "surrogate": (("description",), "a\ud800b", r"description: expected a text without control"),
    "escape": (("description",), "\x1b[31mred", r"without control characters, got '\\x1b\[31mred'"),
    "escape in a key": (("training", "dropped"), {"\x1b[2J": 1}, r"dropped \(key\): expected a text without"),
    "escape in a place": (("metrics",), {"a\x1b": {}}, r"metrics \(key\): expected a text without|a\\x1b"),
    "right to left": (("licence", "spdx"), "\u202eTIM", r"got '\\u202eTIM'"),
    "symbol": (("n_structures", "Xx"), 1, "expected an element symbol, got 'Xx'"),
    "another name": (("name",), "zoo", r"toy@0\.1\.0 belongs, but its manifest\.json says that it is zoo@0\.1\.0"),
    "another version": (("version",), "0.2.0", r"toy@0\.1\.0 belongs.* it is toy@0\.2\.0"),
    "long name": (("name",), "x" * 300, "name: expected a text of at most 100"),
    "width 0": (("dim",), 0, "dim: expected a number >= 1, got 0"),
    "width 10^9": (("dim",), 10**9, "dim: expected a number <= 65536"),
    "other width": (("dim",), 3, "rows disagree"),
    "other rows": (("n_rows",), 7, "rows disagree"),
    "huge integer": (("n_rows",), 10**4000, r"n_rows: expected"),
    "not a number": (("metrics", "energy", "mae"), float("nan"), "NaN is not a JSON number"),
    "no vectors": (("files",), [], "lists no training_formulas.npy|is not listed"),
    "a file twice": (
        ("files",),
        2 * [{"path": "a", "format": "npy", "sha256": "0" * 64, "bytes": 1}],
        r'files\[1\]\.path: "a" is listed twice',
    ),
    "itself": (
        ("files",),
        [{"path": "manifest.json", "format": "npy", "sha256": "0" * 64, "bytes": 1}],
        r"files\[0\]\.path",
    ),
    "digest elsewhere": (("training", "formula_digest", "file"), "CARD.md", "CARD.md cannot be read"),
    "digest unlisted": (("training", "formula_digest", "file"), "x.npy", r"lists no x\.npy"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_absurd_manifest_is_named_everywhere(attack: str, root: Path) -> None:
    at, value, expected = ATTACKS[attack]
    replace_manifest(root / "toy" / "0.1.0", at, value)
    for use in (load_uae, load_catalog, lambda name: store.verify(store.resolve(name))):
        with pytest.raises((CatalogCorrupt, ManifestInvalid), match=expected) as caught:
            use("toy")
        assert is_plain(str(caught.value))
        assert str(root / "toy" / "0.1.0") in str(caught.value)
    check_commands("toy", is_usable=False)
    result = run("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 1 of 3 failed. ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'\xff\xfe{\x00"\x00', "cannot be read"),
        ("{}".encode("utf-16"), "cannot be read"),
        (b'{"name": "a", "name": "b"}', '"name" is there twice'),
        (b'{"x\\u001b": 1, "x\\u001b": 1}', r'"x\\x1b" is there twice'),
        (b'{"\\u001b[2J": 1}', r"\\x1b\[2J: no such field"),
        (b'{"name": Infinity}', "Infinity is not a JSON number"),
        (b'{"name": ' + b"1" * 5000 + b"}", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b" " * 10_000_001, "more than 10,000,000 bytes"),
        (b"null", "expected an object"),
    ],
)
def test_what_is_no_manifest_is_named(content: bytes, expected: str, root: Path) -> None:
    path = root / "toy" / "0.1.0" / "manifest.json"
    path.write_bytes(content)
    with pytest.raises((CatalogCorrupt, ManifestInvalid), match=expected):
        read_manifest(path.parent)
    check_commands("toy", is_usable=False)
    assert load_uae("zoo").symbols


INDEX_PLACES = (("catalogs", "toy", "default"), ("catalogs", "toy"), ("catalogs",), ("schema_version",))


@pytest.mark.parametrize("at", INDEX_PLACES, ids=".".join)
def test_an_absurd_index_stops_nothing_but_what_it_pins(at: tuple[str, ...], root: Path) -> None:
    path = root / "index.json"
    document = json.loads(path.read_text())
    for value in (*ABSURD, "../zoo/0.1.0", ["0.1.0"]):
        path.write_text(json.dumps(changed(document, at, value)))
        assert list_catalogs() == ["toy", "toy-encoder", "zoo"]
        assert store.resolve("zoo@0.1.0").parent.name == "zoo"
        broken = [trouble.reason for trouble in troubles()]
        if broken:
            with pytest.raises(CatalogCorrupt, match=r"index\.json is not an index"):
                store.resolve("toy")
        else:
            assert store.resolve("toy").name == "0.1.0"
    path.write_text("{")
    assert "Warning: " in run("list").stdout
    assert run("verify").stderr.startswith("Error: 1 of 4 failed. ")


def test_loads_by_the_right_door_only(root: Path) -> None:
    replace_manifest(root / "toy" / "0.1.0", ("kind",), "composition-encoder")
    for load in (load_catalog, load_encoder, load_uae):
        with pytest.raises(EmbeddingsError):
            load("toy")
    replace_manifest(root / "toy-encoder" / "0.1.0", ("kind",), "element")
    for load in (load_catalog, load_encoder, load_uae):
        with pytest.raises(EmbeddingsError):
            load("toy-encoder")
