"""The packaged starter set, and the tools that made it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Element, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from builders.sources.starter import STARTER_FILE
from embeddings.errors import InputInvalid, SourceError
from tools.starter import card, compute, dataset, decorate, generate, volume_search
from tools.starter.cells import LABELS, Prototype, primitive_cell
from tools.starter.equation_of_state import EquationOfState, birch_murnaghan_energies, fit_birch_murnaghan
from tools.starter.prototypes import ELEMENTAL, PROTOTYPES
from tools.starter.textbook import TEXTBOOK

CARD_FILE = STARTER_FILE.with_name("CARD.md")
UNITS = {
    "formation_energy_per_atom": "eV/atom",
    "volume_per_atom": "A^3/atom",
    "bulk_modulus": "GPa",
    "magnetic_moment_per_atom": "mu_B/atom",
}
SYMBOLS = ("Na", "Fe", "O", "Cl")  # any four elements, one per label
AFLOW = {  # Strukturbericht symbols as the AFLOW library writes them
    "rocksalt": "B1",
    "cscl": "B2",
    "wurtzite": "B4",
    "fluorite": "C1",
    "rutile": "C4",
    "pyrite": "C2",
    "perovskite": "E2_1",
    "spinel": "H1_1",
    "half-heusler": "C1_b",
    "full-heusler": "L2_1",
    "l1-2": "L1_2",
    "laves-c15": "C15",
    "corundum": "D5_1",
    "cacu5": "D2_d",
}
BY_NAME = {prototype.name: prototype for prototype in PROTOTYPES}
GEOMETRIES = list({prototype.geometry: prototype for prototype in PROTOTYPES}.values())


def decorated(prototype: Prototype, order: str = LABELS) -> Structure:
    """Return the primitive cell at 2.5^3 A^3/atom with one element per label, the labels taken in ``order``."""
    cell = primitive_cell(prototype)
    symbols = [SYMBOLS[LABELS.index(label)] for label in order]
    return Structure(cell.lattice * 2.5, [symbols[label] for label in cell.labels], cell.frac_coords)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pq.read_table(STARTER_FILE)


@pytest.fixture(scope="module")
def columns(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in [*UNITS, "prototype", "material_id", "formula"]}


def structures(table: pa.Table) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (lattice, atomic numbers, fractional coordinates) of every row, in double precision."""
    lattices = np.array(table["lattice"].to_pylist()).reshape(-1, 3, 3)
    numbers = [np.array(row) for row in table["atomic_numbers"].to_pylist()]
    coords = [np.array(row).reshape(-1, 3) for row in table["frac_coords"].to_pylist()]
    return list(zip(lattices, numbers, coords, strict=True))


