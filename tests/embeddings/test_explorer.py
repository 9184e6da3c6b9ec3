"""The explorer's file: what is in it, what cannot break out of it, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings import load_uae
from embeddings.analysis import PROPERTIES, cluster, compare, property_values
from embeddings.analysis.projection import project
from embeddings.catalog import ElementCatalog
from embeddings.cli import main
from embeddings.cli.explore import _progress
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.explorer import content, count_steps, render_page, write_page
from embeddings.plots import periodic_table
from embeddings.plots.palette import DIVERGING, SEQUENTIAL, class_colors, luminance
from testing.toys import TOY_VECTORS, toy_catalog, toy_provenance

DOCS = Path(__file__).parents[2] / "docs" / "explorer.md"
HOSTILE = "</script><script>alert(1)</script> <b>bold</b> & \u2028 <!-- "


@pytest.fixture
def quick_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Principal components in the place of UMAP, which takes seconds to compile."""
    monkeypatch.setattr(content, "project", lambda catalog, method, seed: project(catalog, "pca", seed=seed))


@pytest.fixture(scope="module")
def ct_multi() -> ElementCatalog:
    return load_uae("ct-multi")


def content_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explore", *arguments], prog_name="embeddings")


@pytest.mark.usefixtures("quick_maps")
def test_numbers_are_those_of_the_library(ct_multi: ElementCatalog) -> None:
    page = content_of(render_page([ct_multi]))
    (shown,) = page["catalogs"]
    assert shown["atomic_numbers"] == ct_multi.atomic_numbers.tolist()
    assert shown["n_structures"] == list(ct_multi.n_structures.values())
    row = ct_multi.symbols.index("Fe")
    expected = [[ATOMIC_NUMBERS[symbol], round(value, 4)] for symbol, value in ct_multi.neighbors("Fe", 10)]
    assert shown["neighbors"][row] == expected
    for z, similarity in expected:
        assert shown["similarity"][row][shown["atomic_numbers"].index(z)] == similarity
    found = cluster(ct_multi)
    assert shown["clusters"]["best"] == shown["clusters"]["choices"]["best"]["k"] == found.k
    assert shown["clusters"]["choices"][str(found.k)]["labels"] == found.labels.tolist()
    for name, about in page["properties"].items():
        values = np.array([np.nan if value is None else value for value in about["values"]])
        np.testing.assert_allclose(values, property_values(name), atol=5e-5)
    assert set(page["properties"]) == set(PROPERTIES)


@pytest.mark.usefixtures("quick_maps")
def test_the_manifest_is_told() -> None:
    (shown,) = content_of(render_page([toy_catalog()]))["catalogs"]
    told = {fact["label"]: fact["text"] for fact in shown["facts"] + shown["terms"]}
    assert told["License"] == "CC-BY-4.0"
    assert told["Attribution"] == "Nobody measured this."
    assert told["Cite"] == "doi:10.0000/toy"
    assert told["Trained on"] == "6 structures, made up"
    assert told["Left out"] == "no volume 1"
    assert told["Synthetic data"].startswith("yes")
    assert shown["limits"] == ["Of no use but for tests."]
    assert shown["metrics"] == [{"target": "energy", **vars(toy_provenance().metrics["energy"])}]


@pytest.mark.usefixtures("quick_maps")
def test_two_catalogs_are_compared(ct_multi: ElementCatalog) -> None:
    starter = load_uae("starter")
    page = content_of(render_page([ct_multi, starter]))
    found, told = compare(ct_multi, starter), page["comparison"]
    assert told["overlap"] == pytest.approx(found.overlap, abs=1e-4)
    assert told["cka"] == pytest.approx(found.cka, abs=1e-4)
    assert told["procrustes"] == pytest.approx(found.procrustes, abs=1e-4)
    assert told["n_shared"] == found.n_shared
    assert told["most"] == [ATOMIC_NUMBERS[symbol] for symbol in found.moved][: len(told["most"])]
    titles = [shown["title"] for shown in page["catalogs"]]
    assert titles == [f"{one.name} {one.version}" for one in (ct_multi, starter)]


