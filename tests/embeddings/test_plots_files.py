"""Figures as matplotlib, plotly and files draw them: hatching, colors, text that stays text, faults."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from embeddings.analysis import cluster
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.plots import (
    FORMATS,
    Figure,
    class_violins,
    dendrogram,
    elbow_and_silhouette,
    embedding_map,
    materials_map,
    periodic_table,
    similarity_heatmap,
    write_figure,
)
from embeddings.plots.interactive import WEBGL_FROM
from embeddings.plots.marks import Tiles
from testing.toys import toy_catalog

ROWS = np.random.default_rng(0).normal(size=(30, 4))

FIGURES = {
    "table of classes": lambda: periodic_table(toy_catalog(), title="toy"),
    "table of numbers": lambda: periodic_table({"Fe": 1.0, "Co": 2.0}, label="size"),
    "map": lambda: embedding_map(toy_catalog(), "pca"),
    "map of twenty classes": lambda: embedding_map(
        toy_catalog(), "pca", color={s: f"{i}" for i, s in enumerate(toy_catalog())}
    ),
    "map in space": lambda: embedding_map(toy_catalog(), "pca", dims=3, color="n_structures"),
    "heatmap": lambda: similarity_heatmap(toy_catalog()),
    "tree": lambda: dendrogram(toy_catalog()),
    "elbow": lambda: elbow_and_silhouette(cluster(ROWS)),
    "violins": lambda: class_violins({"formula": ["Fe"] * 9, "x": list(range(9))}, "x", {"Fe": "a"}),
    "materials": lambda: materials_map(ROWS, list(range(30)), label="x", method="pca"),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("ending", FORMATS)
def test_every_figure_can_be_written_in_every_format(name: str, ending: str, tmp_path: Path) -> None:
    path = write_figure(FIGURES[name](), tmp_path / f"figure.{ending}")
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!doctype html>"}[ending]
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_figure_gives_the_same_bytes(ending: str, tmp_path: Path) -> None:
    files = [write_figure(FIGURES["map"](), tmp_path / f"{i}.{ending}").read_bytes() for i in range(2)]
    assert files[0] == files[1]


def test_matplotlib_draws_118_cells_and_hatches_those_without_a_value() -> None:
    figure = periodic_table({"H": "gas", "Fe": "metal"})
    tiles = figure.panels[0].marks[0]
    (axes, *_) = figure.matplotlib().axes
    cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(cells) == 118
    assert [bool(cell.get_hatch()) for cell in cells] == list(tiles.hatched)
    assert [to_hex(cell.get_facecolor()) for cell in cells] == list(tiles.fills)
    assert {"H", "1", "gas", "Fe", "26", "metal", "Og"} <= {text.get_text() for text in axes.texts}


def test_plotly_draws_118_cells_and_hatches_those_without_a_value() -> None:
    figure = periodic_table({"H": "gas", "Fe": "metal"})
    tiles = figure.panels[0].marks[0]
    cells = figure.plotly().data[0]
    assert isinstance(tiles, Tiles)
    assert [bool(shape) for shape in cells.marker.pattern.shape] == list(tiles.hatched)
    assert list(cells.marker.color) == list(tiles.fills)
    assert cells.hovertext[25] == "Fe (26)<br>metal"
    assert "<b>Fe</b>" in cells.text[25]
    assert "26" in cells.text[25]
    assert "metal" in cells.text[25]


def test_plotly_shows_the_legend_of_every_class_and_of_what_is_missing() -> None:
    drawn = periodic_table({"H": "gas", "Fe": "metal"}).plotly()
    assert [trace.name for trace in drawn.data if trace.showlegend] == ["gas", "metal", "no value"]


def test_many_points_are_drawn_by_the_graphics_card() -> None:
    rows = np.random.default_rng(0).normal(size=(WEBGL_FROM, 3))
    assert materials_map(rows, method="pca").plotly().data[0].type == "scattergl"
    assert materials_map(rows[1:], method="pca").plotly().data[0].type == "scatter"


HOSTILE = "<script>alert(1)</script> $x_1$ & <b>bold</b>"


def hostile() -> list[Figure]:
    """Return figures with text that is code to somebody, in every place where text of others can stand."""
    return [
        periodic_table({"Fe": HOSTILE, "Co": "x"}, label=HOSTILE, title=HOSTILE),
        periodic_table({"Fe": 1.0, "Co": 2.0}, label=HOSTILE),
        materials_map(ROWS, ["a", HOSTILE] * 15, names=[HOSTILE] * 30, label=HOSTILE, method="pca", title=HOSTILE),
        class_violins({"formula": ["Fe"] * 9, HOSTILE: list(range(9))}, HOSTILE, {"Fe": HOSTILE}, title=HOSTILE),
    ]


@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("ending", ["html", "svg"])
def test_text_stays_text(i: int, ending: str, tmp_path: Path) -> None:
    text = write_figure(hostile()[i], tmp_path / f"x.{ending}").read_text()
    assert "<script>alert" not in text
    assert "<b>bold" not in text
    assert "alert(1)" in text


def test_a_dollar_sign_opens_no_formula() -> None:
    drawn = periodic_table({"Fe": "$\\frac{1}{$"}, title="$\\nonsense$").matplotlib()
    drawn.canvas.draw()
    assert "$\\frac{1}{$" in {text.get_text() for text in drawn.axes[0].texts}


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = write_figure(FIGURES["map"](), tmp_path / "x.html").read_text()
    assert "<script src" not in text
    assert "<link" not in text


def test_notebooks_show_a_picture() -> None:
    assert FIGURES["map"]()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("map.jpg", InputInvalid, "figures end in .html, .png, .svg, .pdf"),
        ("map.htm", InputInvalid, 'Did you mean "html"'),
        ("map", InputInvalid, 'ends in ""'),
        ("none/map.png", OutputInvalid, "there is no folder"),
        ("folder.png", OutputInvalid, "cannot be written"),
    ],
)
def test_files_that_cannot_be_written_are_named(path: str, error: type, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=message):
        write_figure(FIGURES["map"](), tmp_path / path)


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may write anywhere
    with pytest.raises(OutputInvalid, match="no permission to write"):
        write_figure(FIGURES["map"](), tmp_path / "map.png")


def test_making_figures_imports_no_drawing_library() -> None:
    code = (
        "import sys; from embeddings.plots import periodic_table; periodic_table({'Fe': 1.0, 'Co': 2.0}); "
        "print(*{'matplotlib', 'plotly', 'sklearn', 'scipy', 'umap', 'pymatgen', 'pandas'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_writing_leaves_matplotlib_as_it_was(tmp_path: Path) -> None:
    import matplotlib

    before: dict[str, Any] = dict(matplotlib.rcParams)
    write_figure(FIGURES["map"](), tmp_path / "map.svg")
    assert dict(matplotlib.rcParams) == before
