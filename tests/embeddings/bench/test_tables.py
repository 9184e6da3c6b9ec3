"""Table files: every format gives the same measurements, and what cannot be used is named by its line."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embeddings.bench import tables
from embeddings.bench.measurements import MIN_ROWS
from embeddings.bench.tables import read_formulas, read_table
from embeddings.errors import ColumnNotFound, EmbeddingsError, InputInvalid, TargetInvalid

FORMULAS = ["Fe2O3", "FeO", "NaCl", "KCl", "MgO", "CaO", "SrO", "BaO", "LiF", "NaF", "KF", "CaF2"]
VALUES = [2.5, 0.75, 8.5, 8.25, 7.75, 6.5, 5.5, 4.25, 13.5, 11.5, 10.75, 12.25]
ROWS = list(zip(FORMULAS, VALUES, strict=True))


def text_of(separator: str = ",", header: str = "formula,gap", rows: list[tuple[Any, ...]] | None = None) -> str:
    lines = [header.replace(",", separator)]
    lines += [separator.join(map(str, row)) for row in (ROWS if rows is None else rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a text or bytes to a file."""

    def write_to(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_to


def jsonl() -> str:
    return "\n".join(json.dumps({"formula": f, "gap": v}) for f, v in ROWS)


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"formula": FORMULAS, "gap": VALUES}), sink, row_group_size=5)
    return sink.getvalue()


def workbook(rows: list[tuple[Any, ...]] | None = None) -> bytes:
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra bench")
    book, sink = openpyxl.Workbook(), io.BytesIO()
    for row in rows or [("formula", "gap"), *ROWS]:
        book.active.append(row)
    book.save(sink)
    return sink.getvalue()


def packed(text: str) -> bytes:
    """Return the text as a .gz file, the same bytes at any time."""
    return gzip.compress(text.encode(), mtime=0)


