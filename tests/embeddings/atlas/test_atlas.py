"""The folder of an atlas and its command: what is in it, what it fetches, and what bad input leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from embeddings.cli import main
from embeddings.errors import InputInvalid, MissingExtra, OutputInvalid
from embeddings.explorer.atlas import folder as writing
from embeddings.explorer.atlas import places, write_atlas
from embeddings.explorer.atlas.nearest import nearest_rows
from embeddings.explorer.atlas.viewer import read_viewer
from embeddings.vectors.structures import read_structure_catalog
from testing.vector_files import write_sites, write_structures
from tests.embeddings.atlas.conftest import IDS, Install, content_of, settings_of, table_of


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explore", *arguments], prog_name="embeddings")


def refused(*arguments: str) -> str:
    """Run a command that ends with one line."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    return result.output


@pytest.fixture
def table(vectors: Path) -> Path:
    pq.write_table(pa.table({"id": ["mp-1", "mp-149"], "gap": [2.0, 1.1]}), "gaps.parquet")
    return Path("gaps.parquet")


def test_the_command_writes_a_folder_with_everything_in_it(vectors: Path, table: Path, install: Install) -> None:
    install()
    result = run(
        "v.parquet", "--columns", "gaps.parquet", "--color", "gap", "-k", "2", "--method", "pca", "-o", "atlas/"
    )
    assert result.exit_code == 0, result.output
    assert "atlas: 6 structures" in result.output
    assert "lacks 4 of 6" in result.output
    assert {path.name for path in Path("atlas").iterdir()} == {"index.html", "parts", "atlas.json", "LICENSES.txt"}
    shown = table_of(Path("atlas"))
    assert shown["gap"].to_pylist() == [2.0, None, None, None, 1.1, None]
    assert settings_of(Path("atlas"))["props"]["initialState"]["charts"]["1"]["data"]["category"] == "gap"


def test_neighbors_and_places_are_those_of_the_vectors(vectors: Path, install: Install) -> None:
    install()
    write_atlas("atlas", vectors, k=3, method="pca")
    rows = read_structure_catalog(vectors).vectors
    told, expected = table_of(Path("atlas")), nearest_rows(rows, 3)
    assert [near["ids"] for near in told["__nearest"].to_pylist()] == expected.rows.tolist()
    distances = [near["distances"] for near in told["__nearest"].to_pylist()]
    np.testing.assert_allclose(distances, 1 - expected.cosines, atol=1e-4)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    at = np.column_stack([told["__x"], told["__y"]])
    np.testing.assert_allclose(np.abs(at), np.abs(places.project(unit, "pca").at), atol=1e-5)


def test_facts_licenses_and_a_text_say_what_it_is(vectors: Path, install: Install) -> None:
    install()
    write_atlas("atlas", vectors, method="pca")
    facts = json.loads(Path("atlas/atlas.json").read_text())
    assert facts["n_structures"] == 6
    assert facts["licenses"]["CC0-1.0"] == "Nobody."
    assert facts["viewer"] == "embedding-atlas 0.22.0"
    charts = settings_of(Path("atlas"))["props"]["initialState"]["charts"].values()
    (text,) = (chart["content"] for chart in charts if chart["type"] == "markdown")
    assert "Nobody." in text
    assert "Copyright (c) 2025 Apple Inc." in Path("atlas/LICENSES.txt").read_text()


def test_the_page_may_fetch_nothing_from_elsewhere(vectors: Path, install: Install) -> None:
    install()
    write_atlas("atlas", vectors, method="pca")
    page = Path("atlas/index.html").read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?:|\*", policy)
    assert "connect-src data: blob:;" in policy
    sources = re.findall(r'src="([^"]*)"', page)
    assert sources == ["parts/worker.js", "parts/loader.js"]
    assert all((Path("atlas") / source).is_file() for source in sources)


def test_scripts_of_the_viewer_ask_for_files_by_name(install: Install) -> None:
    install()
    files = read_viewer()
    assert files[-1].name == "assets/index-x.js"
    assert files[-1].content.decode() == (
        "var a=``+atlas.url(`icon.png`);import(atlas.url(`more.js`));let b=`https://atlas.invalid/`,c=({}).x;"
    )
    assert not [file.name for file in files if "mvp" in file.name]


