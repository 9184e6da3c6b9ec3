"""Publish a version in a registry: all of its files, an archive of them, and last the index that names it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from embeddings.errors import CatalogExists, EmbeddingsError, InputInvalid, OutputInvalid, RegistryInvalid
from embeddings.registry import signing
from embeddings.registry.archive import archive_path, file_names, pack
from embeddings.registry.identity import already_taken
from embeddings.registry.landing import landing_page
from embeddings.registry.listing import LARGEST, Listing, Release, parse_listing, render_listing, with_release
from embeddings.registry.names import look_alike
from embeddings.registry.stores import open_store
from embeddings.registry.stores.base import Absent, Changes, Overtaken, Store
from embeddings.store.companions import README, companions
from embeddings.store.index import INDEX
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST, Manifest, read_manifest
from embeddings.store.reading import hash_of
from embeddings.store.roots import manifest_of, verify
from embeddings.store.scratch import scratch_folder

_TRIES = 10


@dataclass(frozen=True)
class Pushed:
    """What was published.

    Attributes:
        identity: ``name@version``.
        url: of the registry.
        seal: of the version.
        archive_bytes: size of its archive.
        is_signed: whether it is signed.
        is_new: False if the registry had it already.
    """

    identity: str
    url: str
    seal: str
    archive_bytes: int
    is_signed: bool
    is_new: bool


def push(folder: Path, url: str, *, key_file: Path | None = None, password: str | None = None) -> Pushed:
    """Publish a version's folder in a registry. The same again changes nothing.

    Nobody sees the version before it is complete: the index names it last.

    Args:
        folder: of the version; every byte of it is checked first.
        url: of the registry.
        key_file: a secret key of minisign to sign with.
        password: of the key.

    Raises:
        CatalogCorrupt: the folder is not what its manifest says.
        CatalogExists: other content has this name and version there; the message names both.
        InputInvalid: the key cannot be used, or the name looks like another one there.
        OutputInvalid: the registry cannot be written, or the folder for temporary files has no room.
        RegistryInvalid: its index cannot be read.
        RegistryUnreachable: it does not answer.
    """
    verify(folder)
    manifest = manifest_of(folder)
    text = (folder / MANIFEST).read_bytes()
    identity = f"{manifest.name}@{manifest.version}"
    signature = signing.sign(text, identity, key_file, password) if key_file else ""
    with scratch_folder() as scratch:
        archive = scratch / "archive.zip"
        pack(folder, manifest, archive)
        release = Release(
            seal=manifest.manifest_sha256,
            archive_sha256=hash_of(archive),
            archive_bytes=archive.stat().st_size,
            signature=signature,
        )
        is_new = _publish(_Version(folder, manifest, archive, release), url)
    return Pushed(identity, url, release.seal, release.archive_bytes, bool(signature), is_new)


@dataclass(frozen=True)
class _Version:
    folder: Path
    manifest: Manifest
    archive: Path
    release: Release


def _publish(version: _Version, url: str) -> bool:
    """Write until nobody else changes the index meanwhile; False if everything was there."""
    for _ in range(_TRIES):
        store = open_store(url).settle()
        listing, tag = _index(store, url)
        if _is_there(store, listing, version):
            return False
        try:
            store.write(_changes(version, listing, tag))
            return True
        except Overtaken:
            continue
    raise OutputInvalid(f"Others changed the index of {url} {_TRIES} times in the meantime. Try again later.")


def _index(store: Store, url: str) -> tuple[Listing, str]:
    try:
        content = store.read(INDEX, at_most=LARGEST)
    except Absent:
        content = None
    return (parse_listing(content.body, url), content.tag) if content else (Listing(url, {}), "")


def _is_there(store: Store, listing: Listing, version: _Version) -> bool:
    """Whether a registry has this version, with its archive and signature.

    Raises:
        CatalogExists: it has other content under this name and version.
        InputInvalid: it has another name that looks like this one.
    """
    manifest, ours = version.manifest, version.release
    name, identity = manifest.name, f"{manifest.name}@{manifest.version}"
    other = look_alike(name, listing.names())
    if other and not listing.versions(name):
        raise InputInvalid(f'"{name}" looks like "{other}", which is in {listing.url}. Choose another name.')
    if manifest.version not in listing.versions(name):
        return False
    release = listing.release(name, manifest.version)
    seal = release.seal if release else _seal_there(store, manifest, listing.url)
    if seal != ours.seal:
        raise already_taken(identity, listing.url, seal, ours.seal)
    if release is None or (ours.signature and ours.signature != release.signature):
        return False
    if release.archive_sha256 != ours.archive_sha256:
        raise CatalogExists(f"{identity} is in {listing.url} with another archive. Remove it there, then push again.")
    return True


def _seal_there(store: Store, manifest: Manifest, url: str) -> str:
    """Return the seal of a version in a registry whose index does not tell it.

    Raises:
        RegistryInvalid: its manifest there cannot be read.
    """
    path = f"{manifest.name}/{manifest.version}/{MANIFEST}"
    try:
        content = store.read(path, at_most=LARGEST_MANIFEST)
    except Absent:
        return manifest.manifest_sha256
    with scratch_folder() as scratch:
        (scratch / MANIFEST).write_bytes(content.body if content else b"")
        try:
            return read_manifest(scratch).manifest_sha256
        except EmbeddingsError as error:
            reason = str(error).replace(f"{scratch}{os.sep}", "")
            raise RegistryInvalid(f"{path} in {url} is damaged ({reason}) Remove it there, then push again.") from error


def _changes(version: _Version, listing: Listing, tag: str) -> Changes:
    manifest, folder = version.manifest, version.folder
    name, number = manifest.name, manifest.version
    entries = with_release(listing, manifest, version.release)
    beside: dict[str, bytes | Path] = {archive_path(name, number): version.archive}
    if version.release.signature:
        beside[f"{name}/{name}-{number}.minisig"] = version.release.signature.encode()
    beside |= {f"{name}/{number}/{file}": content for file, content in companions(folder).items()}
    beside[README] = landing_page(entries, listing.url).encode()
    return Changes(
        prefix=f"{name}/{number}",
        folder={file: folder / file for file in file_names(manifest)},
        beside=beside,
        index=render_listing(entries),
        tag=tag,
        message=f"Publish {name}@{number}",
    )
