"""Fill the menu of the site with the pages that are generated, or that come and go."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any


def fill_menu(menu: Any, pages: list[str]) -> Any:
    """Return the menu with each entry that holds a star replaced by the pages that fit it and stand nowhere else."""
    named = set(_entries(menu))

    def fill(items: Any) -> Any:
        if isinstance(items, dict):
            return {title: fill(inner) for title, inner in items.items()}
        if not isinstance(items, list):
            return items
        filled: list[Any] = []
        for item in items:
            filled += (
                [page for page in pages if page not in named and fnmatch(page, item)]
                if _is_star(item)
                else [fill(item)]
            )
        return filled

    return fill(menu)


def _is_star(item: Any) -> bool:
    return isinstance(item, str) and "*" in item


def _entries(menu: Any) -> list[str]:
    if isinstance(menu, str):
        return [menu]
    inner = menu.values() if isinstance(menu, dict) else menu
    return [entry for item in inner for entry in _entries(item)]