def test_the_same_input_gives_the_same_bytes(vectors: Path, install: Install) -> None:
    install()
    for name in ("one", "two"):
        write_atlas(name, vectors, method="pca")
    both = [{path.name: path.read_bytes() for path in Path(name).rglob("*.*")} for name in ("one", "two")]
    assert both[0] == both[1]


def test_text_of_the_file_cannot_break_out_of_the_page(tmp_path: Path, install: Install) -> None:
    install()
    hostile = "</script><script>alert(1)</script>"
    path = write_structures(tmp_path / "v.parquet", [hostile, "[a](javascript:alert)"], ["Fe", "Co"], [(1, 0), (0, 1)])
    write_atlas(tmp_path / "atlas", path)
    page = (tmp_path / "atlas" / "index.html").read_text()
    assert page.count("<script") == page.count("</script>") == 3
    assert table_of(tmp_path / "atlas")["material_id"].to_pylist()[0] == hostile
    assert "entry" not in table_of(tmp_path / "atlas").column_names


@pytest.mark.parametrize(("n", "note"), [(1, ""), (2, "UMAP needs 5"), (4, "UMAP needs 5")])
def test_few_structures_are_drawn_too(tmp_path: Path, install: Install, n: int, note: str) -> None:
    install()
    path = write_structures(tmp_path / "v.parquet", IDS[:n], ["Fe"] * n, np.eye(6)[:n])
    written = write_atlas(tmp_path / "atlas", path)
    assert note in "; ".join(written.notes)
    told = table_of(tmp_path / "atlas")
    assert len(told) == n
    assert ("__nearest" in told.column_names) == (n > 1)
    assert np.isfinite(np.column_stack([told["__x"], told["__y"]])).all()


def test_equal_vectors_are_drawn_too(tmp_path: Path, install: Install) -> None:
    install()
    path = write_structures(tmp_path / "v.parquet", IDS, ["Fe"] * 6, np.ones((6, 3)))
    write_atlas(tmp_path / "atlas", path, method="pca")
    assert np.isfinite(table_of(tmp_path / "atlas")["__x"].to_numpy()).all()


def test_without_neighbors(vectors: Path, install: Install) -> None:
    install()
    assert run("v.parquet", "-k", "0", "--method", "pca", "-o", "atlas").exit_code == 0
    assert "__nearest" not in table_of(Path("atlas")).column_names
    assert "neighbors" not in settings_of(Path("atlas"))["props"]["data"]


def test_an_atlas_is_replaced_and_an_empty_folder_filled(vectors: Path, install: Install) -> None:
    install()
    Path("atlas").mkdir()
    write_atlas("atlas", vectors, method="pca")
    Path("atlas/old").write_text("")
    write_atlas("atlas", vectors, method="pca", k=1)
    assert not Path("atlas/old").exists()
    assert len(table_of(Path("atlas"))["__nearest"][0].as_py()["ids"]) == 1


def test_anything_else_in_its_place_stays(vectors: Path, install: Install) -> None:
    install()
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("dear")
    Path("file").write_text("dear")
    assert "is not an atlas" in refused("v.parquet", "-o", "mine")
    assert "not a folder" in refused("v.parquet", "-o", "file")
    assert "an atlas is a folder" in refused("v.parquet", "-o", "atlas.html")
    assert "holds the input" in refused("v.parquet", "-o", ".")
    assert Path("mine/notes.txt").read_text() == Path("file").read_text() == "dear"


