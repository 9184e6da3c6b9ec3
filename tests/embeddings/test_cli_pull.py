"""The commands around snapshots: pull, build from one, and the list of sources."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.sources import SOURCES
from embeddings import load_uae
from embeddings.cli import main
from tests.crystals import arrow_table, sample_crystals, write_sample


def run(*options: object) -> Result:
    return CliRunner().invoke(main, [*map(str, options)])


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = write_sample(tmp_path / "sample.parquet", 40)
    result = run("pull", "--source", "table", "--path", path, "--out", tmp_path / "s", "--max-sites", 8)
    assert result.exit_code == 0, result.output
    return tmp_path / "s"


def test_a_snapshot_is_built_from_without_its_source(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.parquet").unlink()
    built = run("build", "--snapshot", snapshot, "--recipe", "ct-all", "--epochs", 1, "--name", "toy")
    assert built.exit_code == 0, built.output
    manifest = load_uae("toy").manifest
    assert manifest.training.query["max_sites"] == 8
    assert manifest.training.query["source"] == "table"
    assert "--snapshot s " in manifest.command
    assert str(tmp_path) not in manifest.to_json()


def test_pulling_again_reuses_the_snapshot_and_says_what_is_in_it(snapshot: Path, tmp_path: Path) -> None:
    options = ["--path", tmp_path / "sample.parquet", "--out", snapshot, "--max-sites", 8]
    first, second = (run("pull", "--source", "table", *options, "--json") for _ in range(2))
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert json.loads(first.stdout)["n_received"] == 40
    text = run("pull", "--source", "table", *options).stdout
    assert "40 structures of sample.parquet" in text
    assert "licence: LicenseRef-unknown" in text


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["build"], 2, "either --source or --snapshot"),
        (["build", "--source", "starter", "--snapshot", "{s}"], 2, "either --source or --snapshot"),
        (["build", "--snapshot", "{s}", "--max-sites", "3"], 2, "leave --max-sites to the pull"),
        (["build", "--snapshot", "{s}/absent"], 1, "not a whole snapshot"),
        (["pull", "--source", "starter", "--out", "{s}"], 1, "holds another pull"),
        (["pull", "--source", "starter", "--out", "{s}/.."], 1, "something other than a pull"),
        (["pull", "--source", "starter", "--out", "{s}2", "--refresh"], 1, "Leave --refresh out"),
        (
            ["pull", "--source", "starter", "--out", "{s}2", "--filter", "x"],
            1,
            "starter takes no --filter; it takes none",
        ),
        (["pull", "--source", "table", "--out", "{s}2", "--jobs", "2"], 1, "no --jobs; it takes --path, --about"),
        (["pull", "--source", "mars", "--out", "{s}2"], 1, "No source"),
        (["pull", "--source", "starter", "--out", "{s}2", "--nelements", "4-2"], 2, "neither a number"),
        (["pull", "--source", "starter", "--out", "{s}2", "--chemsys", "Fe-Xx"], 1, "not an element symbol"),
        (
            ["pull", "--source", "table", "--path", "{s}/../sample.parquet", "--out", "{s}2", "--stable-only"],
            1,
            "no column",
        ),
    ],
)
def test_wrong_use_is_named_and_harms_nothing(options: list[str], code: int, said: str, snapshot: Path) -> None:
    before = {path.name: path.read_bytes() for path in snapshot.iterdir()}
    result = run(*(option.replace("{s}", str(snapshot)) for option in options))
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == before


def test_every_source_is_listed_with_its_needs_and_licence() -> None:
    text, rows = run("sources").stdout, json.loads(run("sources", "--json").stdout)
    assert [row["name"] for row in rows] == list(SOURCES)
    for row in rows:
        assert all(row[key] and row[key] in text for key in ("name", "summary", "needs", "licence"))


def write_mixed(path: Path, functionals: list[str | None]) -> Path:
    crystals, labels = sample_crystals(len(functionals))
    labels = {name: pa.array(values, from_pandas=True) for name, values in labels.items()}
    pq.write_table(arrow_table(crystals, functional=pa.array(functionals, pa.string()), **labels), path)
    return path


def build_mixed(path: Path, targets: str) -> Result:
    return run(
        *("build", "--source", "table", "--path", path, "--targets", targets),
        *("--recipe", "ct-all", "--epochs", 1, "--name", "toy"),
    )


def test_energies_of_two_functionals_never_share_a_target(tmp_path: Path) -> None:
    path = write_mixed(tmp_path / "t.parquet", ["PBE", "r2SCAN"] * 20)
    refused = build_mixed(path, "formation_energy_per_atom")
    assert refused.exit_code == 1
    assert "on 2 scales (PBE; r2SCAN)" in refused.stderr
    assert build_mixed(path, "band_gap").exit_code == 0


def test_one_functional_is_one_scale(tmp_path: Path) -> None:
    path = write_mixed(tmp_path / "t.parquet", ["PBE"] * 40)
    assert build_mixed(path, "formation_energy_per_atom").exit_code == 0