class TestPackagedFile:
    def test_schema_is_that_of_every_structure_table(self, table: pa.Table) -> None:
        types = {field.name: str(field.type) for field in table.schema}
        assert list(types) == [
            "material_id",
            "formula",
            "lattice",
            "atomic_numbers",
            "frac_coords",
            *UNITS,
            "prototype",
        ]
        assert table.schema.field("lattice").type == pa.list_(pa.float32(), 9)
        assert table.schema.field("atomic_numbers").type.value_type == pa.uint8()
        assert {types[name] for name in UNITS} == {"float"}

    def test_properties_carry_their_units_and_the_file_its_licence(self, table: pa.Table) -> None:
        assert {name: table.schema.field(name).metadata[b"unit"].decode() for name in UNITS} == UNITS
        metadata = table.schema.metadata
        assert metadata[b"licence"] == b"CC-BY-4.0"
        assert metadata[b"synthetic"] == b"true"
        assert metadata[b"doi"] == b"10.1038/s42256-023-00716-3"
        assert metadata[b"potential"] == b"CHGNet 0.3.0"

    def test_is_large_enough_and_small_enough(self, table: pa.Table) -> None:
        assert table.num_rows >= 8_000
        assert STARTER_FILE.stat().st_size <= 2_000_000

    def test_covers_the_elements(self, table: pa.Table) -> None:
        counts = Counter(z for row in table["atomic_numbers"].to_pylist() for z in set(row))
        assert len(counts) >= 85
        noble = {2, 10, 18, 36, 54}
        assert min(n for z, n in counts.items() if z not in noble) >= 50

    def test_rows_are_sorted_unique_and_complete(self, table: pa.Table) -> None:
        ids = table["material_id"].to_pylist()
        assert ids == sorted(set(ids))
        assert not any(table[name].null_count for name in table.column_names)

    def test_values_are_finite_and_sane(self, columns: dict[str, np.ndarray]) -> None:
        bounds = {
            "formation_energy_per_atom": (-6, 1),
            "volume_per_atom": (2, 300),
            "bulk_modulus": (0, 600),
            "magnetic_moment_per_atom": (0, 9),
        }
        for name, (low, high) in bounds.items():
            assert np.isfinite(columns[name]).all(), name
            assert low <= columns[name].min(), name
            assert columns[name].max() <= high, name

    def test_no_crystal_occurs_twice(self, table: pa.Table, columns: dict[str, np.ndarray]) -> None:
        """Equal crystals have equal formulas, energies, volumes and stiffness, whatever prototype they came from."""
        keys = zip(
            columns["formula"],
            [len(row) for row in table["atomic_numbers"].to_pylist()],
            columns["formation_energy_per_atom"].round(3),
            columns["volume_per_atom"].round(2),
            columns["bulk_modulus"].round(0),
            strict=True,
        )
        repeated = [key for key, n in Counter(keys).items() if n > 1]
        assert repeated == []

    def test_volume_column_is_that_of_the_lattice(self, table: pa.Table, columns: dict[str, np.ndarray]) -> None:
        cells = structures(table)
        volumes = np.array([abs(np.linalg.det(lattice)) / len(numbers) for lattice, numbers, _ in cells])
        np.testing.assert_allclose(volumes, columns["volume_per_atom"], rtol=2e-4)

    def test_formula_is_that_of_the_atoms(self, table: pa.Table) -> None:
        rows = list(zip(table["formula"].to_pylist(), table["atomic_numbers"].to_pylist(), strict=True))
        for formula, numbers in rows[::37]:
            lattice, coords = np.eye(3) * 50, np.random.default_rng(0).random((len(numbers), 3))
            assert Structure(lattice, numbers, coords).composition.reduced_formula == formula

    def test_atoms_keep_apart_and_coordinates_lie_in_the_cell(self, table: pa.Table) -> None:
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
        for lattice, numbers, coords in structures(table):
            assert coords.shape == (len(numbers), 3)
            assert coords.min() >= 0
            assert coords.max() < 1
            deltas = coords[None, :, None] - coords[:, None, None] + shifts
            distances = np.linalg.norm(deltas @ lattice, axis=-1)
            assert distances[distances > 1e-4].min() > 0.7
            assert (distances <= 1e-4).sum() == len(numbers)  # each atom meets only itself

    def test_elements_in_their_reference_form_have_no_formation_energy(self, columns: dict[str, np.ndarray]) -> None:
        elemental = np.isin(columns["prototype"], [prototype.name for prototype in ELEMENTAL])
        assert columns["formation_energy_per_atom"][elemental].min() == 0
        copper = columns["material_id"] == "starter-fcc-Cu"
        assert columns["formation_energy_per_atom"][copper] == pytest.approx(0, abs=0.01)

    @pytest.mark.parametrize(
        ("material_id", "energy", "volume", "modulus"),
        [
            ("starter-rocksalt-NaCl", -2.10, 22.6, 24),  # experiment: -2.13 eV/atom, 22.4 A^3, 25 GPa
            ("starter-rocksalt-MgO", -3.10, 9.4, 160),
            ("starter-zincblende-ZnS", -1.06, 19.8, 77),
            ("starter-b2-NiAl", -0.65, 12.0, 160),
            ("starter-perovskite-SrTiO3", -3.50, 11.9, 175),
        ],
    )
    def test_well_known_crystals(
        self, columns: dict[str, np.ndarray], material_id: str, energy: float, volume: float, modulus: float
    ) -> None:
        (row,) = np.flatnonzero(columns["material_id"] == material_id)
        assert columns["formation_energy_per_atom"][row] == pytest.approx(energy, abs=0.25)
        assert columns["volume_per_atom"][row] == pytest.approx(volume, rel=0.08)
        assert columns["bulk_modulus"][row] == pytest.approx(modulus, rel=0.35)

    def test_iron_is_magnetic_and_copper_is_not(self, columns: dict[str, np.ndarray]) -> None:
        moments = dict(zip(columns["material_id"], columns["magnetic_moment_per_atom"], strict=True))
        assert moments["starter-bcc-Fe"] == pytest.approx(2.2, abs=0.4)
        assert moments["starter-fcc-Cu"] < 0.1

    def test_card_tells_the_numbers_of_the_file(self, table: pa.Table) -> None:
        text = CARD_FILE.read_text()
        assert f"{table.num_rows:,} small crystals" in text
        for words in ("machine-learned", "not DFT", "CC-BY-4.0", "volume is relaxed"):
            assert words in text


