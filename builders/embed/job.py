"""From structures and an encoder to a file of vectors, or a folder of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builders.embed.distances import unlike_of
from builders.embed.encoders import Encoder, EncoderLike, code_of_vectors, open_encoder
from builders.embed.parts import Encoding, encoding_of
from builders.embed.targets import Target, target_of
from builders.learning.devices import one_thread
from builders.parts.ledger import PartLedger
from builders.parts.left_out import added, printed
from builders.parts.pieces import limits
from builders.parts.run import InParts, PartsRequest, Words, run
from builders.progress import Reporter
from builders.runs.identity import identity_of
from builders.structures.cleaning import site_limit
from embeddings._version import __version__
from embeddings.store.manifest import Licence
from embeddings.vectors.footer import Footer, Level
from embeddings.vectors.numbers import Dtype
from embeddings.vectors.unlike import sentence


@dataclass(frozen=True)
class EmbedRequest(PartsRequest):
    """What a user asks for.

    Attributes:
        encoder: folder of the catalog version whose encoder is used, or a third-party potential.
        level: what a row stands for.
        out: the file or the folder to write, or its URL.
        is_folder: whether `out` is said to be a folder; without an ending it is one in any case.
        rows_per_file: of a folder.
        dtype: of the numbers.
    """

    encoder: EncoderLike
    level: Level
    out: Path | str
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
    request.check_workers()
    encoder = open_encoder(request.encoder)
    snapshot = request.obtain_beside(encoder.manifest.licence.spdx, reporter)
    encoder.max_sites = site_limit(snapshot.query)
    return run(_Vectors(request, snapshot, encoder), reporter)


@dataclass(frozen=True)
class _Vectors(InParts[Footer]):
    """What is encoded, and by what."""

    request: EmbedRequest
    encoder: Encoder

    @cached_property
    def identity(self) -> str:
        """The same identity, the same file."""
        origin, rejected, structures = self.snapshot.origin.to_dict(), self.snapshot.rejected, self.snapshot.sha256
        encoder, bounds = self.encoder.manifest.manifest_sha256, (*limits(), self.encoder.max_sites)
        code = code_of_vectors(self.encoder)
        return identity_of(encoder, structures, origin, rejected, self.request.level, bounds, __version__, code)

    @property
    def words(self) -> Words:
        folder = f"embed/{self.encoder.manifest.name}-{self.request.level}-{self.identity[:12]}"
        return Words(folder, "Embedding", "embedding", "encoded", f"{self.request.out} holds these vectors")

    def job(self) -> Encoding:
        request, device = self.request, self.request.engine.device_of(self.request.device)
        return encoding_of(request.encoder, request.level, max_sites=self.encoder.max_sites, device=device)

    def existing(self, reporter: Reporter) -> Footer | None:
        return self.request.target.existing(self.identity, reporter)

    def described(self, ledger: PartLedger, left_out: dict[str, int], reporter: Reporter) -> Footer:
        """Return the footer, and name the structures that are unlike what the encoder was trained on."""
        snapshot, origin, level = self.snapshot, self.snapshot.origin, self.request.level
        unlike, names = unlike_of(self.encoder, level, ledger.files)
        footer = Footer(
            level=level,
            dim=self.encoder.dim if level == "structure" else self.encoder.site_dim,
            n_structures=ledger.n_kept,
            dropped=left_out,
            uncovered=added(entry.counts for entry in ledger.entries),
            source=origin.name,
            database_version=origin.database_version,
            snapshot_sha256=snapshot.sha256,
            synthetic=origin.synthetic,
            licence=Licence(spdx=origin.licence, attribution=origin.attribution),
            identity=self.request.target.layout.identity(self.identity),
            catalog=self.encoder.manifest,
            sealed=True,
            unlike=unlike,
        )
        if names:
            reporter.say(f"{sentence([*map(printed, names)], footer.n_structures, footer.encoder)}.")
        return footer

    def write(self, made: Footer, parts: list[Path], reporter: Reporter) -> None:
        scratch = self.request.work / self.words.folder / "scratch"
        self.request.target.write(parts, made, scratch, reporter)
