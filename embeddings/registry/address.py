"""Addresses of registries and of catalogs in them, read from text. Nothing here touches the network."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from embeddings.display.text import is_plain, shortened
from embeddings.errors import InputInvalid

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_REMEMBERED = re.compile(r"([a-z0-9][a-z0-9-]+):([^/\\]+)")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_LONGEST = 2000
FORM = "such as hf://org/repo/ct-multi@5.0.0"


@dataclass(frozen=True)
class Address:
    """A catalog in a registry.

    Attributes:
        registry: URL of the registry, in one spelling.
        name: of the catalog.
        wanted: a version, the beginning of one, or nothing for the default.
    """

    registry: str
    name: str
    wanted: str

    @property
    def is_exact(self) -> bool:
        """Whether it is that of one version, and not of whatever is the newest."""
        from embeddings.store.index import is_version

        return is_version(self.wanted)

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}" + (f"@{self.wanted}" if self.wanted else "")


def is_url(text: str) -> bool:
    """Whether a text begins like the URL of a registry."""
    return _URL.match(text) is not None


def is_address(text: str) -> bool:
    """Whether a text is meant as a catalog in a registry: a URL, or ``registry:catalog`` of one that is remembered."""
    return is_url(text) or _REMEMBERED.fullmatch(text) is not None


def is_folder(text: str) -> bool:
    """Whether a text is the path of a folder rather than a name: absolute, or beginning with ``.`` or ``~``."""
    return os.path.isabs(text) or text.startswith((".", "~"))


def folder_url(text: str) -> str:
    """Return the URL of a registry in a folder of this machine.

    Raises:
        InputInvalid: the path has a character that no URL has.
    """
    return registry_url(Path(os.path.abspath(os.path.expanduser(text))).as_uri())


def parse_address(text: str) -> Address:
    """Return the catalog that a text means.

    Args:
        text: ``"hf://org/repo/ct-multi@5.0.0"``, ``"lab:ct-multi@5.0.0"`` for a registry that is remembered, or
            ``"~/public/ct-multi@5.0.0"`` for one in a folder.

    Raises:
        InputInvalid: the text is no such address.
        CatalogNotFound: no registry is remembered by this name.
    """
    from embeddings.store.index import is_name

    remembered = None if is_url(text) else _REMEMBERED.fullmatch(text)
    if remembered:
        from embeddings.registry.remembered import recall

        registry, last = recall(remembered[1]).url, remembered[2]
    else:
        head, _, last = text.rstrip("/").rpartition("/")
        registry = folder_url(head) if is_folder(text) else registry_url(head)
    name, at, wanted = last.partition("@")
    if not is_name(name) or (at and not re.fullmatch(r"[0-9A-Za-z.-]+", wanted)):
        raise InputInvalid(f'"{shortened(text, 200)}" does not end in the name of a catalog, {FORM}.')
    return Address(registry, name, wanted)


def registry_url(text: str) -> str:
    """Return the URL of a registry in one spelling, so that it has one mirror.

    Raises:
        InputInvalid: not a URL, or one with a password, a query or a fragment in it.
    """
    if not is_url(text) or not is_plain(text) or any(c.isspace() for c in text) or len(text) > _LONGEST:
        raise InputInvalid(
            f'"{shortened(text)}" is not the URL of a registry, such as hf://org/repo, s3://bucket/folder, '
            "https://host/folder or file:///folder."
        )
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        raise InputInvalid(f'"{shortened(text)}" is not the URL of a registry: {error}.') from error
    scheme = parts.scheme.lower()
    if (
        parts.query
        or parts.fragment
        or (parts.password is not None)
        or (scheme.startswith("http") and "@" in parts.netloc)
    ):
        raise InputInvalid(
            f"The URL of a registry on {shortened(parts.hostname or '')} has a password, a query or a fragment in it. "
            "Leave them out: they would be shown and stored."
        )
    where = parts.netloc.lower() if scheme in ("http", "https") else parts.netloc
    path = parts.path.rstrip("/")
    if scheme == "hf":
        where, path = _hub_path(where, path, text)
    elif not where and scheme != "file":
        raise InputInvalid(f'"{shortened(text)}" names no host or bucket.')
    if any(step in (".", "..") for step in path.split("/")):
        raise InputInvalid(f'"{shortened(text)}" has "." or ".." in its path. Write the path without them.')
    return f"{scheme}://{where}{path}"


def split_roots(text: str) -> list[str]:
    """Return the parts of a search path; the colons of a URL, as in ``https://host:8080/folder``, do not divide it."""
    parts: list[str] = []
    for part in text.split(os.pathsep):
        before = parts[-1] if parts else ""
        is_rest = part.startswith("//") and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", before)
        is_port = _AUTHORITY.fullmatch(before) and re.match(r"[0-9]{1,5}(/|$)", part)
        if os.pathsep == ":" and (is_rest or is_port):
            parts[-1] = f"{before}:{part}"
        else:
            parts.append(part)
    return [part for part in parts if part]


def mirror_name(registry: str, key: str = "") -> str:
    """Return the name of the folder that mirrors a registry: readable, and different for every registry and key."""
    slug = re.sub(r"[^a-z0-9]+", "-", registry.lower()).strip("-")[:60]
    return f"{slug}-{hashlib.sha256(f'{registry} {key}'.strip().encode()).hexdigest()[:12]}"


def _hub_path(where: str, path: str, text: str) -> tuple[str, str]:
    """Return a repository on the Hub as ``org``, ``/repo...``: all registries there are dataset repositories."""
    steps = [where, *path.strip("/").split("/")] if path.strip("/") else [where]
    steps = steps[1:] if steps[0] == "datasets" else steps
    if len(steps) < 2 or not all(steps):
        raise InputInvalid(f'"{shortened(text)}" does not name a repository on the Hub, such as hf://org/repo.')
    return steps[0], "/" + "/".join(steps[1:])
