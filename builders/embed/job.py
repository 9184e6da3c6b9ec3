"""From structures and a catalog's encoder to a file of vectors: streaming, resumable, the same bytes every time.

Some thousand structures at a time become a part on disk and a line of a ledger; a killed run goes on after the last
line. At the end the parts are joined into one file, which appears whole or not at all.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.embed.levels import LEVELS, ROWS_PER_GROUP
from builders.learning.devices import choose_device, limit_threads
from builders.methods import METHODS
from builders.methods.crystal_transformer.batches import spans
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.progress import Reporter
from builders.runs.code import code_hash
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.snapshots.intake import obtain_snapshot
from builders.snapshots.ledger import Entry, Ledger, write_part
from builders.snapshots.snapshot import REJECTED, Snapshot, read_part
from builders.sources import SourceOptions
from builders.structures.cleaning import USABLE, Selection, at_most, site_limit, sort_out
from builders.structures.counts import count_structures
from builders.structures.rejections import MENDS
from builders.structures.table import OPTIONAL_COLUMNS, STRUCTURE_COLUMNS, StructureTable, structures_from_arrow
from embeddings._version import __version__
from embeddings.elements import SYMBOLS
from embeddings.errors import CatalogCorrupt, EmbeddingsError, OutputInvalid, SourceError
from embeddings.store.folders import atomic_file
from embeddings.store.licences import combined_licence
from embeddings.store.manifest import Licence
from embeddings.store.outputs import check_file
from embeddings.store.temporaries import sweep
from embeddings.vectors.file import ENDING, Footer, Level, open_vectors, read_pages
from embeddings.vectors.seal import blank_seal, seal

AT_ONCE, SITES_AT_ONCE = 512, 100_000
"""Structures of a part, and their sites. A part is in memory, with several copies of the vectors of its sites."""

NAMED = 5
"""At most this many structures are named for each reason."""


@dataclass(frozen=True)
class EmbedRequest:
    """What a user asks for.

    Attributes:
        catalog: folder of the catalog version whose encoder is used.
        level: what a row stands for.
        out: the file to write.
        work: folder for snapshots and unfinished runs.
        source: name of the source; None to use a snapshot.
        options: what the source is told.
        selection: which of its structures are used.
        snapshot: folder of a snapshot that was taken earlier, in place of a source.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        force: replace an existing file.
    """

    catalog: Path
    level: Level
    out: Path
    work: Path
    source: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    selection: Selection = field(default_factory=Selection)
    snapshot: Path | None = None
    device: str = "auto"
    force: bool = False


def embed(request: EmbedRequest, reporter: Reporter) -> Footer:
    """Write the vectors and return the footer of the file; a file that already holds them is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left at ``request.out``.
    """
    _check_output(request.out)
    encoder = read_crystal_encoder(request.catalog).to(choose_device(request.device))
    limit_threads()
    snapshot = obtain_snapshot(
        request.source, request.options, request.selection,
        snapshot=request.snapshot, work=request.work, reporter=reporter,
    )  # fmt: skip
    combined_licence([snapshot.origin.licence, encoder.manifest.licence.spdx])  # is there one for the vectors?
    encoder.max_sites = site_limit(snapshot.query)
    job = _Job(encoder, snapshot, request.level)
    folder = request.work / "embed" / f"{encoder.manifest.name}-{request.level}-{job.identity[:12]}"
    with only_one(folder, OutputInvalid, "embedding these very structures"):
        footer = _earlier(request, job, reporter) or _run(request, job, folder, reporter)
        shutil.rmtree(folder, ignore_errors=True)
    return footer


@dataclass(frozen=True)
class _Job:
    """What is encoded, by what, at which level."""

    encoder: CrystalEncoder
    snapshot: Snapshot
    level: Level

    @cached_property
    def identity(self) -> str:
        """The same identity, the same file."""
        origin, rejected, structures = self.snapshot.origin.to_dict(), self.snapshot.rejected, self.snapshot.sha256
        encoder, limits = self.encoder.manifest.manifest_sha256, (AT_ONCE, SITES_AT_ONCE, self.encoder.max_sites)
        code = code_hash([METHODS["crystal-transformer"]], also=["builders.embed.levels"])
        return identity_of(encoder, structures, origin, rejected, self.level, limits, __version__, code)


def _check_output(out: Path) -> None:
    """Refuse an output that could never be written, before any work is done."""
    if out.suffix != ENDING:
        raise OutputInvalid(f'{out} ends in "{out.suffix}"; vectors are written to a {ENDING} file.')
    check_file(out)


def _earlier(request: EmbedRequest, job: _Job, reporter: Reporter) -> Footer | None:
    """Return the footer of the existing file if it holds these vectors, every page intact; None to make it."""
    if request.force or not request.out.exists():
        return None
    footer = _existing(request.out, job.identity)
    try:
        read_pages(request.out)
    except CatalogCorrupt as error:
        reporter.say(f"Making these vectors again: {error}")
        return None
    sweep(request.out.parent)
    reporter.say(f"Already there: {request.out} holds these vectors. Nothing to do (--force makes them again).")
    return footer


def _run(request: EmbedRequest, job: _Job, folder: Path, reporter: Reporter) -> Footer:
    """Encode what has not been encoded yet, and write the file."""
    ledger = _open_ledger(folder, reporter)
    _encode(job, ledger, reporter)
    footer = _footer(job, ledger)
    _name_what_is_left_out(job.snapshot, ledger, footer, reporter)
    _join(request.out, ledger, footer)
    return footer


def _existing(out: Path, identity: str) -> Footer:
    """Return the footer of a file that is there, if it has this identity."""
    try:
        footer = open_vectors(out)[1]
    except EmbeddingsError as error:
        raise OutputInvalid(
            f"{out} exists, and is damaged or holds something else. Choose another name, or replace it with --force."
        ) from error
    if footer.identity != identity:
        raise OutputInvalid(
            f"{out} exists and holds other vectors ({footer.level} vectors by {footer.encoder} of {footer.source}). "
            "Choose another name, or replace it with --force."
        )
    return footer


def _open_ledger(folder: Path, reporter: Reporter) -> Ledger:
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder)
    if ledger.entries:
        reporter.say(f"Resuming the run in {folder}.")
    return ledger


def _encode(job: _Job, ledger: Ledger, reporter: Reporter) -> None:
    """Make every part that is missing or damaged."""
    damaged = set(ledger.damaged())
    is_first = _first_occurrences(job.snapshot)
    n_done = sum(entry.n_received for entry in ledger.entries)
    with reporter.stage("Embedding", len(is_first), done=n_done) as stage:
        for number, (table, is_new) in enumerate(_pieces(job.snapshot, is_first)):
            if number in damaged:
                ledger.replace(number, _store(job, ledger.folder, table, is_new, number))
            elif number >= len(ledger.entries):
                ledger.append(_store(job, ledger.folder, table, is_new, number))
                stage.advance(len(table))


def _pieces(snapshot: Snapshot, is_first: np.ndarray) -> Iterator[tuple[StructureTable, np.ndarray]]:
    """Yield the structures of a snapshot, some at a time, without their properties; and their part of `is_first`."""
    row = 0
    for name in snapshot.parts:
        file = pq.ParquetFile(read_part(snapshot, name))
        columns = [column for column in STRUCTURE_COLUMNS + OPTIONAL_COLUMNS if column in file.schema_arrow.names]
        for batch in file.iter_batches(AT_ONCE, columns=columns):
            table = structures_from_arrow(pa.Table.from_batches([batch]), origin=snapshot.origin.name)
            for start, stop in spans(table.n_sites, most=AT_ONCE, most_sites=SITES_AT_ONCE):
                yield table.take(np.arange(start, stop)), is_first[row + start : row + stop]
            row += len(table)


def _first_occurrences(snapshot: Snapshot) -> np.ndarray:
    """Return which structures of a snapshot have an identifier that none before them has, (n,) bool."""
    files = (read_part(snapshot, name) for name in snapshot.parts)
    parts = [pq.read_table(file, columns=["material_id"])["material_id"] for file in files]
    ids = pa.chunked_array([chunk.cast(pa.string()) for part in parts for chunk in part.chunks], pa.string())
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    is_first = np.zeros(len(codes), dtype=bool)
    is_first[np.unique(codes, return_index=True)[1]] = True
    return is_first


def _store(job: _Job, folder: Path, table: StructureTable, is_new: np.ndarray, number: int) -> Entry:
    """Encode what can be encoded, write it as a part, and return what goes into the ledger."""
    filters = USABLE | {"duplicate_id": lambda _: is_new, "too_many_sites": at_most(job.encoder.max_sites)}
    usable, dropped = sort_out(table, filters)
    counts = count_structures(usable)
    unknown = np.setdiff1d(np.flatnonzero(counts), job.encoder.atomic_numbers)
    covered, uncovered = sort_out(usable, {"element_not_covered": job.encoder.covers})
    left_out = dropped | uncovered
    name = f"part-{number:05d}.parquet" if len(covered) else None
    return Entry(
        start=number,
        next=number + 1,
        file=name,
        sha256=write_part(folder / name, LEVELS[job.level].encode(job.encoder, covered)) if name else None,
        n_received=len(table),
        n_kept=len(covered),
        left_out={reason: len(names) for reason, names in left_out.items()},
        rejected=[[name, reason, ""] for reason, names in left_out.items() for name in names[:NAMED]],
        counts={SYMBOLS[z - 1]: int(counts[z]) for z in unknown},
    )


def _footer(job: _Job, ledger: Ledger) -> Footer:
    snapshot, origin = job.snapshot, job.snapshot.origin
    dropped = _added([snapshot.rejected, *(entry.left_out for entry in ledger.entries)])
    if not ledger.n_kept:
        reasons = ", ".join(f"{n} {_mended(reason)}" for reason, n in dropped.items())
        raise SourceError(f"None of the {snapshot.n_received} structures from {origin.name} can be encoded: {reasons}.")
    return Footer(
        level=job.level,
        dim=job.encoder.dim,
        n_structures=ledger.n_kept,
        dropped=dropped,
        uncovered=_added(entry.counts for entry in ledger.entries),
        source=origin.name,
        database_version=origin.database_version,
        snapshot_sha256=snapshot.sha256,
        synthetic=origin.synthetic,
        licence=Licence(spdx=origin.licence, attribution=origin.attribution),
        identity=job.identity,
        catalog=job.encoder.manifest,
        sealed=True,
    )


def _name_what_is_left_out(snapshot: Snapshot, ledger: Ledger, footer: Footer, reporter: Reporter) -> None:
    """Say by name which files and structures are not in the output, some of them for each reason."""
    pulled = chain.from_iterable(entry.rejected for entry in Ledger(snapshot.folder).entries)
    encoded = chain.from_iterable(entry.rejected for entry in ledger.entries)
    names: dict[str, list[str]] = {}
    for name, reason in chain(((item, why) for item, _, why, _ in pulled), ((item, why) for item, why, _ in encoded)):
        names.setdefault(reason, []).append(name if name.isprintable() else ascii(name))
    for reason, some in names.items():
        more = footer.dropped[reason] - len(some[:NAMED])
        listed = ", ".join(some[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
        reporter.say(f"Left out as {_mended(reason)}: {listed}")
    if (snapshot.folder / REJECTED).exists():
        reporter.say(f"The source's are all listed in {snapshot.folder / REJECTED}.")


def _mended(reason: str) -> str:
    return f"{reason} ({MENDS[reason]})" if reason in MENDS else reason


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for some in counts:
        total.update(some)
    return dict(total)


def _join(out: Path, ledger: Ledger, footer: Footer) -> None:
    """Write all parts as one file that appears whole."""
    parts = [ledger.folder / entry.file for entry in ledger.entries if entry.file]
    with atomic_file(out, advice="The same command goes on from here.") as temporary:
        _write(temporary, LEVELS[footer.level].tables(parts), footer)


def _write(path: Path, tables: Iterator[pa.Table], footer: Footer) -> None:
    first = next(tables)
    texts = [column.name for column in first.schema if pa.types.is_string(column.type)]
    with pq.ParquetWriter(
        path,
        first.schema.with_metadata(footer.to_metadata()),
        compression="zstd",
        use_dictionary=texts,
        column_encoding={"vector.list.element": "BYTE_STREAM_SPLIT"},
        write_page_checksum=True,
    ) as writer:
        n_groups = 0
        for table in chain([first], tables):
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)
            n_groups += -(-len(table) // ROWS_PER_GROUP)
        writer.add_key_value_metadata(blank_seal(n_groups, len(first.schema)))
    seal(path)
