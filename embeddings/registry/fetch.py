"""Fetch a version from a registry: to a file beside its place, resumed, hashed, checked, and only then moved there."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from embeddings.errors import (
    CatalogConflict,
    CatalogNotFound,
    EmbeddingsError,
    OutputInvalid,
    RegistryInvalid,
    RegistryWarning,
)
from embeddings.registry import signing
from embeddings.registry.address import Address
from embeddings.registry.archive import archive_path, file_names, unpack
from embeddings.registry.identity import check_known, check_seals
from embeddings.registry.kept_index import KeptIndex
from embeddings.registry.listing import Listing, Release
from embeddings.registry.locks import locked
from embeddings.registry.mirror import Mirror
from embeddings.registry.names import look_alike
from embeddings.registry.origins import Fetched, fetched_before, write_origin
from embeddings.registry.stores.base import Absent, Advance, Store
from embeddings.store.epoch import source_date
from embeddings.store.folders import move_into_place, replace_folder, staged_folder, write_bytes
from embeddings.store.index import names
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST, Manifest, read_manifest
from embeddings.store.reading import hash_of
from embeddings.store.roots import packaged_root

LARGEST = 4 * 10**9
"""The most bytes of a version that is fetched unless more is allowed."""


def fetch(
    address: Address, *, refresh: bool = False, at_most: int = LARGEST, advance: Advance = lambda n: None
) -> Fetched:
    """Return a version of a registry in the cache; fetch it unless it is there.

    A version that was fetched once is never asked for again, and works offline.

    Args:
        address: of the catalog.
        refresh: ask the registry even for a version that is there, to notice if it has changed; one that is damaged
            here is fetched again.
        at_most: bytes; a larger version is refused before anything of it is fetched.
        advance: called with the number of bytes that arrived.

    Raises:
        CatalogNotFound: there is no such registry, catalog or version.
        CatalogConflict: other content of this name and version is here; the message names both.
        RegistryInvalid: the registry says what cannot be, or wants to send more than is allowed.
        RegistryUnreachable: it does not answer. What arrived is kept for the next try.
        SignatureInvalid: a key is pinned for this registry, and the version is not signed with it.
        OutputInvalid: the cache cannot be written, or has no room.
    """
    mirror = Mirror.of(address.registry)
    if address.is_exact and not refresh and mirror.has(address.name, address.wanted):
        return fetched_before(mirror, address.name, address.wanted)
    listing, store, is_new = _known(mirror, address, refresh)
    try:
        return _from(mirror, listing, store, address, refresh, at_most, advance)
    except (Absent, RegistryInvalid, CatalogNotFound, CatalogConflict) as error:
        if is_new:
            raise _gone(address, error) from error
    listing, store, _ = KeptIndex(mirror).look(anew=True)  # it changed since we looked, or came with an error
    try:
        return _from(mirror, listing, store, address, refresh, at_most, advance)
    except Absent as error:
        raise _gone(address, error) from error


def _known(mirror: Mirror, address: Address, refresh: bool) -> tuple[Listing, Store, bool]:
    """Return the index; the last one, however old, if it has the very version that is asked for."""
    last = None if refresh else KeptIndex(mirror).last_look()
    if last and address.is_exact and address.wanted in last[0].versions(address.name):
        return *last, False
    return KeptIndex(mirror).look(refresh=refresh)


def _gone(address: Address, error: Exception) -> Exception:
    if isinstance(error, Absent):
        return RegistryInvalid(f"{address.registry} lists {address.name}, but has no file {error}. Tell its publisher.")
    return error


def _from(
    mirror: Mirror, listing: Listing, store: Store, address: Address, refresh: bool, at_most: int, advance: Advance
) -> Fetched:
    version = listing.pick(address.name, address.wanted)
    if version is None:
        raise listing.missing(address.name, address.wanted)
    if not address.wanted:
        KeptIndex(mirror).check_default(listing, address.name)
    return _Job(mirror, listing, store, address.name, version, at_most, advance).run(refresh)


@dataclass
class _Job:
    """One version on its way into the cache."""

    mirror: Mirror
    listing: Listing
    store: Store
    name: str
    version: str
    at_most: int
    advance: Advance

    def run(self, refresh: bool) -> Fetched:
        """Return the version; fetch it unless it is there, whole."""
        release = self.listing.release(self.name, self.version)
        if self._is_there(release, refresh):
            if refresh and release:
                (self.mirror.parts / release.archive_sha256).unlink(missing_ok=True)  # of a process that died
            return fetched_before(self.mirror, self.name, self.version)
        warn_of_look_alikes(self.name)
        _ = self.mirror.parts
        with locked(self.mirror.folder / f".{self.name}@{self.version}.lock"):
            if self._is_there(release, refresh):
                return fetched_before(self.mirror, self.name, self.version)
            return self._fetch(release)

    @property
    def identity(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def target(self) -> Path:
        return self.mirror.version_folder(self.name, self.version)

    def _is_there(self, release: Release | None, refresh: bool) -> bool:
        """Whether the version was fetched; if asked, also whether it is whole and what the registry still has.

        Raises:
            CatalogConflict: the registry has other content now.
        """
        if not self.mirror.has(self.name, self.version):
            return False
        if not refresh and release is None:
            return True
        try:
            manifest = read_manifest(self.target)
            if refresh:
                read_intact(self.target, manifest)
        except EmbeddingsError:
            return not refresh
        there = release.seal if release else self._remote_seal()
        check_seals(
            self.identity, here=manifest.manifest_sha256, where=self.target, there=there, source=self.listing.url
        )
        return True

    def _remote_seal(self) -> str:
        with staged_folder(self.target) as staged:
            return self._fetch_manifest(staged).manifest_sha256

    def _fetch(self, release: Release | None) -> Fetched:
        if release:
            self._check_known(release.seal)
        with staged_folder(self.target) as staged:
            parts = self._fetch_archive(release, staged) if release else self._fetch_files(staged)
            manifest = self._checked(staged, release)
            signature = release.signature if release else ""
            text = (staged / MANIFEST).read_bytes()
            signed = signing.check(text, self.identity, signature, self.mirror.key)
            fetched = self._describe(signed, sum(part.stat().st_size for part in parts))
            self._check_known(manifest.manifest_sha256)
            (replace_folder if self.target.exists() else move_into_place)(staged, self.target)
        for part in parts:
            part.unlink(missing_ok=True)
        return fetched

    def _check_known(self, seal: str) -> None:
        check_known(self.name, self.version, seal, target=self.target, source=self.listing.url)

    def _fetch_archive(self, release: Release, staged: Path) -> list[Path]:
        self._check_room(release.archive_bytes)
        path = archive_path(self.name, self.version)
        part = self._whole_part(path, release.archive_sha256, release.archive_bytes)
        unpack(part, self.name, self.version, staged, where=f"{path} in {self.listing.url}")
        return [part]

    def _fetch_files(self, staged: Path) -> list[Path]:
        """Fetch a version file by file, from a registry that has no archives."""
        manifest = self._fetch_manifest(staged)
        self._check_room(sum(entry.bytes for entry in manifest.files))
        parts = []
        for entry in manifest.files:
            part = self._whole_part(f"{self.name}/{self.version}/{entry.path}", entry.sha256, entry.bytes)
            shutil.copyfile(part, staged / entry.path)
            parts.append(part)
        return parts

    def _fetch_manifest(self, staged: Path) -> Manifest:
        path = f"{self.name}/{self.version}/{MANIFEST}"
        content = self.store.read(path, at_most=LARGEST_MANIFEST)
        if content is None:
            raise Absent(path)
        write_bytes(staged / MANIFEST, content.body)
        with self._told(staged):
            return read_manifest(staged)

    def _whole_part(self, path: str, sha256: str, n_bytes: int) -> Path:
        """Return a downloaded file whose hash is right; what an earlier try left is used.

        Raises:
            RegistryInvalid: its content is not what the index or the manifest says.
        """
        part = self.mirror.parts / sha256
        for _ in range(2):
            resumed = part.exists()
            self.store.download(path, part, n_bytes, self.advance)
            if n_bytes == 0:
                part.touch()
            found = hash_of(part)
            if found == sha256:
                return part
            part.unlink()
            if not resumed:
                break
        raise RegistryInvalid(
            f"{path} in {self.listing.url} should have the SHA-256 {sha256}, but has {found}. It was not used; "
            "tell its publisher."
        )

    def _check_room(self, n_bytes: int) -> None:
        if n_bytes > self.at_most:
            raise RegistryInvalid(
                f"{self.identity} in {self.listing.url} has {n_bytes:,} bytes, but at most {self.at_most:,} are "
                "fetched. Allow more with embeddings get --at-most."
            )
        free = shutil.disk_usage(self.mirror.folder).free
        if 2 * n_bytes > free:
            raise OutputInvalid(
                f"{self.identity} needs {2 * n_bytes:,} bytes while it is fetched, and {self.mirror.folder} has "
                f"{free:,} left. Make room, or set EMBEDDINGS_CACHE."
            )

    def _checked(self, staged: Path, release: Release | None) -> Manifest:
        """Check that a staged folder is the version that was asked for, whole, and nothing else."""
        with self._told(staged):
            manifest = read_manifest(staged)
            if f"{manifest.name}@{manifest.version}" != self.identity:
                raise RegistryInvalid(
                    f"{self.listing.url} has {manifest.name}@{manifest.version} in place of {self.identity}. It "
                    "was not used; tell its publisher."
                )
            if release and release.seal != manifest.manifest_sha256:
                raise RegistryInvalid(
                    f"The index of {self.listing.url} says that {self.identity} has the seal {release.seal}, and it "
                    f"has {manifest.manifest_sha256}. It was not used; tell its publisher."
                )
            read_intact(staged, manifest)
        others = {path.name for path in staged.iterdir()} - set(file_names(manifest))
        if others:
            raise RegistryInvalid(f"{self.identity} in {self.listing.url} has an extra file, {min(others)}.")
        return manifest

    @contextmanager
    def _told(self, staged: Path) -> Iterator[None]:
        """Turn what is wrong with files that were just fetched into the fault of their registry.

        They are spoken of by their names: the folder that they were staged in is gone when the message is read.
        """
        try:
            yield
        except RegistryInvalid:
            raise
        except EmbeddingsError as error:
            said = str(error.args[0]).replace(f"{staged}{os.sep}", "")
            raise RegistryInvalid(
                f"{self.identity} in {self.listing.url} was not used; tell its publisher: {said}"
            ) from error

    def _describe(self, signed: signing.Signed, n_bytes: int) -> Fetched:
        """Write down beside the folder where it comes from."""
        now = source_date() or datetime.now(UTC)
        fetched = Fetched(
            self.target,
            self.identity,
            self.listing.url,
            KeptIndex(self.mirror).tag,
            signed,
            now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            n_bytes,
        )
        write_origin(fetched)
        return fetched


def warn_of_look_alikes(name: str) -> None:
    """Warn of a name that a reader could take for that of a catalog that comes with the library."""
    with suppress(EmbeddingsError):
        other = look_alike(name, names(packaged_root()))
        if other:
            warnings.warn(
                f'"{name}" is not "{other}", which comes with the library, though it looks like it.',
                RegistryWarning, stacklevel=2,
            )  # fmt: skip
