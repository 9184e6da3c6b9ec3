"""One version's folder: its manifest, its files, what they hold, and what a reader would miss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from embeddings.display.numbers import counted
from embeddings.errors import EmbeddingsError, ManifestInvalid
from embeddings.store import schema
from embeddings.store.audit import check_contents
from embeddings.store.bibtex import read_bibtex
from embeddings.store.card import CARD
from embeddings.store.companions import COMPANIONS
from embeddings.store.croissant import CROISSANT
from embeddings.store.encoder_files import FORMULA_TABLE
from embeddings.store.integrity import check_file as check_hash
from embeddings.store.integrity import read_intact
from embeddings.store.licences import unknown_terms
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST, Manifest, read_json
from embeddings.store.publish import FORMATS
from embeddings.store.reading import IN_MEMORY, read_bounded, why
from embeddings.store.roots import manifest_of
from embeddings.store.tables import ENCODER, HDF5, NPY, PARQUET
from embeddings.validation.files import READERS, check_file
from embeddings.validation.report import Finding, advice, refusals

REQUIRED = {
    "element": (CARD, NPY, PARQUET, HDF5),
    "composition-encoder": (CARD, ENCODER, FORMULA_TABLE),
    "structure": (CARD, PARQUET),
}
"""Kind -> files without which a version is not complete."""

MODEL = "property-model"
"""What the manifest of a model says of its kind."""

OF_MODEL = Finding(
    MANIFEST, "This is a model that embeddings fit saved, not a catalog; embeddings predict verifies it."
)


def check_version(folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with the folder of a version."""
    unfit = list(_check_manifest(folder))
    yield from unfit
    if unfit == [OF_MODEL]:
        return
    if any(finding.is_error for finding in unfit):
        tables = sorted(path for path in folder.iterdir() if path.suffix in READERS and path.is_file())
        for path in tables:
            yield from check_file(path)
        return
    manifest = manifest_of(folder)
    damaged = [finding for check in _CHECKS for finding in check(folder, manifest)]
    yield from damaged
    if not any(finding.is_error for finding in damaged):
        yield from refusals(_at(folder), lambda: _check_contents(folder, manifest))
        for name in (PARQUET, FORMULA_TABLE):
            if (folder / name).is_file():
                yield from check_file(folder / name)
    yield from _recommend(folder, manifest)


def _check_manifest(folder: Path) -> Iterator[Finding]:
    """Yield everything that does not fit the schema; then whether it is sealed and in its place."""
    try:
        text = read_bounded(folder / MANIFEST, at_most=LARGEST_MANIFEST).decode()
        document = read_json(text)
    except ManifestInvalid as error:
        yield Finding(MANIFEST, str(error))
        return
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(MANIFEST, f"It cannot be read: {why(error) if isinstance(error, OSError) else error}.")
        return
    if isinstance(document, dict) and document.get("kind") == MODEL:
        yield OF_MODEL
        return
    problems = schema.problems(Manifest, document)
    yield from (Finding(MANIFEST, problem) for problem in problems)
    if not problems:
        yield from refusals(MANIFEST, lambda: manifest_of(folder))
        if text != _canonical(document, text):
            yield Finding(MANIFEST, "Its fields are not in the specified order, or not indented by two spaces.")


def _canonical(document: Mapping[str, Any], text: str) -> str:
    """Return how the text of a valid document has to be written; the text itself if that cannot be told."""
    try:
        return Manifest.from_json(json.dumps(document)).to_json()
    except EmbeddingsError:
        return text


def _check_files(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Yield files that are missing, altered, of another form than stated, or not needed."""
    listed = {entry.path for entry in manifest.files}
    digest = manifest.training.formula_digest
    required = [*REQUIRED[manifest.kind], *([digest.file] if digest else [])]
    missing = [name for name in required if name not in listed]
    yield from (Finding(name, f"A catalog of kind {manifest.kind} needs it, and it is not listed.") for name in missing)
    for entry in manifest.files:
        yield from refusals(entry.path, lambda entry=entry: check_hash(folder / entry.path, entry, keep=False))  # type: ignore[misc]
        expected = FORMATS.get(Path(entry.path).suffix)
        if entry.format != expected:
            yield Finding(MANIFEST, f"files: {entry.path} is listed as {entry.format}, and its ending says {expected}.")


def _check_counts(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Yield numbers of the manifest that contradict each other."""
    training, n_rows = manifest.training, manifest.n_rows
    total = training.n_structures
    for symbol, count in manifest.n_structures.items():
        if total is not None and count > total:
            yield Finding(MANIFEST, f"n_structures.{symbol}: {count}, and there were {total} in all.")
    both = sorted(set(manifest.n_structures) & set(manifest.missing_elements))
    if both:
        yield Finding(MANIFEST, f"missing_elements: {', '.join(both)} have training structures.")
    if manifest.kind == "element" and n_rows != (len(manifest.n_structures) or n_rows):
        yield Finding(
            MANIFEST, f"n_rows: {n_rows}, and n_structures names {counted(len(manifest.n_structures), 'element')}."
        )


def _check_metrics(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Yield accuracies of something that was not learned."""
    targets = manifest.training.targets
    for target, metric in manifest.metrics.items():
        if target not in targets:
            yield Finding(MANIFEST, f"metrics.{target}: training.targets has no such target.")
        elif metric.unit != targets[target]:
            yield Finding(
                MANIFEST, f'metrics.{target}.unit: "{metric.unit}", and it was learned in "{targets[target]}".'
            )


_CHECKS: tuple[Callable[[Path, Manifest], Iterator[Finding]], ...] = (_check_files, _check_counts, _check_metrics)


def _check_contents(folder: Path, manifest: Manifest) -> None:
    small = frozenset(entry.path for entry in manifest.files if entry.bytes <= IN_MEMORY)
    check_contents(folder, manifest, read_intact(folder, manifest, keep=small))


def _recommend(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Yield what a reader would miss."""
    if unknown := unknown_terms(manifest.licence.spdx):
        yield advice(MANIFEST, f"licence.spdx: the terms of {', '.join(unknown)} are unknown to readers.")
    if not manifest.citation.doi:
        yield advice(MANIFEST, "citation.doi: there is none.")
    if not read_bibtex(manifest.citation.bibtex):
        yield advice(MANIFEST, "citation.bibtex: it has no entry that can be read.")
    if not manifest.limits:
        yield advice(MANIFEST, "limits: there are none; say what the vectors should not be used for.")
    if manifest.training.formula_digest is None:
        yield advice(MANIFEST, "training.formula_digest: there is none, so nobody can tell what the training saw.")
    yield from (advice(name, "It is not there, so tools of others see less.") for name in _absent(folder))
    yield from _check_croissant(folder, manifest)


def _absent(folder: Path) -> list[str]:
    """Return the companions that are not there, where some are."""
    there = {name for name in COMPANIONS if (folder / name).is_file()}
    return sorted(COMPANIONS - there) if there else []


def _check_croissant(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    if not (folder / CROISSANT).is_file():
        return
    try:
        document = json.loads(read_bounded(folder / CROISSANT, at_most=LARGEST_MANIFEST))
        stated = {entry["@id"]: entry["sha256"] for entry in document["distribution"]}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        yield Finding(CROISSANT, f"It does not describe the files of this version ({error!r:.100}).")
        return
    for entry in manifest.files:
        if stated.get(entry.path) != entry.sha256:
            yield Finding(CROISSANT, f"{entry.path}: its hash is not that of the manifest.")


def _at(folder: Path) -> str:
    return folder.name or str(folder)