class TestEquationOfState:
    curves = st.builds(
        EquationOfState,
        energy=st.floats(-12, 0),
        volume=st.floats(3, 120),
        bulk_modulus=st.floats(1, 500),
        bulk_modulus_derivative=st.floats(2, 8),
        residual=st.just(0.0),
    )

    @given(curves, st.integers(5, 11), st.floats(-0.03, 0.03))
    def test_recovers_an_exact_curve(self, curve: EquationOfState, n: int, offset: float) -> None:
        volumes = curve.volume * (1 + offset + np.linspace(-0.09, 0.09, n))
        found = fit_birch_murnaghan(volumes, birch_murnaghan_energies(volumes, curve))
        assert found is not None
        assert found.energy == pytest.approx(curve.energy, abs=1e-6)
        assert found.volume == pytest.approx(curve.volume, rel=1e-5)
        assert found.bulk_modulus == pytest.approx(curve.bulk_modulus, rel=1e-4)
        assert found.bulk_modulus_derivative == pytest.approx(curve.bulk_modulus_derivative, abs=0.01)
        assert found.residual < 1e-8

    def test_agrees_with_pymatgen(self) -> None:
        from pymatgen.analysis.eos import EOS

        volumes = np.linspace(18, 22, 9)
        energies = 0.02 * (volumes - 20) ** 2 - 0.002 * (volumes - 20) ** 3 + 0.0005 * np.cos(3 * volumes)
        ours, theirs = fit_birch_murnaghan(volumes, energies), EOS("birch_murnaghan").fit(volumes, energies)
        assert ours is not None
        assert ours.volume == pytest.approx(theirs.v0, rel=1e-5)
        assert ours.bulk_modulus == pytest.approx(float(theirs.b0_GPa), rel=1e-4)
        assert ours.energy == pytest.approx(theirs.e0, abs=1e-6)

    def test_no_minimum_is_none(self) -> None:
        volumes = np.linspace(10, 12, 7)
        assert fit_birch_murnaghan(volumes, volumes * 1.0) is None

    @pytest.mark.parametrize("volumes", [[10.0, 11, 12, 13], [0.0, 11, 12, 13, 14], [-1.0, 11, 12, 13, 14]])
    def test_bad_volumes_are_named(self, volumes: list[float]) -> None:
        with pytest.raises(InputInvalid, match="positive volumes"):
            fit_birch_murnaghan(np.array(volumes), np.zeros(len(volumes)))


def run_search(start: float, energies: Callable[[np.ndarray], np.ndarray]) -> tuple[EquationOfState | str, int]:
    """Answer a search until it ends; return its outcome and how many energies it asked for."""
    search = volume_search.search_minimum(start)
    wanted, n_energies = next(search), 0
    while True:
        n_energies += len(wanted)
        try:
            wanted = search.send(energies(np.array(wanted)).tolist())
        except StopIteration as stop:
            return stop.value, n_energies


