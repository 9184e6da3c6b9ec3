import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from embeddings.cli import main
from embeddings.pooling import DEFAULT_STATS, STATISTICS
from testing.composition_encoders import write_toy_encoder
from testing.toys import write_toy


@pytest.fixture
def featurize(tmp_path, monkeypatch):
    write_toy(tmp_path / "catalogs")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("formula,y\nH2O,1\nnacl,2\nFe2O3,3\n")

    def run(*arguments):
        return CliRunner().invoke(main, ["featurize", *arguments])

    return run


def test_a_table_becomes_a_table_with_features(featurize):
    result = featurize("data.csv", "--catalog", "toy", "--stats", "mean, max", "-o", "out.parquet")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("out.parquet: 2 rows x 4 features in ")
    assert "; pooled by mean, max; " in result.stderr
    assert result.stderr.endswith("1 rejected, see out.rejected.csv\n")
    table = pq.read_table("out.parquet")
    assert table.column_names == ["formula", "y", "toy_mean_000", "toy_mean_001", "toy_max_000", "toy_max_001"]
    assert table["toy_mean_000"].to_pylist() == pytest.approx([2 / 3, 1.2])


def test_json_summary(featurize):
    result = featurize("data.csv", "--catalog", "toy", "-o", "out.csv", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["rows"], summary["rejected"], summary["features"]) == (2, 1, 8)
    assert (summary["column"], tuple(summary["stats"])) == ("formula", DEFAULT_STATS)


def test_what_stood_in_for_what_is_said(featurize, tmp_path):
    (tmp_path / "data.csv").write_text("formula\nKCl\nSiO2\n")
    result = featurize("data.csv", "--catalog", "toy", "--missing", "impute", "-o", "out.csv")
    assert "without a vector in toy: Si (as " in result.stderr
    assert "K (as Na)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["data.csv", "--catalog", "toy", "-o", "out.parquet", "--strict"], 1, "line 3"),
        (["data.csv", "--catalog", "toy", "-o", "out.parquet", "--formula", "comp"], 1, "It has: formula, y"),
        (["data.csv", "--catalog", "toy", "-o", "out.csv", "--formula", "y"], 1, "none of its 3 rows can be used, so"),
        (["data.csv", "--catalog", "toy", "-o", "out.parquet", "--stats", "meen"], 1, 'Did you mean "mean"'),
        (["data.csv", "--catalog", "toyy", "-o", "out.parquet"], 1, "toy"),
        (["none.csv", "--catalog", "toy", "-o", "out.parquet"], 1, "There is no file"),
        (["data.csv", "--catalog", "toy", "-o", "out.parquet", "--missing", "zero"], 2, "zero"),
        (["data.csv", "--catalog", "toy"], 2, "--out"),
    ],
)
def test_errors_are_one_line_with_their_exit_code(featurize, tmp_path, arguments, code, said):
    result = featurize(*arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert code == 2 or result.stderr.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            "parts",
            "parts is not an ordinary file but a folder. Name one of the tables in it, such as parts/a.csv, and ",
        ),
        (
            "s3://bucket/parts/a.csv",
            "s3://bucket/parts/a.csv is an address, but tables are read from files on this mac",
        ),
        (
            "https://host/a.parquet",
            "https://host/a.parquet is an address, but tables are read from files on this machi",
        ),
    ],
)
@pytest.mark.parametrize("command", ["featurize", "bench", "fit"])
def test_a_folder_or_an_address_of_tables_is_one_line_that_says_the_way(featurize, tmp_path, command, file, said):
    (tmp_path / "parts").mkdir()
    for name in ("b.csv", "a.csv", ".hidden.csv"):
        (tmp_path / "parts" / name).write_text("formula\nH2O\n")
    more = ["--catalog", "toy", "-o", "out.csv"] if command == "featurize" else ["--target", "y"]
    more += ["-o", "model"] if command == "fit" else []
    if command != "featurize":
        pytest.importorskip("skops", reason="needs the extra bench")
    result = CliRunner().invoke(main, [command, file, *more])
    assert (result.exit_code, result.stderr.startswith(f"Error: {said}")) == (1, True), result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogs", "data.csv", "parts"]


@pytest.mark.parametrize("option", ["--formula", "--column"])
def test_the_column_of_formulas_goes_by_its_old_name_too(featurize, tmp_path, option):
    (tmp_path / "data.csv").write_text("comp\nNaCl\nH2O\n")
    result = featurize("data.csv", "--catalog", "toy", "-o", "out.csv", option, "comp")
    assert result.exit_code == 0, result.output
    assert "--column" not in featurize("--help").output


def test_the_help_names_every_statistic(featurize):
    text = featurize("--help").output
    assert all(name in text for name in STATISTICS)
    assert "embeddings featurize data.csv" in text


def test_an_encoder_beside_a_catalog(featurize, tmp_path):
    write_toy_encoder(tmp_path / "catalogs")
    result = featurize("data.csv", "--catalog", "toy", "--catalog", "toy-encoder", "-o", "out.parquet")
    assert result.exit_code == 0, result.output
    assert pq.read_table("out.parquet").column_names[-2:] == ["toy-encoder_002", "toy-encoder_003"]
