"""Structures to learn from, and structures whose properties are tested: they share no formula."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.data import MATERIALS_PROJECT
from benchmarks.options import check_there
from benchmarks.teachers.copied import Copied, read_copies
from benchmarks.teachers.ways import Way
from builders.learning.material import Material
from builders.learning.splits import split_by_formula
from builders.learning.targets import derive_targets, labels_of
from builders.structures.cleaning import clean, drop_unlabelled
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_catalog
from embeddings.errors import InputInvalid
from embeddings.vectors.structures import StructureCatalog

AFLOW = "aflow.parquet"
"""Toher et al., 10.1103/PhysRevB.90.174107."""

TARGETS = {
    "bulk_modulus": "GPa",
    "shear_modulus": "GPa",
    "debye_temperature": "K",
    "thermal_conductivity_300k": "W/(m K)",
    "thermal_expansion_300k": "1/K",
}
"""What is tested -> its unit; the decadic logarithm of each is predicted."""

SPLIT_SEED = 0
"""Of what is held out, and of what is tested: the same for every network."""


@dataclass(frozen=True, eq=False)
class Examined:
    """Structures that no network learns from.

    Attributes:
        table: (n,) structures.
        formulas: (n,) canonical reduced formulas.
        values: (n, n_targets) decadic logarithms of the properties.
        vectors: (n, dim) of the teacher; None where it was not asked.
        training_rows: from which a head learns.
        test_rows: on which it is measured, in an order that is drawn; none has a formula of the former.
        targets: what is tested -> its unit.
    """

    table: StructureTable
    formulas: np.ndarray
    values: np.ndarray
    vectors: np.ndarray | None
    training_rows: np.ndarray
    test_rows: np.ndarray
    targets: dict[str, str] = field(default_factory=lambda: TARGETS)


@dataclass(frozen=True, eq=False)
class Problem:
    """What networks learn from, and what their vectors are tested on.

    Attributes:
        material: crystals with labels, all of which the teacher knows.
        tested: other crystals.
        teacher: file of the teacher's vectors.
        name: of the teacher, with its version.
        copied: what perturbed copies tell; None where there are none.
    """

    material: Material
    tested: Examined
    teacher: Path
    name: str
    copied: Copied | None = None

    def material_of(self, way: Way) -> Material:
        """Return what is learned from in a way.

        Raises:
            InputInvalid: it needs copies, and there are none.
        """
        if way.copies:
            return self._copied().with_copies
        return self._copied().with_stiffness if way.stiffness else self.material

    def epochs_of(self, way: Way, epochs: int) -> int:
        """Return how many epochs a way takes; the material sets how many steps an epoch has."""
        if not way.longer:
            return epochs
        return round(epochs * len(self._copied().with_copies.training_rows) / len(self.material.training_rows))

    def _copied(self) -> Copied:
        if self.copied is None:
            raise InputInvalid("Name copies of the structures with --copies. Make them with: embeddings perturb")
        return self.copied


@dataclass(frozen=True)
class Sizes:
    """How much is used.

    Attributes:
        n_structures: to learn from, at most.
        max_sites: of a structure that is learned from.
        n_training: structures of AFLOW that a head learns from.
        n_test: structures of AFLOW that it is measured on, at most.
    """

    n_structures: int
    max_sites: int
    n_training: int
    n_test: int


def read_problem(
    data: Path, teacher: Path, tested: Path, targets: tuple[str, ...], sizes: Sizes, *, copies: Path | None = None
) -> Problem:
    """Read structures, labels and the vectors of a teacher.

    Args:
        data: folder of the development data.
        teacher: its vectors of structures of the Materials Project.
        tested: its vectors of AFLOW's structures.
        targets: that networks learn.
        sizes: how much is used.
        copies: file of perturbed copies of structures of the Materials Project.

    Raises:
        InputInvalid: the data are not there, or the two files are not vectors of structures, not by one encoder or not
            of these structures; or there are no copies of what is learned from.
        CatalogNotFound: there is no such file.
    """
    known, of_tested = _vectors(teacher), _vectors(tested)
    if known.footer.encoder != of_tested.footer.encoder:
        raise InputInvalid(
            f"{teacher} holds vectors by {known.footer.encoder} and {tested} by {of_tested.footer.encoder}. Make both "
            "with one encoder."
        )
    structures, aflow = _covered(data / MATERIALS_PROJECT, known), _covered(data / AFLOW, of_tested)
    material = _material(structures, set(reduced_formulas_of(aflow)), targets, sizes)
    copied = None if copies is None else read_copies(copies, material, split_seed=SPLIT_SEED)
    return Problem(material, _tested(aflow, of_tested, material, sizes), teacher, known.footer.encoder, copied)


def _vectors(path: Path) -> StructureCatalog:
    catalog = load_catalog(path)
    if not isinstance(catalog, StructureCatalog):
        raise InputInvalid(f"{path} holds no vectors of structures. Make them with: embeddings embed --level structure")
    return catalog


def _covered(path: Path, vectors: StructureCatalog) -> StructureTable:
    """Return the usable structures of a file that have a vector."""
    check_there(path)
    table = read_structure_table(path)
    table = clean(table.take(np.flatnonzero(_isin(table.material_ids, vectors.material_ids))))[0]
    formula_of = dict(zip(vectors.material_ids, vectors.formulas, strict=True))
    if [formula_of[name] for name in table.material_ids] != reduced_formulas_of(table):
        raise InputInvalid(f"The vectors by {vectors.footer.encoder} are of other structures than {path} has.")
    return table


def _isin(values: np.ndarray, chosen: object) -> np.ndarray:
    return np.isin(np.asarray(values, dtype=str), np.asarray(chosen, dtype=str))


def _material(table: StructureTable, unwanted: set[str], targets: tuple[str, ...], sizes: Sizes) -> Material:
    """Return what is learned from: the first small structures with labels, of none of the unwanted formulas."""
    fits = ~_isin(np.array(reduced_formulas_of(table)), sorted(unwanted)) & (table.n_sites <= sizes.max_sites)
    table = drop_unlabelled(derive_targets(table.take(np.flatnonzero(fits)), targets), targets)[0]
    table = table.take(np.arange(min(len(table), sizes.n_structures)))
    formulas = reduced_formulas_of(table)
    split = split_by_formula(formulas, validation_fraction=0.1, seed=SPLIT_SEED, keep_elements=True)
    return Material(table, formulas, {}, targets, *split)


def _tested(table: StructureTable, vectors: StructureCatalog, material: Material, sizes: Sizes) -> Examined:
    learned = np.unique(material.trained_on.atomic_numbers)
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    table = replace(table, properties={name: _logarithms(table.properties[name]) for name in TARGETS})
    fits = np.isfinite(labels_of(table, list(TARGETS))).all(axis=1)
    fits[crystal_of_atom[~np.isin(table.atomic_numbers, learned)]] = False
    table = table.take(np.flatnonzero(fits))
    formulas = np.array(reduced_formulas_of(table))
    order = _drawn(formulas)
    training, others = order[: sizes.n_training], order[sizes.n_training :]
    test = others[~np.isin(formulas[others], formulas[training])][: sizes.n_test]
    kept = np.concatenate([training, test])
    table = table.take(kept)
    return Examined(
        table, formulas[kept], labels_of(table, list(TARGETS)), vectors.lookup(table.material_ids.tolist()),
        np.arange(len(training)), np.arange(len(training), len(kept)),
    )  # fmt: skip


def _logarithms(values: np.ndarray) -> np.ndarray:
    """Return decadic logarithms, NaN where a value is unknown or not positive."""
    return np.log10(np.where(values > 0, values, np.nan))


def _drawn(formulas: np.ndarray) -> np.ndarray:
    """Return all rows in an order in which formulas are drawn, each with all of its rows."""
    distinct, formula_of = np.unique(formulas, return_inverse=True)
    place = np.random.default_rng(SPLIT_SEED).permutation(len(distinct))
    return np.argsort(place[formula_of], kind="stable")
