"""Title, size, font and color map: the same options for every figure, drawn and checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings.analysis import cluster
from embeddings.cli import main
from embeddings.errors import CatalogNotFound, InputInvalid
from embeddings.plots import (
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
from embeddings.plots.marks import Points, Raster, Tiles
from testing.toys import toy_catalog, write_toy

ROWS = np.random.default_rng(0).normal(size=(30, 4))
MAKERS: dict[str, Any] = {
    "table": lambda **style: periodic_table(toy_catalog(), **style),
    "map": lambda **style: embedding_map(toy_catalog(), "pca", **style),
    "heatmap": lambda **style: similarity_heatmap(toy_catalog(), **style),
    "tree": lambda **style: dendrogram(toy_catalog(), **style),
    "elbow": lambda **style: elbow_and_silhouette(cluster(ROWS), **style),
    "violins": lambda **style: class_violins({"formula": ["Fe"] * 9, "x": list(range(9))}, "x", {"Fe": "a"}, **style),
    "materials": lambda **style: materials_map(ROWS, list(range(30)), method="pca", **style),
}


def mark(figure: Figure, kind: type) -> Any:
    return next(found for found in figure.panels[0].marks if isinstance(found, kind))


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_takes_title_size_font_and_colors(name: str) -> None:
    figure = MAKERS[name](title="hello", size=(5, 4), font="serif", cmap="tab10")
    assert repr(figure).startswith("Figure('hello', ")
    assert repr(figure).endswith(" x 4 in)")
    drawn = figure.matplotlib()
    assert drawn.get_size_inches().tolist() == [5, 4]
    drawn.canvas.draw()
    axis = drawn.axes[0].xaxis
    assert {text.get_fontfamily()[0] for text in [axis.label, *axis.get_ticklabels()]} == {"serif"}
    page = figure.plotly()
    assert (page.layout.width, page.layout.height) == (500, 400)
    assert page.layout.font.family == "serif, sans-serif"


def test_a_color_map_is_used_for_shades_and_for_classes() -> None:
    shaded = periodic_table({"H": 1.0, "O": 2.0}, cmap="gray")
    tiles = mark(shaded, Tiles)
    assert [fill for fill, hatched in zip(tiles.fills, tiles.hatched, strict=True) if not hatched] == [
        "#000000", "#ffffff",
    ]  # fmt: skip
    assert shaded.scale is not None
    assert (shaded.scale.colors[0], shaded.scale.colors[-1]) == ("#000000", "#ffffff")
    classes = periodic_table({"H": "gas", "Fe": "metal"}, cmap=["red", "#00ff00"])
    assert [entry.fill for entry in classes.legend[:2]] == ["#ff0000", "#00ff00"]
    assert len(set(mark(embedding_map(toy_catalog(), "pca", cmap="viridis"), Points).fills)) == 3
    assert mark(similarity_heatmap(toy_catalog(), cmap="gray"), Raster).colors[0] == "#000000"


def test_text_and_discs_shrink_with_the_figure() -> None:
    assert mark(embedding_map(toy_catalog(), "pca", size=(3, 3)), Points).size < 16
    sizes = [
        max(text.get_fontsize() for text in periodic_table(toy_catalog(), size=size).matplotlib().axes[0].texts)
        for size in ((12, 6.7), (6, 3.35))
    ]
    assert sizes[1] == sizes[0] / 2


def test_a_map_is_no_taller_than_it_needs() -> None:
    line = toy_catalog({"H": (1, 0.01), "He": (1, 0.0), "Li": (1, 0.9), "Be": (1, 0.5)})
    width, height = embedding_map(line, "pca").size
    assert height < 0.5 * width


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({"size": (0, 4)}, "width and height in inches"),
        ({"size": 4}, "width and height in inches"),
        ({"size": (4, float("nan"))}, "width and height in inches"),
        ({"size": (4, 200)}, "from 1 to 100"),
        ({"cmap": "viridus"}, 'Did you mean "viridis"'),
        ({"cmap": ["red"]}, "at least 2 colors"),
        ({"cmap": ["red", "rde"]}, "'rde'"),
        ({"cmap": ["red", "blue"]}, "3 classes, but the color map has 2"),
        ({"font": "<b>"}, "not the name of a font"),
    ],
)
def test_styles_that_cannot_be_are_named(style: Any, message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        embedding_map(toy_catalog(), "pca", **style)


def test_an_unknown_option_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match='no "colour"'):
        periodic_table({"Fe": 1.0}, colour="red")  # type: ignore[call-arg]


def test_a_font_has_to_be_installed_for_pictures_alone(tmp_path: Path) -> None:
    figure = periodic_table({"Fe": 1.0}, font="DejaVu Snas")
    with pytest.raises(InputInvalid, match='Did you mean "DejaVu Sans'):
        write_figure(figure, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
    assert "DejaVu Snas" in write_figure(figure, tmp_path / "x.html").read_text()


def test_dots_per_inch_are_those_asked_for(tmp_path: Path) -> None:
    figure = periodic_table({"Fe": 1.0}, size=(3, 2))
    picture = write_figure(figure, tmp_path / "x.png", dpi=200).read_bytes()
    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (600, 400)
    for dpi, ending, message in ((5, "png", "10 to 2400"), (100, "html", "A page has no dpi")):
        with pytest.raises(InputInvalid, match=message):
            write_figure(figure, tmp_path / f"y.{ending}", dpi=dpi)


def test_text_that_the_font_cannot_show_is_named(tmp_path: Path) -> None:
    figure = periodic_table({"Fe": 1.0}, title="\u9435 \x1b")
    assert figure.title == "\u9435 \\x1b"
    with pytest.raises(InputInvalid, match=r"Glyph 37941 .* Choose a font"):
        write_figure(figure, tmp_path / "x.png")
    assert "\u9435" in write_figure(figure, tmp_path / "x.svg").read_text()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root of catalogs, holding the toy."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_toy(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("root")
def test_a_name_stands_for_its_catalog() -> None:
    assert mark(periodic_table("toy"), Tiles).fills == mark(periodic_table(toy_catalog()), Tiles).fills
    assert mark(embedding_map("toy", "pca"), Points).names == toy_catalog().symbols
    assert similarity_heatmap("toy").panels[0].x.ticks == similarity_heatmap(toy_catalog()).panels[0].x.ticks
    assert len(dendrogram("toy", k=2).legend) == 2
    with pytest.raises(CatalogNotFound, match='Did you mean "toy"'):
        periodic_table("toyy")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plot", "toy", *arguments])


@pytest.mark.usefixtures("root")
def test_the_command_takes_them_too() -> None:
    look = ["--title", "My toys", "--size", "4", "3", "--font", "monospace", "--cmap", "tab10"]
    assert run(*look, "-o", "x.svg").exit_code == 0
    drawn = Path("x.svg").read_text()
    assert "My toys" in drawn
    assert "monospace" in drawn
    assert 'width="288pt" height="216pt"' in drawn
    assert run(*look, "--dpi", "50", "-o", "x.png").exit_code == 0
    assert Path("x.png").read_bytes()[16:24] == (200).to_bytes(4) + (150).to_bytes(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--font", "Nonsense", "-o", "x.png"], 'No font "Nonsense"'),
        (["--dpi", "100", "-o", "x.html"], "A page has no dpi"),
        (["--cmap", "viridus", "-o", "x.png"], 'Did you mean "viridis"'),
        (["--size", "0", "3", "-o", "x.png"], "size is (0.0, 3.0)"),
    ],
)
@pytest.mark.usefixtures("root")
def test_faults_are_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("x.png").exists()


@pytest.mark.parametrize(("ending", "library"), [("png", "matplotlib"), ("html", "plotly")])
@pytest.mark.usefixtures("root")
def test_the_first_extra_asked_for_is_the_one_that_suffices(
    ending: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (library, "sklearn", "sklearn.cluster"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run("-o", f"x.{ending}")
    assert result.exit_code == 1
    assert library in result.stderr
    assert "[plot]" in result.stderr
