import csv
import gzip
import io
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embeddings.errors import ColumnNotFound, ElementNotCovered, FormulaInvalid, InputInvalid, OutputInvalid
from embeddings.pooling import feature_names, featurize_compositions
from embeddings.streaming import batches, featurize_file, readers
from embeddings.streaming import job as streaming_job
from embeddings.tables.files import open_table
from testing.toys import toy_catalog

TOY = toy_catalog()
FORMULAS = ["H2O", "NaCl", "Fe2O3", "Na2O", "CoO", "H2O"]
ROWS = [{"id": f"m-{i}", "formula": formula, "n": i, "x": i / 4} for i, formula in enumerate(FORMULAS)]


def write_csv(path, rows=ROWS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path, rows=ROWS):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path, rows=ROWS):
    pq.write_table(pa.Table.from_pylist(rows), path)


WRITERS = {".csv": write_csv, ".jsonl": write_jsonl, ".parquet": write_parquet}


@pytest.fixture(params=WRITERS)
def source(request, tmp_path):
    path = tmp_path / f"table{request.param}"
    WRITERS[request.param](path)
    return path


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(streaming_job, "_MAX_ROWS", 2)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.parquet"


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("small_batches")
def test_the_columns_stay_and_the_features_follow(source, out):
    summary = featurize_file(source, out, TOY, stats=["mean", "std"])
    table = pq.read_table(out)
    assert table.select(["id", "formula", "n", "x"]).to_pylist() == ROWS
    names = feature_names(TOY, ["mean", "std"])
    assert table.column_names == ["id", "formula", "n", "x", *names]
    features = np.column_stack([table[name] for name in names])
    assert features.dtype == np.float32
    assert (features == featurize_compositions(FORMULAS, TOY, stats=["mean", "std"])).all()
    assert (summary.rows, summary.features, summary.rejected) == (6, 4, 0)
    assert left_behind(out.parent) == sorted(["out.parquet", source.name])


def test_the_output_says_how_it_was_made(source, out):
    featurize_file(source, out, TOY, stats="mean", missing="impute")
    about = json.loads(pq.read_metadata(out).metadata[b"materials-embeddings"])
    assert about == {"catalogs": {"toy": "0.1.0"}, "stats": ["mean"], "missing": "impute", "imputed": {}}


def test_csv_out(source, tmp_path):
    featurize_file(source, tmp_path / "out.csv", TOY)
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["formula"] for row in rows] == FORMULAS
    assert float(rows[0]["toy_mean_000"]) == pytest.approx(2 / 3)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("ending", WRITERS)
def test_rows_that_cannot_be_read_are_set_aside_with_line_and_reason(ending, tmp_path, out):
    rows = [dict(row) for row in ROWS]
    rows[1]["formula"], rows[4]["formula"] = "nacl", ""
    WRITERS[ending](tmp_path / f"t{ending}", rows)
    summary = featurize_file(tmp_path / f"t{ending}", out, TOY)
    assert pq.read_table(out)["id"].to_pylist() == ["m-0", "m-2", "m-3", "m-5"]
    rejected = list(csv.DictReader((tmp_path / "out.rejected.csv").open()))
    first = 2 if ending == ".csv" else 1
    assert [int(row["line"]) for row in rejected] == [first + 1, first + 4]
    assert 'did you mean "NaCl"' in rejected[0]["reason"]
    assert (summary.rejected, summary.rejected_file) == (2, str(tmp_path / "out.rejected.csv"))


def test_strict_stops_at_the_first_of_them(tmp_path, out):
    write_csv(tmp_path / "t.csv", [{"formula": "H2O"}, {"formula": "H2"}, {"formula": "Xx"}, {"formula": "Yy"}])
    with pytest.raises(FormulaInvalid, match=r't\.csv, line 4: .*"Xx" is not an element'):
        featurize_file(tmp_path / "t.csv", out, TOY, strict=True)
    assert left_behind(tmp_path) == ["t.csv"]


def test_an_old_list_of_rejected_rows_goes_when_nothing_is_rejected(tmp_path, out):
    write_csv(tmp_path / "t.csv", [{"formula": "H2O"}, {"formula": "J"}])
    featurize_file(tmp_path / "t.csv", out, TOY)
    write_csv(tmp_path / "t.csv", [{"formula": "H2O"}])
    featurize_file(tmp_path / "t.csv", out, TOY)
    assert left_behind(tmp_path) == ["out.parquet", "t.csv"]