FORMATS: dict[str, Callable[[], str | bytes]] = {
    "a.csv": text_of,
    "a.tsv": lambda: text_of("\t"),
    "semicolons.csv": lambda: text_of(";"),
    "bars.txt": lambda: text_of("|"),
    "a.csv.gz": lambda: packed(text_of()),
    "a.tsv.gz": lambda: packed(text_of("\t")),
    "a.jsonl": jsonl,
    "a.ndjson.gz": lambda: packed(jsonl()),
    "a.parquet": parquet,
    "a.xlsx": workbook,
    "wrong_name.csv": parquet,
    "bom.csv": lambda: b"\xef\xbb\xbf" + text_of().encode(),
    "utf16.csv": lambda: text_of().encode("utf-16"),
    "utf16_without_mark.csv": lambda: text_of().encode("utf-16-le"),
    "utf32.csv": lambda: text_of().encode("utf-32"),
    "windows.csv": lambda: text_of().replace("\n", "\r\n"),
    "old_mac.csv": lambda: text_of().replace("\n", "\r"),
    "quoted.csv": lambda: text_of(rows=[(f'"{f}"', f'"{v}"') for f, v in ROWS]),
    "decimal_commas.csv": lambda: text_of(";").replace(".", ","),
    "quoted_decimal_commas.csv": lambda: text_of(rows=[(f, f'"{v}"'.replace(".", ",")) for f, v in ROWS]),
    "for_excel.csv": lambda: "sep=;\n" + text_of(";"),
    "title.csv": lambda: "Gaps of salts\n\n" + text_of(),
    "title_with_comma.csv": lambda: "# Gaps, measured in 2019, by us\n" + text_of(header="formula,gap,by,at", rows=[
        (*row, "us", "home") for row in ROWS
    ]),
    "trailing.csv": lambda: text_of(rows=[(*row, "", "") for row in ROWS]) + "\n\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_measurements(write: Callable[..., Path], name: str) -> None:
    data = read_table(write(name, FORMATS[name]()), target="gap")
    assert data.spelled.tolist() == FORMULAS
    assert data.values.tolist() == VALUES
    assert data.set_aside == ()


@pytest.mark.parametrize(
    "content", [text_of("\t").encode(), packed(text_of()), parquet()], ids=["tsv", "gz", "parquet"]
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_table("-", target="gap").values.tolist() == VALUES


def test_lines_are_those_of_the_file(write: Callable[..., Path]) -> None:
    rows = [*ROWS[:2], ('"Na\nCl"', 1.5), ("", 3), ("Xx2", 3), ("KBr", ""), ("KI", "<3"), ("a", 1, 2), *ROWS[2:]]
    text = text_of(rows=rows).replace("KCl,8.25\n", "\nKCl,8.25\n")
    data = read_table(write("a.csv", text), target="gap")
    assert [row.line for row in data.set_aside] == [6, 7, 8, 9, 10, 12]
    wanted = ("formula is blank", 'Formula "Xx2"', "value is blank", "is a limit", "has 3 cells", "row is blank")
    assert all(word in row.reason for word, row in zip(wanted, data.set_aside, strict=True))
    assert data.lines.tolist() == [2, 3, 4, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21]


def test_rows_of_a_workbook_end_with_their_last_cell(write: Callable[..., Path]) -> None:
    rows = [("formula", "gap", "comment"), *ROWS[:-1], (*ROWS[-1], "good"), ("KI",)]
    data = read_table(write("a.xlsx", workbook(rows)), target="gap")
    assert data.values.tolist() == VALUES
    assert [(row.line, row.reason) for row in data.set_aside] == [(14, "the value is blank")]


def test_lines_of_a_workbook_and_of_a_parquet_file(write: Callable[..., Path]) -> None:
    book = workbook([("Salts",), (), ("formula", "gap"), ("zz", 1), *ROWS])
    data = read_table(write("a.xlsx", book), target="gap")
    assert ([row.line for row in data.set_aside], data.lines[0]) == ([4], 5)
    sink = io.BytesIO()
    pq.write_table(pa.table({"formula": ["zz", *FORMULAS], "gap": [1, *VALUES]}), sink)
    data = read_table(write("a.parquet", sink.getvalue()), target="gap")
    assert ([row.line for row in data.set_aside], data.lines[0]) == ([1], 2)


@pytest.mark.parametrize("broken", ['"KI,1', 'KI,"1"2', '"a"b,1', "x,\x00"])
def test_a_broken_row_ends_nothing(write: Callable[..., Path], broken: str) -> None:
    lines = text_of().splitlines()
    lines.insert(3, broken)
    data = read_table(write("a.csv", "\n".join(lines) if "\x00" not in broken else text_of()), target="gap")
    assert data.values.tolist() == VALUES
    assert [row.line for row in data.set_aside] == ([4] if "\x00" not in broken else [])


def test_broken_json_lines_are_set_aside(write: Callable[..., Path]) -> None:
    text = jsonl().replace("\n", '\n\n{"formula": "KBr", "gap": \n[1]\n', 1) + '\n{"formula": "KI", "gap": null}'
    data = read_table(write("a.jsonl", text), target="gap")
    assert [row.line for row in data.set_aside] == [3, 4, 16]
    assert data.values.tolist() == VALUES


def test_latin_letters_are_read_and_said(write: Callable[..., Path]) -> None:
    text = text_of(header="formula,gap,who", rows=[(*row, "Müller") for row in ROWS])
    data = read_table(write("a.csv", text.encode("latin-1")), target="gap")
    assert data.values.tolist() == VALUES
    assert "Line 2 is not UTF-8; such lines are read as Latin-1 (cp1252)." in data.notes


@pytest.mark.parametrize("name", ["composition", "Reduced Formula", "MATERIAL", "who knows"])
def test_the_column_of_formulas_is_found_and_said(write: Callable[..., Path], name: str) -> None:
    rows = [("I", "No", k, formula, value) for k, (formula, value) in enumerate(ROWS)]
    data = read_table(write("a.csv", text_of(header=f"kind,metal,n,{name},gap", rows=rows)), target="gap")
    assert data.spelled.tolist() == FORMULAS
    assert f'Formulas are read from "{name}"; --formula names another column.' in data.notes


def test_a_column_called_material_without_formulas_is_passed_over(write: Callable[..., Path]) -> None:
    rows = [(f"sample {k}", formula, value) for k, (formula, value) in enumerate(ROWS)]
    assert len(read_table(write("a.csv", text_of(header="material,alloys,gap", rows=rows)), target="gap")) == len(ROWS)


@pytest.mark.parametrize(
    ("header", "asked", "name", "unit"),
    [
        ("band gap (eV)", "band gap (eV)", "band gap", "eV"),
        ("band gap (eV)", "band gap", "band gap", "eV"),
        ("Tc [K]", "Tc", "Tc", "K"),
        ("gap", "gap", "gap", ""),
        ("(eV)", "(eV)", "(eV)", ""),
    ],
)
def test_the_unit_stands_in_brackets(write: Callable[..., Path], header: str, asked: str, name: str, unit: str) -> None:
    path = write("a.csv", text_of(header=f"formula,{header}"))
    data = read_table(path, target=asked)
    assert (data.target, data.unit) == (name, unit)
    assert read_table(path, target=asked, unit="meV").unit == "meV"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "gpa"}, ('no column "gpa" (--target). Did you mean "gap"?', "It has: formula, gap, gap2, year")),
        ({"target": "gap", "formula": "formual"}, ('"formual" (--formula). Did you mean "formula"?',)),
        ({"target": "gap", "time": "yaer"}, ('"yaer" (--time). Did you mean "year"?',)),
        ({"target": "gap", "fold": "part"}, ('"part" (--fold).',)),
    ],
)
def test_a_wrong_name_lists_what_there_is(
    write: Callable[..., Path], options: dict[str, str], words: tuple[str, ...]
) -> None:
    path = write("a.csv", text_of(header="formula,gap,gap2,year", rows=[(*row, 1, 2000) for row in ROWS]))
    with pytest.raises(ColumnNotFound) as caught:
        read_table(path, **options)  # type: ignore[arg-type]
    assert all(word in str(caught.value) for word in words)


