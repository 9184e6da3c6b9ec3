"""Manifests, indexes and files of vectors as an attacker seals them: a named error, and nothing else stops working."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from embeddings import list_catalogs, load_catalog, load_uae
from embeddings.cli import main
from embeddings.display.text import is_plain
from embeddings.errors import EmbeddingsError
from embeddings.store import roots as store
from embeddings.store.manifest import Manifest, read_manifest
from embeddings.vectors.file import read_pages
from embeddings.vectors.footer import Level
from embeddings.vectors.seal import blank_seal, seal
from testing.attacks import ABSURD, changed, places, replace_file, sealed
from testing.composition_encoders import write_toy_encoder
from testing.toys import write_toy
from tests.embeddings.test_vector_files import footer
from tests.embeddings.test_vector_seal import COLUMNS
from tests.fuzz.conftest import fuzz

NAMES = ("toy", "toy-encoder")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
near = st.sampled_from(
    [1, 2, 3, 6, 8, 2**16, "toy", "zoo", "0.1.0", "0.2.0", "1.0.0-rc.1", "vectors.npy", "vectors.parquet",
     "manifest.json", "element", "structure", "composition-encoder", "float64", "npy", "hdf5", "mean", "Fe",
     "/etc/passwd", "."]
)  # fmt: skip
values = st.sampled_from(ABSURD) | json_values | near


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    for write in (write_toy, write_toy_encoder):
        write(root)
    write_toy(root, name="zoo")
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that root; every example puts back what it changed."""
    root = Path(shutil.copytree(written, tmp_path / "root"))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    monkeypatch.setattr(store, "packaged_root", lambda: tmp_path / "packaged")
    return root


