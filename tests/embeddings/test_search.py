"""Search among structure vectors: agreement with brute force, conditions, what is searched for, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import StructureCatalog, load_catalog
from embeddings.cli import main
from embeddings.errors import (
    CatalogNotFound,
    ColumnNotFound,
    EmbeddingsError,
    FormulaInvalid,
    InputInvalid,
    MaterialNotCovered,
)
from embeddings.search.collections import InFile
from embeddings.search.diverse import diverse_rows
from embeddings.search.duplicates import near_duplicates
from embeddings.search.exact import Best
from embeddings.search.folded import Folded
from embeddings.search.matches import search
from embeddings.vectors.structures import read_structure_catalog
from testing.vector_files import write_sites, write_structures

IDS = ("mp-1", "mp-2", "mp-3", "mp-4", "mp-5")
FORMULAS = ("Fe2O3", "OsCl3", "Fe4O6", "NaCl", "Na2O")
VECTORS = ((3.0, 4.0), (4.0, 3.0), (0.0, 1.0), (-1.0, 0.0), (6.0, 8.0))
GAPS = {"id": ["mp-5", "mp-4", "mp-2", "mp-9"], "gap": [1.5, 8.5, None, 3.0], "n": [1, 2, 3, 4]}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table(GAPS), "gaps.parquet")
    Path("gaps.csv").write_text("id,gap,n\nmp-5,1.5,1\nmp-4,8.5,2\nmp-2,,3\nmp-9,3.0,4\n", encoding="utf-8")
    return write_structures(Path("v.parquet"), IDS, FORMULAS, VECTORS)


@pytest.fixture
def catalog(path: Path) -> StructureCatalog:
    found = load_catalog(path)
    assert isinstance(found, StructureCatalog)
    return found


def ids(matches: Any) -> list[str]:
    return [match.material_id for match in matches]


def brute(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    exact, query = rows.astype(np.float64), query.astype(np.float64)
    return exact @ query / np.linalg.norm(exact, axis=1) / np.linalg.norm(query)


def spread(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Return rows that gather around some directions, as vectors of structures do."""
    random = np.random.default_rng(seed)
    scales = 0.6 ** np.arange(dim)
    middles = random.normal(size=(7, dim)) * scales
    return (middles[random.integers(7, size=n)] + 0.3 * random.normal(size=(n, dim)) * scales).astype(np.float32)