def test_broken_rows_of_a_csv_file(tmp_path, out):
    text = 'id,formula\n1,H2O\n2\n\n3,NaCl,7\n"4\nfour",Fe2O3\n5,J\n'
    (tmp_path / "t.csv").write_text(text)
    featurize_file(tmp_path / "t.csv", out, TOY)
    assert pq.read_table(out)["formula"].to_pylist() == ["H2O", "Fe2O3"]
    rejected = list(csv.DictReader((tmp_path / "out.rejected.csv").open()))
    assert [(row["line"], row["formula"]) for row in rejected] == [("3", ""), ("5", "NaCl"), ("8", "J")]
    assert "1 field," in rejected[0]["reason"]


def test_broken_lines_of_a_json_file(tmp_path, out):
    (tmp_path / "t.jsonl").write_text('{"formula": "H2O"}\n{"formula": \n\n[1]\n{"formula": {"Fe": 2, "O": 3}}\n{}\n')
    featurize_file(tmp_path / "t.jsonl", out, TOY)
    assert pq.read_table(out)["formula"].to_pylist() == ["H2O", '{"Fe": 2, "O": 3}']
    rejected = list(csv.DictReader((tmp_path / "out.rejected.csv").open()))
    assert [row["line"] for row in rejected] == ["2", "4", "6"]


@pytest.mark.usefixtures("small_batches")
def test_a_key_that_comes_late_is_rejected(tmp_path, out):
    write_jsonl(tmp_path / "t.jsonl", [{"formula": "H2O"}, {"formula": "H2"}, {"formula": "O2", "late": 1}])
    assert featurize_file(tmp_path / "t.jsonl", out, TOY).rejected == 1
    assert '"late"' in (tmp_path / "out.rejected.csv").read_text()


def test_types_of_csv_columns(tmp_path, out):
    (tmp_path / "t.csv").write_text("formula,whole,number,code,text,gap\nH2O,1,1,007,a,\nO2,2,2.5,012,1,\n")
    featurize_file(tmp_path / "t.csv", out, TOY)
    types = {field.name: str(field.type) for field in pq.read_schema(out)}
    assert [types[name] for name in ("whole", "number", "code", "text", "gap")] == [
        "int64",
        "double",
        "string",
        "string",
        "string",
    ]
    featurize_file(tmp_path / "t.csv", out, TOY, as_text=True)
    assert pq.read_table(out)["number"].to_pylist() == ["1", "2.5"]


@pytest.mark.usefixtures("small_batches")
def test_the_whole_csv_file_decides_what_a_column_holds(tmp_path, out):
    (tmp_path / "t.csv").write_text("formula,n,code,x,late\nH2O,1,7,1,\nO2,2,8,2,\nH2,three,009,2.5,3\n")
    featurize_file(tmp_path / "t.csv", out, TOY)
    columns = pq.read_table(out).select(["n", "code", "x", "late"]).to_pydict()
    assert columns == {"n": ["1", "2", "three"], "code": ["7", "8", "009"], "x": [1, 2, 2.5], "late": [None, None, 3]}


@pytest.mark.usefixtures("small_batches")
def test_a_type_that_changes_on_the_way_is_named(tmp_path, out):
    write_jsonl(tmp_path / "t.jsonl", [{"formula": "H2O", "n": n} for n in (1, 2, "three")])
    with pytest.raises(InputInvalid, match=r'key "n" holds int64 at first.*lines 3 to 3'):
        featurize_file(tmp_path / "t.jsonl", out, TOY)
    assert left_behind(tmp_path) == ["t.jsonl"]