class TestVolumeSearch:
    @given(st.floats(0.6, 1.7))
    def test_finds_the_minimum_from_a_poor_guess(self, factor: float) -> None:
        curve = EquationOfState(-5.0, 20.0, 120.0, 4.5, 0.0)
        found, n_energies = run_search(20.0 * factor, lambda v: birch_murnaghan_energies(v, curve))
        assert isinstance(found, EquationOfState)
        assert found.volume == pytest.approx(20, rel=1e-4)
        assert n_energies <= 20

    @pytest.mark.parametrize("slope", [1.0, -1.0])
    def test_gives_up_where_there_is_no_minimum(self, slope: float) -> None:
        assert run_search(20.0, lambda volumes: slope * volumes)[0] == "no minimum"

    def test_gives_up_where_atoms_are_isolated(self) -> None:
        def energies(volumes: np.ndarray) -> np.ndarray:
            return np.where(volumes > 20.5, np.inf, (volumes - 20.0) ** 2)

        assert run_search(20.0, energies)[0] == "isolated atoms"


class TestPrototypes:
    def test_names_are_unique(self) -> None:
        assert len(BY_NAME) == len(PROTOTYPES)

    def test_the_same_geometry_has_the_same_relabellings(self) -> None:
        for prototype in PROTOTYPES:
            twins = [p.equivalent for p in PROTOTYPES if p.geometry == prototype.geometry]
            assert set(twins) == {prototype.equivalent}

    @pytest.mark.parametrize("prototype", GEOMETRIES, ids=lambda p: p.name)
    def test_space_group_agrees_with_spglib(self, prototype: Prototype) -> None:
        primitive = decorated(prototype)
        analyzer = SpacegroupAnalyzer(primitive, symprec=1e-3)
        assert analyzer.get_space_group_number() == prototype.space_group
        assert len(analyzer.find_primitive()) == len(primitive)
        assert primitive.volume == pytest.approx(len(primitive) * 2.5**3)

    @pytest.mark.parametrize("prototype", GEOMETRIES, ids=lambda p: p.name)
    def test_exactly_the_declared_relabellings_give_the_crystal_back(self, prototype: Prototype) -> None:
        matcher = StructureMatcher(ltol=0.01, stol=0.01, angle_tol=0.1)
        orders = ["".join(order) for order in permutations(prototype.labels)][1:]
        same = {order for order in orders if matcher.fit(decorated(prototype), decorated(prototype, order))}
        assert same == set(prototype.equivalent)

    def test_prototypes_agree_with_the_aflow_library(self) -> None:
        from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY, PrototypeDatabaseMatcher  # reads it: seconds

        matcher = PrototypeDatabaseMatcher(pd.DataFrame(AFLOW_PROTOTYPE_LIBRARY))
        found = {}
        for name in AFLOW:
            matches = matcher.get_prototypes(decorated(BY_NAME[name]))
            found[name] = matches[0]["tags"]["strukturbericht"] if matches else None
        assert found == AFLOW


