"""The atlas in a real browser: opened from disk, without a network."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embeddings.errors import MissingExtra
from embeddings.explorer.atlas import write_atlas
from embeddings.explorer.atlas.nearest import nearest_rows
from embeddings.explorer.atlas.viewer import check_viewer
from embeddings.vectors.structures import StructureCatalog, read_structure_catalog
from testing.browser import chromium
from testing.vector_files import write_structures

pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.slow

N = 60
PATIENCE = 180


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> StructureCatalog:
    vectors = np.random.default_rng(0).normal(size=(N, 8))
    ids, formulas = [f"mp-{i}" for i in range(N)], ["NaCl", "Si", "Fe2O3"] * (N // 3)
    return read_structure_catalog(
        write_structures(tmp_path_factory.mktemp("vectors") / "v.parquet", ids, formulas, vectors)
    )


@pytest.fixture(scope="module")
def viewer() -> None:
    try:
        check_viewer()
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def browser(viewer: None, catalog: StructureCatalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser in which the atlas is open and drawn."""
    folder = tmp_path_factory.mktemp("atlas") / "atlas"
    gaps = pa.table({"id": catalog.material_ids[:-1], "gap": np.arange(N - 1) / 10})
    write_atlas(folder, catalog, table=gaps, color="gap", k=4, method="pca")
    with opened(folder) as session:
        WebDriverWait(session, PATIENCE).until(lambda _: "(null / nan / inf)" in text(session))
        WebDriverWait(session, PATIENCE).until(lambda _: link(session, "mp-2"))
        yield session


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """Open an atlas from disk."""
    with chromium() as session:
        session.set_window_size(1400, 900)
        session.get((folder / "index.html").as_uri())
        yield session


def text(browser: Any) -> str:
    found: str = browser.execute_script("return document.body.innerText")
    return found


def map_of(browser: Any) -> Any:
    """Return what the map is drawn on."""
    return max(browser.find_elements(By.CSS_SELECTOR, "canvas"), key=lambda found: found.size["width"])


def vivid(browser: Any) -> np.ndarray:
    """Return the pixels of the map that have a color, (n, 3)."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    with image.open(io.BytesIO(map_of(browser).screenshot_as_png)) as picture:
        colors = np.asarray(picture.convert("RGB")).astype(int)
    found: np.ndarray = colors[colors.max(axis=2) - colors.min(axis=2) > 60]
    return found


def n_selected(browser: Any) -> int:
    found = re.search(rf"(\d+) / {N} points", text(browser))
    return int(found[1]) if found else 0


def link(browser: Any, material_id: str) -> Any:
    """Return the link to an entry in the table."""
    address = f"https://next-gen.materialsproject.org/materials/{material_id}"
    found = browser.find_elements(By.CSS_SELECTOR, f'td a[href="{address}"]')
    return found[0] if found else None


def test_it_is_drawn_and_fetches_nothing_from_elsewhere(browser: Any) -> None:
    assert f"{N} / {N} points" in text(browser)
    assert "NaCl mp-0" in text(browser)
    assert "Licenses: CC0-1.0" in text(browser)
    names = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(name.startswith(("file:", "blob:", "data:")) for name in names)
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in severe if "WebGPU" not in message] == []


def test_every_structure_is_drawn_in_a_color(browser: Any) -> None:
    colors = vivid(browser)
    assert len(colors) > 3 * N
    assert len(np.unique(colors // 64, axis=0)) > 4


def test_a_structure_shows_its_entry_and_its_nearest_neighbors(browser: Any, catalog: StructureCatalog) -> None:
    row = link(browser, "mp-2").find_element(By.XPATH, "ancestor::tr")
    row.find_elements(By.CSS_SELECTOR, "td")[1].click()
    wait = WebDriverWait(browser, PATIENCE)
    wait.until(lambda _: "Nearest Neighbors" in text(browser))
    wait.until(lambda _: browser.find_elements(By.XPATH, "//button[contains(., 'Nearest Neighbors')]"))[0].click()
    wait.until(lambda _: "4 results." in text(browser))
    near = nearest_rows(catalog.vectors, 4)
    told = text(browser).split("4 results.")[1]
    for other, cosine in zip(near.rows[2], near.cosines[2], strict=True):
        assert f"mp-{other}" in told
        assert f"{1 - cosine:.4f}" in told


def test_the_search_finds_a_structure(browser: Any) -> None:
    browser.find_element(By.XPATH, "//*[normalize-space(text())='Search']/ancestor::*[descendant::button][1]").click()
    box = WebDriverWait(browser, PATIENCE).until(
        lambda _: browser.find_elements(By.CSS_SELECTOR, "input[type='search']")
    )[0]
    box.clear()
    box.send_keys("NaCl")
    WebDriverWait(browser, PATIENCE).until(lambda _: f"{N // 3} results." in text(browser))


def test_what_is_selected_can_be_saved(browser: Any, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    menu, save = browser.find_elements(
        By.XPATH, "//button[@title='Export Selection' or contains(., 'Export Selection')]"
    )
    menu.click()
    browser.execute_script("arguments[0].click()", save)
    WebDriverWait(browser, PATIENCE).until(lambda _: list(tmp_path.glob("selection-*")))
    menu.click()


def test_any_column_can_be_chosen_for_the_color(browser: Any) -> None:
    (choice,) = (
        found
        for found in browser.find_elements(By.CSS_SELECTOR, "select")
        if "gap (DOUBLE)" in found.get_attribute("textContent")
    )
    offered = [option.text for option in choice.find_elements(By.CSS_SELECTOR, "option")]
    for name in ("formula (VARCHAR)", "n_elements (INTEGER)", "gap (DOUBLE)"):
        assert name in offered
    choice.find_element(By.XPATH, "option[contains(., 'formula')]").click()
    WebDriverWait(browser, PATIENCE).until(lambda _: "(null / nan / inf)" not in text(browser))
    assert "Fe2O3" in text(browser)


def test_a_lasso_selects(browser: Any) -> None:
    (button,) = browser.find_elements(By.CSS_SELECTOR, "[title*='lasso selection mode']")
    button.click()
    drawing, size = ActionChains(browser, duration=20), map_of(browser).size
    corners = ((-0.4, -0.1), (0.4, -0.1), (0.4, 0.2), (-0.4, 0.2), (-0.4, -0.1))
    places = [(int(x * size["width"]), int(y * size["height"])) for x, y in corners]
    drawing.move_to_element_with_offset(map_of(browser), *places[0]).click_and_hold()
    for (x, y), (next_x, next_y) in itertools.pairwise(places):
        drawing.move_by_offset(next_x - x, next_y - y)
    drawing.release().perform()
    WebDriverWait(browser, PATIENCE).until(lambda _: 0 < n_selected(browser) < N)


@pytest.mark.usefixtures("viewer")
def test_200_000_structures_are_drawn(tmp_path: Path) -> None:
    n = 200_000
    vectors = np.random.default_rng(0).normal(size=(n, 3))
    path = write_structures(tmp_path / "v.parquet", [f"mp-{i}" for i in range(n)], ["NaCl", "Si"] * (n // 2), vectors)
    write_atlas(tmp_path / "atlas", path, color="formula", k=0, method="pca")
    with opened(tmp_path / "atlas") as session:
        WebDriverWait(session, PATIENCE).until(lambda _: re.search(r"NaCl\s+100,000\s+Si\s+100,000", text(session)))
        WebDriverWait(session, PATIENCE).until(lambda _: "200,000 / 200,000 points" in text(session))
        WebDriverWait(session, PATIENCE).until(lambda _: len(vivid(session)) > 20_000)
