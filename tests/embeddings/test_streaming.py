import csv
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embeddings.errors import ColumnNotFound, ElementNotCovered, FormulaInvalid, InputInvalid, OutputInvalid
from embeddings.pooling import feature_names, featurize_compositions
from embeddings.streaming import featurize_file, readers
from embeddings.streaming import job as streaming_job
from tests.toys import toy_catalog

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
    assert "1 fields" in rejected[0]["reason"]


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
def test_a_type_that_changes_on_the_way_is_named(tmp_path, out):
    (tmp_path / "t.csv").write_text("formula,n\nH2O,1\nO2,2\nH2,three\n")
    with pytest.raises(InputInvalid, match=r'column "n" holds int64 at first.*lines 4 to 4.*--text'):
        featurize_file(tmp_path / "t.csv", out, TOY)
    assert left_behind(tmp_path) == ["t.csv"]
    assert featurize_file(tmp_path / "t.csv", out, TOY, as_text=True).rows == 3


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
    assert featurize_file(tmp_path / "t.parquet", out, TOY).rows == 0
    assert pq.read_table(out).column_names == ["formula", "toy_mean_000", "toy_mean_001"]


def test_a_column_that_is_not_there(source, out):
    with pytest.raises(ColumnNotFound, match=r'Did you mean "formula"\? It has: id, formula, n, x'):
        featurize_file(source, out, TOY, column="Formulae")
    assert left_behind(out.parent) == [source.name]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "no columns"),
        ("t.csv", b"formula,a,a\nH2O,1,2\n", 'two columns "a"'),
        ("t.csv", b"formula,a\nH2O,x\nO2,\xe9\n", r"line 3: byte 4 is not UTF-8"),
        ("t.csv", b'formula,a\nH2O,x\nO2,"y\n', r"line 3: not CSV"),
        ("t.csv", b"formula,toy_mean_000\nH2O,1\n", "already"),
        ("t.jsonl", b"", "no columns"),
        ("t.parquet", b"PAR1 and no more", "not a complete Parquet file"),
        ("t.xlsx", b"", "end in one of"),
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