class TestDecoration:
    subset = tuple(BY_NAME[name] for name in ("fcc", "rocksalt", "b2", "cscl", "fluorite", "antifluorite", "spinel"))

    @pytest.fixture(scope="class")
    def decorations(self) -> list[decorate.Decoration]:
        return decorate.list_decorations(prototypes=self.subset)

    @pytest.mark.parametrize("name", ["rocksalt", "fluorite", "perovskite", "spinel", "corundum", "pyrite", "k2ptcl6"])
    def test_ionic_choices_are_neutral_with_electronegative_anions(self, name: str) -> None:
        prototype = BY_NAME[name]
        multiplicities = primitive_cell(prototype).multiplicities
        chosen = decorate.allowed_symbols(prototype)
        assert len(chosen) > 50
        for symbols in chosen[::7]:
            charges = [
                {charge for symbol, charge in decorate.ROLES[role] if symbol == own}
                for role, own in zip(prototype.roles, symbols, strict=True)
            ]
            sums = {0}
            for options, n in zip(charges, multiplicities, strict=True):
                sums = {total + n * charge for total in sums for charge in options}
            assert 0 in sums, symbols
            negativities = [Element(symbol).X for symbol in symbols]
            assert negativities[-1] == max(negativities), symbols

    def test_known_compounds_are_allowed_and_nonsense_is_not(self) -> None:
        rocksalt, perovskite = (set(decorate.allowed_symbols(BY_NAME[name])) for name in ("rocksalt", "perovskite"))
        assert {("Na", "Cl"), ("Mg", "O"), ("Ti", "N")} <= rocksalt
        assert not rocksalt & {("Na", "O"), ("Cl", "Na"), ("O", "O"), ("Ar", "O")}
        assert {("Sr", "Ti", "O"), ("Cs", "Pb", "Br"), ("K", "Mg", "F")} <= perovskite

    def test_textbook_compounds_are_all_allowed_and_all_chosen(self) -> None:
        for name in ("rocksalt", "perovskite", "full-heusler", "alb2", "pyrite"):
            prototype = BY_NAME[name]
            known = {decorate.canonical(symbols, prototype) for symbols in TEXTBOOK[name]}
            chosen = decorate.sample(decorate.allowed_symbols(prototype), prototype, seed=0)
            assert known <= {decorate.canonical(symbols, prototype) for symbols in chosen}

    def test_textbook_names_prototypes_and_labels(self) -> None:
        for name, compounds in TEXTBOOK.items():
            assert {len(symbols) for symbols in compounds} == {len(BY_NAME[name].roles)}

    def test_same_seed_same_choice_and_another_seed_another(self, decorations: list[decorate.Decoration]) -> None:
        assert decorate.list_decorations(prototypes=self.subset) == decorations
        assert decorate.list_decorations(prototypes=self.subset, seed=1) != decorations

    def test_each_crystal_once(self, decorations: list[decorate.Decoration]) -> None:
        assert len({d.material_id for d in decorations}) == len(decorations)
        sites = Counter(
            (BY_NAME[d.prototype].geometry, decorate.canonical(d.symbols, BY_NAME[d.prototype])) for d in decorations
        )
        assert max(sites.values()) == 1

    def test_relabelled_crystals_are_one(self) -> None:
        b2 = BY_NAME["b2"]
        assert decorate.canonical(("Ni", "Al"), b2) == decorate.canonical(("Al", "Ni"), b2)
        pairs = decorate.allowed_symbols(b2)
        assert not {(b, a) for a, b in pairs} & set(pairs)

    def test_material_ids_read_as_formulas(self, decorations: list[decorate.Decoration]) -> None:
        ids = {d.material_id for d in decorations}
        assert {"starter-rocksalt-NaCl", "starter-fcc-Cu"} <= ids
        assert any(i.startswith("starter-antifluorite-") and i.endswith("2O") for i in ids)

    def test_samples_give_every_element_a_share(self) -> None:
        b2 = BY_NAME["b2"]
        chosen = decorate.sample(decorate.allowed_symbols(b2), b2, seed=0)
        counts = Counter(symbol for symbols in chosen for symbol in symbols)
        assert len(chosen) == b2.n_max
        assert min(counts.values()) >= 0.5 * np.mean(list(counts.values()))