@pytest.mark.usefixtures("quick_maps")
def test_a_catalog_beside_itself_is_told_apart_and_has_not_moved() -> None:
    page = content_of(render_page([toy_catalog(), toy_catalog()]))
    assert [shown["title"] for shown in page["catalogs"]] == ["toy 0.1.0 (1)", "toy 0.1.0 (2)"]
    assert page["comparison"]["overlap"] == 1
    assert page["comparison"]["procrustes"] == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("quick_maps")
def test_the_same_catalog_gives_the_same_bytes(ct_multi: ElementCatalog) -> None:
    assert render_page([ct_multi]) == render_page([ct_multi])


@pytest.mark.usefixtures("quick_maps")
def test_elements_have_their_places() -> None:
    elements = {each["symbol"]: each for each in content_of(render_page([toy_catalog()]))["elements"]}
    places = {symbol: (each["column"], each["row"]) for symbol, each in elements.items()}
    assert len(set(places.values())) == len(places) == 118
    assert (places["H"], places["He"], places["Fe"]) == ((1, 1), (18, 1), (8, 4))
    assert (places["La"], places["Yb"], places["Lu"]) == ((3, 9), (16, 9), (3, 6))
    assert (places["Ac"], places["No"], places["Og"]) == ((3, 10), (16, 10), (18, 7))
    assert elements["Fe"]["name"] == "Iron"


@pytest.mark.parametrize("vectors", [{"Fe": (3.0, 4.0)}, {"Fe": (3.0, 4.0), "Co": (4.0, 3.0)}])
def test_what_a_small_catalog_does_not_allow_is_said(vectors: dict[str, tuple[float, float]]) -> None:
    page = content_of(render_page([toy_catalog(vectors), toy_catalog({"Au": (1.0, 0.0)})]))
    shown = page["catalogs"][0]
    assert "Clusters need at least 3 rows" in shown["clusters"]["note"]
    assert shown["maps"]["umap"] is None
    assert "at least 5 rows" in shown["map_notes"]["umap"]
    assert "share 0 elements" in page["comparison"]["note"]


@pytest.mark.usefixtures("quick_maps")
def test_text_of_a_manifest_cannot_break_out() -> None:
    catalog = toy_catalog(description=HOSTILE, limits=(HOSTILE,))
    page = render_page([catalog])
    assert page.count("<script") == page.count("</script") == 2
    assert "alert(1)</script>" not in page
    assert "\u2028" not in page
    assert content_of(page)["subtitle"] == HOSTILE
    assert content_of(page)["catalogs"][0]["limits"] == [HOSTILE]


