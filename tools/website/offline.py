"""Find what a built site would fetch from another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
_ATTRIBUTES = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
"""Tag -> attributes whose address a browser fetches without being asked."""


def remote_fetches(site: Path) -> list[str]:
    """Return ``file: address`` for everything in the pages and styles of a site that lies on another host."""
    return [
        f"{path.relative_to(site).as_posix()}: {address}"
        for path in sorted(site.rglob("*"))
        if path.suffix in (".html", ".css", ".svg")
        for address in remote_addresses(path.read_text(encoding="utf-8"))
    ]


def remote_addresses(text: str) -> Iterator[str]:
    """Yield the addresses on other hosts that a page or a style sheet fetches; links to click are none."""
    yield from _STYLES.findall(text)
    page = _Page()
    page.feed(text)
    yield from page.remote


class _Page(HTMLParser):
    """Collects what the tags of a page fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        fetched = (value for name, value in attrs if name in _ATTRIBUTES.get(tag, ()) and value)
        self.remote += [value for value in fetched if _REMOTE.match(value)]
