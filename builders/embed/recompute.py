"""Whether stored vectors come from the encoder beside them: some are made again from structures, and compared.

A table of elements is checked on its rarest elements, whose structures are few, as many of them as the given number of
structures allows. What is published of an element is its mean over all training sites, centered and scaled; so both
sides are centered over the elements that were checked, and a cosine does not see the scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from builders.embed.agreement import ENOUGH, Recomputed, cosines_of, ranked
from builders.embed.recompute_encoder import recompute_encoder
from builders.learning import teachers
from builders.learning.devices import choose_device, limit_threads
from builders.learning.material import prepare
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.start import FOUND, INIT
from builders.previous import ALIGNED_TO
from builders.progress import Reporter
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot, read_structures
from builders.structures.cleaning import clean, site_limit
from builders.structures.counts import count_structures
from builders.structures.table import StructureTable
from embeddings.display.numbers import counted
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.store import schema
from embeddings.store.encoder_files import KIND
from embeddings.store.manifest import Manifest, read_manifest
from embeddings.store.tables import read_catalog
from embeddings.vectors.context import read_context_catalog
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import Footer
from embeddings.vectors.sites import read_site_catalog
from embeddings.vectors.structures import read_structure_catalog

FEWEST = 3
"""Elements that can be checked together."""


@dataclass(frozen=True)
class RecomputeRequest(Intake):
    """What a user asks for.

    Attributes:
        catalog: folder of the version whose encoder makes the vectors again.
        n: structures to encode, at most; formulas, of a composition encoder.
        file: or folder of vectors that are checked, or its URL; None for the elements of the catalog.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """

    catalog: Path
    n: int
    file: Path | str | None = None
    device: str = "auto"


def recompute(request: RecomputeRequest, reporter: Reporter) -> Recomputed:
    """Make some of the stored vectors again, and compare.

    Raises:
        InputInvalid: the structures are not those that the vectors were made of, too few are allowed, or the catalog
            carries no encoder of crystals.
        CatalogCorrupt: the file was made by another encoder, or something is damaged.
        SourceError: the source fails.
    """
    limit_threads()
    if read_manifest(request.catalog).kind == KIND:
        return recompute_encoder(request.catalog, request.n, _snapshot_if_any(request, reporter), reporter)
    encoder = read_crystal_encoder(request.catalog).to(choose_device(request.device))
    if request.file is None:
        return _recompute_catalog(request, encoder, reporter)
    file, footer = open_vectors(request.file)
    if file.dtype == "int8":
        raise InputInvalid(
            f"{request.file} holds vectors that are rounded to int8, too coarse for a cosine of {ENOUGH}. Make a "
            "float32 file of the same structures, and check that: embeddings embed without --dtype."
        )
    _check_encoder(request.file, footer, encoder)
    snapshot = request.obtain(reporter)
    encoder.max_sites = site_limit(snapshot.query)
    table = clean(read_structures(snapshot), max_sites=encoder.max_sites)[0]
    if footer.level == "element":
        catalog = read_context_catalog(request.file)
        usable = table.take(np.flatnonzero(encoder.covers(table)))
        return _recompute_elements(encoder, usable, catalog.to_dict(), catalog.n_structures, request.n, reporter)
    return _recompute_materials(request.file, footer, encoder, table, request.n, reporter)


def _snapshot_if_any(request: RecomputeRequest, reporter: Reporter) -> Snapshot | None:
    return request.obtain(reporter) if request.source or request.snapshot else None


def _check_encoder(path: Path | str, footer: Footer, encoder: CrystalEncoder) -> None:
    if footer.catalog.manifest_sha256 != encoder.manifest.manifest_sha256:
        raise CatalogCorrupt(
            f"{path} says that {footer.encoder} with the seal {footer.catalog.manifest_sha256[:12]} made it, but the "
            f"one here has {encoder.manifest.manifest_sha256[:12]}. Use the same version, or make the file again."
        )


def _recompute_catalog(request: RecomputeRequest, encoder: CrystalEncoder, reporter: Reporter) -> Recomputed:
    """Make the rows of a catalog of elements again, from its training structures or from the network's own table."""
    catalog = read_catalog(request.catalog)
    recipe = recipe_of(encoder.manifest)
    if recipe.vectors == "table":
        rows = encoder.model.element_vectors().float().cpu().numpy()[catalog.atomic_numbers]
        return Recomputed("elements", len(catalog), 0, ranked(catalog.symbols, cosines_of(rows, catalog.vectors)))
    material = prepare(request.obtain(reporter), recipe, Reporter(quiet=True))
    return _recompute_elements(
        encoder, material.trained_on, catalog.to_dict(), catalog.n_structures, request.n, reporter
    )


def recipe_of(manifest: Manifest) -> CrystalTransformerRecipe:
    """Return the recipe of a catalog of elements, which says which structures of a source it was trained on.

    Raises:
        InputInvalid: the manifest states no such recipe.
    """
    beside = (ALIGNED_TO, INIT, FOUND, teachers.TEACHERS, teachers.FOUND)
    stated = {name: value for name, value in manifest.model.hyperparameters.items() if name not in beside}
    try:
        recipe: CrystalTransformerRecipe = schema.parse(CrystalTransformerRecipe, stated)
    except ManifestInvalid as error:
        raise InputInvalid(
            f"{manifest.name}@{manifest.version} does not say how its training structures were chosen ({error}), so "
            "its rows cannot be made again. Check a file of vectors that its encoder made instead."
        ) from error
    return recipe