TEXTS = {
    "exponents": ["1e5", "2e7", "22E1"],
    "names": ["InF", "NaN", "nan", "inf", "-inf", "NA", "NO", "TRUE", "None"],
    "alphabets": ["\u0663", "\u00bd", "1\u00a0000"],
    "hexadecimal": ["0x10", "0x11"],
    "versions": ["1.10", "1.1", "1.100"],
    "versions and numbers": ["1", "1.0", "2"],
    "signs": ["+5", "-5"],
    "minus zero": ["-0", "1"],
    "spaces": [" 5", "5 ", "\t5"],
    "long": ["12345678901234567890123", "12345678901234567890124"],
    "beyond int64": ["9223372036854775808", "1"],
    "beyond a double": ["9007199254740993.5", "1.5"],
    "digits that a double has not": ["0.12345678901234567890", "0.1"],
    "overflow": ["1e999", "1"],
    "padded": ["007", "012"],
    "underscores": ["1_000", "2_000"],
    "dates": ["2024-01-01", "01/02/2024"],
    "commas": ["1,5", "2,5"],
    "quotes": ['say "x"', '"', ""],
    "lines": ["a\nb", "a\r\nb", "a\rb"],
    "hardly anything": ["", "x", " "],
    "5,000 digits": ["9" * 5000, "1"],
    "nul": ["\0", "a\0b", ""],
}
NUMBERS = {
    "whole": (["0", "-7", "9223372036854775807", "-9223372036854775808", "123456789012345678"], pa.int64()),
    "with gaps": (["", "3", ""], pa.int64()),
    "decimals": (["0.5", "-2.25", "10"], pa.float64()),
    "with a point": (["0.0", "1.0", "-10.0", "0.1234567890123456"], pa.float64()),
    "small": (["1e-07", "2.5e-10"], pa.float64()),
    "large": (["1e+16", "1.5"], pa.float64()),
}


def csv_file(path, values, *, encoding="utf-8", newline="\n"):
    with path.open("w", newline="", encoding=encoding) as file:
        quoting = csv.QUOTE_ALL if any("\r" in value for value in values) else csv.QUOTE_MINIMAL
        rows = [["id", "formula"], *([value, "H2O"] for value in values)]
        csv.writer(file, lineterminator=newline, quoting=quoting).writerows(rows)


def csv_column(path, name="id"):
    with path.open(newline="", encoding="utf-8") as file:
        return [row[name] for row in csv.DictReader(file)]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("encoding", "newline"), [("utf-8", "\n"), ("utf-8-sig", "\r\n")])
@pytest.mark.parametrize("values", [*TEXTS.values(), *(numbers for numbers, _ in NUMBERS.values())], ids=str)
def test_fields_of_a_csv_file_come_out_as_they_were(values, encoding, newline, tmp_path, out):
    csv_file(tmp_path / "t.csv", values, encoding=encoding, newline=newline)
    featurize_file(tmp_path / "t.csv", tmp_path / "out.csv", TOY)
    assert csv_column(tmp_path / "out.csv") == values
    featurize_file(tmp_path / "t.csv", out, TOY, as_text=True)
    assert pq.read_table(out)["id"].to_pylist() == values


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("values", TEXTS.values(), ids=TEXTS)
def test_what_does_not_come_back_from_a_number_stays_text(values, tmp_path, out):
    csv_file(tmp_path / "t.csv", ["1"] * 5 + values)
    featurize_file(tmp_path / "t.csv", out, TOY)
    assert pq.read_table(out)["id"].to_pylist() == ["1"] * 5 + values


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("values", "kind"), NUMBERS.values(), ids=NUMBERS)
def test_what_comes_back_from_a_number_is_one(values, kind, tmp_path, out):
    csv_file(tmp_path / "t.csv", values)
    featurize_file(tmp_path / "t.csv", out, TOY)
    column = pq.read_table(out)["id"]
    assert column.type == kind
    assert column.to_pylist() == [(int if kind == pa.int64() else float)(value) if value else None for value in values]


def test_columns_that_are_named_as_numbers_are(tmp_path, out):
    csv_file(tmp_path / "t.csv", ["1.50", "", "1e5", "-0"])
    featurize_file(tmp_path / "t.csv", out, TOY, numbers=["id"])
    assert pq.read_table(out)["id"].to_pylist() == [1.5, None, 1e5, 0]
    csv_file(tmp_path / "t.csv", ["1.50", "x"])
    with pytest.raises(InputInvalid, match='"id" is not of numbers in lines 2 to 3'):
        featurize_file(tmp_path / "t.csv", out, TOY, numbers=["id"])
    with pytest.raises(ColumnNotFound, match='no column "gap"'):
        featurize_file(tmp_path / "t.csv", out, TOY, numbers=["gap"])
    with pytest.raises(InputInvalid, match="leave them out"):
        featurize_file(tmp_path / "t.csv", tmp_path / "out.csv", TOY, numbers=["id"])


