"""The index beside a file of vectors: what it finds, when it is made, and what happens without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings import StructureCatalog, load_catalog
from embeddings.cli import main
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.search import index as module
from embeddings.search.index import StructureIndex, index_path
from embeddings.search.lists import n_lists
from testing.vector_files import write_structures

N, DIM = 3000, 12


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    random = np.random.default_rng(0)
    middles = random.normal(size=(30, DIM))
    found: np.ndarray = (middles[random.integers(30, size=N)] + 0.3 * random.normal(size=(N, DIM))).astype(np.float32)
    return found


@pytest.fixture
def path(tmp_path: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    formulas = ["NaCl" if row % 300 == 7 else "FeO" if row % 2 else "CoO" for row in range(N)]
    return write_structures(Path("v.parquet"), [f"s{row}" for row in range(N)], formulas, vectors)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["search", "v.parquet", *arguments])


def exact(path: Path) -> StructureCatalog:
    catalog = load_catalog(path)
    assert isinstance(catalog, StructureCatalog)
    return catalog


@pytest.fixture
def _faiss() -> None:
    pytest.importorskip("faiss")


@pytest.mark.usefixtures("_faiss")
@pytest.mark.parametrize("where", [None, "formula = FeO", "formula = NaCl", "material_id = s9", "formula = KCl"])
@pytest.mark.parametrize("in_memory", [False, True])
def test_it_finds_what_the_exact_search_finds(path: Path, where: str | None, in_memory: bool) -> None:
    index, catalog = StructureIndex(path, in_memory=in_memory), exact(path)
    right = wanted = 0
    for like in ("s5", "s7", "s100", np.ones(DIM)):
        true, found = (some.nearest(like, where=where) for some in (catalog, index))
        wanted += len(true)
        right += len({match.material_id for match in true} & {match.material_id for match in found})
        assert len(found) == len(true)
        cosines = {match.material_id: match.cosine for match in true}
        for match in found:
            assert match.cosine == pytest.approx(cosines.get(match.material_id, match.cosine), abs=1e-12)
            assert match.cosine <= 1
    assert right >= 0.95 * wanted


@pytest.mark.usefixtures("_faiss")
def test_formulas_with_several_structures_and_a_table_are_searched_for(path: Path) -> None:
    Path("n.csv").write_text("id,n\n" + "".join(f"s{row},{row}\n" for row in range(0, N, 3)), encoding="utf-8")
    options = {"where": "n < 50", "table": "n.csv", "columns": ["n"], "k": 5}
    found, true = (some.nearest("NaCl", **options) for some in (StructureIndex(path), exact(path)))
    assert [(one.material_id, one.like, one.columns) for one in found] == [
        (one.material_id, one.like, one.columns) for one in true
    ]
    assert StructureIndex(path).nearest("s1", k=1)[0].columns == {}


@pytest.mark.usefixtures("_faiss")
def test_the_command_makes_it_once_and_anew_for_other_vectors(path: Path, vectors: np.ndarray) -> None:
    told = run("--like", "s5", "--index", "-k", "3").output
    assert told == run("--like", "s5", "--exact", "-k", "3").output
    content, made = index_path(path).read_bytes(), index_path(path).stat().st_mtime_ns
    assert run("--like", "s5", "--index", "-k", "3").output == told
    assert index_path(path).stat().st_mtime_ns == made
    write_structures(path, [f"s{row}" for row in range(N)], ["FeO"] * N, vectors[::-1])
    assert run("--like", "s5", "--index").output == run("--like", "s5").output
    assert index_path(path).read_bytes() != content
    assert sorted(file.name for file in Path().iterdir()) == ["v.parquet", "v.parquet.index"]


@pytest.mark.usefixtures("_faiss")
@pytest.mark.parametrize("damage", ["cut", "flip", "trailer", "text"])
def test_a_damaged_index_is_made_anew(path: Path, damage: str) -> None:
    StructureIndex(path)
    place = index_path(path)
    whole = place.read_bytes()
    content = bytearray(whole)
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "trailer":
        content[-40] ^= 1
    else:
        content[-200:-60] = b"{" * 140
    place.write_bytes(content)
    assert run("--like", "s5", "--index").output == run("--like", "s5").output
    assert place.read_bytes() == whole


@pytest.mark.usefixtures("_faiss")
def test_what_is_not_an_index_stays_and_the_search_is_exact(path: Path) -> None:
    index_path(path).write_text("my notes")
    result = run("--like", "s5", "--index", "-k", "2")
    assert (result.exit_code, result.stdout) == (0, run("--like", "s5", "-k", "2").stdout)
    assert result.stderr.startswith("Searched without an index, exactly: v.parquet.index is not an index")
    assert index_path(path).read_text() == "my notes"
    with pytest.raises(InputInvalid, match="Move it away"):
        StructureIndex(path)


def test_without_the_library_the_search_is_exact_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    result = run("--like", "s5", "--index", "-k", "2")
    assert (result.exit_code, result.stdout) == (0, run("--like", "s5", "-k", "2").stdout)
    assert result.stderr.count("\n") == 1
    assert "exactly: faiss-cpu is not installed" in result.stderr
    assert not index_path(path).exists()
    with pytest.raises(MissingExtra):
        StructureIndex(path)


@pytest.mark.usefixtures("_faiss")
def test_many_rows_are_searched_by_an_index_without_being_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", N - 1)
    assert run("--like", "s5", "--exact").exit_code == 0
    assert not index_path(path).exists()
    entries = json.loads(run("--like", "s5", "--json").stdout)
    assert len(entries) == 10
    assert index_path(path).exists()


@pytest.mark.usefixtures("_faiss")
def test_faults_leave_no_index(path: Path) -> None:
    assert run("--like", "none", "--index").exit_code == 1
    assert len(run("--like", "s5", "--index", "-k", "2147483647").stdout.splitlines()) == N
    assert run("--duplicates", "0.9", "--index").exit_code == 2
    write_structures(Path("one.parquet"), ["a"], ["FeO"], [(0, 0)])
    assert StructureIndex("one.parquet").nearest([1.0, 0.0])[0].cosine == 0
    folder = index_path(path)
    folder.unlink()
    folder.mkdir()
    assert "not an index" in run("--like", "s5", "--index").stderr


def test_lists_are_about_as_many_as_rows_in_each() -> None:
    assert [n_lists(n) for n in (0, 1, 100, 1_000_000, 10_000_000)] == [1, 1, 8, 1024, 4096]


def test_the_index_of_the_folder_that_one_is_in_lies_beside_it() -> None:
    assert index_path(Path(".")) == Path.cwd().with_name(Path.cwd().name + ".index")
    assert index_path(Path("v.parquet")) == Path("v.parquet.index")


@pytest.mark.usefixtures("_faiss")
def test_a_full_disk_is_told_without_the_words_of_faiss(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    def full(*arguments: object) -> None:
        raise RuntimeError("Error in void faiss::write_index(const Index*, IOWriter*, int)")

    monkeypatch.setattr(faiss, "write_index", full)
    result = run("--like", "s0", "--index", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stderr == "Searched without an index, exactly: . has no space for an index, or is not writable.\n"
    assert [file.name for file in Path().iterdir()] == ["v.parquet"]


def test_a_single_structure_has_no_other_and_no_condition_is_blamed(path: Path) -> None:
    write_structures(path, ["s0"], ["NaCl"], np.ones((1, DIM), np.float32))
    result = run("--like", "s0")
    assert (result.exit_code, result.stderr) == (0, "There is no other structure.\n")
