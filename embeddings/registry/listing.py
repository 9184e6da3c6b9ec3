"""The index of a registry: which catalogs and versions there are, and what one request fetches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from embeddings.display.text import shortened
from embeddings.errors import CatalogNotFound, RegistryInvalid, did_you_mean
from embeddings.store import schema
from embeddings.store.index import INDEX_VERSION, is_name, is_release, is_version, pick_default, precedence
from embeddings.store.manifest import Bytes, Manifest, Sha256
from embeddings.store.schema import Longest

LARGEST = 10_000_000
"""The most bytes of a registry's index."""
MOST = 20_000
"""The most catalogs in it."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What the index says of one version.

    Attributes:
        seal: of its manifest, which tells its content from any other.
        archive_sha256: of the archive that holds all of its files.
        archive_bytes: size of this archive.
        signature: of the manifest, in the format of minisign; empty if there is none.
    """

    seal: Sha256
    archive_sha256: Sha256
    archive_bytes: Bytes
    signature: Annotated[str, Longest(2000)] = ""


@dataclass(frozen=True)
class Listing:
    """What a registry offers.

    Attributes:
        url: of the registry.
        entries: name -> what its index says; whatever is used of it is checked first.
    """

    url: str
    entries: Mapping[str, Any]

    def names(self) -> list[str]:
        """Return the names that can be names of catalogs, sorted."""
        return sorted(name for name in self.entries if is_name(name))

    def unusable(self) -> list[str]:
        """Return the names that cannot be, sorted."""
        return sorted(name for name in self.entries if not is_name(name))

    def versions(self, name: str) -> list[str]:
        """Return the versions of a name, lowest first; none if there is no such name."""
        listed = self._entry(name).get("versions", [])
        if not isinstance(listed, list):
            return []
        return sorted({v for v in listed if isinstance(v, str) and is_version(v)}, key=precedence)

    def default(self, name: str) -> str | None:
        """Return the version that the bare name means; None if there is no such name."""
        known = self.versions(name)
        return pick_default(known, self._entry(name)) if known else None

    def pick(self, name: str, wanted: str) -> str | None:
        """Return the version that is meant: the default, this one, or the highest release that begins so."""
        known = self.versions(name)
        if not wanted or wanted in known:
            return wanted or self.default(name)
        matching = [version for version in known if is_release(version) and version.startswith(f"{wanted}.")]
        return matching[-1] if matching else None

    def release(self, name: str, version: str) -> Release | None:
        """Return what one request fetches; None in a registry that was not made by ``embeddings push``.

        Raises:
            RegistryInvalid: the index says what cannot be.
        """
        stated = self._entry(name).get("releases", {})
        if not isinstance(stated, dict) or version not in stated:
            return None
        try:
            release: Release = schema.parse(Release, stated[version])
        except ValueError as error:
            raise RegistryInvalid(f"The index of {self.url} is wrong about {name}@{version}: {error}") from error
        return release

    def fact(self, name: str, key: str) -> str:
        """Return what the index says of a name as a short text; empty if it says nothing."""
        value = self._entry(name).get(key, "")
        return shortened(str(value)) if isinstance(value, str | int) else ""

    def missing(self, name: str, wanted: str) -> CatalogNotFound:
        """Return the error for a name or a version that there is not."""
        known = self.versions(name)
        if known:
            return CatalogNotFound(
                f'No version "{shortened(wanted)}" of "{name}" in {self.url}. Available: {", ".join(known[-20:])}.'
            )
        names = self.names()
        more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
        there = f"Available: {', '.join(names[:20])}{more}." if names else "It has none."
        return CatalogNotFound(
            f'No catalog "{shortened(name)}" in {self.url}.{did_you_mean(name, names[:1000])} {there} '
            f"(embeddings list --from {self.url})"
        )

    def _entry(self, name: str) -> dict[str, Any]:
        entry = self.entries.get(name, {})
        return entry if isinstance(entry, dict) else {}


def parse_listing(body: bytes, url: str) -> Listing:
    """Read the index of a registry.

    Raises:
        RegistryInvalid: it is no index, or has more catalogs than a registry may have.
    """
    try:
        document = json.loads(body)
        entries = document["catalogs"]
        if document["schema_version"] != INDEX_VERSION or not isinstance(entries, dict):
            raise ValueError("it has another form")
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        reason = shortened(repr(error), 200)
        raise RegistryInvalid(f"The index.json of {url} cannot be read ({reason}). Tell its publisher.") from error
    if len(entries) > MOST:
        raise RegistryInvalid(f"The index of {url} has {len(entries):,} catalogs, and at most {MOST:,} are read.")
    return Listing(url, entries)


def render_listing(entries: Mapping[str, Any]) -> bytes:
    """Return the text of an index."""
    document = {"schema_version": INDEX_VERSION, "catalogs": dict(sorted(entries.items()))}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def with_release(listing: Listing, manifest: Manifest, release: Release) -> dict[str, Any]:
    """Return the entries of an index with one more version.

    It becomes the default of its name if it is a release and above the present default, or if that is a pre-release.
    """
    name, version = manifest.name, manifest.version
    earlier, default = dict(listing._entry(name)), listing.default(name)
    known = sorted({*listing.versions(name), version}, key=precedence)
    if default is None or _rises(version, default):
        facts = {fact: getattr(manifest, fact) for fact in ("kind", "dim", "n_rows", "description")}
        earlier |= {"default": version, **facts, "licence": manifest.licence.spdx}
    stated = earlier.pop("releases", {}) if isinstance(earlier.get("releases"), dict) else {}
    releases = {**stated, version: {key: value for key, value in vars(release).items() if value != ""}}
    ordered = {v: releases[v] for v in known if v in releases}
    return {**listing.entries, name: {**earlier, "versions": known, "releases": ordered}}


def _rises(version: str, default: str) -> bool:
    """Whether a version takes the place of the present default."""
    return is_release(version) and (precedence(version) > precedence(default) or not is_release(default))
