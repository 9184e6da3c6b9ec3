"""What the vectors do for other people's models: ``python -m benchmarks.downstream [PART ...] [--quick]``.

Every part compares kinds of features under the same model, split and budget, and is a module with a function
``run(quick, **choices) -> dict`` that returns ``settings``, ``environment``, ``rows`` and ``notes``. The materials
that are tested on are such that the catalog was not trained on their formulas; where one was, the run fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Part:
    """One table of the report.

    Attributes:
        title: for people.
        module: in this package.
        choices: what its ``run`` is told.
        catalogs: whether it measures several catalogs at once.
    """

    title: str
    module: str
    choices: dict[str, Any] = field(default_factory=dict)
    catalogs: bool = False

    def run(self, catalogs: tuple[str, ...], *, quick: bool, **choices: Any) -> dict[str, Any]:
        """Measure the first of the catalogs, or all where the part can; `choices` are those of every back end."""
        run = import_module(f"benchmarks.downstream.{self.module}").run
        if self.catalogs:
            return run(quick, catalogs=catalogs, **self.choices)
        own = {key: value for key, value in self.choices.items() if not (quick and key in ("n_training", "epochs"))}
        only = tuple(name.format(catalog=catalogs[0].partition("@")[0]) for name in own.pop("only", ()))
        return run(quick, catalog=catalogs[0], only=only, **own, **choices)


EF, EG = "formation_energy_per_atom", "band_gap"
SHORT = ("atom_init", "mace_mp0", "{catalog} frozen", "{catalog} fine-tuned", "{catalog} sites")
SHORTEST = ("atom_init", "{catalog} frozen", "{catalog} sites")

PARTS = {
    "cgcnn-ef-1000": Part(
        "CGCNN, formation energy of 1,000 structures", "cgcnn", {"target": EF, "n_training": 1_000, "epochs": 40}
    ),
    "cgcnn-ef-5000": Part(
        "CGCNN, formation energy of 5,000 structures",
        "cgcnn",
        {"target": EF, "n_training": 5_000, "epochs": 25, "only": SHORT},
    ),
    "cgcnn-ef-20000": Part(
        "CGCNN, formation energy of 20,000 structures",
        "cgcnn",
        {"target": EF, "n_training": 20_000, "epochs": 15, "only": SHORTEST},
    ),
    "cgcnn-eg-1000": Part(
        "CGCNN, band gap of 1,000 structures",
        "cgcnn",
        {"target": EG, "n_training": 1_000, "epochs": 40, "only": SHORT},
    ),
    "cgcnn-eg-5000": Part(
        "CGCNN, band gap of 5,000 structures",
        "cgcnn",
        {"target": EG, "n_training": 5_000, "epochs": 25, "only": SHORTEST},
    ),
    "megnet-perovskites": Part("MEGNet, formation energy of 1,000 cubic perovskites", "megnet"),
    "alignn-ef": Part("ALIGNN (small), formation energy", "alignn"),
    "cgcnn-transfer": Part("CGCNN on AFLOW and on cubic perovskites", "transfer", {"only": SHORTEST}),
    "compositions": Part("Pooled over the composition, MatBench", "compositions", catalogs=True),
    "probe": Part("Elemental properties from the vectors", "probe", catalogs=True),
}
"""Every part by name, in the order of the report."""