def _recompute_elements(
    encoder: CrystalEncoder,
    table: StructureTable,
    vectors: Mapping[str, np.ndarray],
    counts: Mapping[str, int],
    n: int,
    reporter: Reporter,
) -> Recomputed:
    """Make the rows of the rarest elements again."""
    found = count_structures(table)
    other = next((name for name, count in counts.items() if found[ATOMIC_NUMBERS[name]] != count), None)
    if other or np.count_nonzero(found) > len(counts):
        name = other or next(name for name, z in ATOMIC_NUMBERS.items() if found[z] and name not in counts)
        raise InputInvalid(
            f"These are not the structures that the vectors were made from: {found[ATOMIC_NUMBERS[name]]:,} of them "
            f"hold {name}, and it should be {counts.get(name, 0):,}. Give the same source, with the same options."
        )
    chosen, rows = _rarest(table, sorted(counts, key=lambda name: counts[name]), n)
    sums, n_sites = _sums(encoder, table.take(rows), reporter)
    numbers = [ATOMIC_NUMBERS[name] for name in chosen]
    means = sums[numbers] / n_sites[numbers, None]
    stored = np.stack([vectors[name] for name in chosen]).astype(np.float64)
    cosines = cosines_of(means - means.mean(axis=0), stored - stored.mean(axis=0))
    return Recomputed("elements", len(vectors), len(rows), ranked(chosen, cosines))


def _rarest(table: StructureTable, names: Sequence[str], n: int) -> tuple[list[str], np.ndarray]:
    """Return as many of the elements, rarest first, as `n` structures hold, and the rows of all their structures."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    taken = np.zeros(len(table), dtype=bool)
    chosen: list[str] = []
    for name in names:
        more = taken.copy()
        more[crystal_of_atom[table.atomic_numbers == ATOMIC_NUMBERS[name]]] = True
        if more.sum() > n:
            if len(chosen) >= FEWEST:
                break
            if len(chosen) == FEWEST - 1:
                raise InputInvalid(
                    f"The {FEWEST} rarest elements are in {more.sum():,} structures, more than {n:,}. Give "
                    f"--recompute {more.sum()} or more."
                )
        chosen, taken = [*chosen, name], more
    return chosen, np.flatnonzero(taken)


def _sums(encoder: CrystalEncoder, table: StructureTable, reporter: Reporter) -> tuple[np.ndarray, np.ndarray]:
    """Return sums (119, dim) over the sites of each element, and how many there are (119,)."""
    sums, n_sites = np.zeros((N_ELEMENTS + 1, encoder.site_dim)), np.zeros(N_ELEMENTS + 1)
    with reporter.stage("Encoding", len(table)) as stage:
        for rows in np.array_split(np.arange(len(table)), -(-len(table) // 512)):
            part = table.take(rows)
            np.add.at(sums, part.atomic_numbers, encoder.encode_sites(part)[0].astype(np.float64))
            n_sites += np.bincount(part.atomic_numbers, minlength=N_ELEMENTS + 1)
            stage.advance(len(rows))
    return sums, n_sites


def _recompute_materials(
    path: Path | str, footer: Footer, encoder: CrystalEncoder, table: StructureTable, n: int, reporter: Reporter
) -> Recomputed:
    """Make the vectors of some structures, or of their sites, again."""
    names = list(read_site_catalog(path) if footer.level == "site" else read_structure_catalog(path))
    asked = [names[row] for row in np.unique(np.linspace(0, len(names) - 1, min(n, len(names))).astype(int))]
    row_of = {name: row for row, name in reversed(list(enumerate(table.material_ids.tolist())))}
    missing = [name for name in asked if name not in row_of]
    if missing:
        raise InputInvalid(
            f"This source lacks {len(missing):,} of {counted(len(asked), 'structure')} of {path}, such as "
            f"{missing[0]}. Give the one that it was made from, with the same options."
        )
    chosen = table.take(np.array([row_of[name] for name in asked]))
    with reporter.stage("Encoding", len(chosen)):
        made, offsets = _encoded(encoder, chosen, footer)
    stored, there = _stored(path, footer, asked)
    if not np.array_equal(offsets, there):
        raise InputInvalid(f"Structures of {path} have a different number of sites in this source.")
    center = stored.mean(axis=0) if len(stored) > 1 else np.zeros(stored.shape[1])
    cosines = np.minimum.reduceat(cosines_of(made - center, stored - center), offsets[:-1])
    return Recomputed(f"{footer.level}s", len(names), len(chosen), ranked(asked, cosines))


def _encoded(encoder: CrystalEncoder, table: StructureTable, footer: Footer) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors, and the offsets at which those of each structure begin and end."""
    if footer.level == "site":
        return encoder.encode_sites(table)
    return encoder.encode(table), np.arange(len(table) + 1)


def _stored(path: Path | str, footer: Footer, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors in a file, and the offsets at which those of each structure begin and end."""
    if footer.level == "site":
        return read_site_catalog(path).lookup(names)
    return read_structure_catalog(path).lookup(names), np.arange(len(names) + 1)