def test_a_run_that_ends_early_leaves_nothing(vectors: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    write_atlas("old", vectors, method="pca")
    before = content_of(Path("old"))

    def stopped(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "embedded_json", stopped)
    for out in ("new", "old"):
        result = run("v.parquet", "--method", "pca", "-o", out)
        assert result.exit_code == 130
    assert not Path("new").exists()
    assert content_of(Path("old")) == before
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("version", ["0.26.0", "0.2.2"])
def test_another_version_of_the_viewer_is_named(vectors: Path, install: Install, version: str) -> None:
    install(version)
    line = refused("v.parquet", "-o", "atlas")
    assert f"embedding-atlas {version} is installed, but the atlas is drawn with 0.22" in line
    assert "pip install --no-deps embedding-atlas==0.22.0" in line
    assert not Path("atlas").exists()


def test_a_missing_viewer_is_named_before_any_work(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.explorer.atlas.viewer.find_spec", lambda name: None)
    monkeypatch.setattr(writing, "nearest_rows", lambda *_, **__: pytest.fail("work was done"))
    line = refused("v.parquet", "-o", "atlas")
    assert "embedding-atlas is not installed. Install it with: pip install " in line
    assert "[atlas]" in line


@pytest.mark.parametrize("without", ["index.html", "index-x", "duckdb-eh", "wasm_eh"])
def test_a_viewer_that_is_not_complete_is_named(install: Install, without: str) -> None:
    install(without=without)
    with pytest.raises(MissingExtra, match="are not complete"):
        read_viewer()


def test_what_is_no_file_of_structures_is_named(vectors: Path, install: Install) -> None:
    install()
    write_sites(Path("s.parquet"), ["mp-1"], [[26, 8]], [(1.0, 2.0), (3.0, 4.0)])
    pq.write_table(pa.table({"a": [1]}), "plain.parquet")
    pq.write_table(pq.read_table("v.parquet").slice(0, 0), "empty.parquet")
    Path("broken.parquet").write_bytes(b"PAR1")
    assert "holds vectors of sites" in refused("s.parquet", "-o", "atlas")
    assert "embeddings embed" in refused("plain.parquet", "-o", "atlas")
    assert "no structures" in refused("empty.parquet", "-o", "atlas")
    assert "broken.parquet cannot be read" in refused("broken.parquet", "-o", "atlas")
    assert "There is no file gone.parquet" in refused("gone.parquet", "-o", "atlas")
    assert not Path("atlas").exists()


def test_tables_that_do_not_fit_are_named(vectors: Path, table: Path, install: Install) -> None:
    install()
    Path("none.csv").write_text("")
    Path("twice.csv").write_text("id,gap\nmp-1,1\nmp-1,2\n")
    Path("other.csv").write_text("id,gap\nx,1\n")
    assert "cannot be read" in refused("v.parquet", "--columns", "none.csv", "-o", "atlas")
    assert "more than once" in refused("v.parquet", "--columns", "twice.csv", "-o", "atlas")
    assert "none of the 6" in refused("v.parquet", "--columns", "other.csv", "-o", "atlas")
    assert "There is no file" in refused("v.parquet", "--columns", "gone.csv", "-o", "atlas")
    assert 'Did you mean "gap"' in refused("v.parquet", "--columns", "gaps.parquet", "--color", "gep", "-o", "atlas")


def test_options_go_with_what_they_are_for(vectors: Path) -> None:
    for arguments in (["starter", "--color", "gap"], ["starter", "-k", "3"], ["v.parquet", "starter"]):
        result = run(*arguments, "-o", "out.html")
        assert result.exit_code == 2
        assert not Path("out.html").exists()


def test_open_shows_the_page(vectors: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    shown: list[str] = []
    monkeypatch.setattr("click.launch", shown.append)
    assert run("v.parquet", "--method", "pca", "-o", "atlas", "--open").exit_code == 0
    assert shown == [str(Path("atlas/index.html").resolve())]


def test_an_empty_catalog_is_named(vectors: Path, install: Install) -> None:
    install()
    pq.write_table(pq.read_table("v.parquet").slice(0, 0), "empty.parquet")
    with pytest.raises(InputInvalid, match="nothing to draw"):
        write_atlas("atlas", "empty.parquet")


def test_a_folder_that_cannot_be_made_is_named(vectors: Path, install: Install) -> None:
    install()
    Path("file").write_text("")
    with pytest.raises(OutputInvalid, match="file"):
        write_atlas("file/atlas", vectors, method="pca")