class TestAssembly:
    """Faults and counts, on invented results."""

    decorations: ClassVar = [
        decorate.Decoration(f"starter-{prototype}-{''.join(symbols)}", prototype, symbols)
        for prototype, symbols in [
            ("fcc", ("Na",)),
            ("fcc", ("Cl",)),
            ("rocksalt", ("Na", "Cl")),
            ("cscl", ("Na", "Cl")),
        ]
    ]
    good: ClassVar = {
        "energy": -1.0,
        "volume": 20.0,
        "bulk_modulus": 30.0,
        "bulk_modulus_derivative": 4.0,
        "residual": 1e-4,
        "magnetic_moment": 0.0,
    }

    def results(self, **last: object) -> list[dict[str, object]]:
        rows = [{"material_id": d.material_id, **self.good} for d in self.decorations]
        rows[-1] |= last
        return rows[::-1]

    def test_formation_energy_counts_from_the_lowest_form(self) -> None:
        made = dataset.assemble(self.decorations, self.results(energy=-3.0), {"Cl": {"molecule": -1.5}})
        assert made.references == {"Cl": ("molecule", -1.5), "Na": ("fcc", -1.0)}
        energies = {row["material_id"]: row["formation_energy_per_atom"] for row in made.rows}
        assert energies == {
            "starter-fcc-Na": 0.0,
            "starter-fcc-Cl": 0.5,
            "starter-rocksalt-NaCl": 0.25,
            "starter-cscl-NaCl": -1.75,
        }

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ({"dropped": "no minimum"}, "no minimum"),
            ({"bulk_modulus": -1.0}, "bulk modulus"),
            ({"bulk_modulus": 5000.0}, "bulk modulus"),
            ({"residual": 0.1}, "not smooth"),
            ({"bulk_modulus_derivative": 50.0}, "not smooth"),
            ({"magnetic_moment": float("nan")}, "isolated atoms"),
            ({"energy": 5.0}, "formation energy"),
        ],
    )
    def test_every_fault_is_dropped_and_counted(self, fault: dict[str, object], reason: str) -> None:
        made = dataset.assemble(self.decorations, self.results(**fault), {})
        assert len(made.rows) == 3
        assert [n for name, n in made.dropped.items() if reason in name] == [1]

    def test_an_element_without_a_reference_is_named(self) -> None:
        compounds = self.decorations[2:]
        with pytest.raises(SourceError, match="Cl, Na"):
            dataset.assemble(compounds, self.results()[:2], {})

    def test_table_and_card_are_written(self, tmp_path: Path) -> None:
        made = dataset.assemble(self.decorations, self.results(dropped="no minimum"), {"Cl": {"molecule": -1.5}})
        dataset.write_table(made, tmp_path / "small.parquet", chgnet_version="0.4.2")
        table = pq.read_table(tmp_path / "small.parquet")
        assert table["material_id"].to_pylist() == [row["material_id"] for row in made.rows]
        assert table["formation_energy_per_atom"].to_pylist() == [0.5, 0.0, 0.25]
        assert [path.name for path in tmp_path.iterdir()] == ["small.parquet"]
        text = card.render_card(made, chgnet_version="0.4.2")
        for line in ("3 small crystals", "| no minimum | 1 |", "| Cl | molecule | -1.500 | 2 |", "| rocksalt | B1 |"):
            assert line in text

    def test_limit_keeps_the_elements(self) -> None:
        chosen = generate.choose(self.decorations, 1)
        assert [len(d.symbols) for d in chosen] == [1, 1, 2]
        assert generate.choose(self.decorations, None) == self.decorations


class TestParts:
    def test_a_second_run_computes_only_what_is_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        decorations = [decorate.Decoration(f"starter-fcc-{s}", "fcc", (s,)) for s in decorate.ELEMENTS]
        calls: list[int] = []

        def fake(chunk: list[decorate.Decoration]) -> list[dict[str, object]]:
            calls.append(len(chunk))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return [{"material_id": d.material_id} for d in chunk]

        monkeypatch.setattr(compute, "compute_chunk", fake)
        with pytest.raises(KeyboardInterrupt):
            list(compute.compute_all(decorations, tmp_path))
        assert len(list(tmp_path.glob("*.json"))) == 1
        rows = [row for chunk in compute.compute_all(decorations, tmp_path) for row in chunk]
        assert {row["material_id"] for row in rows} == {d.material_id for d in decorations}
        assert calls == [48, 41, 41]
        assert all(json.loads(path.read_text()) for path in tmp_path.glob("*.json"))


class TestAgainstChgnet:
    """The packaged numbers again, where CHGNet is installed."""

    def test_rows_can_be_computed_again(self, columns: dict[str, np.ndarray]) -> None:
        pytest.importorskip("chgnet", reason="chgnet is an optional extra")
        chosen = [
            decorate.Decoration("starter-rocksalt-NaCl", "rocksalt", ("Na", "Cl")),
            decorate.Decoration("starter-b2-NiAl", "b2", ("Ni", "Al")),
            decorate.Decoration("starter-bcc-Fe", "bcc", ("Fe",)),
        ]
        for row in compute.compute_chunk(chosen):
            (i,) = np.flatnonzero(columns["material_id"] == row["material_id"])
            assert row["volume"] == pytest.approx(columns["volume_per_atom"][i], rel=1e-3)
            assert row["bulk_modulus"] == pytest.approx(columns["bulk_modulus"][i], rel=0.02)
            assert row["magnetic_moment"] == pytest.approx(columns["magnetic_moment_per_atom"][i], abs=1e-3)