def test_a_table_without_a_header_or_without_formulas_says_so(write: Callable[..., Path]) -> None:
    with pytest.raises(ColumnNotFound, match="the first line must name the columns"):
        read_table(write("a.csv", text_of().partition("\n")[2]), target="gap")
    with pytest.raises(
        ColumnNotFound, match=r"no column could be read as formulas\. Name it with --formula\. It has: name, gap"
    ):
        read_table(write("b.csv", text_of(header="name,gap", rows=[("xx", v) for v in VALUES])), target="gap")


def test_names_of_columns_may_be_numbers(write: Callable[..., Path]) -> None:
    rows = [(formula, value, "", "salt") for formula, value in ROWS]
    assert read_table(write("a.csv", text_of(header="formula,300,400,kind", rows=rows)), target="300").target == "300"


def test_rows_longer_than_the_names_are_set_aside(write: Callable[..., Path]) -> None:
    data = read_table(write("a.csv", text_of(rows=[*ROWS, *((f, v, "?") for f, v in ROWS * 2)])), target="gap")
    assert (len(data), len(data.set_aside)) == (len(ROWS), 2 * len(ROWS))


def test_two_columns_of_one_name_matter_only_if_asked_for(write: Callable[..., Path]) -> None:
    path = write("a.csv", text_of(header="formula,gap,x,x", rows=[(*row, 1, 2) for row in ROWS]))
    assert len(read_table(path, target="gap")) == len(ROWS)
    with pytest.raises(InputInvalid, match=r'columns 3, 4 are all called "x" \(--target\); rename them'):
        read_table(path, target="x")