@pytest.mark.parametrize("rows", [spread(3000, 24), np.random.default_rng(1).normal(size=(3000, 5)).astype("f4")])
def test_both_ways_of_searching_find_what_brute_force_finds(rows: np.ndarray) -> None:
    folded, queries = Folded.of(rows), rows[[5, 77]] + 0.01
    for query in queries:
        true = np.argsort(-brute(rows, query), kind="stable")[:10]
        scanned = Best(query[None], 10)
        for start in range(0, len(rows), 256):
            scanned.see(np.arange(start, min(start + 256, len(rows))), rows[start : start + 256])
        for found in (scanned, folded.nearest(query[None], 10)):
            assert found.rows.tolist() == true.tolist()
            np.testing.assert_allclose(found.cosines, brute(rows, query)[true], atol=1e-12)
    either = folded.nearest(queries, 10)
    assert set(either.queries.tolist()) == {0, 1}
    assert either.cosines.tolist() == sorted(either.cosines, reverse=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_no_cosine_is_above_one_and_ties_keep_their_order(n: int, dim: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = (random.integers(-2, 3, size=(n, dim)) * 10.0 ** random.integers(-18, 18, size=(n, 1))).astype(np.float32)
    query = np.ones((1, dim))
    found = Folded.of(rows).nearest(query, k)
    scanned = Best(query, k)
    scanned.see(np.arange(n), rows)
    assert found.rows.tolist() == scanned.rows.tolist()
    assert len(found.rows) == min(k, n)
    assert (np.abs(found.cosines) <= 1).all()
    assert sorted(zip(-np.round(found.cosines, 12), found.rows, strict=True)) == list(
        zip(-np.round(found.cosines, 12), found.rows, strict=True)
    )


def test_an_identifier_finds_the_others(catalog: StructureCatalog) -> None:
    found = catalog.nearest("mp-1", k=3)
    assert [(match.material_id, match.formula, match.like) for match in found] == [
        ("mp-5", "Na2O", "mp-1"), ("mp-2", "OsCl3", "mp-1"), ("mp-3", "Fe2O3", "mp-1"),
    ]  # fmt: skip
    np.testing.assert_allclose([match.cosine for match in found], [1, 0.96, 0.8])
    assert found[0].cosine <= 1
    assert len(catalog.nearest("mp-1", k=99)) == 4


def test_a_formula_stands_for_all_its_structures(catalog: StructureCatalog) -> None:
    found = catalog.nearest("Fe4O6", k=9)
    assert ids(found) == ["mp-5", "mp-2", "mp-4"]
    assert [match.like for match in found] == ["mp-1", "mp-1", "mp-3"]


def test_a_vector_and_its_file_are_searched_for(catalog: StructureCatalog) -> None:
    assert ids(catalog.nearest(np.array([3.0, 4.0]), k=2)) == ["mp-1", "mp-5"]
    np.save("one.npy", np.array([-1.0, 0.1]))
    assert ids(catalog.nearest("one.npy", k=1)) == ids(catalog.nearest(Path("one.npy"), k=1)) == ["mp-4"]
    assert catalog.neighbors([0.0, 2.0], k=1) == [("mp-3", 1.0)]
    Path("text.npy").write_text("3,4")
    with pytest.raises(
        InputInvalid, match=r"text\.npy cannot be read as a vector: .*not a file of NumPy.*numpy\.save\.$"
    ):
        catalog.nearest("text.npy")


@pytest.mark.parametrize(
    ("like", "error", "message"),
    [
        ("KCl", MaterialNotCovered, "no structure of KCl, and no structure is guessed"),
        ("mp-17", MaterialNotCovered, "not a formula"),
        ("", MaterialNotCovered, "not a formula"),
        ("none.cif", CatalogNotFound, "There is no file none.cif"),
        ("gaps.csv", EmbeddingsError, "toy@0.1.0, which is not installed"),
        ([1.0, 2.0, 3.0], InputInvalid, r"the shape \(2,\)"),
        ([0.0, 0.0], InputInvalid, "no direction"),
        ([np.nan, 0.0], InputInvalid, "no direction"),
        (object(), InputInvalid, "object cannot be searched for"),
        (3, InputInvalid, "shape"),
        (np.array([1j, 1.0]), InputInvalid, "complex128 cannot be searched for"),
        (np.array(["1", "0"]), InputInvalid, "U1 cannot be searched for"),
        (np.array([1, 2], "M8[D]"), InputInvalid, "datetime64.* cannot be searched for"),
    ],
)
def test_what_cannot_be_searched_for_is_named(
    catalog: StructureCatalog, like: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        catalog.nearest(like)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("formula contains O", ["mp-1", "mp-3", "mp-5"]),
        ("formula has Na,O", ["mp-5"]),
        ("formula = O3Fe2", ["mp-1", "mp-3"]),
        ("formula != Fe2O3 and material_id != mp-4", ["mp-2", "mp-5"]),
        ("gap > 1", ["mp-4", "mp-5"]),
        ("gap <= 1.5 AND 'n' == 1", ["mp-5"]),
        ("n >= 1.5", ["mp-2", "mp-4"]),
        ('material_id contains "p-1"', ["mp-1"]),
    ],
)
@pytest.mark.parametrize("table", ["gaps.parquet", "gaps.csv"])
def test_conditions_choose_rows(path: Path, table: str, where: str, expected: list[str]) -> None:
    from embeddings.search.tables import JoinedTable

    among = InFile(path, JoinedTable.read(table))
    assert sorted(ids(search(among, [1.0, 1.0], where=where))) == expected
    catalog = load_catalog(path)
    assert isinstance(catalog, StructureCatalog)
    found = catalog.nearest([1.0, 1.0], where=where, table=table, columns=["gap"])
    assert sorted(ids(found)) == expected
    assert {match.material_id: match.columns["gap"] for match in found} == {
        name: dict(zip(GAPS["id"], GAPS["gap"], strict=True)).get(name) for name in expected
    }


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ("", InputInvalid, "no condition"),
        ("formula", InputInvalid, "cannot be read"),
        ("formula < Fe", InputInvalid, "no order"),
        ("formula contains Q", InputInvalid, '"Q" is not a chemical element'),
        ("formula = Xx", FormulaInvalid, "Xx"),
        ("gap > 1", ColumnNotFound, "--table FILE"),
        ("formul = Fe", ColumnNotFound, 'Did you mean "formula"'),
        ("formula contains O or formula contains Na", InputInvalid, 'Join conditions with "and"'),
        ("formula contains O and", InputInvalid, "cannot be read"),
        ("__import__('os').system('x') = 1", InputInvalid, "cannot be read"),
    ],
)
def test_conditions_that_cannot_be_used_are_named(
    catalog: StructureCatalog, where: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        catalog.nearest("mp-1", where=where)


def test_tables_that_cannot_be_joined_are_named(catalog: StructureCatalog) -> None:
    Path("twice.csv").write_text("id,x\nmp-1,1\nmp-1,2\n", encoding="utf-8")
    for table, message in [("none.csv", "no file none.csv"), ("twice.csv", "1 structure more than once")]:
        with pytest.raises(InputInvalid, match=message):
            catalog.nearest("mp-1", table=table)
    Path("alike.csv").write_text("id,x,x\nmp-1,1,2\n", encoding="utf-8")
    Path("others.csv").write_text("id,x\n mp-1,1\n", encoding="utf-8")
    Path("below.csv").write_text("id,x\nmp-5,10\nmp-4,<9\n", encoding="utf-8")
    for table, message in [
        ("alike.csv", 'more than one column called "x"'),
        ("others.csv", "none of the 5 structures: it begins with ' mp-1', they with 'mp-1'"),
        ("below.csv", '"x" holds text'),
    ]:
        with pytest.raises(InputInvalid, match=message):
            catalog.nearest("mp-1", table=table, where="x > 9")
    with pytest.raises(InputInvalid, match='"a" is not double'):
        catalog.nearest("mp-1", table="gaps.csv", where="gap > a")
    pandas = pytest.importorskip("pandas")
    assert ids(catalog.nearest("mp-1", table=pandas.DataFrame(GAPS), where="gap > 8")) == ["mp-4"]


def test_identifiers_of_a_text_are_no_numbers(path: Path) -> None:
    """0010 is not 10, nor is 1e1."""
    numbers = ("10", "0010", "1e1", "1.0", "1")
    catalog = load_catalog(write_structures(Path("numbers.parquet"), numbers, FORMULAS, VECTORS))
    assert isinstance(catalog, StructureCatalog)
    Path("numbers.csv").write_text("id,x\n0010,1\n1,2\n", encoding="utf-8")
    found = catalog.nearest([1.0, 1.0], table="numbers.csv", columns=["x"])
    assert {match.material_id: match.columns["x"] for match in found} == dict.fromkeys(numbers) | {"0010": 1, "1": 2}


def test_not_a_number_meets_no_condition_and_whole_numbers_of_any_size_are_compared(catalog: StructureCatalog) -> None:
    table = pa.table({"id": IDS[1:], "x": [np.nan, 1.0, 2.0, 3.0], "n": [2**25 + 1, 2**25, 2**53, 1]})
    assert ids(catalog.nearest("mp-1", table=table, where="x != 1")) == ["mp-5", "mp-4"]
    assert sorted(ids(catalog.nearest("mp-1", table=table, where="n > 33554432.5"))) == ["mp-2", "mp-4"]
    kinds = pa.table({"id": IDS, "x": pa.array([1, 2, 1, 2, 1]).dictionary_encode()})
    with pytest.raises(InputInvalid, match="do not fit their columns"):
        catalog.nearest("mp-1", table=kinds, where="x = 1")


def test_a_vector_may_have_any_length(catalog: StructureCatalog) -> None:
    for size in (1e-300, 1e300):
        assert ids(catalog.nearest(np.array([3.0, 4.0]) * size, k=2)) == ["mp-1", "mp-5"]


def test_a_long_identifier_widens_no_other_row(path: Path) -> None:
    write_structures(Path("long.parquet"), ("x" * 9000, "a", "b"), FORMULAS[:3], VECTORS[:3])
    lines = CliRunner().invoke(main, ["search", "long.parquet", "--like", "a"]).output.splitlines()
    assert sorted(len(line) > 9000 for line in lines) == [False, False, True]
    assert all(len(line) < 60 for line in lines if "xxx" not in line)


def test_a_folder_called_like_a_formula_stands_for_nothing(catalog: StructureCatalog) -> None:
    Path("NaCl").mkdir()
    assert ids(catalog.nearest("NaCl", k=1)) == ["mp-3"]


def test_a_file_called_like_a_formula_hides_no_formula_and_is_named_with_its_folder(catalog: StructureCatalog) -> None:
    for name in ("NaCl", "KCl"):
        Path(name).write_text("data_\n", encoding="utf-8")
    assert ids(catalog.nearest("NaCl", k=1)) == ["mp-3"]
    with pytest.raises(MaterialNotCovered, match=r"no structure of KCl.*\(the file of this name is \./KCl\)"):
        catalog.nearest("KCl")
    for path in ("./NaCl", Path("NaCl")):
        with pytest.raises(EmbeddingsError, match=r"toy@0\.1\.0, which is not installed"):
            catalog.nearest(path)


def test_planted_duplicates_are_found_and_no_others() -> None:
    rows = spread(1300, 24, seed=3)
    rows[[10, 1200]] = rows[7] * [[1.5], [1.0001]]
    rows[1100] = rows[999] * (1 + 1e-3 * np.sign(np.arange(24) % 2 - 0.5))
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    for least in (0.9999, 0.99):
        found = near_duplicates(rows, least)
        assert sorted(found.rows) == np.flatnonzero(cosines.max(axis=1) >= least).tolist()
        np.testing.assert_allclose(found.cosines, cosines.max(axis=1)[found.rows], atol=1e-6)
        assert (found.cosines <= 1).all()
        sizes = np.bincount(found.groups)
        assert sizes.tolist() == sorted(sizes, reverse=True)
        for group in range(found.n_groups):
            members = found.rows[found.groups == group]
            outside = np.setdiff1d(np.arange(len(rows)), members)
            assert cosines[np.ix_(members, outside)].max() < least
    together = {tuple(found.rows[found.groups == group]) for group in range(found.n_groups)}
    assert any({7, 10, 1200} <= set(group) for group in together)
    assert any({999, 1100} <= set(group) for group in together)


def test_many_equal_rows_are_one_group() -> None:
    found = near_duplicates(np.tile(np.float32([1, 2, 3]), (600, 1)), 1.0)
    assert (found.n_groups, len(found.rows)) == (1, 600)
    assert len(near_duplicates(np.eye(3, dtype=np.float32)).rows) == 0
    with pytest.raises(InputInvalid, match="above 0"):
        near_duplicates(np.eye(3, dtype=np.float32), 0)


def test_a_diverse_subset_is_that_of_farthest_first_traversal() -> None:
    rows = spread(1500, 12, seed=5)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    chosen, seen = diverse_rows(rows, 20)
    assert len(set(chosen.tolist())) == 20
    for n in range(1, 20):
        nearest = (unit @ unit[chosen[:n]].T).max(axis=1)
        assert nearest[chosen[n]] <= nearest.min() + 2e-5
        assert seen[n] == pytest.approx(nearest[chosen[n]], abs=2e-5)
    assert np.array_equal(diverse_rows(rows, 20)[0], chosen)
    assert len(diverse_rows(rows[:3], 20)[0]) == 3


def test_catalogs_tell_groups_and_subsets_by_identifier(catalog: StructureCatalog) -> None:
    assert catalog.near_duplicates(0.999) == [("mp-1", "mp-5")]
    assert catalog.near_duplicates(0.95) == [("mp-1", "mp-2", "mp-5")]
    assert len(set(catalog.diverse(3))) == 3
    assert len(catalog.diverse(99)) == 5


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["search", "v.parquet", *arguments])