@pytest.mark.usefixtures("quick_maps")
def test_the_policy_allows_the_pages_own_script_and_style_alone() -> None:
    page = render_page([toy_catalog()])
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for text, directive in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\(|@import|fetch\(""", page)


@pytest.mark.parametrize("n", [0, 3])
def test_neither_none_nor_three(n: int, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=f"but {n} were given"):
        write_page(tmp_path / "page.html", [toy_catalog()] * n)
    assert run(*["starter"] * n, "-o", str(tmp_path / "page.html")).exit_code == 2


@pytest.mark.parametrize(
    ("place", "complaint"),
    [("page.png", "page.html"), ("missing/page.html", "there is no folder"), ("folder.html", "it is a folder")],
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    place: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.html").mkdir()
    monkeypatch.setattr("embeddings.explorer.page.page_content", lambda *_, **__: pytest.fail("work was done"))
    with pytest.raises(OutputInvalid, match=complaint):
        write_page(tmp_path / place, [toy_catalog()])


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputInvalid, match="no permission to write"):
        write_page(tmp_path / "page.html", [toy_catalog()])


def test_an_unknown_catalog_is_one_line(tmp_path: Path) -> None:
    result = run("ct-mutli", "-o", str(tmp_path / "page.html"))
    assert result.exit_code == 1
    assert 'Did you mean "ct-multi"' in result.output
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.usefixtures("quick_maps")
def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    exec(code, {})
    assert re.search(r"ct-multi [\d.]+ and starter [\d.]+", Path("explorer.html").read_text())


@pytest.mark.usefixtures("quick_maps")
def test_colors_are_those_of_the_figures() -> None:
    palette = content_of(render_page([toy_catalog()]))["palette"]
    assert palette["classes"] == [fill for fill, _ in class_colors(20)]
    assert palette["light"] == {"rising": list(SEQUENTIAL), "diverging": list(DIVERGING)}


@pytest.mark.usefixtures("quick_maps")
def test_scales_change_steadily_in_lightness_and_similar_is_red() -> None:
    palette = content_of(render_page([toy_catalog()]))["palette"]
    for theme in ("light", "dark"):
        rising, diverging = (palette[theme][name] for name in ("rising", "diverging"))
        light = np.array([luminance(color) for color in diverging])
        half = len(light) // 2
        parts = [np.array([luminance(color) for color in rising]), light[: half + 1], light[half:]]
        assert all(len(set(np.sign(np.diff(part)))) == 1 for part in parts)
        for color, redder in ((diverging[1], False), (diverging[-2], True)):
            assert (int(color[1:3], 16) > int(color[5:7], 16)) == redder


@pytest.mark.usefixtures("quick_maps")
def test_clusters_have_the_numbers_that_the_figures_give_them(ct_multi: ElementCatalog) -> None:
    (shown,) = content_of(render_page([ct_multi]))["catalogs"]
    tiles: Any = periodic_table(ct_multi).panels[0].marks[0]
    drawn = [text for text, hatched in zip(tiles.texts, tiles.hatched, strict=True) if not hatched]
    assert [str(label) for label in shown["clusters"]["choices"]["best"]["labels"]] == drawn


@pytest.mark.usefixtures("quick_maps")
def test_clusters_of_a_second_catalog_are_numbered_after_the_first() -> None:
    turned = toy_catalog({symbol: (-x, -y) for symbol, (x, y) in reversed(TOY_VECTORS.items()) if symbol != "H"})
    first, second = content_of(render_page([toy_catalog(), turned]))["catalogs"]
    for k in ("2", "3"):
        one, other = (
            dict(zip(each["atomic_numbers"], each["clusters"]["choices"][k]["labels"], strict=True))
            for each in (first, second)
        )
        assert sum(one[z] == other[z] for z in other) >= 4


@pytest.mark.usefixtures("quick_maps")
def test_progress_is_reported_as_often_as_told(ct_multi: ElementCatalog) -> None:
    for catalogs in ([ct_multi], [toy_catalog(), toy_catalog()]):
        told: list[str] = []
        render_page(catalogs, report=told.append)
        assert len(told) == len(set(told)) == count_steps(len(catalogs))
    assert told[-1] == "comparison"


def test_open_shows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("click.launch", shown.append)
    monkeypatch.setattr("embeddings.explorer.write_page", lambda out, catalogs, **_: out.write_text("page"))
    assert run("starter", "-o", str(tmp_path / "page.html"), "--open").exit_code == 0
    assert shown == [str(tmp_path / "page.html")]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        with _progress(2) as report:
            report("ct-multi: map by UMAP")
            report("comparison")
        assert ("ct-multi: map by UMAP" in stream.getvalue()) == shown


@pytest.mark.usefixtures("quick_maps")
def test_names_stand_for_catalogs(tmp_path: Path) -> None:
    write_page(str(tmp_path / "page.html"), ["starter"])
    assert (tmp_path / "page.html").read_text() == render_page([load_uae("starter")])
