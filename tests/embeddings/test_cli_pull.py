"""The commands around snapshots: pull, build from one, and the list of sources."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.sources import SOURCES
from builders.structures.rejections import MENDS
from embeddings import load_uae
from embeddings.cli import main
from testing.crystals import arrow_table, sample_crystals, write_sample


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
    assert "license: LicenseRef-unknown" in text


@pytest.mark.parametrize(("header", "is_said"), [("", True), ("id,gap\n", False)])
def test_the_target_of_a_table_without_a_header_is_said(header: str, is_said: bool, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.vasp").write_text("CsCl\n1\n4 0 0\n0 4 0\n0 0 4\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    (folder / "id_prop.csv").write_text(f"{header}a,1.5\n")
    text = run("pull", folder, "--out", tmp_path / "s").stdout
    assert ("no header: its values are the target called target" in text) == is_said
    assert ("label target" in run("pull", folder, "--check").stdout) == is_said


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["build"], 2, "either --source or --snapshot"),
        (["build", "--source", "starter", "--snapshot", "{s}"], 2, "either --source or --snapshot"),
        (["build", "--snapshot", "{s}", "--max-sites", "3"], 2, "Give --max-sites to the pull"),
        (["build", "--snapshot", "{s}/absent"], 1, "not a complete snapshot"),
        (["pull", "--source", "starter", "--out", "{s}"], 1, "holds another pull"),
        (["pull", "--source", "starter", "--out", "{s}/.."], 1, "something other than a pull"),
        (["pull", "--source", "starter", "--out", "{s}2", "--refresh"], 1, "Leave --refresh out"),
        (
            ["pull", "--source", "starter", "--out", "{s}2", "--filter", "x"],
            1,
            "starter takes no --filter; it takes none",
        ),
        (["pull", "--source", "table", "--out", "{s}2", "--jobs", "2"], 1, "no --workers; it takes --path, --about"),
        (["pull", "{s}", "--check", "--jobs", "2", "--workers", "2"], 2, "Give one of them"),
        (["pull", "--source", "mars", "--out", "{s}2"], 1, "No source"),
        (["pull", "--out", "{s}2"], 2, "Give --source, or the PATH"),
        (["pull", "--check"], 2, "Give --source, or the PATH"),
        (["pull", "--source", "starter"], 2, "--out, or look first with --check"),
        (["pull", "{s}", "--path", "{s}", "--check"], 2, "Give one of them"),
        (["pull", "{s}", "--check", "--refresh"], 2, "cannot go with --refresh"),
        (["pull", "{s}/absent", "--check"], 1, "nothing at"),
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


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_poscars(folder: Path, n: int) -> Path:
    folder.mkdir()
    for k in range(n):
        lines = ["NaCl", "1.0", f"{3.6 + k} 0 0", f"0 {3.6 + k} 0", f"0 0 {3.6 + k}", "Na Cl", "1 1", "direct"]
        (folder / f"{k}.vasp").write_text("\n".join([*lines, "0 0 0", "0.5 0.5 0.5", ""]))
    return folder


def test_a_check_reads_reports_and_writes_nothing(tmp_path: Path) -> None:
    folder = write_poscars(tmp_path / "mine", 3)
    (folder / "bad.vasp").write_text("nothing")
    (folder / "id_prop.csv").write_text("0,1\n1,0\n2,1\nbad,2\nabsent,4\n")
    before = everything(tmp_path)
    ways = (
        ["--check", folder],
        ["--check", "--source", "local", "--path", folder],
        [folder, "--check", "--out", tmp_path / "s"],
    )
    for options in ways:
        result = run("pull", *options)
        assert result.exit_code == 0, result.output
        assert "5 structures of mine" in result.stdout
        assert f"fault: 1 missing_file ({MENDS['missing_file']})" in result.stdout
        assert "bad.vasp" in result.stdout
        assert "label target: 3 of 3 known, each 0 or 1" in result.stdout
        assert "3 would be kept, and 3 of them can be used" in result.stdout
    document = json.loads(run("pull", "--check", folder, "--json", "--quiet").stdout)
    assert (document["n_received"], document["n_kept"], document["n_usable"]) == (5, 3, 3)
    assert sum(document["rejected"].values()) == 2
    assert document["labels"]["target"]["is_binary"]
    assert everything(tmp_path) == before


def test_a_check_of_a_table_counts_what_the_selection_leaves_out(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "t.parquet", 40)
    result = run("pull", "--check", path, "--max-sites", 2)
    assert result.exit_code == 0, result.output
    assert "left out as you asked: 20 too_many_sites" in result.stdout


def test_a_check_that_finds_nothing_usable_says_so_in_its_exit_code(tmp_path: Path) -> None:
    folder = write_poscars(tmp_path / "mine", 0)
    (folder / "bad.vasp").write_text("nothing")
    result = run("pull", "--check", folder)
    assert result.exit_code == 1
    assert "0 would be kept" in result.stdout
    assert json.loads(run("pull", "--check", folder, "--json").stdout)["n_usable"] == 0


def test_a_check_shows_the_first_few_faults_of_a_kind(tmp_path: Path) -> None:
    folder = write_poscars(tmp_path / "mine", 1)
    for k in range(9):
        (folder / f"bad{k}.vasp").write_text("nothing")
    text = run("pull", "--check", folder).stdout
    assert ("bad4" in text, "bad5" in text, "and 4 more" in text) == (True, False, True)


def test_names_that_no_terminal_can_show_are_escaped(tmp_path: Path) -> None:
    folder = write_poscars(tmp_path / "mine", 1)
    (folder / "a\nb\x1b[31m.vasp").write_text("nothing")
    result = run("pull", folder, "--check")
    assert "a\\nb\\x1b[31m.vasp" in result.stdout
    assert "\x1b" not in result.stdout
    run("pull", folder, "--out", tmp_path / "s")
    assert len((tmp_path / "s" / "rejected.csv").read_text().splitlines()) == 2


def test_a_pull_says_where_what_it_left_out_is_listed(tmp_path: Path) -> None:
    folder = write_poscars(tmp_path / "mine", 2)
    (folder / "bad.vasp").write_text("nothing")
    result = run("pull", folder, "--out", tmp_path / "s")
    assert result.exit_code == 0, result.output
    assert f"listed with fixes in {tmp_path / 's' / 'rejected.csv'}" in result.stdout


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