def test_a_csv_field_has_quotes_only_where_it_needs_them(tmp_path):
    (tmp_path / "t.csv").write_text(
        'id,host,formula,"a,b"\n1e5,InF,Fe2O3,\n"2e7",NaN,"NaCl","x ""y"""\n', encoding="utf-8"
    )
    featurize_file(tmp_path / "t.csv", tmp_path / "out.csv", TOY, stats="mean")
    lines = (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert lines[0] == b'id,host,formula,"a,b",toy_mean_000,toy_mean_001'
    assert [line.rsplit(b",", 2)[0] for line in lines[1:3]] == [b"1e5,InF,Fe2O3,", b'2e7,NaN,NaCl,"x ""y"""']


def test_missing_is_not_empty_text_in_a_csv_file(tmp_path):
    write_parquet(tmp_path / "t.parquet", [{"formula": "H2O", "t": t, "n": n} for t, n in (("", 1), (None, None))])
    featurize_file(tmp_path / "t.parquet", tmp_path / "out.csv", TOY, stats="mean")
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 2)[0] for line in lines[1:]] == ['H2O,"",1', "H2O,,"]


JSON_FAULTS = [
    ('{"formula": "NaCl", "id": 18446744073709551615}', "out.parquet", "more than 64 bits"),
    ('{"formula": "NaCl", "id": [18446744073709551615]}', "out.parquet", "more than 64 bits"),
    ('{"formula": "NaCl", "x": {}}', "out.parquet", "empty objects"),
    ('{"formula": "NaCl", "x": [{}]}', "out.parquet", "empty objects"),
    ('{"formula": "NaCl", "\\ud800": 1}', "out.parquet", "none of its rows can be read. Line 1: .* half of"),
    ('{"formula": "NaCl", "x": [1, 2]}', "out.csv", '"x" holds list'),
    ('{"formula": "NaCl", "x": {"a": 1}}', "out.csv", '"x" holds struct'),
]


@pytest.mark.parametrize(("line", "name", "said"), JSON_FAULTS)
def test_json_that_has_no_place_in_the_output(line, name, said, tmp_path):
    (tmp_path / "t.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises((InputInvalid, ColumnNotFound, OutputInvalid), match=said):
        featurize_file(tmp_path / "t.jsonl", tmp_path / name, TOY)
    assert left_behind(tmp_path) == ["t.jsonl"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"formula": "H2O", "x": "\\udc00"}', "surrogate"),
        ('{"formula": "H2O", "formula": "NaCl"}', '"formula" appears twice'),
        ('{"formula": "H2O", "x": {"a": 1, "a": 2}}', '"a" appears twice'),
        (f'{{"formula": "H2O", "x": {"9" * 5000}}}', "not JSON"),
        (f'{{"formula": "H2O", "x": {"[" * 100_000}1{"]" * 100_000}}}', "not JSON"),
    ],
    ids=["surrogate", "key", "inner key", "digits", "depth"],
)
def test_a_json_line_that_cannot_be_meant_is_rejected(line, reason, tmp_path, out):
    (tmp_path / "t.jsonl").write_text('{"formula": "O2"}\n' + line + "\n", encoding="utf-8")
    assert featurize_file(tmp_path / "t.jsonl", out, TOY).rejected == 1
    assert reason in csv_column(tmp_path / "out.rejected.csv", "reason")[0]


def test_json_values_of_several_kinds_become_json_that_tells_them_apart(tmp_path, out):
    write_jsonl(tmp_path / "t.jsonl", [{"formula": "O2", "x": x} for x in (1, "1", None, [1], 1.5)])
    featurize_file(tmp_path / "t.jsonl", out, TOY)
    assert pq.read_table(out)["x"].to_pylist() == ["1", '"1"', None, "[1]", "1.5"]


@pytest.mark.usefixtures("small_batches")
def test_a_json_key_without_a_value_at_first(tmp_path, out):
    write_jsonl(tmp_path / "t.jsonl", [{"formula": "O2", "s": s, "n": n} for s, n in [(None, None)] * 4 + [("a", 1)]])
    featurize_file(tmp_path / "t.jsonl", out, TOY)
    assert pq.read_table(out).select(["s", "n"]).to_pylist()[3:] == [{"s": None, "n": None}, {"s": "a", "n": "1"}]


def test_very_many_columns_and_keys_in_bounded_time(tmp_path, out):
    n = 5_000
    (tmp_path / "t.csv").write_text("formula," + ",".join(f"c{i}" for i in range(n)) + "\nH2O" + ",1" * n + "\n")
    assert featurize_file(tmp_path / "t.csv", tmp_path / "out.csv", TOY).rows == 1
    write_jsonl(tmp_path / "t.jsonl", [{"formula": "H2O", f"k{i}": 1} for i in range(6_000)])
    summary = featurize_file(tmp_path / "t.jsonl", tmp_path / "k.csv", TOY)
    assert (summary.rows + summary.rejected, summary.rejected > 0) == (6_000, True)
    with pytest.raises(ColumnNotFound, match="and 4,981 more"):
        featurize_file(tmp_path / "t.csv", out, TOY, column="none")


