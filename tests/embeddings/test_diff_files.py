"""What changed from one file of vectors to another: rows, formulas, how far vectors moved, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from embeddings.analysis.file_changes import compare_files
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt
from embeddings.vectors.file import open_vectors
from testing.toys import write_toy
from testing.vector_files import write_sites, write_structures

VECTORS = ((3.0, 4.0), (4.0, 3.0), (0.0, 1.0), (0.0, 0.0))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_structures(Path("a.parquet"), ["s1", "s2", "s3", "s4"], ["FeO", "CoO", "NaCl", "KCl"], VECTORS)
    write_structures(
        Path("b.parquet"),
        ["s4", "s5", "s2", "s1"],
        ["KBr", "NiO", "CoO", "FeO"],
        [VECTORS[3], (1, 1), (3, 4), VECTORS[0]],
    )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


def stated(path: str, **changes: object) -> None:
    """Change what a file says of itself."""
    footer = replace(open_vectors(Path(path))[1], **changes)
    pq.write_table(pq.read_table(path).replace_schema_metadata(footer.to_metadata()), path)


def test_rows_formulas_and_moves_are_told() -> None:
    found = json.loads(run("a.parquet", "b.parquet", "--json").output)
    assert (found["n_shared"], found["added"], found["gone"]) == (3, ["s5"], ["s3"])
    assert found["formulas"] == {"s4": ["KCl", "KBr"]}
    assert (found["n_identical"], found["not_compared"], found["changed"]) == (2, None, [])
    assert found["moved"] == pytest.approx({"s2": 0.96})
    text = run("a.parquet", "b.parquet").output
    for line in ("New: 1, s5.", "Gone: 1, s3.", "Both state the same of themselves.", "s2          0.96000"):
        assert line in text


def test_a_file_and_itself_differ_in_nothing() -> None:
    found = compare_files(Path("a.parquet"), Path("a.parquet"))
    assert (found.n_shared, found.n_identical, found.moved, found.added, found.gone) == (4, 4, {}, (), ())


def test_order_and_scale_are_no_moves_and_blocks_are_of_any_size() -> None:
    random = np.random.default_rng(0)
    vectors, ids = random.normal(size=(90, 3)).astype("f4"), [f"s{i}" for i in range(90)]
    order = random.permutation(90)
    scale = 10.0 ** random.integers(-30, 30, size=(90, 1))
    write_structures(Path("c.parquet"), ids, ["FeO"] * 90, vectors)
    write_structures(Path("d.parquet"), [ids[i] for i in order], ["FeO"] * 90, (vectors * scale)[order])
    footer = pq.read_schema("d.parquet").metadata
    pq.write_table(pq.read_table("d.parquet").replace_schema_metadata(footer), "d.parquet", row_group_size=7)
    found = compare_files(Path("c.parquet"), Path("d.parquet"))
    assert (found.n_shared, found.moved) == (90, {})


def test_vectors_of_another_encoder_or_width_are_not_compared_and_the_reason_is_told() -> None:
    other = replace(open_vectors(Path("b.parquet"))[1].catalog, version="9.0.0", manifest_sha256="3" * 64)
    stated("b.parquet", catalog=other)
    text = run("a.parquet", "b.parquet").output
    assert "Not compared: two encoders made them, toy@0.1.0 and toy@9.0.0" in text
    assert "New: 1, s5." in text
    write_structures(Path("wide.parquet"), ["s1"], ["FeO"], [(1, 2, 3)])
    found = compare_files(Path("a.parquet"), Path("wide.parquet"))
    assert found.not_compared == "one file is 2 wide and the other 3"
    assert found.changed["width"] == (2, 3)


def test_sites_are_compared_one_by_one() -> None:
    write_sites(Path("s.parquet"), ["x", "y"], [[1, 8], [26]], [(1, 0), (0, 1), (1, 1)])
    write_sites(Path("t.parquet"), ["y", "x"], [[27], [1]], [(1, 1), (0, 1)])
    found = compare_files(Path("s.parquet"), Path("t.parquet"))
    assert (found.n_shared, found.gone, found.added) == (2, ("x site 1",), ())
    assert found.formulas == {"y site 0": ("Fe", "Co")}
    assert found.moved == {"x site 0": 0.0}
    refused = run("a.parquet", "s.parquet")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "level structure" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.parquet", "none.parquet"), "There is no file none.parquet"),
        (("a.parquet", "foreign.parquet"), "not a file of vectors"),
        (("a.parquet", "text.parquet"), "cannot be read"),
        (("a.parquet", "toy"), "toy is not"),
        (("toy", "a.parquet"), "toy is not"),
        (("twice.parquet", "a.parquet"), "names 1 row more than once"),
        (("a.parquet", "b.parquet", "-o", "a.parquet"), ".html"),
        (("a.parquet", "b.parquet", "-o", "none/x.html"), "none"),
    ],
)
def test_bad_input_is_named_in_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    write_toy(tmp_path / "root")
    pq.write_table(pq.read_table("a.parquet").replace_schema_metadata(None), "foreign.parquet")
    Path("text.parquet").write_text("hello")
    write_structures(Path("twice.parquet"), ["s1", "s1"], ["FeO", "FeO"], [(1, 2), (1, 2)])
    before = Path("a.parquet").read_bytes()
    result = run(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert message in result.stderr
    assert Path("a.parquet").read_bytes() == before


def test_a_page_is_written_and_an_altered_file_is_named() -> None:
    assert run("a.parquet", "b.parquet", "-o", "page.html").exit_code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<td>0.96000</td>" in page
    assert "<script" not in page
    content = bytearray(Path("b.parquet").read_bytes())
    content[40:60] = bytes(20)
    Path("b.parquet").write_bytes(content)
    with pytest.raises(CatalogCorrupt, match=r"b\.parquet"):
        compare_files(Path("a.parquet"), Path("b.parquet"))


def test_verify_finds_two_rows_of_one_name() -> None:
    write_structures(Path("twice.parquet"), ["s1", "s1"], ["FeO", "FeO"], [(1, 2), (1, 2)])
    write_sites(Path("apart.parquet"), ["x", "y", "x"], [[1], [26], [3]], [(1, 0), (0, 1), (1, 1)])
    for name, code in [("a.parquet", 0), ("twice.parquet", 1), ("apart.parquet", 1)]:
        result = CliRunner().invoke(main, ["verify", name])
        assert result.exit_code == code
        assert ("more than once" in result.output) == bool(code)
