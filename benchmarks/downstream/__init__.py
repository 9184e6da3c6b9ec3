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
        name = catalogs[0].partition("@")[0]
        own["only"] = tuple(kind.format(catalog=name) for kind in own.get("only", ()))
        return run(quick, catalog=catalogs[0], **own | choices)


EF, EG = "formation_energy_per_atom", "band_gap"
SHORT = ("atom_init", "{catalog} frozen", "{catalog} sites")
BESIDE = "{catalog} sites and fine-tuned elements"

PARTS = {
    "cgcnn-ef-1000": Part(
        "CGCNN, formation energy, 1,000 structures", "cgcnn", {"target": EF, "n_training": 1_000, "epochs": 30}
    ),
    "cgcnn-ef-5000": Part(
        "CGCNN, formation energy, 5,000 structures",
        "cgcnn",
        {"target": EF, "n_training": 5_000, "epochs": 20, "only": SHORT},
    ),
    "cgcnn-ef-20000": Part(
        "CGCNN, formation energy, 20,000 structures",
        "cgcnn",
        {"target": EF, "n_training": 20_000, "epochs": 10, "only": SHORT},
    ),
    "cgcnn-eg-1000": Part(
        "CGCNN, band gap, 1,000 structures",
        "cgcnn",
        {"target": EG, "n_training": 1_000, "epochs": 30, "only": SHORT},
    ),
    "cgcnn-eg-5000": Part(
        "CGCNN, band gap, 5,000 structures",
        "cgcnn",
        {"target": EG, "n_training": 5_000, "epochs": 20, "only": SHORT},
    ),
    "megnet-perovskites": Part(
        "MEGNet, formation energy of 1,000 cubic perovskites",
        "megnet",
        {"epochs": 30, "only": ("learned table", "mat2vec", *SHORT[1:], "{catalog} fine-tuned", BESIDE)},
    ),
    "alignn-ef-5000": Part(
        "ALIGNN (small), formation energy, 5,000 structures",
        "alignn",
        {"n_training": 5_000, "epochs": 10, "only": SHORT},
    ),
    "cgcnn-transfer": Part(
        "CGCNN on AFLOW and on cubic perovskites", "transfer", {"epochs": 15, "only": (*SHORT, BESIDE)}
    ),
    "compositions": Part("Pooled over the composition, MatBench", "compositions", catalogs=True),
    "probe": Part("Elemental properties from the vectors", "probe", catalogs=True),
}
"""Every part by name, in the order of the report."""
