"""What the vectors do for other people's models: ``python -m benchmarks downstream [NAME ...] --catalog NAME``.

Every case compares kinds of features under the same model, split and budget. The materials that are tested on are such
that the catalog was not trained on their formulas; where one was, the run fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmarks import harness
from benchmarks.downstream.tables import table
from benchmarks.harness import Case, Request, Suite
from benchmarks.options import numbers

EF, EG = "formation_energy_per_atom", "band_gap"
SHORT = ("atom_init", "{catalog} frozen", "{catalog} sites")
BESIDE = "{catalog} sites and fine-tuned elements"
FOUNDATION = ("atom_init", "{catalog} sites", BESIDE)
ALL = 1_000_000
"""Structures to learn from: more than there are."""

QUICK = ("n_training", "epochs", "spreads", "seeds")
"""What a quick run chooses for itself."""


def _back_end(name: str, title: str, module: str, only: tuple[str, ...] = (), **settings: Any) -> Case:
    """Return a case that compares atom features in a back end, for the first of the catalogs.

    Args:
        name: of the case.
        title: of its table.
        module: in this package; its ``run`` is told the settings.
        only: kinds of features, all if empty; ``--only`` takes their place.
        settings: the target, and changes to the budget.
    """

    def run(request: Request) -> Mapping[str, Any]:
        catalog, *beside = request.choices["catalogs"]
        kinds = request.choices["only"] or _formatted(only, catalog, beside)
        own = {key: value for key, value in settings.items() if not (request.quick and key in QUICK)}
        if request.choices["seeds"]:
            own["seeds"] = request.choices["seeds"]
        return import_module(f"benchmarks.downstream.{module}").run(
            request, catalog=catalog, beside=beside, only=kinds, **own
        )

    return Case(name, title, run)


def _formatted(kinds: tuple[str, ...], catalog: str, beside: list[str]) -> list[str]:
    """Return the kinds of features of a case, those of sites also of the other catalogs."""
    first, *others = (name.partition("@")[0] for name in (catalog, *beside))
    of_sites = [kind for kind in kinds if "{catalog} sites" in kind]
    return [*(kind.format(catalog=first) for kind in kinds), *(k.format(catalog=o) for o in others for k in of_sites)]


def _of_catalogs(name: str, title: str) -> Case:
    """Return a case that compares all catalogs at once; its module has its name."""

    def run(request: Request) -> Mapping[str, Any]:
        return import_module(f"benchmarks.downstream.{name}").run(request, catalogs=request.choices["catalogs"])

    return Case(name, title, run)


def _cgcnn(name: str, what: str, only: tuple[str, ...] = SHORT, **settings: Any) -> Case:
    title = f"CGCNN, {what}, {settings['n_training']:,} structures"
    return _back_end(f"cgcnn-{name}", title, "cgcnn", only, **settings)


SUITE = Suite(
    "downstream",
    "Measure what the vectors of catalogs do for other models.",
    cases=[
        _cgcnn("ef-1000", "formation energy", only=(), target=EF, n_training=1_000, epochs=30),
        _cgcnn("ef-5000", "formation energy", target=EF, n_training=5_000, epochs=20),
        _cgcnn("ef-20000", "formation energy", target=EF, n_training=20_000, epochs=10),
        _back_end(
            "cgcnn-ef-all",
            "CGCNN, formation energy, all structures of at most 24 atoms",
            "cgcnn",
            ("atom_init", "{catalog} sites"),
            target=EF,
            n_training=ALL,
            epochs=8,
            spreads=(0.1,),
            seeds=(0,),
        ),
        _cgcnn("eg-1000", "band gap", target=EG, n_training=1_000, epochs=30),
        _cgcnn("eg-5000", "band gap", target=EG, n_training=5_000, epochs=20),
        _back_end(
            "megnet-perovskites",
            "MEGNet, formation energy of 1,000 cubic perovskites",
            "megnet",
            ("learned table", "mat2vec", *SHORT[1:], "{catalog} fine-tuned", BESIDE),
            epochs=30,
        ),
        _back_end(
            "alignn-ef-5000",
            "ALIGNN (small), formation energy, 5,000 structures",
            "alignn",
            SHORT,
            n_training=5_000,
            epochs=10,
        ),
        _back_end("cgcnn-oracle", "CGCNN, formation energy, element vectors that were learned for it", "oracle"),
        _back_end("cgcnn-transfer", "CGCNN on AFLOW and on cubic perovskites", "transfer", (*SHORT, BESIDE), epochs=15),
        _back_end(
            "cgcnn-foundation",
            "CGCNN on AFLOW and on cubic perovskites, of whose other formulas ct-foundation learned",
            "transfer",
            FOUNDATION,
            epochs=15,
            few_unseen=True,
        ),
        _back_end(
            "megnet-foundation",
            "MEGNet, formation energy of 1,000 cubic perovskites, of whose other formulas ct-foundation learned",
            "megnet",
            ("learned table", *FOUNDATION[1:]),
            epochs=30,
            few_unseen=True,
        ),
        _of_catalogs("compositions", "Pooled over the composition, MatBench"),
        _of_catalogs("probe", "Elemental properties from the vectors"),
    ],
    table=table,
)

command = harness.command(
    SUITE,
    click.Option(["--catalog", "catalogs"], multiple=True, default=("ct-multi",), show_default=True,
                 help="Name or path; of all but the first, back ends take the site vectors."),
    click.Option(["--only"], multiple=True, metavar="FEATURES",
                 help="Kinds of features for the back ends.  [default: the case's own choice]"),
    click.Option(["--seeds"], type=numbers(int), help="Of the back ends: a,b,...  [default: three]"),
)  # fmt: skip