@pytest.mark.usefixtures("path")
def test_the_command_prints_a_table_or_json() -> None:
    assert run("--like", "mp-1", "-k", "2").output.splitlines() == [
        "material_id  formula  cosine",
        "mp-5         Na2O     1.0000",
        "mp-2         OsCl3    0.9600",
    ]
    told = run("--like", "Fe2O3", "--table", "gaps.csv", "--where", "gap > 1", "--column", "gap").output.splitlines()
    assert [line.split() for line in told] == [
        ["material_id", "formula", "cosine", "like", "gap"],
        ["mp-5", "Na2O", "1.0000", "mp-1", "1.5"],
        ["mp-4", "NaCl", "0.0000", "mp-3", "8.5"],
    ]
    (entry,) = json.loads(run("--like", "mp-1", "-k", "1", "--json").output)
    assert entry == {"material_id": "mp-5", "formula": "Na2O", "cosine": 1.0, "like": "mp-1", "columns": {}}
    assert run("--like", "mp-1", "--where", "formula contains K").stderr == "No structure fulfills the conditions.\n"


@pytest.mark.usefixtures("path")
def test_the_command_lists_duplicates_and_diverse_structures() -> None:
    assert [line.split()[0] for line in run("--duplicates", "0.95").output.splitlines()[1:]] == ["mp-1", "mp-2", "mp-5"]
    assert run("--duplicates", "0.95", "--where", "formula contains Na").stderr == "No near duplicates.\n"
    assert {row["group"] for row in json.loads(run("--duplicates", "0.95", "--json").output)} == {1}
    chosen = json.loads(run("--diverse", "2", "--json").output)
    assert [row["cosine"] is None for row in chosen] == [True, False]
    assert "cosine to nearest above" in run("--diverse", "2").output.splitlines()[0]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "one of --like, --duplicates and --diverse"),
        (("--like", "mp-1", "--diverse", "2"), 2, "one of --like"),
        (("--diverse", "2", "-k", "3"), 2, "-k goes with --like"),
        (("--like", "KCl"), 1, "no structure is guessed"),
        (("--like", "mp-1", "--column", "gap"), 1, 'There is no column "gap"'),
    ],
)
def test_faults_of_the_command_are_one_line(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_catalog_without_an_encoder_says_so_and_searches_for_the_rest(path: Path) -> None:
    bare = read_structure_catalog(path)
    assert ids(bare.nearest("mp-1", k=1)) == ["mp-5"]
    Path("one.cif").write_text("data_\n", encoding="utf-8")
    with pytest.raises(InputInvalid, match=r"without an encoder for structures.*load_catalog"):
        bare.nearest("one.cif")


def test_sites_are_not_structures(tmp_path: Path) -> None:
    sites = write_sites(tmp_path / "s.parquet", ["a"], [[1, 8]], [[1, 2], [3, 4]])
    with pytest.raises(InputInvalid, match="embeddings embed --level structure"):
        InFile(sites)
