"""A root of catalogs: its index, and every version below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embeddings.errors import EmbeddingsError
from embeddings.registry.archive import archive_path
from embeddings.registry.listing import Release
from embeddings.store import schema
from embeddings.store.index import INDEX, is_name, is_release, is_version, names, precedence, read_index, versions
from embeddings.store.manifest import Manifest, read_manifest
from embeddings.store.reading import hash_bounded, why
from embeddings.validation.report import Finding, advice, refusals
from embeddings.validation.versions import check_version

_FACTS = ("kind", "dim", "n_rows", "description")


def check_root(root: Path) -> Iterator[Finding]:
    """Yield what is wrong with a root."""
    yield from _check_index(root)
    for name in names(root):
        for version in versions(root, name):
            for finding in check_version(root / name / version):
                yield finding.within(f"{name}/{version}")


def _check_index(root: Path) -> Iterator[Finding]:
    if not (root / INDEX).is_file():
        yield advice(INDEX, "There is none, so readers take the highest release of each name.")
        return
    if unreadable := tuple(refusals(INDEX, lambda: read_index(root))):
        yield from unreadable
        return
    index = read_index(root)
    for name in sorted(set(index) | set(names(root))):
        yield from _check_entry(root, name, index.get(name))


def _check_entry(root: Path, name: str, entry: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Yield what the index says of a name that its folders do not."""
    if not is_name(name):
        yield Finding(INDEX, f'"{name}" is not a kebab-case name such as "ct-multi".')
        return
    there = versions(root, name)
    if entry is None:
        yield Finding(INDEX, f"{name} is not listed, though its folder holds {', '.join(there)}.")
        return
    listed, default = entry.get("versions"), entry.get("default")
    if not isinstance(listed, list) or not all(isinstance(v, str) and is_version(v) for v in listed):
        yield Finding(INDEX, f"{name}.versions: expected a list of semantic versions, got {listed!r:.60}.")
        return
    if sorted(listed, key=precedence) != there:
        yield Finding(INDEX, f"{name}.versions: it lists {', '.join(listed)}, and the folder holds {', '.join(there)}.")
    if default not in listed:
        yield Finding(INDEX, f"{name}.default: {default!r:.60} is not among its versions.")
        return
    if not is_release(str(default)) and any(map(is_release, listed)):
        yield Finding(INDEX, f"{name}.default: {default} is a pre-release, and there are releases.")
    yield from _check_releases(root / name, name, entry, there)
    yield from _check_facts(root / name / str(default), name, entry)


def _check_facts(folder: Path, name: str, entry: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        manifest: Manifest = read_manifest(folder)
    except EmbeddingsError:
        return  # named by the check of the version
    facts = {fact: getattr(manifest, fact) for fact in _FACTS} | {"licence": manifest.licence.spdx}
    for fact, stated in facts.items():
        if entry.get(fact) != stated:
            yield Finding(INDEX, f"{name}.{fact}: {entry.get(fact)!r:.60}, and the manifest says {stated!r:.60}.")


def _check_releases(folder: Path, name: str, entry: Mapping[str, Any], there: list[str]) -> Iterator[Finding]:
    """Yield what the index says of versions in one file that cannot be, or that their folders contradict."""
    stated = entry.get("releases", {})
    if not isinstance(stated, dict):
        yield Finding(INDEX, f"{name}.releases: expected an object, got {stated!r:.60}.")
        return
    for version, release in stated.items():
        at = f"{name}.releases.{version}"
        if version not in there:
            yield Finding(INDEX, f"{at}: there is no such version.")
            continue
        if problems := schema.problems(Release, release, at):
            yield from (Finding(INDEX, problem) for problem in problems)
        else:
            yield from _check_release(folder, version, at, schema.parse(Release, release))


def _check_release(folder: Path, version: str, at: str, release: Release) -> Iterator[Finding]:
    try:
        seal = read_manifest(folder / version).manifest_sha256
    except EmbeddingsError:
        return  # named by the check of the version
    if release.seal != seal:
        yield Finding(INDEX, f"{at}.seal: {release.seal[:12]}, and the manifest has {seal[:12]}.")
    archive = folder.parent / archive_path(folder.name, version)
    try:
        n_bytes, found, _ = hash_bounded(archive, release.archive_bytes)
    except FileNotFoundError:
        return  # of a root at an address, only the folders are looked at
    except OSError as error:
        yield Finding(INDEX, f"{at}: {archive.name} cannot be read: {why(error)}.")
        return
    if n_bytes != release.archive_bytes:
        yield Finding(INDEX, f"{at}.archive_bytes: {release.archive_bytes:,}, and {archive.name} has {n_bytes:,}.")
    elif found != release.archive_sha256:
        yield Finding(
            INDEX, f"{at}.archive_sha256: {release.archive_sha256[:12]}, and {archive.name} has {found[:12]}."
        )