def test_every_table_that_the_bench_reads(tmp_path, out, monkeypatch):
    """The column of formulas is found, and the numbers are numbers, as in the same table as plain CSV."""
    plain = "name,composition,n\na,H2O,1\nb,NaCl,2\nc,nacl,3\n"
    tables = {
        "t.csv": plain.encode(),
        "t.tsv": plain.replace(",", "\t").encode(),
        "semicolons.csv": plain.replace(",", ";").encode(),
        "t.csv.gz": gzip.compress(plain.encode()),
        "t.txt": plain.encode("utf-16"),
    }
    expected = None
    for name, content in tables.items():
        (tmp_path / name).write_bytes(content)
        summary = featurize_file(tmp_path / name, out, TOY)
        assert (summary.column, summary.rows, summary.rejected) == ("composition", 2, 1), name
        assert any("composition" in note for note in summary.notes)
        assert "4," in (tmp_path / "out.rejected.csv").read_text()
        found = pq.read_table(out)
        expected = expected or found
        assert found.equals(expected), name
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(tables["t.csv.gz"])))
    featurize_file("-", out, TOY)
    assert pq.read_table(out).equals(expected)


def test_a_workbook(tmp_path, out):
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra bench")
    book = openpyxl.Workbook()
    for row in (["alloy", "n", "x"], ["H2O", 1, 0.5], ["NaCl", 2, None]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    featurize_file(tmp_path / "t.xlsx", out, TOY)
    table = pq.read_table(out)
    assert (table["n"].to_pylist(), table["x"].to_pylist()) == ([1, 2], [0.5, None])


def test_a_packed_json_file_is_the_same_as_a_plain_one(tmp_path, out):
    write_jsonl(tmp_path / "t.jsonl", [{"n": [1], "formula": "H2O"}, {"n": [2, 3], "formula": "NaCl"}])
    featurize_file(tmp_path / "t.jsonl", out, TOY)
    expected = pq.read_table(out)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes()))
    featurize_file(tmp_path / "t.jsonl.gz", out, TOY)
    assert pq.read_table(out).equals(expected)


def test_a_column_called_formula_needs_not_read_as_formulas(tmp_path, out):
    (tmp_path / "t.csv").write_text("composition,formula\nH2O,water\nNaCl,salt\nH2O,H2O\n")
    summary = featurize_file(tmp_path / "t.csv", out, TOY)
    assert (summary.column, summary.rows, summary.rejected, summary.notes) == ("formula", 1, 2, ())


def test_wide_rows_come_in_small_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "_CELLS", 10)
    monkeypatch.setattr(batches, "_BYTES", 40)
    write_csv(tmp_path / "t.csv")
    write_parquet(tmp_path / "t.parquet")
    for name, n_at_once in (("t.csv", 2), ("t.parquet", 2)):
        with open_table(tmp_path / name) as file:
            parts = readers.open_reader(file, "formula", 100).batches()
            assert max(len(part.lines) for part in parts) == n_at_once


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="a system without it")
@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_without_end(ending, tmp_path, out):
    (tmp_path / f"t{ending}").symlink_to("/dev/zero")
    with pytest.raises(InputInvalid, match="not an ordinary file"):
        featurize_file(tmp_path / f"t{ending}", out, TOY)


def test_missing_elements_are_told(source, out):
    lean = toy_catalog({"H": (1.0, 0.0), "O": (0.0, 1.0), "Na": (2.0, 0.0), "Cl": (0.0, 3.0)})
    with pytest.raises(ElementNotCovered, match=r"lines \d to \d.*Fe \(1 row\), Co \(1 row\)"):
        featurize_file(source, out, lean)
    summary = featurize_file(source, out, lean, missing="skip")
    assert summary.uncovered == {"toy": ["Fe", "Co"]}
    assert pq.read_table(out)["toy_coverage"].to_pylist() == pytest.approx([1, 1, 0.6, 1, 0.5, 1])
    assert featurize_file(source, out, lean, missing="impute").imputed["toy"].keys() == {"Fe", "Co"}


