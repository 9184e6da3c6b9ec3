"""What a registry offers, as its index says; and what in it could mislead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embeddings.display.text import shortened
from embeddings.errors import EmbeddingsError
from embeddings.registry.address import folder_url, is_folder, is_url, registry_url
from embeddings.registry.kept_index import KeptIndex
from embeddings.registry.listing import Listing
from embeddings.registry.mirror import Mirror
from embeddings.registry.names import look_alike
from embeddings.registry.remembered import recall
from embeddings.store.index import names, precedence
from embeddings.store.roots import packaged_root

_FEW = 5


@dataclass(frozen=True)
class Offers:
    """Attributes: the registry's URL, a row for each catalog, and sentences about what could mislead."""

    url: str
    rows: list[dict[str, Any]]
    warnings: list[str]


def offers(asked: str) -> Offers:
    """Return what a registry offers; it is asked, and its last answer counts where it is silent.

    Args:
        asked: the URL of a registry, its folder, or the name by which it is remembered.

    Raises:
        CatalogNotFound: nothing is remembered by this name, or there is no registry.
        RegistryInvalid: its index cannot be used.
        RegistryUnreachable: nobody answers, and nothing is known.
    """
    url = _url_of(asked)
    mirror = Mirror.of(url)
    listing, _, _ = KeptIndex(mirror).look()
    known = [name for name in listing.names() if listing.versions(name)]
    rows = [_row(mirror, listing, name) for name in known]
    return Offers(url, rows, [*_unusable(listing), *_behind(rows), *_look_alikes(known)])


def _url_of(asked: str) -> str:
    if is_url(asked):
        return registry_url(asked)
    return folder_url(asked) if is_folder(asked) else recall(asked).url


def _row(mirror: Mirror, listing: Listing, name: str) -> dict[str, Any]:
    default, versions = str(listing.default(name)), listing.versions(name)
    try:
        release = listing.release(name, default)
        signed = "yes" if release and release.signature else "no"
    except EmbeddingsError:
        signed = "unknown"
    facts = {key: listing.fact(name, key) for key in ("kind", "n_rows", "dim", "licence")}
    fetched = [version for version in versions if mirror.has(name, version)]
    return {
        "name": name,
        "default": default,
        "versions": " ".join(versions[-_FEW:]),
        **facts,
        "signed": signed,
        "fetched": " ".join(fetched) or "no",
    }


def _unusable(listing: Listing) -> list[str]:
    wrong = listing.unusable()
    if not wrong:
        return []
    shown = ", ".join(f'"{shortened(name)}"' for name in wrong[:_FEW])
    return [f"{len(wrong):,} names are not those of catalogs and are left out, such as {shown}."]


def _behind(rows: list[dict[str, Any]]) -> list[str]:
    behind = [row for row in rows if precedence(row["default"]) < precedence(row["versions"].split()[-1])]
    return [f"The default of {row['name']} is {row['default']}, below {row['versions'].split()[-1]}." for row in behind]


def _look_alikes(known: list[str]) -> list[str]:
    try:
        ours = names(packaged_root())
    except EmbeddingsError:
        ours = []
    pairs = ((name, look_alike(name, ours)) for name in known)
    return [f'"{name}" looks like "{other}", which comes with the library.' for name, other in pairs if other]
