"""The plot command: kinds, options, faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings.cli import main
from embeddings.cli.plot import KINDS
from testing.toys import write_toy
from testing.vector_files import write_structures


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root of catalogs, holding the toy."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_toy(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plot", "toy", *arguments])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "materials"])
def test_every_kind_gives_a_picture(kind: str) -> None:
    pca = ["--method", "pca"] if kind == "map" else []
    called = {"ptable": "periodic table", "map": "map of the elements"}
    result = run("--kind", kind, "-o", "figure.svg", *pca)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"figure.svg: {called.get(kind, kind)} of toy@0.1.0\n"
    assert "toy@0.1.0" in Path("figure.svg").read_text()


def test_a_file_of_vectors_gives_a_map_of_its_materials(root: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(12, 4))
    write_structures(root / "v.parquet", [f"mp-{i}" for i in range(12)], ["NaCl", "Fe2O3"] * 6, vectors)
    Path("gaps.csv").write_text("id,gap\n" + "".join(f"mp-{i},{i}\n" for i in range(11)), encoding="utf-8")
    arguments = ["plot", "v.parquet", "--kind", "materials", "--method", "pca", "-o", "map.html"]
    colored = CliRunner().invoke(main, [*arguments, "--table", "gaps.csv", "--color", "gap"])
    assert colored.exit_code == 0, colored.output
    assert colored.stderr == "map.html: map of the materials of v.parquet\n"
    assert "mp-3 NaCl" not in (page := Path("map.html").read_text())
    assert "mp-3 Fe2O3" in page
    assert CliRunner().invoke(main, arguments).exit_code == 0
    missing = CliRunner().invoke(main, [*arguments, "--color", "gap"])
    assert (missing.exit_code, 'no column "gap"' in missing.stderr) == (1, True)
    overwriting = CliRunner().invoke(main, [*arguments[:-1], "v.parquet"])
    assert overwriting.exit_code == 1
    assert "not a file of structure vectors" in run("--kind", "materials", "-o", "x.svg").stderr


def test_the_table_is_what_is_drawn_by_default_and_clusters_can_be_counted() -> None:
    assert run("-k", "3", "--clustering", "hierarchical", "-o", "table.svg").exit_code == 0
    assert "no vector" in Path("table.svg").read_text()


def test_a_map_takes_a_property_and_three_dimensions() -> None:
    result = run("--kind", "map", "--method", "pca", "--dims", "3", "--color", "melting_point", "-o", "map.html")
    assert result.exit_code == 0, result.output
    assert "Melting point" in Path("map.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--color", "melting_pont", "-o", "x.png"], 'Did you mean "melting_point"'),
        (["-o", "x.gif"], "figures end in .html, .png, .svg, .pdf"),
        (["-o", "none/x.png"], "there is no folder none"),
        (["-k", "6", "-o", "x.png"], "6 rows can form 2 to 5 clusters"),
        (["--clustering", "hdbscan", "-k", "3", "-o", "x.png"], "finds the number of clusters itself"),
        (["--kind", "elbow", "--clustering", "hdbscan", "-o", "x.png"], "was scored"),
    ],
)
def test_faults_are_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--order", "cluster"], "--order goes with --kind heatmap, not with ptable"),
        (
            ["--kind", "heatmap", "--color", "block"],
            "--color goes with --kind ptable or map or materials, not with heatmap",
        ),
        (["--kind", "map", "-k", "3"], "--clusters goes with --color cluster"),
        (["--kind", "pie"], "'pie' is not one of"),
        (["-k", "1"], "is not in the range"),
        (["-k", "many"], "is not a valid"),
    ],
)
def test_options_without_effect_are_refused(arguments: list[str], message: str) -> None:
    result = run(*arguments, "-o", "x.png")
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_unknown_catalog_is_named() -> None:
    result = CliRunner().invoke(main, ["plot", "toyy", "-o", "x.png"])
    assert result.exit_code == 1
    assert 'Did you mean "toy"' in result.stderr


def test_help_shows_an_example() -> None:
    result = run("--help")
    assert "Example:\n    embeddings plot starter" in result.output
