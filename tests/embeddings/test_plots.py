"""What figures hold: cells, labels, colors, hatching, order; never pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embeddings.analysis import cluster
from embeddings.analysis.projection import project
from embeddings.elements import SYMBOLS
from embeddings.errors import ColumnNotFound, ElementUnknown, FormulaInvalid, InputInvalid
from embeddings.plots import (
    Figure,
    class_violins,
    classes,
    dendrogram,
    elbow_and_silhouette,
    element_classes,
    embedding_map,
    materials_map,
    periodic_table,
    similarity_heatmap,
)
from embeddings.plots.marks import Areas, Lines, Points, Raster, Tiles
from embeddings.plots.palette import DIVERGING, MISSING, NOISE, SEQUENTIAL, class_colors
from embeddings.plots.table import cell
from testing.toys import toy_catalog

BLUE, ORANGE = (fill for fill, _ in class_colors(2))


def mark(figure: Figure, kind: type, panel: int = 0) -> Any:
    """Return the first mark of a kind on a panel."""
    return next(found for found in figure.panels[panel].marks if isinstance(found, kind))


def at(tiles: Tiles, symbol: str) -> dict[str, Any]:
    """Return what the cell of an element holds."""
    i = list(tiles.names).index(symbol)
    return {field: getattr(tiles, field)[i] for field in ("x", "y", "fills", "hatched", "corners", "texts", "hover")}


# --- the periodic table


def test_the_table_has_every_element_once_and_no_two_in_one_place() -> None:
    tiles = mark(periodic_table({"Fe": 1.0}), Tiles)
    assert list(tiles.names) == list(SYMBOLS)
    assert len(set(zip(tiles.x, tiles.y, strict=True))) == 118


@pytest.mark.parametrize(
    ("symbol", "place"),
    [("H", (1, 1)), ("He", (18, 1)), ("B", (13, 2)), ("Fe", (8, 4)), ("Lu", (3, 6)), ("Og", (18, 7))],
)
def test_cells_stand_at_group_and_period(symbol: str, place: tuple[int, int]) -> None:
    assert cell(symbol) == place


def test_the_f_block_stands_in_two_rows_below() -> None:
    assert [cell(symbol)[0] for symbol in ("La", "Yb", "Ac", "No")] == [3, 16, 3, 16]
    assert 7 < cell("La")[1] == cell("Yb")[1] < cell("Ac")[1] == cell("No")[1]


def test_numbers_are_written_and_shaded_and_the_rest_is_hatched() -> None:
    figure = periodic_table({"H": 1.0, 8: 2.0, "Fe": 3.0, "Co": None, "Ni": float("nan")}, label="size")
    tiles = mark(figure, Tiles)
    assert [name for name, hatched in zip(tiles.names, tiles.hatched, strict=True) if not hatched] == ["H", "O", "Fe"]
    assert at(tiles, "O")["corners"] == "8"
    assert at(tiles, "O")["texts"] == "2"
    assert at(tiles, "O")["hover"] == "O (8)\nsize: 2"
    assert [at(tiles, s)["fills"] for s in ("H", "O", "Fe")] == [SEQUENTIAL[0], SEQUENTIAL[4], SEQUENTIAL[-1]]
    assert at(tiles, "Ni") | {"x": 0, "y": 0} == {
        "x": 0, "y": 0, "fills": MISSING, "hatched": True, "corners": "28", "texts": "", "hover": "Ni (28)\nno value",
    }  # fmt: skip
    assert [(entry.name, entry.hatched) for entry in figure.legend] == [("no value", True)]
    assert figure.scale is not None
    assert figure.scale.label == "size"
    assert figure.scale.ticks[0] == (0.0, "1")
    assert figure.scale.ticks[-1] == (1.0, "3")


def test_a_logarithm_puts_powers_of_ten_at_equal_steps() -> None:
    figure = periodic_table({"H": 1, "O": 10, "Fe": 10_000}, log=True)
    assert figure.scale is not None
    assert [text for _, text in figure.scale.ticks] == ["1", "10", "100", "1,000", "10,000"]
    assert np.allclose([place for place, _ in figure.scale.ticks], [0, 0.25, 0.5, 0.75, 1])


def test_text_gives_classes_with_a_legend() -> None:
    figure = periodic_table({"H": "gas", "O": "gas", "Fe": "metal"}, label="state")
    tiles = mark(figure, Tiles)
    assert [at(tiles, s)["fills"] for s in ("H", "O", "Fe")] == [BLUE, BLUE, ORANGE]
    assert at(tiles, "Fe")["texts"] == "metal"
    assert [(entry.name, entry.fill) for entry in figure.legend[:2]] == [("gas", BLUE), ("metal", ORANGE)]
    assert figure.legend_title == "state"
    assert figure.scale is None


def test_a_catalog_is_colored_by_cluster_and_what_it_lacks_is_hatched() -> None:
    catalog = toy_catalog()
    figure = periodic_table(catalog)
    tiles = mark(figure, Tiles)
    found = cluster(catalog).to_dict()
    assert {s: int(at(tiles, s)["texts"]) for s in catalog.symbols} == found
    assert sum(tiles.hatched) == 112
    assert figure.legend[-1].name == "no vector"
    assert figure.legend[-1].hatched


def test_a_vector_without_a_value_is_not_called_missing() -> None:
    figure = periodic_table(toy_catalog(), color={"Fe": 1.0, "Co": 2.0})
    tiles = mark(figure, Tiles)
    assert at(tiles, "Na") | {"x": 0, "y": 0} == {
        "x": 0, "y": 0, "fills": MISSING, "hatched": False, "corners": "11", "texts": "", "hover": "Na (11)\nno value",
    }  # fmt: skip
    assert [entry.name for entry in figure.legend] == ["no value", "no vector"]


def test_noise_is_gray_and_named() -> None:
    found = cluster(np.vstack([np.eye(2)[[0] * 5 + [1] * 5] * 9, [[99.0, 99.0]]]) + np.linspace(0, 0.1, 11)[:, None],
                    "hdbscan", symbols=SYMBOLS[:11])  # fmt: skip
    tiles = mark(periodic_table(found), Tiles)
    assert at(tiles, "Na")["texts"] == "noise"
    assert at(tiles, "Na")["fills"] == NOISE


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({}, InputInvalid, "nothing to draw"),
        ({"Fe": None}, InputInvalid, "nothing to draw"),
        ({"Xx": 1.0}, ElementUnknown, "Xx"),
        ({"Fe": float("inf")}, InputInvalid, "finite"),
        ({"Fe": 1.0, "Co": "metal"}, InputInvalid, "all numbers or all text"),
        ({s: f"class {i}" for i, s in enumerate(SYMBOLS[:21])}, InputInvalid, "21 classes .* at most 20"),
    ],
)
def test_values_that_cannot_be_drawn_are_named(values: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        periodic_table(values)


def test_a_logarithm_needs_values_above_zero() -> None:
    with pytest.raises(InputInvalid, match="above zero"):
        periodic_table({"Fe": 0.0}, log=True)


# --- maps


def test_a_map_has_one_named_disc_for_each_element() -> None:
    catalog = toy_catalog()
    figure = embedding_map(catalog, "pca", color="block")
    discs = mark(figure, Points)
    assert discs.names == catalog.symbols
    colors = dict(zip(catalog.symbols, discs.fills, strict=True))
    assert colors["H"] == colors["Na"] == BLUE
    assert colors["O"] == colors["Cl"] == ORANGE
    assert colors["Fe"] == colors["Co"] not in (BLUE, ORANGE)
    assert [entry.name for entry in figure.legend] == ["s", "p", "d"]
    assert figure.panels[0].x.label.startswith("PC 1")
    assert discs.hover[0] == "H\nblock: s"


def test_a_map_in_space_has_three_axes() -> None:
    figure = embedding_map(toy_catalog(), "pca", dims=3)
    assert figure.panels[0].z is not None
    assert mark(figure, Points).at.shape == (6, 3)


@pytest.mark.parametrize("color", ["n_structures", "group", "electronegativity"])
def test_properties_give_shades(color: str) -> None:
    figure = embedding_map(toy_catalog(), "pca", color=color)
    assert figure.scale is not None
    assert len(set(mark(figure, Points).fills)) > 2


def test_an_element_without_the_property_is_pale_and_told() -> None:
    figure = embedding_map(toy_catalog({"H": (1, 0), "He": (0, 1), "Li": (1, 1)}), "pca", color="electronegativity")
    assert mark(figure, Points).fills[1] == MISSING
    assert [entry.name for entry in figure.legend] == ["no value"]


def test_an_unknown_property_is_named_with_a_suggestion() -> None:
    with pytest.raises(InputInvalid, match='Did you mean "electronegativity"'):
        embedding_map(toy_catalog(), "pca", color="electronegativty")


def test_discs_at_one_place_are_moved_apart_and_tied_to_it() -> None:
    figure = embedding_map(toy_catalog({"H": (1, 0), "He": (2, 0), "Li": (0, 1)}), "pca")
    discs, ties = mark(figure, Points), mark(figure, Lines)
    assert np.linalg.norm(discs.at[0] - discs.at[1]) > 0.01
    assert len(ties.paths) == 2
    assert np.allclose(ties.paths[0][0], ties.paths[1][0])


def test_many_materials_are_sampled_and_the_figure_says_so() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3))
    figure = materials_map(rows, np.arange(50.0), names=[f"m{i}" for i in range(50)], method="pca", max_points=20)
    points = mark(figure, Points)
    assert len(points.at) == 20
    assert figure.note == "20 of 50 materials, drawn at random"
    hovered = [text.split("\n") for text in points.hover]
    assert all(name == f"m{value}" for name, value in hovered)


def test_far_ones_of_many_take_neither_the_shades_nor_the_room() -> None:
    rows = np.random.default_rng(0).normal(size=(2_000, 2)) * [2.0, 1.0]
    rows[0] = 1_000.0
    values = np.linspace(0.0, 1.0, 2_000)
    values[0] = -1_000.0
    figure = materials_map(rows, values, method="pca")
    low, high = figure.panels[0].x.limits or (0, 0)
    assert high - low < 100
    assert figure.scale is not None
    assert [text for _, text in figure.scale.ticks] == ["0.2", "0.4", "0.6", "0.8"]
    outside, shades = figure.note.split("; ")
    inside = (
        (mark(figure, Points).at >= [low, (figure.panels[0].y.limits or (0, 0))[0]])
        & (mark(figure, Points).at <= [high, (figure.panels[0].y.limits or (0, 0))[1]])
    ).all(axis=1)
    assert outside == f"{2_000 - inside.sum()} outside the frame"
    assert shades == "shades span the middle 98% of the values"


def test_materials_without_a_value_are_pale() -> None:
    figure = materials_map(np.eye(3), [1.0, None, 2.0], names=["a", "b", "c"], label="gap", method="pca")
    points = mark(figure, Points)
    assert points.fills == [SEQUENTIAL[0], MISSING, SEQUENTIAL[-1]]
    assert points.hover == ["a\ngap: 1", "b\nno value", "c\ngap: 2"]
    assert [entry.name for entry in figure.legend] == ["no value"]


def test_materials_need_no_values() -> None:
    figure = materials_map(np.eye(3), names=["a", "b", "c"], method="pca")
    assert mark(figure, Points).fills == [BLUE] * 3
    assert mark(figure, Points).hover == ["a", "b", "c"]
    assert figure.legend == []


def test_values_have_to_be_as_many_as_vectors() -> None:
    with pytest.raises(InputInvalid, match="3 vectors came with 2 values"):
        materials_map(np.eye(3), [1.0, 2.0])


# --- similarity, tree, number of clusters


def test_the_heatmap_holds_the_cosines_of_the_catalog() -> None:
    catalog = toy_catalog()
    figure = similarity_heatmap(catalog)
    raster, axis = mark(figure, Raster), figure.panels[0].x
    assert [text for _, text in axis.ticks or ()] == list(catalog.symbols)
    fe = catalog.symbols.index("Fe")
    for other, cosine in catalog.neighbors("Fe"):
        assert raster.values[fe, catalog.symbols.index(other)] == pytest.approx(cosine)
    assert raster.hover[fe][catalog.symbols.index("Co")] == "Fe, Co: +0.960"
    assert raster.high == -raster.low == pytest.approx(1.0)  # H and Na point in opposite directions
    assert figure.scale is not None
    assert (0.5, "0") in figure.scale.ticks
    assert raster.colors == DIVERGING


@pytest.mark.parametrize(
    ("order", "symbols"),
    [
        ("atomic_number", ["H", "O", "Na", "Cl", "Fe", "Co"]),
        ("mendeleev", ["Na", "Fe", "Co", "Cl", "O", "H"]),
    ],
)
def test_the_heatmap_is_in_the_order_asked_for(order: Any, symbols: list[str]) -> None:
    figure = similarity_heatmap(toy_catalog(), order=order)
    assert [text for _, text in figure.panels[0].y.ticks or ()] == symbols
    assert np.allclose(np.diag(mark(figure, Raster).values), 1.0)


def test_like_stands_beside_like_in_the_order_of_clusters() -> None:
    figure = similarity_heatmap(
        toy_catalog({"H": (1, 0), "Li": (0, 1), "Na": (1, 0.1), "K": (0.1, 1)}), order="cluster"
    )
    ticks = [text for _, text in figure.panels[0].x.ticks or ()]
    assert {frozenset(ticks[:2]), frozenset(ticks[2:])} == {frozenset({"H", "Na"}), frozenset({"Li", "K"})}


def test_the_heatmap_refuses_an_unknown_order_and_a_single_element() -> None:
    with pytest.raises(InputInvalid, match='Did you mean "cluster"'):
        similarity_heatmap(toy_catalog(), order="clusters")  # type: ignore[arg-type]
    with pytest.raises(InputInvalid, match="one element"):
        similarity_heatmap(toy_catalog({"Fe": (1, 0)}))


def test_the_tree_joins_all_elements_and_colors_clusters() -> None:
    catalog = toy_catalog()
    figure = dendrogram(catalog, k=2)
    branches = mark(figure, Lines)
    assert sorted(text for _, text in figure.panels[0].x.ticks or ()) == sorted(catalog.symbols)
    assert len(branches.paths) == 5
    heights = [path[1, 1] for path in branches.paths]
    top = branches.colors[int(np.argmax(heights))]
    assert set(branches.colors) - {top} == {BLUE, ORANGE}
    assert branches.colors.count(top) == 1


def test_the_tree_bears_elements_of_one_direction() -> None:
    figure = dendrogram(toy_catalog({s: (1.0, float(i // 4)) for i, s in enumerate(SYMBOLS[:12])}), k=3)
    assert len(mark(figure, Lines).paths) == 11


def test_the_elbow_figure_marks_what_was_chosen() -> None:
    rows = np.repeat(np.eye(3) * 9, 5, axis=0) + np.random.default_rng(0).normal(0, 0.3, (15, 3))
    figure = elbow_and_silhouette(cluster(rows))
    inertia, silhouette = figure.panels
    assert inertia.title == "elbow at 3"
    assert silhouette.title == "3 clusters chosen"
    assert mark(figure, Points, 1).at[:, 0].tolist() == list(range(2, 11))
    assert mark(figure, Points, 1).at[1, 1] == pytest.approx(cluster(rows, k=3).scores.silhouette.mean())
    assert mark(figure, Lines, 1).paths[0][:, 0].tolist() == [3, 3]
    assert figure.note == "kmeans, 5 seeds"


def test_one_k_is_no_curve() -> None:
    with pytest.raises(InputInvalid, match="Only k = 2"):
        elbow_and_silhouette(cluster(np.eye(5), k=2))


# --- violins

TABLE = {
    "formula": ["NaCl"] * 5 + ["Fe2O3"] * 6 + ["NaFeO2"] * 7 + ["CoO"] * 2 + ["KCl"] * 3,
    "gap": [5.0, 6.0, 7.0, 8.0, 9.0] + [1.0] * 6 + list(range(7)) + [1.0, None] + [1.0] * 3,
}
CLASSES = {"Na": "salt", "Cl": "salt", "Fe": "metal", "Co": "metal", "O": "gas"}


def ticks(figure: Figure) -> list[str]:
    return [text for _, text in figure.panels[0].x.ticks or ()]


def test_violins_hold_the_materials_whose_elements_are_of_one_class() -> None:
    figure = class_violins(TABLE, "gap", CLASSES)
    assert ticks(figure) == ["salt\n5", "mixed\n14"]
    assert figure.note == "left out: 1 without a value, 3 with elements outside the classes"
    salt, mixed = mark(figure, Areas).outlines
    assert salt[:, 1].min() == 5.0
    assert salt[:, 1].max() == 9.0
    assert np.allclose(salt[:160, 0], -salt[160:, 0][::-1])
    assert (mixed[:, 0].min() + mixed[:, 0].max()) / 2 == pytest.approx(1.0)
    assert mark(figure, Areas).hover[0] == "salt\n5 materials\nmedian 7, quartiles 6 and 8"
    assert mark(figure, Areas).fills[1] == NOISE


def test_oxides_are_in_the_class_of_their_cations() -> None:
    figure = class_violins(TABLE, "gap", CLASSES, containing=["O"])
    assert ticks(figure) == ["metal\n7", "mixed\n7"]
    assert figure.note == "left out: 1 without a value"


def test_small_classes_are_counted() -> None:
    figure = class_violins({"formula": ["NaCl"] * 5 + ["Fe"], "gap": [1.0] * 6}, "gap", CLASSES)
    assert ticks(figure) == ["salt\n5"]
    assert figure.note == "left out: 1 in classes of fewer than 5"


def test_classes_keep_the_order_and_the_colors_that_they_have_on_a_map() -> None:
    classes = dict(zip(SYMBOLS[:12], range(12), strict=True))
    figure = class_violins({"formula": list(SYMBOLS[:12]) * 5, "x": range(60)}, "x", classes)
    assert ticks(figure) == [f"{i}\n5" for i in range(12)]
    assert mark(figure, Areas).fills == [fill for fill, _ in class_colors(12)]


def test_no_class_may_be_called_mixed() -> None:
    with pytest.raises(InputInvalid, match="another name"):
        class_violins(TABLE, "gap", CLASSES | {"K": "mixed"})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_violins_take_any_table(library: str) -> None:
    module = pytest.importorskip(library)
    table = (
        module.table(TABLE)
        if library == "pyarrow"
        else module.DataFrame(TABLE, **{"strict": False} if library == "polars" else {})
    )
    assert ticks(class_violins(table, "gap", CLASSES)) == ["salt\n5", "mixed\n14"]


@pytest.mark.parametrize(
    ("table", "property", "error", "message"),
    [
        (TABLE, "gaps", ColumnNotFound, 'Did you mean "gap"'),
        ({"gap": [1.0]}, "gap", ColumnNotFound, 'no column "formula"'),
        (TABLE, "formula", InputInvalid, "not numeric"),
        ({"formula": ["NaCl", "?"], "gap": [1.0, 2.0]}, "gap", FormulaInvalid, "Row 1"),
        ({"formula": ["NaCl"], "gap": [1.0]}, "gap", InputInvalid, "No class has 5"),
    ],
)
def test_tables_that_cannot_be_drawn_are_named(table: Any, property: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        class_violins(table, property, CLASSES)


def test_classes_on_the_map_have_the_colors_of_their_violins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "project", lambda catalog, method, seed: project(catalog, "pca", seed=seed))
    figure = element_classes(toy_catalog(), TABLE, {"gap": "gap (eV)"}, k=2)
    discs, violins = mark(figure, Points), mark(figure, Areas, 1)
    named = dict(zip(toy_catalog().symbols, discs.fills, strict=True))
    classed = {
        text.split("\n")[0]: fill for (_, text), fill in zip(figure.panels[1].x.ticks or (), violins.fills, strict=True)
    }
    assert {entry.name: entry.fill for entry in figure.legend} == {
        "0": named["H"],
        "1": ({*named.values()} - {named["H"]}).pop(),
    }
    assert set(classed.values()) <= {*named.values(), NOISE}
    assert figure.panels[1].y.label == "gap (eV)"
    assert figure.note.startswith("gap (eV), left out: ")
