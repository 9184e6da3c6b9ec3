"""Where registries lie: one module for each way of reading and writing files there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from embeddings.registry.stores.base import Store


def open_store(url: str) -> Store:
    """Return what reads and writes at the URL of a registry.

    Args:
        url: as `embeddings.registry.address.registry_url` spells it.

    Raises:
        InputInvalid: no way of reading this scheme is known.
        MissingExtra: what reads it is not installed.
    """
    scheme = urlsplit(url).scheme
    if scheme == "file":
        from embeddings.registry.stores.local import LocalStore

        return LocalStore(folder_of(url))
    if scheme in ("http", "https"):
        from embeddings.registry.stores.web import WebStore

        return WebStore(url)
    if scheme == "s3":
        from embeddings.registry.stores.s3 import S3Store

        return S3Store(url)
    if scheme == "hf":
        from embeddings.registry.stores.hub import HubStore

        return HubStore(url)
    from embeddings.registry.stores.schemes import SchemeStore

    return SchemeStore(url)


def folder_of(url: str) -> Path:
    """Return the folder of a ``file://`` URL."""
    parts = urlsplit(url)
    return Path(url2pathname(parts.path) if not parts.netloc else f"//{parts.netloc}{parts.path}")
