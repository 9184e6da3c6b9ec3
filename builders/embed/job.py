"""From structures and an encoder to a file of vectors: streaming, resumable, the same bytes every time.

A thousand structures at a time become a part on disk and a line of a ledger, made here or by the workers of an engine;
a killed run makes the parts that the ledger does not have. At the end the parts are joined in the order of the
structures, into one file that appears whole or not at all.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from builders.embed.distances import unlike_of
from builders.embed.encoders import Encoder, EncoderLike, code_of_vectors, open_encoder
from builders.embed.ledger import PartLedger, open_ledger
from builders.embed.left_out import added, counts_of, name_what_is_left_out, nothing_left, printed
from builders.embed.parts import Encoding, encoding_of
from builders.embed.pieces import limits, pieces
from builders.embed.targets import Target, target_of
from builders.embed.writing import Layout
from builders.engines import Engine, check_engine, run_tasks
from builders.engines.base import Task
from builders.learning.devices import choose_device, one_thread
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.runs.locks import only_one
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot
from builders.structures.cleaning import site_limit
from embeddings._version import __version__
from embeddings.errors import OutputInvalid
from embeddings.store.licences import combined_licence
from embeddings.store.manifest import Licence
from embeddings.vectors.footer import Footer, Level, Unlike
from embeddings.vectors.numbers import Dtype
from embeddings.vectors.unlike import sentence


@dataclass(frozen=True)
class EmbedRequest(Intake):
    """What a user asks for.

    Attributes:
        encoder: folder of the catalog version whose encoder is used, or a third-party potential.
        level: what a row stands for.
        out: the file or the folder to write, or its URL.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        force: replace an existing file.
        engine: who makes the parts; the bytes of the file do not depend on it.
        is_folder: whether `out` is said to be a folder; without an ending it is one in any case.
        rows_per_file: of a folder.
        dtype: of the numbers.
    """

    encoder: EncoderLike
    level: Level
    out: Path | str
    device: str = "auto"
    force: bool = False
    engine: Engine = field(default_factory=Engine)
    is_folder: bool = False
    rows_per_file: int | None = None
    dtype: Dtype = "float32"

    @property
    def target(self) -> Target:
        """Where the vectors go.

        Raises:
            EmbeddingsError: see `builders.embed.targets.target_of`.
        """
        return target_of(self.out, is_folder=self.is_folder, rows_per_file=self.rows_per_file, dtype=self.dtype)


@one_thread()
def embed(request: EmbedRequest, reporter: Reporter) -> Footer:
    """Write the vectors and return the footer of the file; a file that already holds them is left as it is.

    Raises:
        EmbeddingsError: a subclass names what stands in the way; nothing half-written is left at ``request.out``.
    """
    request.target.check()
    check_engine(request.engine)
    if request.engine.name == "local":
        choose_device(request.device)  # is there such a one?
    encoder = open_encoder(request.encoder)
    snapshot = request.obtain(reporter)
    combined_licence([snapshot.origin.licence, encoder.manifest.licence.spdx])  # is there one for the vectors?
    encoder.max_sites = site_limit(snapshot.query)
    job = _Job(encoder, snapshot, request.level)
    folder = request.work / "embed" / f"{encoder.manifest.name}-{request.level}-{job.identity[:12]}"
    with only_one(folder, OutputInvalid, "embedding these very structures", reporter):
        footer = _earlier(request, job, reporter) or _run(request, job, folder, reporter)
        shutil.rmtree(folder, ignore_errors=True)
    return footer


@dataclass(frozen=True)
class _Job:
    """What is encoded, by what, at which level."""

    encoder: Encoder
    snapshot: Snapshot
    level: Level

    @cached_property
    def identity(self) -> str:
        """The same identity, the same file."""
        origin, rejected, structures = self.snapshot.origin.to_dict(), self.snapshot.rejected, self.snapshot.sha256
        encoder, bounds = self.encoder.manifest.manifest_sha256, (*limits(), self.encoder.max_sites)
        code = code_of_vectors(self.encoder)
        return identity_of(encoder, structures, origin, rejected, self.level, bounds, __version__, code)


def _earlier(request: EmbedRequest, job: _Job, reporter: Reporter) -> Footer | None:
    """Return the footer of the existing output if it holds these vectors, every page intact; None to make it."""
    if request.force:
        return None
    footer = request.target.existing(job.identity, reporter)
    if footer is not None:
        reporter.say(f"Already there: {request.out} holds these vectors. Nothing to do (--force makes them again).")
    return footer


def _run(request: EmbedRequest, job: _Job, folder: Path, reporter: Reporter) -> Footer:
    """Encode what has not been encoded yet, and write the file."""
    ledger = open_ledger(folder, reporter)
    _encode(request, job, ledger, reporter)
    parts = [ledger.folder / entry.file for entry in ledger.entries if entry.file]
    unlike, names = unlike_of(job.encoder, job.level, parts)
    footer = _footer(job, ledger, request.target.layout, unlike)
    name_what_is_left_out(job.snapshot, ledger, footer.dropped, reporter)
    if names:
        reporter.say(f"{sentence([*map(printed, names)], footer.n_structures, footer.encoder)}.")
    if not request.force:
        request.target.existing(job.identity, reporter)  # another command may have written there in the meantime
    request.target.write(parts, footer, ledger.folder / "scratch", reporter)
    return footer


def _encode(request: EmbedRequest, job: _Job, ledger: PartLedger, reporter: Reporter) -> None:
    """Make every part that is missing or damaged."""
    tasks = (
        Task(number, piece.label, piece) for number, piece in enumerate(pieces(job.snapshot)) if number not in ledger
    )
    with reporter.stage("Embedding", job.snapshot.n_kept, done=ledger.n_received) as stage:
        for part in run_tasks(request.engine, _encoding(request, job), tasks):
            stage.advance(ledger.commit(part).n_received)


def _encoding(request: EmbedRequest, job: _Job) -> Encoding:
    """Return what workers need."""
    device = request.engine.device_of(request.device)
    return encoding_of(request.encoder, job.level, max_sites=job.encoder.max_sites, device=device)


def _footer(job: _Job, ledger: PartLedger, layout: Layout, unlike: Unlike | None) -> Footer:
    snapshot, origin = job.snapshot, job.snapshot.origin
    dropped = counts_of(snapshot, ledger)
    if not ledger.n_kept:
        raise nothing_left(snapshot, dropped, "encoded")
    return Footer(
        level=job.level,
        dim=job.encoder.dim if job.level == "structure" else job.encoder.site_dim,
        n_structures=ledger.n_kept,
        dropped=dropped,
        uncovered=added(entry.counts for entry in ledger.entries),
        source=origin.name,
        database_version=origin.database_version,
        snapshot_sha256=snapshot.sha256,
        synthetic=origin.synthetic,
        licence=Licence(spdx=origin.licence, attribution=origin.attribution),
        identity=layout.identity(job.identity),
        catalog=job.encoder.manifest,
        sealed=True,
        unlike=unlike,
    )
