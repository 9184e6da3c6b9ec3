"""Columns that are carried along: from CSV to CSV the same fields; in Parquet, text or numbers that print back."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import assume, given
from hypothesis import strategies as st

from embeddings.errors import EmbeddingsError
from embeddings.streaming import featurize_file
from testing.toys import toy_catalog
from tests.fuzz.conftest import fuzz

TOY = toy_catalog()
FORMULAS = st.sampled_from(["H2O", "NaCl", "Fe2O3", " CoO", "Na2O"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufeff"), max_size=6)
number_like = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.integers(0, 200).map(str),
    st.floats().map(repr),
    st.floats(-1000, 1000).map(lambda x: f"{x:.3f}"),
    st.floats(-1000, 1000).map(lambda x: f"{x:g}"),
    st.sampled_from(
        "007 1.10 1e5 0x10 NaN nan inf -0 0.0 -0.0 1. .5 +1 1_000 9223372036854775807 9223372036854775808 1E5 1.0 true "
        "2026-01-31 1,5 - 1e400 0.1 100000000000000000000 1e16 12345678901234567 0.30000000000000004 -1.5 1e-07".split()
    ),
    st.just(""),
)
fields = st.one_of(
    number_like, number_like, texts, st.sampled_from(['"', '""', "a,b", "a\nb", "a\r\nb", " x ", "\t", "'"])
)


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str]:
    """Header, rows, and the text of a CSV file."""
    names = draw(st.lists(texts.filter(bool), min_size=1, max_size=4, unique=True))
    assume("formula" not in names)
    names.insert(draw(st.integers(0, len(names))), "formula")
    kinds = [FORMULAS if name == "formula" else draw(st.sampled_from([fields, number_like])) for name in names]
    rows = [[draw(kind) for kind in kinds] for _ in range(draw(st.integers(0, 6)))]
    file = io.StringIO()
    has_return = any("\r" in field for row in [names, *rows] for field in row)  # Python 3.11 does not quote it
    quoting = csv.QUOTE_ALL if has_return else draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    csv.writer(file, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=quoting).writerows([names, *rows])
    return names, rows, file.getvalue()


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))


def written_as(value: float | int) -> set[str]:
    """What a number looks like when it is printed."""
    return {repr(value), repr(value).removesuffix(".0")} if isinstance(value, float) else {str(value)}


@fuzz
@given(sheet=sheets())
def test_from_csv_to_csv_all_fields_are_the_same(sheet: tuple[list[str], list[list[str]], str], tmp_path: Path) -> None:
    names, rows, text = sheet
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(text.encode())
    out.unlink(missing_ok=True)
    featurize_file(source, out, TOY)
    found = read_csv(out)
    assert [row[: len(names)] for row in found] == [names, *rows] == read_csv(source)
    assert all(len(row) == len(names) + 8 for row in found)


@fuzz
@given(sheet=sheets())
def test_in_parquet_columns_are_text_or_numbers_that_print_back(
    sheet: tuple[list[str], list[list[str]], str], tmp_path: Path
) -> None:
    names, rows, text = sheet
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    source.write_bytes(text.encode())
    featurize_file(source, out, TOY)
    table = pq.read_table(out)
    assert table.column_names[: len(names)] == names
    for place, name in enumerate(names):
        fields = [row[place] for row in rows]
        found = table[name].to_pylist()
        if table.schema.field(name).type == pa.string():
            assert found == fields
            continue
        assert table.schema.field(name).type in (pa.int64(), pa.float64())
        for value, field in zip(found, fields, strict=True):
            assert field == "" if value is None else field in written_as(value)


LETTERS = "formula,\"\n\r aH2O.1\x00\ufeff;é'"


@fuzz(examples=60)
@given(
    text=st.text(st.sampled_from(LETTERS), max_size=60),
    ending=st.sampled_from([".csv", ".jsonl"]),
)
def test_any_text_is_a_table_or_named(text: str, ending: str, tmp_path: Path) -> None:
    source, out = tmp_path / f"in{ending}", tmp_path / "out.csv"
    for path in tmp_path.glob("in.*"):
        path.unlink()
    for content in (text, "formula,a\n" + text, '{"formula": "H2O"}\n' + text):
        source.write_bytes(content.encode())
        out.unlink(missing_ok=True)
        with contextlib.suppress(EmbeddingsError):
            featurize_file(source, out, TOY)
            assert out.is_file()
        assert {path.name for path in tmp_path.iterdir()} <= {source.name, "out.csv", "out.rejected.csv", "cache"}


def test_a_lone_carriage_return_ends_a_line(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"formula,a\rH2O,1\r")
    featurize_file(tmp_path / "in.csv", tmp_path / "out.csv", TOY)
    assert [row[:2] for row in read_csv(tmp_path / "out.csv")] == [["formula", "a"], ["H2O", "1"]]
