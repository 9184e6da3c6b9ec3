"""What every page that this library writes shares: one file that fetches nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from embeddings.errors import OutputInvalid
from embeddings.store.outputs import check_file

ENDINGS = (".html", ".htm")


def check_page(path: Path, what: str) -> None:
    """Refuse a path that a page cannot be written to.

    Args:
        path: of the page.
        what: is written, such as ``"the explorer"``, for the message.

    Raises:
        OutputInvalid: another ending than .html, no such folder, or a place that cannot be written to.
    """
    if path.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f'{path} ends in "{path.suffix}"; {what} is an .html page: name it {path.stem}.html.')
    check_file(path)


def read_part(package: str, name: str) -> str:
    """Return a file from the folder ``web`` of a package."""
    return (files(package) / "web" / name).read_text("utf-8")


def page_style(package: str) -> str:
    """Return the style of a page: the look that all share, then what the package adds."""
    return read_part(__package__, "look.css") + read_part(package, "style.css")


def content_policy(style: str, script: str) -> str:
    """Return a content-security policy that allows one inline style, one inline script, and nothing else."""
    return f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'"


def embedded_json(content: dict[str, Any]) -> str:
    """Return JSON that no text in it can break out of: ASCII, and without the signs that HTML gives a meaning."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(text: str) -> str:
    """Return how a content-security policy names an inline text that it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
