"""SevenNet-0: Park et al., J. Chem. Theory Comput. 20, 4857 (2024), 10.1021/acs.jctc.4c00190, weights packaged."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from builders.others import mptrj
from builders.others.base import About, Crystal, Features, Potential, Uncovered, Weights
from builders.others.packages import imported, weights_of
from embeddings.store.manifest import Citation, Licence

if TYPE_CHECKING:
    import torch

READOUT = "reduce_input_to_hidden"
"""The first module that reads energies off; what it is given are the features of atoms."""

ABOUT = About(
    name="sevennet",
    version="2024.7.11",
    title="SevenNet-0 (11 July 2024)",
    weights=Weights(
        package="sevenn",
        requirement="sevenn==0.13.0",
        path="pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
        sha256="7052cb42b7b3be42b40b97fa0d21077a48c54b5548948fc4dcf346629f813c36",
    ),
    dim=128,
    atomic_numbers=mptrj.ELEMENTS,
    of_sites="The vector of a site is what the last of five interaction blocks gives for the atom, 128 scalars that do "
    "not change with a rotation, which its energy is read from.",
    of_structures="The vector of a structure is the mean over its sites.",
    training=mptrj.TRAINING,
    targets={"energy_per_atom": "eV/atom", "force": "eV/angstrom", "stress": "kbar"},
    limits=(
        "SevenNet-0 has very likely seen the materials of the Materials Project, with their energies, forces and "
        "stresses: an error on them, or on sets made of them, says little of new materials.",
        mptrj.UNKNOWN,
        "It sees 5 angstrom far in each block; crystals with an atom that has no neighbor there have no vector.",
    ),
    licence=Licence(spdx="MIT", attribution="SevenNet, copyright (c) 2024, Yutack Park; MIT license."),
    citation=Citation(
        bibtex="""@article{park2024scalable,
  title = {Scalable Parallel Algorithm for Graph Neural Network Interatomic Potentials in Molecular Dynamics Simulations},
  author = {Park, Yutack and Kim, Jaesun and Hwang, Seungwoo and Han, Seungwu},
  journal = {Journal of Chemical Theory and Computation},
  volume = {20},
  number = {11},
  pages = {4857--4868},
  year = {2024},
  doi = {10.1021/acs.jctc.4c00190}
}""",  # noqa: E501
        doi="10.1021/acs.jctc.4c00190",
    ),
    created="2024-07-11T00:00:00Z",
)


class Sevennet(Potential):
    """SevenNet-0 with the weights of 11 July 2024, without its readout."""

    about: ClassVar[About] = ABOUT

    def __init__(self) -> None:
        path = weights_of(ABOUT.weights)  # before a pickle is opened
        with imported(ABOUT.weights):
            self.model = import_module("sevenn.util").load_checkpoint(str(path)).build_model().eval()
        modules = [name for name, _ in self.model.named_children()]
        for name in modules[modules.index(READOUT) :]:
            self.model.delete_module_by_key(name)
        self.device: Any = "cpu"

    def to(self, device: torch.device) -> None:
        """Move the network."""
        self.model.to(device)
        self.device = device

    def graph(self, crystal: Crystal) -> Any:
        """Return a crystal as SevenNet's graph.

        Raises:
            Uncovered: an atom has no neighbor.
        """
        with imported(ABOUT.weights):
            from ase import Atoms

            atoms = Atoms(crystal.atomic_numbers, cell=crystal.lattice, scaled_positions=crystal.frac_coords, pbc=True)
            graph = import_module("sevenn.train.dataload").unlabeled_atoms_to_graph(atoms, self.model.cutoff)
            if len(np.unique(graph["edge_index"][0])) < len(atoms):
                raise Uncovered("isolated_atoms")
            return import_module("sevenn.atom_graph_data").AtomGraphData.from_numpy_dict(graph)

    def features(self, graphs: Sequence[Any]) -> list[Features]:
        """Return the features of crystals and atoms."""
        from torch_geometric.data import Batch

        data = self.model(Batch.from_data_list(list(graphs)).to(self.device))
        sites = np.split(data["x"].cpu().numpy(), np.cumsum([len(graph["x"]) for graph in graphs])[:-1])
        return [Features(one.mean(axis=0), one) for one in sites]
