"""The explorer in a real browser: opened from disk, without a network, on a desk and on a phone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from embeddings import load_uae
from embeddings.analysis import cluster, compare, property_values
from embeddings.analysis.projection import project
from embeddings.catalog import ElementCatalog
from embeddings.explorer import content, write_page
from embeddings.search.neighbors import cosine_similarity
from testing.browser import chromium
from testing.toys import toy_catalog

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

DESK, PHONE = (1280, 800), (390, 844)
HOSTILE = "<script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\"></script>"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def ct_multi() -> ElementCatalog:
    return load_uae("ct-multi")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, ct_multi: ElementCatalog) -> Path:
    """A folder of pages; their "UMAP" is principal components turned upside down, which take no time."""
    folder = tmp_path_factory.mktemp("pages")
    shown = {
        "one": [ct_multi],
        "two": [ct_multi, load_uae("starter")],
        "single": [toy_catalog({"Au": (1.0, 2.0)})],
        "hostile": [toy_catalog(description=HOSTILE, limits=(HOSTILE,), command=HOSTILE)],
    }

    def quick(catalog: ElementCatalog, method: str, seed: int) -> Any:
        found = project(catalog, "pca", seed=seed)
        return found if method == "pca" else type(found)(-found.at, found.axes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "project", quick)
        for name, catalogs in shown.items():
            write_page(folder / f"{name}.html", catalogs)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as session:
        yield session


@pytest.fixture
def opened(browser: Any, pages: Path) -> Iterator[Open]:
    """Opens a page in a window of a size; the console has to stay silent to the end of the test."""
    browser.get_log("browser")

    def open_page(name: str, size: tuple[int, int] = DESK, *, dark: bool = False) -> Any:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get("about:blank")
        browser.get((pages / f"{name}.html").as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []


def one(browser: Any, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def texts(browser: Any, selector: str) -> list[str]:
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, selector)]


def cell(browser: Any, z: int) -> Any:
    return one(browser, f'#table .cell[data-z="{z}"]')


def style(browser: Any, node: Any, name: str) -> str:
    return browser.execute_script("return getComputedStyle(arguments[0])[arguments[1]]", node, name)


def choose(browser: Any, select: str, value: str) -> None:
    one(browser, f'{select} option[value="{value}"]').click()


def signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\u2212")


def chosen(browser: Any) -> str:
    return one(browser, "#element-title .big").text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, (820, 1100), PHONE], ids=["desk", "tablet", "phone"])
@pytest.mark.parametrize("name", ["one", "two", "single", "hostile"])
def test_it_opens_from_disk_without_a_network(opened: Open, name: str, size: tuple[int, int], dark: bool) -> None:
    browser = opened(name, size, dark=dark)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#table .cell")) == 118 * (2 if name == "two" else 1)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    paper = style(browser, one(browser, "body"), "backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == dark


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_click_on_iron_shows_its_neighbors(opened: Open, size: tuple[int, int], ct_multi: ElementCatalog) -> None:
    browser = opened("one", size)
    for z in (8, 26):
        cell(browser, z).click()
    assert chosen(browser) == "Fe"
    expected = ct_multi.neighbors("Fe", 10)
    assert texts(browser, ".neighbors .symbol") == [symbol for symbol, _ in expected]
    assert texts(browser, ".neighbors .similarity") == [signed(round(value, 4)) for _, value in expected]
    assert f"{ct_multi.n_structures['Fe']:,} training structures" in one(browser, ".behind").text
    assert one(browser, "#map .mark.chosen").get_attribute("data-z") == "26"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#map .mark.near")) == 10


def test_a_neighbor_leads_on(opened: Open) -> None:
    browser = opened("one")
    first = one(browser, ".neighbors button")
    symbol = first.text.split()[0]
    first.click()
    assert chosen(browser) == symbol
    assert browser.current_url.endswith(f"#{symbol}")


def test_who_walks_the_neighbors_by_the_keyboard_stays_in_the_list(opened: Open) -> None:
    browser = opened("one")
    seen = []
    browser.execute_script("document.querySelector('.neighbors button').focus()")
    for _ in range(3):
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        seen.append(chosen(browser))
        assert browser.switch_to.active_element == one(browser, ".neighbors button")
    assert seen[0] != seen[1]


def test_colors_follow_the_choice(opened: Open) -> None:
    browser = opened("one")
    before = style(browser, cell(browser, 26), "backgroundColor")
    choose(browser, "#coloring", "melting_point")
    assert style(browser, cell(browser, 26), "backgroundColor") != before
    assert one(browser, "#table .legend-title").text == "Melting point (K)"
    assert cell(browser, 26).find_element(By.CLASS_NAME, "value").text == f"{property_values('melting_point')[25]:,.0f}"
    choose(browser, "#coloring", "similarity")
    assert "cosine" in one(browser, "#table .legend-title").text


def test_clusters_are_as_many_as_asked(opened: Open) -> None:
    browser = opened("one")
    choose(browser, "#k", "7")
    fills = {style(browser, found, "backgroundColor") for found in browser.find_elements(By.CSS_SELECTOR, ".numbered")}
    assert len(fills) == 7
    assert sum(map(int, texts(browser, "#table .swatches:first-of-type li")[0].split()[1:])) > 0
    assert set(texts(browser, "#table .cell:not(.missing) .value")) == set("0123456")


def test_an_element_without_a_vector_is_hatched_and_says_so(opened: Open, ct_multi: ElementCatalog) -> None:
    browser = opened("one")
    for z, symbol in ((86, "Rn"), (118, "Og")):
        assert symbol in ct_multi.missing_elements
        assert "repeating-linear-gradient" in style(browser, cell(browser, z), "backgroundImage")
        assert "no vector" in cell(browser, z).get_attribute("aria-label")
    assert len(browser.find_elements(By.CSS_SELECTOR, ".cell.missing")) == len(ct_multi.missing_elements)
    cell(browser, 86).click()
    assert "Rn has no vector in ct-multi" in one(browser, "#element .note").text
    assert not browser.find_elements(By.CSS_SELECTOR, "#map .chosen")


@pytest.mark.parametrize(("query", "symbol"), [("iron", "Fe"), ("u", "U"), ("79", "Au"), ("  cO ", "Co")])
def test_search_finds_by_symbol_name_and_number(opened: Open, query: str, symbol: str) -> None:
    browser = opened("one")
    box = one(browser, "#search")
    box.send_keys(query)
    assert browser.find_elements(By.CSS_SELECTOR, ".cell.dimmed")
    box.send_keys(Keys.ENTER)
    assert chosen(browser) == symbol
    assert not browser.find_elements(By.CSS_SELECTOR, ".cell.dimmed")
    assert browser.switch_to.active_element.get_attribute("aria-selected") == "true"


def test_search_says_when_there_is_no_such_element(opened: Open) -> None:
    browser = opened("one")
    one(browser, "body").send_keys("/")
    browser.switch_to.active_element.send_keys("unobtainium", Keys.ENTER)
    assert chosen(browser) == "Fe"
    assert one(browser, "#search").get_attribute("aria-invalid") == "true"
    assert one(browser, "#status").get_attribute("textContent") == "0 elements found"


@pytest.mark.parametrize(
    ("size", "walk"),
    [
        (DESK, {Keys.ARROW_RIGHT: "Co", Keys.ARROW_DOWN: "Rh", Keys.ARROW_LEFT: "Ru", Keys.ARROW_UP: "Fe"}),
        (PHONE, {Keys.ARROW_RIGHT: "Ru", Keys.ARROW_DOWN: "Rh", Keys.ARROW_LEFT: "Co", Keys.ARROW_UP: "Fe"}),
    ],
    ids=["desk", "phone"],
)
def test_arrow_keys_walk_the_table(opened: Open, size: tuple[int, int], walk: dict[str, str]) -> None:
    browser = opened("one", size)
    cell(browser, 26).click()
    for key, symbol in walk.items():
        browser.switch_to.active_element.send_keys(key)
        assert chosen(browser) == symbol
    assert style(browser, browser.switch_to.active_element, "outlineStyle") == "solid"


def test_arrow_keys_cross_gaps_and_stop_at_the_edge(opened: Open) -> None:
    browser = opened("one")
    cell(browser, 1).click()
    for key, symbol in ((Keys.ARROW_LEFT, "H"), (Keys.ARROW_RIGHT, "He"), (Keys.ARROW_RIGHT, "He")):
        browser.switch_to.active_element.send_keys(key)
        assert chosen(browser) == symbol
    cell(browser, 103).click()
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert chosen(browser) == "La"


def test_the_table_is_one_stop_of_the_tab_key(opened: Open) -> None:
    browser = opened("two")
    stops = browser.find_elements(By.CSS_SELECTOR, '#table .cell[tabindex="0"]')
    assert [stop.get_attribute("data-z") for stop in stops] == ["26", "26"]
    assert {one(browser, "#table .elements").get_attribute("role"), stops[0].get_attribute("role")} == {
        "grid",
        "gridcell",
    }


def test_the_map_answers_to_clicks_and_changes_projection(opened: Open) -> None:
    browser = opened("one")
    before = one(browser, '#map [data-z="26"] circle').get_attribute("cx")
    one(browser, '#projection input[value="pca"] + span').click()
    assert one(browser, '#map [data-z="26"] circle').get_attribute("cx") != before
    browser.execute_script(
        "document.querySelector('#map [data-z=\"3\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert chosen(browser) == "Li"


@pytest.mark.parametrize("order", ["number", "cluster"])
def test_the_heatmap_tells_the_pair_under_the_pointer(opened: Open, order: str, ct_multi: ElementCatalog) -> None:
    browser = opened("one")
    one(browser, f'#order input[value="{order}"] + span').click()
    labels = cluster(ct_multi).labels if order == "cluster" else np.zeros(len(ct_multi))
    rows, canvas = np.argsort(labels, kind="stable"), one(browser, "#heatmap canvas")
    across, down = (int(((i + 0.5) / len(rows) - 0.5) * canvas.size["width"]) for i in (80, 5))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    webdriver.ActionChains(browser).move_to_element_with_offset(canvas, across, down).perform()
    a, _, b, value = one(browser, "#heatmap .readout").text.split()
    assert (a, b) == (ct_multi.symbols[rows[5]], ct_multi.symbols[rows[80]])
    assert value == signed(round(cosine_similarity(ct_multi.vectors)[rows[5], rows[80]], 4))


def test_two_catalogs_stand_side_by_side(opened: Open, ct_multi: ElementCatalog) -> None:
    browser = opened("two")
    starter = load_uae("starter")
    found = compare(ct_multi, starter)
    assert texts(browser, "#comparison .figure .big")[0] == f"{round(100 * found.overlap)}%"
    assert texts(browser, "#comparison .chips .symbol") == list(found.moved)[:12]
    left, right = browser.find_elements(By.CSS_SELECTOR, "#table .table")
    assert left.location["y"] == right.location["y"]
    cell(browser, 8).click()
    shown = [
        [symbol.text for symbol in pane.find_elements(By.CSS_SELECTOR, ".neighbors .symbol")]
        for pane in browser.find_elements(By.CSS_SELECTOR, "#element .element")
    ]
    assert shown == [[symbol for symbol, _ in catalog.neighbors("O", 10)] for catalog in (ct_multi, starter)]
    both = set(shown[0]) & set(shown[1])
    assert len(browser.find_elements(By.CSS_SELECTOR, "#element .both")) == 2 * len(both)
    choose(browser, "#coloring", "moved")
    assert one(browser, "#table .legend-title").text == "Moved between the two"


def saved(browser: Any, folder: Path, button: str, ending: str) -> Path:
    """Click a button and return the file that it saves."""
    behavior = {"behavior": "allow", "downloadPath": str(folder)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    browser.execute_script("arguments[0].click()", one(browser, button))
    WebDriverWait(browser, 10).until(lambda _: list(folder.glob(f"*{ending}")))
    (path,) = folder.glob(f"*{ending}")
    return path


def test_values_can_be_saved_as_a_table(opened: Open, tmp_path: Path, ct_multi: ElementCatalog) -> None:
    browser = opened("one")
    path = saved(browser, tmp_path, "#export", ".csv")
    assert path.name == f"ct-multi-{ct_multi.version}.csv"
    with path.open(newline="") as file:
        rows = {row["symbol"]: row for row in csv.DictReader(file)}
    assert tuple(rows) == ct_multi.symbols
    assert {symbol: int(row["cluster"]) for symbol, row in rows.items()} == cluster(ct_multi).to_dict()
    assert {symbol: int(row["n_structures"]) for symbol, row in rows.items()} == ct_multi.n_structures
    assert float(rows["Co"]["similarity to Fe"]) == round(dict(ct_multi.neighbors("Fe"))["Co"], 4)
    assert float(rows["Fe"]["melting_point (K)"]) == property_values("melting_point")[25]


def test_the_table_of_two_catalogs_tells_them_apart(opened: Open, tmp_path: Path) -> None:
    path = saved(opened("two"), tmp_path, "#export", ".csv")
    with path.open(newline="") as file:
        columns = next(csv.reader(file))
    assert len(set(columns)) == len(columns)
    assert [name.split()[0] for name in columns if name.endswith(" cluster")] == ["ct-multi", "starter"]


@pytest.mark.parametrize("coloring", ["cluster", "melting_point"])
def test_the_periodic_table_can_be_saved_as_a_picture(opened: Open, tmp_path: Path, coloring: str) -> None:
    browser = opened("one")
    choose(browser, "#coloring", coloring)
    drawn = ElementTree.parse(saved(browser, tmp_path, "#table .save:not(#export)", ".svg"))
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Fe", "26", "Og"} <= set(texts)
    value = cell(browser, 26).find_element(By.CLASS_NAME, "value").text
    assert value in texts
    fill = as_hex(style(browser, cell(browser, 26), "backgroundColor"))
    fills = {rect.get("fill") for rect in drawn.iter("{http://www.w3.org/2000/svg}rect")}
    assert fill in fills


def as_hex(color: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in color[4:-1].split(","))


def test_map_and_similarities_can_be_saved_as_pictures(opened: Open, tmp_path: Path) -> None:
    browser = opened("one")
    drawn = ElementTree.parse(saved(browser, tmp_path, "#map .save", ".svg"))
    circles = list(drawn.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == len(load_uae("ct-multi"))
    assert all(circle.get("fill", "none") != "none" for circle in circles)
    assert saved(browser, tmp_path, "#heatmap .save", ".png").read_bytes().startswith(b"\x89PNG")


def test_the_button_changes_light_to_dark_and_back(opened: Open) -> None:
    browser = opened("one")
    seen = [style(browser, one(browser, "body"), "backgroundColor")]
    for _ in range(2):
        one(browser, "#theme").click()
        seen.append(style(browser, one(browser, "body"), "backgroundColor"))
    assert seen[0] == seen[2] != seen[1]


def test_text_of_a_manifest_stays_text(opened: Open) -> None:
    browser = opened("hostile")
    assert browser.title == "toy 0.1.0 \u00b7 explorer"
    assert one(browser, "#subtitle").text == HOSTILE
    assert HOSTILE in texts(browser, ".limits li") + texts(browser, ".pairs dd")
    assert not browser.find_elements(By.CSS_SELECTOR, "main script, main img")


def test_one_row_is_shown_with_what_it_lacks(opened: Open) -> None:
    browser = opened("single")
    assert chosen(browser) == "Au"
    assert "only element" in one(browser, "#element").text
    assert "Clusters need at least 3 rows" in one(browser, "#table .legend").text
    assert len(browser.find_elements(By.CSS_SELECTOR, ".cell.missing")) == 117


def test_an_address_names_an_element(opened: Open) -> None:
    browser = opened("one")
    browser.execute_script("location.hash = '#Au'")
    WebDriverWait(browser, 5).until(lambda _: chosen(browser) == "Au")
