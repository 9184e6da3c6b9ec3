"""The encoders that vectors are made with, behind a catalog or of others, and how each gets to a worker."""

from __future__ import annotations

import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from builders.methods import METHODS
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.others.base import Potential
from builders.others.encoder import Encoded, PotentialEncoder
from builders.runs.code import code_hash
from builders.structures.table import StructureTable
from embeddings.errors import EmbeddingsError, EngineError
from embeddings.store.manifest import MANIFEST
from embeddings.store.tables import ENCODER
from embeddings.store.training_vectors import TRAINING_VECTORS

Encoder: TypeAlias = CrystalEncoder | PotentialEncoder

EncoderLike: TypeAlias = Path | type[Potential]
"""Folder of the catalog version whose encoder is used, or a third-party potential."""


def open_encoder(asked: EncoderLike) -> Encoder:
    """Load an encoder onto the CPU.

    Raises:
        InputInvalid: the catalog version carries no encoder of crystals.
        CatalogCorrupt: something is missing or altered.
        MissingExtra: the package of the potential is not installed.
        WeightsNotFound: it comes without its weights.
    """
    return read_crystal_encoder(asked) if isinstance(asked, Path) else PotentialEncoder(asked())


def encoded(encoder: Encoder, table: StructureTable, *, sites: bool) -> Encoded:
    """Encode crystals of elements that an encoder covers.

    Args:
        encoder: any.
        table: the crystals.
        sites: give a vector for each atom, not for each crystal.

    Raises:
        CatalogCorrupt: the encoder behind a catalog gives NaN or infinity; third-party potentials skip the crystal.
        InputInvalid: the memory does not suffice.
    """
    if isinstance(encoder, PotentialEncoder):
        return encoder.attempt(table, sites=sites)
    of_crystals, of_sites = encoder.encode_with_sites(table) if sites else (encoder.encode(table), None)
    distances = None if encoder.training is None else encoder.training.distances(of_crystals)
    return Encoded(table, of_crystals if of_sites is None else of_sites, {}, distances)


def code_of_vectors(encoder: Encoder) -> str:
    """Return the hash of the code that makes vectors with an encoder."""
    package = "builders.others" if isinstance(encoder, PotentialEncoder) else METHODS["crystal-transformer"]
    return code_hash([package], also=["builders.embed.levels", "embeddings.store.training_vectors"])


class Shipped(Protocol):
    """An encoder as a worker gets it, pickled."""

    def load(self) -> Encoder:
        """Load it onto the CPU, in the worker."""


@dataclass(frozen=True)
class OfCatalog:
    """The encoder behind a catalog, which travels whole.

    Attributes:
        files: name -> content of the files that it is read from.
    """

    files: dict[str, bytes]

    def load(self) -> CrystalEncoder:
        """Read the encoder from temporary files, which is all that a worker writes.

        Raises:
            EngineError: there is no room for them.
            CatalogCorrupt: the encoder did not arrive whole.
        """
        try:
            with tempfile.TemporaryDirectory() as name:
                for path, content in self.files.items():
                    (Path(name) / path).write_bytes(content)
                return read_crystal_encoder(Path(name))
        except EmbeddingsError:
            raise
        except OSError as error:
            raise EngineError(
                f"The worker on {platform.node()} cannot write the encoder to its temporary folder: "
                f"{error.strerror or error}. Make room there, or name another folder in TMPDIR."
            ) from error


@dataclass(frozen=True)
class OfOthers:
    """A third-party potential, whose package every worker has.

    Attributes:
        potential: its class.
    """

    potential: type[Potential]

    def load(self) -> PotentialEncoder:
        """Load the potential from its package.

        Raises:
            EmbeddingsError: as `open_encoder` says.
        """
        return PotentialEncoder(self.potential())


def shipped(asked: EncoderLike) -> Shipped:
    """Return an encoder as workers get it."""
    if isinstance(asked, Path):
        names = (MANIFEST, ENCODER, TRAINING_VECTORS)
        return OfCatalog({name: (asked / name).read_bytes() for name in names if (asked / name).is_file()})
    return OfOthers(asked)