def test_times_and_folds(write: Callable[..., Path]) -> None:
    rows: list[tuple[Any, ...]] = [(*row, f"2019-{k + 1:02}-05", k % 3) for k, row in enumerate(ROWS)]
    rows += [("KI", 1, "", 1), ("KBr", 2, "2019-01", ""), ("RbI", 3, "2020", 1), ("RbCl", 4, "soon", 1)]
    data = read_table(
        write("a.csv", text_of(header="formula,gap,at,part", rows=rows)), target="gap", time="at", fold="part"
    )
    assert data.order is not None
    assert data.folds is not None
    assert np.diff(data.order).tolist() == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]
    assert data.folds.tolist() == [k % 3 for k in range(len(ROWS))]
    reasons = [row.reason for row in data.set_aside]
    assert reasons[:2] == ["the cell of --time is blank", "the cell of --fold is blank"]
    assert reasons[2:] == ["the time cannot be read, or not as those of most rows"] * 2


def test_yes_and_no_are_classes(write: Callable[..., Path]) -> None:
    rows = [(formula, "True" if value > 5 else "False") for formula, value in ROWS]
    data = read_table(write("a.csv", text_of(rows=rows)), target="gap")
    assert (data.classes, data.values.sum()) == (("False", "True"), 9)


@pytest.mark.parametrize(
    ("make", "tells"),
    [
        (lambda value: value * 96.485, True),
        (lambda value: -1 / value, True),
        (lambda value: round(value), False),
        (lambda value: value if value > 5 else "", True),
        (lambda value: value if value > 10 else "", False),
        (lambda value: 7, False),
        (lambda value: "text", False),
    ],
)
def test_a_column_that_tells_the_target_is_pointed_at(
    write: Callable[..., Path], make: Callable[[float], Any], tells: bool
) -> None:
    rows = [(f"{f}", v, make(v)) for f, v in ROWS] + [
        ("KI", 6.25, make(6.25)),
        ("RbI", 6, make(6)),
        ("KBr", 7, make(7)),
    ]
    data = read_table(write("a.csv", text_of(header="formula,gap,other", rows=rows)), target="gap")
    assert any(note.startswith('"other" tells "gap" exactly') for note in data.notes) is tells


@pytest.mark.parametrize(
    ("make", "tells"),
    [
        (lambda value: value, True),
        (lambda value: "insulating" if value > 6 else "conducting", True),
        (lambda value: "insulating" if value > 8 else "conducting", False),
        (lambda value: (value * 7) % 3, False),
    ],
)
def test_a_column_that_tells_the_class_is_pointed_at(
    write: Callable[..., Path], make: Callable[[float], Any], tells: bool
) -> None:
    rows = [(f, "wide" if v > 6 else "narrow", make(v)) for f, v in ROWS]
    data = read_table(write("a.csv", text_of(header="formula,kind,other", rows=rows)), target="kind")
    assert any('"other"' in note for note in data.notes) is tells


def test_many_rows_are_drawn_and_that_is_said(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 100)
    rows = [(FORMULAS[k % 12], k) for k in range(1000)] + [("KI", "")]
    path = write("a.csv", text_of(rows=rows))
    data, again = (read_table(path, target="gap") for _ in range(2))
    assert len(data) == 100
    assert data.lines.tolist() == again.lines.tolist() == sorted(set(data.lines.tolist()))
    assert 300 < data.values.mean() < 700
    assert "Of 1,000 rows, 100 are used, drawn at random (seed 0)." in data.notes
    assert [row.line for row in data.set_aside] == [1002]