def test_a_table_without_rows_keeps_its_columns(tmp_path, out):
    (tmp_path / "t.csv").write_text("id,formula\n")
    assert featurize_file(tmp_path / "t.csv", out, TOY).rows == 0
    pq.write_table(pa.table({"formula": pa.array([], pa.string())}), tmp_path / "t.parquet")
    assert featurize_file(tmp_path / "t.parquet", out, TOY, stats="mean").rows == 0
    assert pq.read_table(out).column_names == ["formula", "toy_mean_000", "toy_mean_001"]


def test_a_column_that_is_not_there(source, out):
    with pytest.raises(ColumnNotFound, match=r'Did you mean "formula"\? It has: id, formula, n, x'):
        featurize_file(source, out, TOY, column="Formulae")
    assert left_behind(out.parent) == [source.name]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"formula,a,a\nH2O,1,2\n", 'two columns "a"'),
        ("t.csv", b"formula,a\nH2O,x\nO2,\xe9\n", r"line 3: byte 4 is not UTF-8"),
        ("t.csv", b'formula,a\nH2O,x\nO2,"y\n', r"line 3: not CSV"),
        ("t.csv", b"formula,toy_mean_000\nH2O,1\n", "already"),
        ("t.jsonl", b"", "is empty"),
        ("t.parquet", b"PAR1 and no more", "not a complete Parquet file"),
        ("t.parquet", b"formula\nH2O\n", "not a complete .parquet file"),
        ("t.csv.gz", gzip.compress(b"formula\nH2O\n" * 99, mtime=0)[:-20], "cannot be (un|read)"),
        ("t.csv", b"a,b\n1,2\n", "no column could be read as formulas. Name it with --formula. It has: a, b"),
        ("t.csv", b"a,b\n1,2,3\n", "none of its rows can be read. Line 2: .* 3 cells"),
        ("t.tsv", b"formula\ta\ta\nH2O\t1\t2\n", 'two columns "a"'),
    ],
)
def test_files_that_cannot_be_used(name, content, said, tmp_path, out):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InputInvalid, ColumnNotFound), match=said):
        featurize_file(tmp_path / name, out, TOY)
    assert left_behind(tmp_path) == [name]


def test_a_line_without_end(tmp_path, out, monkeypatch):
    monkeypatch.setattr(readers, "MAX_LINE", 100)
    (tmp_path / "t.csv").write_text("formula\n" + "H2O," * 50)
    with pytest.raises(InputInvalid, match="line 2 has 100 bytes or more"):
        featurize_file(tmp_path / "t.csv", out, TOY)


def test_a_parquet_file_cut_in_half(tmp_path, out):
    write_parquet(tmp_path / "t.parquet")
    os.truncate(tmp_path / "t.parquet", (tmp_path / "t.parquet").stat().st_size // 2)
    with pytest.raises(InputInvalid, match="not a complete Parquet file"):
        featurize_file(tmp_path / "t.parquet", out, TOY)


def test_a_parquet_file_with_a_damaged_page(tmp_path, out):
    write_parquet(tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[4:60] = bytes(56)
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputInvalid, match="not a complete Parquet file"):
        featurize_file(tmp_path / "t.parquet", out, TOY)
    assert left_behind(tmp_path) == ["t.parquet"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out.txt", ".parquet or .csv"),
        ("nowhere/out.csv", "no folder"),
        ("folder.csv", "it is a folder"),
        ("t.csv", "input"),
    ],
)
def test_outputs_that_cannot_be_written(name, said, tmp_path):
    write_csv(tmp_path / "t.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputInvalid, match=said):
        featurize_file(tmp_path / "t.csv", tmp_path / name, TOY)
    assert left_behind(tmp_path) == ["folder.csv", "t.csv"]


def test_a_missing_file(tmp_path, out):
    with pytest.raises(InputInvalid, match="There is no file"):
        featurize_file(tmp_path / "t.csv", out, TOY)


def test_nothing_is_left_after_an_interruption(tmp_path, out):
    write_csv(tmp_path / "t.csv")
    out.write_bytes(b"the old one")

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        featurize_file(tmp_path / "t.csv", out, TOY, progress=interrupt)
    assert out.read_bytes() == b"the old one"
    assert left_behind(tmp_path) == ["out.parquet", "t.csv"]


@pytest.mark.usefixtures("small_batches")
def test_progress_ends_at_the_whole(source, out):
    steps = []
    featurize_file(source, out, TOY, progress=lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
