"""CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), 10.1038/s42256-023-00716-3; its weights are packaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from builders.others import mptrj
from builders.others.base import About, Answer, AnsweringPotential, Crystal, Features, Uncovered, Weights
from builders.others.packages import imported, quiet, weights_of
from embeddings.errors import InputInvalid
from embeddings.store.manifest import Citation, Licence

if TYPE_CHECKING:
    import torch

ABOUT = About(
    name="chgnet",
    version="0.3.0",
    title="CHGNet 0.3.0",
    weights=Weights(
        package="chgnet",
        requirement="chgnet==0.4.2",
        extra="starter",
        path="pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        sha256="d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    ),
    dim=64,
    atomic_numbers=mptrj.ELEMENTS,
    of_sites="The vector of a site is CHGNet's atom feature before its last convolution, which its magnetic moments "
    "are read from.",
    of_structures="The vector of a structure is CHGNet's crystal feature divided by the number of atoms: the mean over "
    "all atoms of the features after the last convolution, which its energy is read from.",
    training=mptrj.TRAINING,
    targets={
        "energy_per_atom": "eV/atom",
        "force": "eV/angstrom",
        "stress": "GPa",
        "magnetic_moment": "Bohr magneton",
    },
    limits=(
        "CHGNet has very likely seen the materials of the Materials Project, with their energies, forces, stresses and "
        "magnetic moments: an error on them, or on sets made of them, says little of new materials.",
        mptrj.UNKNOWN,
        "It sees 6 angstrom far; crystals with an atom that has no neighbor there have no vector.",
    ),
    licence=Licence(
        spdx="BSD-3-Clause-LBNL",
        attribution="CHGNet, copyright (c) 2023, The Regents of the University of California, through Lawrence "
        "Berkeley National Laboratory and the University of California, Berkeley; modified BSD license.",
    ),
    citation=Citation(
        bibtex="""@article{deng2023chgnet,
  title = {CHGNet as a pretrained universal neural network potential for charge-informed atomistic modelling},
  author = {Deng, Bowen and Zhong, Peichen and Jun, KyuJung and Riebesell, Janosh and Han, Kevin and Bartel, Christopher J. and Ceder, Gerbrand},
  journal = {Nature Machine Intelligence},
  volume = {5},
  pages = {1031--1041},
  year = {2023},
  doi = {10.1038/s42256-023-00716-3}
}""",  # noqa: E501
        doi="10.1038/s42256-023-00716-3",
    ),
    created="2023-10-22T00:00:00Z",
)


def read_model() -> Any:
    """Return the network of CHGNet, on the CPU.

    Raises:
        MissingExtra: it is not installed.
        WeightsNotFound: the installed version does not carry the weights.
        CatalogCorrupt: it carries others.
    """
    weights_of(ABOUT.weights)  # before a pickle is opened
    with imported(ABOUT.weights):
        from chgnet.model import CHGNet

        return CHGNet.load(model_name=ABOUT.version, use_device="cpu", verbose=False)


class Chgnet(AnsweringPotential):
    """CHGNet with the weights of MPtrj."""

    about: ClassVar[About] = ABOUT

    def __init__(self) -> None:
        self.model = read_model()
        self.converter = self.model.graph_converter
        if self.converter.algorithm != "fast":
            raise InputInvalid(
                "chgnet is installed without its compiled part, and many times slower. Install its wheel for this "
                f"Python: uv pip install --reinstall --only-binary chgnet {ABOUT.weights.requirement}"
            )
        self.converter.set_isolated_atom_response("ignore")  # `graph` tells them from other failures

    def to(self, device: torch.device) -> None:
        """Move the network."""
        self.model.to(device)

    def graph(self, crystal: Crystal) -> Any:
        """Return a crystal as CHGNet's graph.

        Raises:
            Uncovered: an atom has no neighbor, or no graph can be made.
        """
        from pymatgen.core import Lattice, Structure

        crystal = _right_handed(crystal)
        structure = Structure(Lattice(crystal.lattice), crystal.atomic_numbers, crystal.frac_coords)
        structure.to = _write_nothing
        try:
            with quiet():
                graph = self.converter(structure)
        except (RuntimeError, ValueError) as error:
            raise Uncovered("graph_not_made") from error
        if len(np.unique(graph.atom_graph.reshape(-1, 2)[:, 0].numpy())) < len(structure):
            raise Uncovered("isolated_atoms")
        return graph

    def features(self, graphs: Sequence[Any]) -> list[Features]:
        """Return the features of crystals and atoms."""
        found = self.model.predict_graph(
            graphs, task="e", return_atom_feas=True, return_crystal_feas=True, batch_size=len(graphs)
        )
        return [
            Features(one["crystal_fea"] / np.float32(len(one["atom_fea"])), one["atom_fea"])
            for one in (found if len(graphs) > 1 else [found])
        ]

    def answers(self, graphs: Sequence[Any]) -> list[Answer]:
        """Return energies, forces and stresses."""
        found = self.model.predict_graph(graphs, task="efs", batch_size=len(graphs))
        return [Answer(one["e"], one["f"], one["s"]) for one in (found if len(graphs) > 1 else [found])]


def _right_handed(crystal: Crystal) -> Crystal:
    """Return the same atoms in a right-handed cell: CHGNet divides by a signed volume, and its stress has that sign."""
    hand = np.array([1.0, 1.0, -1.0 if np.linalg.det(crystal.lattice) < 0 else 1.0])
    return crystal._replace(lattice=crystal.lattice * hand[:, None], frac_coords=crystal.frac_coords * hand)


def _write_nothing(*_: Any, **__: Any) -> None:
    """Take the place of ``Structure.to``: the converter writes a file of a crystal that it fails on."""