def test_two_thousand_columns(write: Callable[..., Path]) -> None:
    names = ",".join(f"x{k}" for k in range(2000))
    rows = [(f, v, *((k * 7 + j) % 11 for j in range(2000))) for k, (f, v) in enumerate(ROWS)]
    assert len(read_table(write("a.csv", text_of(header=f"formula,gap,{names}", rows=rows)), target="gap")) == len(ROWS)


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (ROWS[:9], InputInvalid, "9 rows can be used; at least 10 are needed"),
        ([("Fe2O3", k) for k in range(20)], InputInvalid, "20 rows hold 1 distinct formula;"),
        ([(f, 3) for f in FORMULAS], TargetInvalid, 'Every "gap" is 3: there is nothing to learn'),
        ([(f, 0) for f in FORMULAS], TargetInvalid, 'Every "gap" is 0: there is nothing to learn'),
        ([(f, "yes") for f in FORMULAS], TargetInvalid, 'Every "gap" is yes'),
        ([(f, f"no. {k}") for f in ("KI", "KBr") for k in range(12)], InputInvalid, "distinct formulas"),
        ([(f, f"a{k}{f}") for f in FORMULAS for k in range(2)], TargetInvalid, "24 different texts"),
        (
            [(f, f"{v} ± 1") for f, v in ROWS],
            InputInvalid,
            'line 2: the value "2.5 ± 1" is a value with an uncertainty',
        ),
        ([], InputInvalid, "0 rows can be used"),
    ],
)
def test_what_cannot_be_learned_is_named(
    write: Callable[..., Path], rows: list[tuple[Any, ...]], error: type[EmbeddingsError], words: str
) -> None:
    with pytest.raises(error) as caught:
        read_table(write("a.csv", text_of(rows=rows)), formula="formula", target="gap")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n \n", "is empty"),
        ("a.csv", b"a,b\x00\x01\x02\x00" * 100, "is not text"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 99, "is an old Excel file; save it as .xlsx or CSV"),
        ("a.csv.bz2", b"BZh91AY", "is compressed with bzip2"),
        ("a.json", b'[{"formula": "NaCl"}]', "write one object on each line"),
        ("a.parquet", b"PAR1" + b"junk" * 9, "is not a complete Parquet file"),
        ("a.parquet", b"formula,gap\n", "is not a complete .parquet file"),
        ("a.xlsx", b"PK\x03\x04" + b"junk" * 9, "is not a complete .xlsx file"),
        ("a.csv.gz", packed(text_of())[:40], "cannot be"),
        ("a.csv.gz", b"\x1f\x8bjunk", "cannot be unpacked"),
        ("a.csv", b"x" * (1 << 24) + b"y", "characters or more: is it a table?"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # some are megabytes
)  # fmt: skip
def test_what_is_no_table_is_named(write: Callable[..., Path], name: str, content: bytes, words: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        read_table(write(name, content), target="gap")
    assert words in str(caught.value)


@cache
def whole_file(name: str) -> str | bytes:
    """Return a file as it was first made: a workbook holds the time."""
    return FORMATS[name]()


@given(st.sampled_from(sorted(FORMATS)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=4))))
@example("a.csv.gz", [(0.5, 1, b"\xff")])
@example("a.parquet", [(0.2, 1, b"\x9e")])
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_named(name: str, cuts: list[tuple[float, int, bytes]]) -> None:
    made = whole_file(name)
    content = bytearray(made if isinstance(made, bytes) else made.encode())
    for share, n_cut, put in cuts:
        place = int(share * len(content))
        content[place : place + n_cut] = put
    with TemporaryDirectory() as folder, suppress(EmbeddingsError):
        path = Path(folder) / name
        path.write_bytes(content)
        assert len(read_table(path, target="gap")) >= MIN_ROWS


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="There is no file"):
        read_table(tmp_path / "none.csv", target="gap")
    with pytest.raises(InputInvalid, match="is not an ordinary file"):
        read_table(tmp_path, target="gap")


def test_formulas_alone_are_read_with_all_rows(write: Callable[..., Path]) -> None:
    column = read_formulas(write("a.csv", "compound\nNaCl\nzz\n\nKCl\n"))
    assert (column.name, column.formulas, column.lines) == ("compound", ["NaCl", "zz", "KCl"], [2, 3, 5])
    assert [(row.line, row.reason) for row in column.set_aside] == [(4, "the row is blank")]
