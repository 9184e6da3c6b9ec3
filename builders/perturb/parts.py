"""A part of an output: copies of some crystals with what a potential says of each, made wherever the potential is."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from builders.engines.base import Part, Task, check_same
from builders.learning.devices import choose_device
from builders.others.asking import crystals_of
from builders.others.base import Answer, AnsweringPotential, Crystal
from builders.others.manifest import manifest_of
from builders.parts.part import content_of, part_of
from builders.parts.pieces import Piece
from builders.perturb.answers import UNITS as OF_COPIES
from builders.perturb.answers import ask, numbers_of
from builders.perturb.moves import Bounds, Moved, moved
from builders.perturb.stiffness import UNITS as OF_STRUCTURES
from builders.perturb.stiffness import Copy, stiffness
from builders.runs.code import code_hash
from builders.sources.structures import StructureRecord, structures_to_arrow
from builders.structures.cleaning import USABLE, at_most, sort_out
from builders.structures.counts import made_of
from builders.structures.table import StructureTable, structures_from_arrow

UNITS = OF_COPIES | OF_STRUCTURES
"""Column of numbers -> unit."""

TEXTS = ("copy_of", "move")
"""Columns of text: the identifier of the crystal, and how the copy was moved."""

AT_REST = "none"
"""The move of a crystal itself."""


@dataclass(frozen=True)
class Plan:
    """What copies are made.

    Attributes:
        n_copies: of each crystal, beside itself.
        moves: that they go through in turn.
        bounds: how far moves go.
        seed: draws them.
        max_sites: crystals of more atoms are left out.
        structures_only: whether the copies only tell the stiffness of their structures, and are not kept.
    """

    n_copies: int
    moves: tuple[str, ...]
    bounds: Bounds
    seed: int
    max_sites: int
    structures_only: bool = False


@dataclass(frozen=True)
class Perturbing:
    """What a worker needs to know once. It computes on one thread, so that the bytes are the same everywhere.

    Attributes:
        potential: its class; every worker has its package.
        plan: what copies are made.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        expected: what the driver has, see `fingerprints`.
    """

    potential: type[AnsweringPotential]
    plan: Plan
    device: str
    expected: dict[str, str]

    def start(self) -> Callable[[Task], Part]:
        """Load the potential and return what makes parts.

        Raises:
            EngineError: this worker has another potential, other code or another torch than the driver.
            EmbeddingsError: the potential cannot be loaded, see `builders.others`.
        """
        torch.set_num_threads(1)
        potential = self.potential()
        check_same(self.expected, fingerprints(self.potential), platform.node())
        potential.to(choose_device(self.device))
        return lambda task: make_part(potential, self.plan, task)


def fingerprints(potential: type[AnsweringPotential]) -> dict[str, str]:
    """Return what the bytes of a part depend on: the potential by its weights, our code, and torch."""
    code = code_hash(["builders.others", "builders.perturb"])
    return {"potential": manifest_of(potential.about).manifest_sha256, "code": code, "torch": torch.__version__}


def make_part(potential: AnsweringPotential, plan: Plan, task: Task) -> Part:
    """Copy what can be copied of a piece, ask about every copy, and count the rest."""
    piece: Piece = task.content
    covered = np.array(potential.about.atomic_numbers)
    filters = {
        **USABLE,
        "duplicate_id": lambda _: piece.is_new,
        "too_many_sites": at_most(plan.max_sites),
        "element_not_covered": lambda table: made_of(table, covered),
    }
    table, left_out = sort_out(piece.table, filters)
    records = list(_answered(potential, plan, table, left_out))
    content = b""
    if records:
        content = content_of(structures_to_arrow(records, properties=UNITS, texts=TEXTS, units=UNITS))
    return part_of(task, content, n_kept=len(records), left_out=left_out)


def _answered(
    potential: AnsweringPotential, plan: Plan, table: StructureTable, left_out: dict[str, list[str]]
) -> Iterator[StructureRecord]:
    """Yield each crystal with its copies; what the potential has no answer to goes to `left_out`, by reason."""
    names = [str(name) for name in table.material_ids]
    originals = crystals_of(table)
    for name, crystal, at_rest in zip(names, originals, ask(potential, originals), strict=True):
        if isinstance(at_rest, str):
            left_out.setdefault(at_rest, []).append(name)
            continue
        copies = _copies(plan, name, crystal, left_out)
        answers = ask(potential, [copy.crystal for _, _, copy in copies])
        for (number, _, _), answer in zip(copies, answers, strict=True):
            if isinstance(answer, str):
                left_out.setdefault(answer, []).append(id_of(name, number))
        told = [(*copy, answer) for copy, answer in zip(copies, answers, strict=True) if isinstance(answer, Answer)]
        stiff = stiffness(crystal, at_rest, [Copy(move, to[0], to[2], answer) for _, move, to, answer in told])
        yield _record(name, 0, AT_REST, Moved(crystal, 0.0, 0.0), numbers_of(at_rest, at_rest) | stiff)
        for number, move, copy, answer in told if not plan.structures_only else ():
            yield _record(name, number, move, copy, numbers_of(answer, at_rest))


def _copies(plan: Plan, name: str, crystal: Crystal, left_out: dict[str, list[str]]) -> list[tuple[int, str, Moved]]:
    """Return number, move and copy of all copies of a crystal that can be used."""
    made = [
        (number, *moved(crystal, name, number, moves=plan.moves, bounds=plan.bounds, seed=plan.seed))
        for number in range(1, plan.n_copies + 1)
    ]
    if not made:
        return []
    records = [_bare(id_of(name, number), copy.crystal) for number, _, copy in made]
    table = structures_from_arrow(structures_to_arrow(records), origin="copies")
    usable, unusable = sort_out(table, USABLE | {"too_many_sites": at_most(plan.max_sites)})
    for reason, some in unusable.items():
        left_out.setdefault(reason, []).extend(some)
    kept = set(usable.material_ids)
    return [one for one in made if id_of(name, one[0]) in kept]


def id_of(name: str, number: int) -> str:
    """Return the identifier of a copy; number 0 is the crystal itself."""
    return f"{name}-copy-{number}"


def _record(name: str, number: int, move: str, copy: Moved, said: Mapping[str, float]) -> StructureRecord:
    bare = _bare(id_of(name, number), copy.crystal)
    numbers = {**said, "volume_change": copy.volume_change, "rms_displacement": copy.rms_displacement}
    known = {column: value if np.isfinite(value) else None for column, value in numbers.items()}
    return StructureRecord(
        bare.material_id, bare.lattice, bare.atomic_numbers, bare.frac_coords,
        properties=known, texts={"copy_of": name, "move": move},
    )  # fmt: skip


def _bare(material_id: str, crystal: Crystal) -> StructureRecord:
    return StructureRecord(material_id, crystal.lattice, crystal.atomic_numbers.tolist(), crystal.frac_coords)
