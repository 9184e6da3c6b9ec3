"""Elemental references: CHGNet's own energy of each element in its most stable form.

Most metals crystallise in one of the elemental prototypes. Elements whose ground state is molecular, layered or
otherwise of low symmetry are added here as they crystallise, and relaxed in cell and positions with CHGNet.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.store.folders import write_text
from tools.starter.potential import load_potential

_FORCE_TOLERANCE = 0.02  # eV/A
_MAX_STEPS = 500

Site = tuple[float, float, float]


@dataclass(frozen=True)
class GroundState:
    """An elemental crystal structure from which a relaxation starts.

    Attributes:
        name: what the form is called.
        lengths: symbol -> length of the a axis, A.
        space_group: International Tables number.
        ratios: b/a, c/a.
        sites: fractional coordinates of the occupied Wyckoff positions.
        beta: angle between a and c in degrees (gamma follows from the space group).
    """

    name: str
    lengths: Mapping[str, float]
    space_group: int
    ratios: tuple[float, float]
    sites: tuple[Site, ...]
    beta: float = 90.0


GROUND_STATES: tuple[GroundState, ...] = (
    GroundState("molecular-hcp", {"H": 3.78}, 194, (1, 1.632), ((1 / 3, 2 / 3, 0.190),)),
    GroundState("alpha-n2", {"N": 5.66}, 205, (1, 1), ((0.056, 0.056, 0.056),)),
    GroundState("alpha-o2", {"O": 5.40}, 12, (0.635, 0.943), ((0.056, 0, 0.150),), beta=132.5),
    GroundState("alpha-f2", {"F": 5.50}, 15, (0.596, 1.324), ((0.072, 0.070, 0.088),), beta=102.2),
    GroundState("iodine", {"Cl": 6.24, "Br": 6.67, "I": 7.27}, 64, (1.347, 0.659), ((0, 0.117, 0.154),)),
    GroundState("graphite", {"C": 2.46}, 194, (1, 2.728), ((0, 0, 1 / 4), (1 / 3, 2 / 3, 1 / 4))),
    GroundState("alpha-boron", {"B": 4.91}, 166, (1, 2.560), ((0.119, 0.238, 0.892), (0.197, 0.394, 0.024))),
    GroundState("black-phosphorus", {"P": 3.31, "As": 3.65}, 64, (3.166, 1.323), ((0, 0.102, 0.081),)),
    GroundState("grey-arsenic", {"P": 3.30, "As": 3.76, "Sb": 4.31, "Bi": 4.55}, 166, (1, 2.806), ((0, 0, 0.227),)),
    GroundState("grey-selenium", {"S": 4.20, "Se": 4.37, "Te": 4.46}, 152, (1, 1.133), ((0.225, 0, 1 / 3),)),
    GroundState("rhombohedral-sulfur", {"S": 10.82}, 148, (1, 0.396), ((0.145, 0.189, 0.105),)),
    GroundState("alpha-gallium", {"Ga": 4.52}, 64, (1.695, 1.002), ((0, 0.155, 0.081),)),
    GroundState("alpha-mercury", {"Hg": 3.46}, 166, (1, 1.931), ((0, 0, 0),)),
    GroundState("zinc", {"Zn": 2.66, "Cd": 2.98}, 194, (1, 1.861), ((1 / 3, 2 / 3, 1 / 4),)),
    GroundState("indium", {"In": 3.25}, 139, (1, 1.523), ((0, 0, 0),)),
    GroundState("white-tin", {"Sn": 5.83}, 141, (1, 0.546), ((0, 0, 0),)),
    GroundState("protactinium", {"Pa": 3.93}, 139, (1, 0.824), ((0, 0, 0),)),
    GroundState("alpha-uranium", {"U": 2.85, "Np": 2.85, "Pu": 2.95}, 63, (2.060, 1.740), ((0, 0.102, 1 / 4),)),
    GroundState("alpha-neptunium", {"Np": 6.66}, 62, (0.709, 0.734), ((0.036, 1 / 4, 0.208), (0.319, 1 / 4, 0.842))),
    GroundState(
        "alpha-manganese",
        {"Mn": 8.91},
        217,
        (1, 1),
        ((0, 0, 0), (0.317, 0.317, 0.317), (0.356, 0.356, 0.034), (0.089, 0.089, 0.282)),
    ),
)


def _structures(state: GroundState) -> Iterator[tuple[str, Any]]:
    """Yield (symbol, primitive structure) for each element that takes the form."""
    from pymatgen.core import Lattice, Structure

    gamma = 120 if 143 <= state.space_group <= 194 else 90
    for symbol, a in state.lengths.items():
        b, c = (a * ratio for ratio in state.ratios)
        lattice = Lattice.from_parameters(a, b, c, 90, state.beta, gamma)
        structure = Structure.from_spacegroup(state.space_group, lattice, [symbol] * len(state.sites), state.sites)
        yield symbol, structure.get_primitive_structure()


def relaxed_energy(structure: Any) -> float:
    """Relax cell and positions with CHGNet and return the energy, eV/atom."""
    from chgnet.model import StructOptimizer

    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = StructOptimizer(model=load_potential(), use_device="cpu")
        result = optimizer.relax(structure, fmax=_FORCE_TOLERANCE, steps=_MAX_STEPS, verbose=False)
    return float(result["trajectory"].energies[-1]) / len(structure)


def _relax_all() -> dict[str, dict[str, float]]:
    energies: dict[str, dict[str, float]] = {}
    for state in GROUND_STATES:
        for symbol, structure in _structures(state):
            energies.setdefault(symbol, {})[state.name] = relaxed_energy(structure)
    return energies


def ground_state_energies(path: Path) -> dict[str, dict[str, float]]:
    """Return the relaxed energies of the ground states, computed once and kept on disk.

    Args:
        path: JSON file that keeps them.

    Returns:
        Symbol -> form -> eV/atom.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(_relax_all(), indent=1))
    energies: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return energies
