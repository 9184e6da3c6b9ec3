"""URLs among the roots: what they stand for is in their mirrors, and what is missing there is fetched.

What touches a registry is imported only where a URL is given.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from embeddings.errors import RegistryUnreachable, RegistryWarning


def split_path(text: str) -> list[str]:
    """Return the parts of a search path, folders and URLs."""
    if "://" not in text:
        return [part for part in text.split(os.pathsep) if part]
    from embeddings.registry.address import split_roots

    return split_roots(text)


def is_url_root(part: str) -> bool:
    """Whether a part of a search path is the URL of a registry."""
    return "://" in part


def mirror_folder(url: str) -> Path:
    """Return the folder that mirrors a registry.

    Raises:
        InputInvalid: not the URL of a registry.
    """
    from embeddings.registry.address import registry_url
    from embeddings.registry.mirror import Mirror

    return Mirror.of(registry_url(url)).folder


def is_in_registry(asked: str | os.PathLike[str]) -> bool:
    """Whether a catalog is asked for by the address of one in a registry: a URL, or ``registry:catalog``."""
    if not isinstance(asked, str) or ":" not in asked:
        return False
    from embeddings.registry.address import is_address

    return is_address(asked)


def fetch_address(asked: str) -> Path:
    """Return the folder of a version in a registry, fetched unless it is in the cache.

    Raises:
        EmbeddingsError: as `embeddings.registry.fetch.fetch` says.
    """
    from embeddings.registry.address import parse_address
    from embeddings.registry.mirror import Mirror

    address = parse_address(asked)
    mirror = Mirror.of(address.registry)
    if address.is_exact and mirror.has(address.name, address.wanted):
        return mirror.version_folder(address.name, address.wanted)
    from embeddings.registry.fetch import fetch

    return fetch(address).folder


def offer(url: str, name: str, wanted: str) -> str | None:
    """Return the version that a registry offers under a name; None if it has none, or does not answer.

    Raises:
        EmbeddingsError: its index cannot be used.
    """
    from embeddings.registry.address import registry_url
    from embeddings.registry.kept_index import KeptIndex
    from embeddings.registry.mirror import Mirror

    index = KeptIndex(Mirror.of(registry_url(url)))
    try:
        listing, _, is_new = index.look(refresh=False)
        if not is_new and listing.pick(name, wanted) is None:
            listing, _, _ = index.look(anew=True)
    except RegistryUnreachable as error:
        warnings.warn(f"{error} Only the other roots are searched.", RegistryWarning, stacklevel=2)
        return None
    if not wanted:
        index.check_default(listing, name)
    return listing.pick(name, wanted)


def fetch_version(url: str, name: str, version: str) -> Path:
    """Return the folder of a version of a registry among the roots, fetched unless it is in the cache.

    Raises:
        EmbeddingsError: as `embeddings.registry.fetch.fetch` says.
    """
    from embeddings.registry.address import Address, registry_url
    from embeddings.registry.fetch import fetch

    return fetch(Address(registry_url(url), name, version)).folder
