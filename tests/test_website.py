"""The documentation site: generated pages, links, lists, and no fetch from another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.cli import COMMANDS
from embeddings.store import index
from tools.website import pipeline
from tools.website.markdown import indent_lists, relink
from tools.website.menu import fill_menu
from tools.website.offline import remote_addresses, remote_fetches
from tools.website.pages import MOVED, generated_pages

ROOT = Path(__file__).parents[1]
PAGES = generated_pages()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img alt="" src="http://pictures.example/a.png">',
        '<img srcset="https://pictures.example/a.png 2x" src="a.png">',
        '<iframe src="HTTPS://frames.example"></iframe>',
        "@import 'https://fonts.example/a.css';",
        "body { background: url(https://pictures.example/b.png) }",
    ],
)
def test_what_a_page_fetches_from_another_host_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(text)
    (found,) = remote_fetches(tmp_path)
    assert found.startswith("page.html: ")


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://doi.org/10.1038/s41467-025-56481-x">paper</a>',
        '<script src="assets/x.js"></script><img src="../a.png"><link href="x.css">',
        "<p>see https://pypi.org</p>",
        "body { background: url(data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E) }",
    ],
)
def test_links_to_click_and_local_files_are_fine(text: str) -> None:
    assert list(remote_addresses(text)) == []


def test_links_of_the_repository_become_those_of_the_site() -> None:
    text = (
        "[a](docs/formulas.md#x) [b](CHANGELOG.md) [c](LICENSE) [d](https://doi.org) ![p](docs/gallery/map.png) [e](#f)"
    )
    assert relink(text, MOVED) == (
        "[a](formulas.md#x) [b](changelog.md) c [d](https://doi.org) ![p](gallery/map.png) [e](#f)"
    )


def test_links_of_a_page_to_the_top_of_the_repository_become_those_of_the_site() -> None:
    assert relink("[a](../CHANGELOG.md) [b](format.md)", MOVED, depth=1) == "[a](changelog.md) [b](format.md)"
    assert relink("[a](../../README.md#x) [b](../format.md)", MOVED, depth=2) == "[a](../index.md#x) [b](../format.md)"


def test_what_belongs_to_a_numbered_item_is_indented_by_four() -> None:
    text = "1. One\n   more\n\n   ```\n     code\n   ```\n\n2. Two\n\nEnd\n   as it is"
    assert indent_lists(text) == "1. One\n    more\n\n    ```\n      code\n    ```\n\n2. Two\n\nEnd\n   as it is"


def test_a_star_in_the_menu_stands_for_the_pages_that_fit_and_stand_nowhere_else() -> None:
    menu = [{"A": ["index.md", "use-*.md"]}, {"B": [{"Named": "use-y.md"}, "x/*.md"]}]
    filled = fill_menu(menu, ["index.md", "use-x.md", "use-y.md", "x/1.md"])
    assert filled == [{"A": ["index.md", "use-x.md"]}, {"B": [{"Named": "use-y.md"}, "x/1.md"]}]


def test_every_command_is_in_the_reference() -> None:
    page = PAGES["reference/cli.md"]
    assert [name for name in COMMANDS if f"\n## embeddings {name}\n" not in page] == []
    assert "\n### embeddings registry add\n" in page
    assert page.count("Usage: embeddings") == page.count("# embeddings ") + 1


def test_what_users_import_is_in_the_reference() -> None:
    modules = "\n".join(text for name, text in PAGES.items() if name.startswith("reference/python/"))
    for name in ("catalog", "encoder", "errors", "formula", "pooling", "featurizers.sklearn", "store.manifest"):
        assert f"::: embeddings.{name}\n" in modules
    assert "embeddings.cli" not in modules


def test_every_catalog_has_a_page() -> None:
    names = index.names(ROOT / "catalogs")
    assert [name for name in names if f"\n# {name} " not in PAGES[f"catalogs/{name}.md"]] == []
    assert all(f"]({name}.md)" in PAGES["catalogs/index.md"] for name in names)


def test_the_picture_of_the_ways_is_current_and_names_places_that_exist() -> None:
    assert pipeline.PICTURE.read_text(encoding="utf-8") == pipeline.draw(), "run: python -m tools.website.pipeline"
    places = [step.place for way in pipeline.WAYS for step in way.steps]
    assert [place for place in places if not (ROOT / place).exists()] == []
