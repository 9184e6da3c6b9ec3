"""Fit Markdown that reads well in the repository to the site: links, and the indentation of lists."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
_IMAGE = re.compile(r"(!\[[^\]]*\]\()docs/")
_NUMBERED = re.compile(r"\d+\. ")


def relink(text: str, moved: Mapping[str, str], *, depth: int = 0) -> str:
    """Return a page of the repository as one of the site, where ``docs`` is the top.

    Links from the top of the repository lead to pages of ``docs`` and to those that ``moved`` names; a link to anything
    else, which the site does not show, becomes its text. Further down, only links to what moved change.

    Args:
        text: Markdown.
        moved: path in the repository -> page of the site.
        depth: how many folders below the top of the repository the page lies.
    """
    up, nearer = "../" * depth, "../" * (depth - 1)

    def target(match: re.Match[str]) -> str:
        label, path, anchor = match[1], match[2], match[3] or ""
        page = moved.get(path.removeprefix(up)) if path.startswith(up) else None
        if page:
            return f"[{label}]({nearer}{page}{anchor})"
        if depth:
            return match[0]
        return f"[{label}]({path.removeprefix('docs/')}{anchor})" if _is_page(path) else label

    linked = _LINK.sub(target, text)
    return linked if depth else _IMAGE.sub(r"\1", linked)


def _is_page(path: str) -> bool:
    return path.startswith("docs/") and path.endswith(".md")


def indent_lists(text: str) -> str:
    """Indent what belongs to a numbered item by four spaces: Python-Markdown does not see it at three."""
    inside, lines = False, []
    for line in text.split("\n"):
        if line.strip() and not line.startswith("   "):
            inside = bool(_NUMBERED.match(line))
        lines.append(f" {line}" if inside and line.startswith("   ") else line)
    return "\n".join(lines)
