"""The page of a report in a real browser: opened from disk, without a network, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.by import By  # noqa: E402

from testing.browser import chromium  # noqa: E402
from testing.planted import formulas, knowing, learnable, quick  # noqa: E402

HOSTILE = "<script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\">"
N = 90


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    values = learnable(formulas(N))
    quick(values, [knowing()], n=N, n_folds=2).write_html(folder / "numbers.html")
    names = ["metal" if value > 0 else HOSTILE for value in values]
    quick(names, [knowing()], n=N, n_folds=2, target=HOSTILE, source=HOSTILE).write_html(folder / "hostile.html")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as session:
        yield session


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
@pytest.mark.parametrize("name", ["numbers", "hostile"])
def test_it_opens_from_disk_and_nothing_breaks_out(browser: Any, pages: Path, name: str, size: tuple[int, int]) -> None:
    browser.get_log("browser")
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get((pages / f"{name}.html").as_uri())
    assert browser.get_log("browser") == []
    assert "bench" in browser.title
    assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
    assert len(browser.find_elements(By.CSS_SELECTOR, "figure")) == 4


def test_rows_are_sorted_and_colors_switched(browser: Any, pages: Path) -> None:
    browser.get((pages / "numbers.html").as_uri())
    head = browser.find_elements(By.CSS_SELECTOR, "[data-sortable] th button")[2]
    for order in (sorted, lambda found: sorted(found, reverse=True)):
        browser.execute_script("arguments[0].click()", head)
        cells = browser.find_elements(By.CSS_SELECTOR, "[data-sortable] tbody tr td:nth-child(3)")
        found = [float(cell.get_attribute("data-value")) for cell in cells]
        assert found == order(found)
    before = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    browser.find_element(By.ID, "theme").click()
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") != before
