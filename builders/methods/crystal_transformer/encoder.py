"""The encoder of a catalog: the trained network without its heads, which gives crystals and their atoms vectors.

It is published beside the vectors as `ENCODER`, in half precision, and computes in single precision. Nothing of the
training code is needed to run it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from builders.methods import no_network
from builders.methods.crystal_transformer.batches import Batch, PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.weights import TURN, check_turn, config_of, network_of
from builders.runs.identity import identity_of
from builders.structures.encodable import encodable, table_of
from builders.structures.encoding import EncodesCrystals, memory_named
from builders.structures.equivalent import reduced_neighbors
from builders.structures.primitive import cell_columns
from builders.structures.table import StructureTable, spans
from embeddings.display.html import facts_table
from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.store.integrity import check_file
from embeddings.store.manifest import FileEntry, Manifest, read_manifest
from embeddings.store.tables import ENCODER
from embeddings.store.tensors import read_tensors
from embeddings.store.training_vectors import TrainingVectors, read_training_vectors

if TYPE_CHECKING:
    from builders.structures.encodable import Structures

AT_ONCE, SITES_AT_ONCE = 2048, 200_000
"""Crystals, and atoms of them, whose neighbors are held in memory together."""

BATCH_SIZE, MAX_PAIRS = 128, 128 * 32 * 32
"""Of a batch: crystals at most, and pairs of atoms at most."""

_AGAIN = "Install or build this version again."


class CrystalEncoder(EncodesCrystals):
    """Crystals in, vectors out.

    Attributes:
        manifest: of the catalog version that the encoder comes from.
        model: the network.
        atomic_numbers: (n_elements,) those that it was trained on, ascending; crystals with others are refused.
        training: where its training crystals lie among its vectors; None where the catalog does not tell.
        max_sites: crystals of more atoms are refused. Raise it where the memory allows it, which has to hold some 60
            numbers for each pair of atoms.
    """

    def __init__(
        self,
        manifest: Manifest,
        model: CrystalTransformer,
        turn: np.ndarray | None = None,
        training: TrainingVectors | None = None,
    ) -> None:
        self.manifest, self.model, self.training = manifest, model.eval(), training
        self.turn = None if turn is None else torch.from_numpy(turn.astype(np.float32))
        self.atomic_numbers = np.array(sorted(ATOMIC_NUMBERS[symbol] for symbol in manifest.n_structures))

    def __repr__(self) -> str:
        return f'CrystalEncoder("{self.name}@{self.version}", dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        facts = {
            "vectors": f"of any crystal and of its atoms, {self.dim} wide",
            "elements": f"{len(self.atomic_numbers)} in training",
            "description": self.manifest.description,
            "license": self.manifest.licence.spdx,
        }
        return facts_table(f"CrystalEncoder {self.name}@{self.version}", facts)

    @property
    def dim(self) -> int:
        """Width of the vector of a crystal."""
        return self.model.config.structure_dim

    @property
    def site_dim(self) -> int:
        """Width of the vector of an atom."""
        return self.model.config.width

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return self.model.table.weight.device

    @property
    def network_sha256(self) -> str:
        """Hash of the file of the network."""
        return next(file.sha256 for file in self.manifest.files if file.path == ENCODER)

    @property
    def sha256(self) -> str:
        """Encoders that agree in it give the same vectors: the hash of the network, and of what more is published."""
        crystals = self.manifest.model.hyperparameters.get("crystals")
        return identity_of(self.network_sha256, crystals) if crystals else self.network_sha256

    def to(self, device: torch.device | str) -> CrystalEncoder:
        """Move the network to a device and return the encoder."""
        self.model.to(device)
        self.turn = None if self.turn is None else self.turn.to(device)
        return self

    def turned(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors of the network, (..., at least `site_dim`), in the frame of the catalog.

        What stands behind the first `site_dim` numbers stays as it is: numbers of the cell have no frame, and nobody
        finds that of an earlier layer.
        """
        if self.turn is None:
            return vectors
        width = self.site_dim
        return torch.cat([vectors[..., :width] @ self.turn, vectors[..., width:]], dim=-1)

    @torch.inference_mode()
    def encode(self, structures: Structures) -> np.ndarray:
        """Return one vector for each crystal, (n, dim) float32.

        In the periodic geometry it begins with the mean of the crystal's site vectors; what stands behind that, if
        anything, the readout says, see `embeddings.store.readout`.

        Args:
            structures: a table, or pymatgen structures and ASE atoms.

        Raises:
            ElementNotCovered: the encoder was not trained on some element; `covers` tells the crystals apart.
            InputInvalid: something is not a structure, has no atoms or more than `max_sites`, or has no usable cell or
                coordinates.
            CatalogCorrupt: a vector holds NaN or infinity.
        """
        table = encodable(structures, self)
        vectors = np.empty((len(table), self.dim), dtype=np.float32)
        with memory_named(table.n_sites):
            for rows, batch, _ in self._batches(table):
                vectors[rows] = self.turned(self.model.encode(batch)).cpu().numpy()
        self._check_numbers(vectors, np.asarray(table.material_ids))
        return vectors

    def encode_sites(self, structures: Structures) -> tuple[np.ndarray, np.ndarray]:
        """Return one vector for each atom in its context.

        Args:
            structures: a table, or pymatgen structures and ASE atoms.

        Returns:
            (n_atoms, site_dim) float32, crystal after crystal and atom after atom as given; and (n + 1,) int64 offsets:
            crystal ``i`` owns rows ``offsets[i]:offsets[i + 1]``.

        Raises:
            ElementNotCovered: the encoder was not trained on some element; `covers` tells the crystals apart.
            InputInvalid: something is not a structure, has no atoms or more than `max_sites`, or has no usable cell or
                coordinates.
            CatalogCorrupt: a vector holds NaN or infinity.
        """
        table = table_of(structures)
        return self.encode_with_sites(table)[1], table.offsets

    @torch.inference_mode()
    def encode_with_sites(self, structures: Structures) -> tuple[np.ndarray, np.ndarray]:
        """Return what `encode` and `encode_sites` return, in one pass: vectors of crystals, and of all their atoms.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        table = encodable(structures, self)
        crystals = np.empty((len(table), self.dim), dtype=np.float32)
        sites = np.empty((len(table.atomic_numbers), self.site_dim), dtype=np.float32)
        with memory_named(table.n_sites):
            for rows, batch, places in self._batches(table):
                layers = self.model.encode_layers(batch)
                crystals[rows] = self.turned(self.model.read_out(batch, layers)).cpu().numpy()
                sites[table.atoms_of(rows)] = self.turned(layers[0]).flatten(0, 1).cpu().numpy()[places]
        self._check_numbers(sites, np.repeat(table.material_ids, table.n_sites))
        return crystals, sites

    def _check_numbers(self, vectors: np.ndarray, names: np.ndarray) -> None:
        """Refuse vectors that hold NaN or infinity: weights that are too large, or no distances."""
        fine = np.array(np.isfinite(vectors).all(axis=1))
        if not fine.all():
            first = int(np.argmin(fine))
            raise CatalogCorrupt(
                f"{self!r} gives {(~fine).sum():,} of {counted(len(fine), 'vector')} with NaN or infinity; the first "
                f"is that of {names[first]}. Leave out its structure, or install or build this version again."
            )

    def _batches(self, table: StructureTable) -> Iterator[tuple[np.ndarray, Batch, np.ndarray]]:
        """Yield row numbers, their batch, and where in it each of their atoms is, until all crystals had their turn."""
        config, device = self.model.config, self.device
        for start, stop in spans(table.n_sites, most=AT_ONCE, most_sites=SITES_AT_ONCE):
            part = table.take(np.arange(start, stop))
            graphs = reduced_neighbors(part, config.cutoff, config.depth) if config.geometry == "periodic" else None
            crystals = PackedCrystals(part, graphs, np.zeros((len(part), 0)), cells_for(config, part))
            everything = np.arange(len(part))
            for rows in batches_by_size(crystals.sizes, everything, batch_size=BATCH_SIZE, max_pairs=MAX_PAIRS):
                yield start + rows, crystals.batch(rows).to(device), crystals.places(rows)


def cells_for(config: CrystalTransformerConfig, table: StructureTable) -> np.ndarray | None:
    """Return what a network is told of the cells, (n, 3) float32; None where it does not ask."""
    return cell_columns(table) if config.readout else None


def read_crystal_encoder(folder: Path) -> CrystalEncoder:
    """Read the encoder from the folder of a catalog version, its hash checked, onto the CPU.

    Raises:
        InputInvalid: this version carries no encoder of crystals.
        CatalogCorrupt: a file or the manifest is missing or altered, or they do not fit each other.
        ManifestInvalid: the manifest does not fit its schema.
    """
    folder = Path(folder)
    manifest, where = read_manifest(folder), folder / ENCODER
    tensors = read_tensors(check_file(where, _entry_of(manifest), keep=True), where=where)
    unfit = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if unfit:
        raise CatalogCorrupt(f"{where} holds weights that are not numbers ({', '.join(unfit[:5])}). {_AGAIN}")
    try:
        turn, config = tensors.pop(TURN, None), config_of(manifest)
        check_turn(turn, config.width)
        network = network_of(config, tensors)
    except (ManifestInvalid, KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CatalogCorrupt(f"{where} does not fit its manifest: {shortened(reason, 300)} {_AGAIN}") from error
    return CrystalEncoder(manifest, network, turn, read_training_vectors(folder, manifest, dim=config.structure_dim))


def _entry_of(manifest: Manifest) -> FileEntry:
    if manifest.kind != "element":
        raise InputInvalid(
            f"{manifest.name} {manifest.version} encodes formulas, not crystals. For crystals name a catalog of "
            "elements, such as ct-multi; for formulas use embeddings featurize, or featurize from Python."
        )
    entry = next((entry for entry in manifest.files if entry.path == ENCODER), None)
    if entry is None and manifest.table:
        raise InputInvalid(no_network(manifest))
    if entry is None:
        raise InputInvalid(
            f"{manifest.name} {manifest.version} carries no encoder of crystals: it was built before encoders were "
            f"published. Build a new version of it: {manifest.command}"
        )
    return entry
