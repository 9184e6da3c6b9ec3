"""What mkdocs calls while it builds the site: generated pages, the menu, links and the check for remote fetches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.website.markdown import indent_lists, relink
from tools.website.menu import fill_menu
from tools.website.offline import remote_fetches
from tools.website.pages import MOVED, generated_pages

PAGES = generated_pages()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the entries of the menu that hold a star."""
    docs = Path(config.docs_dir)
    written = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    config.nav = fill_menu(config.nav, sorted(written | set(PAGES)))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated."""
    for name, text in PAGES.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fit what was written for the repository to the site."""
    depth = page.file.src_uri.count("/") + 1
    return indent_lists(relink(markdown, MOVED, depth=depth))


def on_post_build(config: MkDocsConfig) -> None:
    """Fail if a page would fetch anything from another host."""
    found = remote_fetches(Path(config.site_dir))
    if found:
        raise PluginError("These files fetch from another host:\n" + "\n".join(found))
