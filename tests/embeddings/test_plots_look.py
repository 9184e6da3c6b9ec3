"""Colors that can be told apart, text that can be read, labels that do not cover each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from embeddings.errors import InputInvalid
from embeddings.plots.coloring import color_list, nice_ticks
from embeddings.plots.palette import MISSING, SEQUENTIAL, class_colors, ink_on, luminance, shades
from embeddings.plots.spread import spread

SIGHT = {
    "all cones": np.eye(3),
    "no long-wave cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no middle-wave cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "no short-wave cones": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
"""Linear RGB as people see it (Machado, Oliveira and Fernandes, IEEE TVCG 15, 1291, 2009, severity 1)."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(color: str, sight: np.ndarray) -> np.ndarray:
    """Return a color in CIE Lab as somebody sees it."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(sight @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_six_classes_can_be_told_apart_by_everybody(sight: str) -> None:
    colors = [seen(fill, SIGHT[sight]) for fill, _ in class_colors(6)]
    assert pdist(colors).min() > 15  # 2.3 is just noticeable


@pytest.mark.parametrize("sight", SIGHT)
def test_lightness_of_shades_rises_for_everybody(sight: str) -> None:
    lightness = [seen(color, SIGHT[sight])[0] for color in shades(SEQUENTIAL, np.linspace(0, 1, 50))]
    assert np.diff(lightness).min() > 0


def test_no_two_classes_look_alike() -> None:
    assert len(set(class_colors(20))) == 20
    with pytest.raises(InputInvalid, match="21 classes"):
        class_colors(21)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_text_can_be_read_on_any_color(channels: tuple[int, int, int]) -> None:
    fill = "#{:02x}{:02x}{:02x}".format(*channels)
    low, high = sorted((luminance(fill), luminance(ink_on(fill))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_shades_hit_their_stops_and_miss_what_is_missing() -> None:
    assert shades(["#000000", "#ffffff"], np.array([0.0, 0.5, 1.0, np.nan])) == [
        "#000000", "#808080", "#ffffff", MISSING,
    ]  # fmt: skip


def test_equal_values_get_one_shade() -> None:
    coloring = color_list([3.0, 3.0])
    assert coloring.fills == [SEQUENTIAL[4]] * 2
    assert coloring.scale is not None
    assert coloring.scale.ticks == ((0.5, "3"),)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_inside(low: float, span: float) -> None:
    ticks = nice_ticks(low, low + span)
    assert 2 <= len(ticks) <= 7
    assert min(ticks) >= low - 1e-6 * span
    assert max(ticks) <= low + (1 + 1e-6) * span
    assert np.allclose(np.diff(ticks, 2), 0, atol=1e-6 * span)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_points_that_cover_each_other_are_moved_apart(places: list[tuple[float, float]]) -> None:
    assert pdist(spread(np.array(places), 0.05)).min() >= 0.045


def test_points_already_apart_stay_exactly() -> None:
    at = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.array_equal(spread(at, 0.5), at)