@contextlib.contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Put files back as they were."""
    before = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


def named(use: Callable[[], Any]) -> Any:
    """What a use gives, or None and a message of one plain line."""
    try:
        return use()
    except EmbeddingsError as error:
        message = str(error)
    assert message
    assert is_plain(message)
    assert "\n" not in message
    return None


def check_everything(root: Path, name: str) -> None:
    """Whatever happened to one catalog, its uses end well or by name, and those of the others go on."""
    assert list_catalogs() == ["toy", "toy-encoder", "zoo"]
    assert load_uae("zoo@0.1.0")["Fe"].tolist() == [3.0, 4.0]
    store.verify(store.resolve("zoo@0.1.0"))
    catalog = named(lambda: load_catalog(name))
    if catalog is not None and hasattr(catalog, "vectors"):
        assert np.isfinite(catalog.vectors).all()
    elif catalog is not None:
        encoded = named(lambda: catalog.encode(["Fe2O3"]))
        assert encoded is None or np.isfinite(encoded).all()
    named(lambda: store.verify(store.resolve(name)))


def check_commands(name: str) -> None:
    for arguments in (["list"], ["show", name], ["verify"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in (0, 1)
        assert arguments != ["list"] or ("zoo" in result.output and result.exit_code == 0)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[float, Any]]:
    """Where in a document, as a share of its places, and what is put there."""
    return draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), values), min_size=1, max_size=3))


def apply(document: dict[str, Any], wanted: list[tuple[float, Any]]) -> dict[str, Any]:
    for share, value in wanted:
        everywhere = [at for at in places(document) if at]
        if everywhere:
            document = changed(document, everywhere[int(share * len(everywhere))], value)
    return document


@fuzz(examples=60)
@given(name=st.sampled_from(NAMES), wanted=changes(), commands=st.integers(0, 9))
def test_a_sealed_manifest_of_any_content(name: str, wanted: list[Any], commands: int, root: Path) -> None:
    path = root / name / "0.1.0" / "manifest.json"
    with restored(path):
        document = apply(json.loads(path.read_text()), wanted)
        path.write_text(sealed(document), encoding="utf-8", errors="surrogatepass")
        manifest = named(lambda: read_manifest(path.parent))
        assert manifest is None or Manifest.from_json(manifest.to_json()) == manifest
        check_everything(root, name)
        if commands == 9:
            check_commands(name)


@fuzz
@given(wanted=changes(), commands=st.integers(0, 9))
def test_an_index_of_any_content(wanted: list[Any], commands: int, root: Path) -> None:
    path = root / "index.json"
    with restored(path):
        document = apply(json.loads(path.read_text()), wanted)
        path.write_text(json.dumps(document), encoding="utf-8", errors="surrogatepass")
        check_everything(root, "toy")
        if commands == 9:
            check_commands("toy")


@fuzz
@given(
    at=st.sampled_from(["index.json", "toy/0.1.0/manifest.json", "toy-encoder/0.1.0/manifest.json"]),
    content=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()),
    cut=st.floats(0, 1),
)
def test_bytes_in_the_place_of_a_document(at: str, content: bytes, cut: float, root: Path) -> None:
    path = root / at
    with restored(path):
        whole = path.read_bytes()
        for data in (content, whole[: int(cut * len(whole))] + content, content + whole):
            path.write_bytes(data)
            check_everything(root, at.partition("/")[0] if "/" in at else "toy")


@fuzz
@given(name=st.sampled_from(NAMES), share=st.floats(0, 1, exclude_max=True), cuts=st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 64), st.binary(max_size=16)), max_size=3))  # fmt: skip
def test_a_file_of_any_content_entered_into_the_manifest(name: str, share: float, cuts: list[Any], root: Path) -> None:
    folder = root / name / "0.1.0"
    files = sorted(path for path in folder.iterdir() if path.name != "manifest.json")
    path = files[int(share * len(files))]
    with restored(path, folder / "manifest.json"):
        data = path.read_bytes()
        for at, n, other in cuts:
            place = int(at * len(data))
            data = data[:place] + other + data[place + n :]
        replace_file(folder, path.name, data)
        check_everything(root, name)


# Files of vectors ----------------------------------------------------------------------------------------------------

_KEY = b"materials-embeddings"
LEVELS = st.sampled_from(["structure", "site", "element"])


def write_vectors(path: Path, level: Level, document: Any, *, is_sealed: bool) -> None:
    """Write a file of vectors that says anything of itself, with a seal that fits."""
    text = json.dumps(document).encode("utf-8", "surrogatepass")
    table = pa.table(COLUMNS[level]).replace_schema_metadata({_KEY: text})
    with pq.ParquetWriter(path, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table, row_group_size=2)
        if is_sealed:
            writer.add_key_value_metadata(blank_seal(-(-len(table) // 2), table.num_columns))
    if is_sealed:
        seal(path)


@fuzz(examples=60)
@given(level=LEVELS, wanted=changes(), is_sealed=st.booleans())
def test_a_file_of_vectors_that_says_anything(level: Level, wanted: list[Any], is_sealed: bool, tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    document = json.loads(footer(level, sealed=is_sealed).to_metadata()[_KEY])
    write_vectors(path, level, apply(document, wanted), is_sealed=is_sealed)
    catalog = named(lambda: load_catalog(path))
    if catalog is not None and level == "structure":
        assert np.isfinite(catalog.vectors).all()


@fuzz(examples=60)
@given(level=LEVELS, at=st.floats(0, 1), n=st.integers(0, 8), other=st.binary(max_size=8), is_sealed=st.booleans())
def test_a_file_of_vectors_with_other_bytes(
    level: Level, at: float, n: int, other: bytes, is_sealed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "v.parquet"
    write_vectors(path, level, json.loads(footer(level, sealed=is_sealed).to_metadata()[_KEY]), is_sealed=is_sealed)

    def use() -> Any:
        catalog = load_catalog(path)
        return [catalog[key].tolist() for key in (("mp-1", "mp-2") if level != "element" else ("Fe",))]

    before, data = use(), path.read_bytes()
    place = int(at * len(data))
    altered = data[:place] + other + data[place + n :]
    path.write_bytes(altered)
    found = named(use)
    if is_sealed and altered != data:
        assert found in (None, before)  # a lookup checks what it reads
        with pytest.raises(EmbeddingsError):
            read_pages(path)
