"""Copies of structures with a potential's answers: the same bytes every time, nothing lost in silence, one source."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.learning.splits import split_by_formula
from builders.others import POTENTIALS, find_answering
from builders.others.base import Answer, AnsweringPotential, Crystal
from builders.others.chgnet import Chgnet
from builders.parts import run
from builders.perturb import job, parts
from builders.perturb.moves import MOVES, SMALLEST_SHAKE, Bounds, moved
from builders.perturb.parts import UNITS
from builders.perturb.stiffness import Copy, stiffness
from builders.structures.cells import volumes
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_catalog
from embeddings.cli import COMMANDS, main
from embeddings.errors import InputInvalid
from testing.crystals import arrow_table, cscl, random_crystal, sample_crystals
from testing.potentials import BROKEN, AnsweringToy, expected_answer

LEFT_OUT = {"no_volume": 1, "element_not_covered": 1, "isolated_atoms": 1, "answer_not_finite": 1}
GOOD = [k for k in range(12) if k not in (1, 3, 6, 8)]


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve crystals, four of which have no answer, in parts of five; and the toy among the potentials."""
    monkeypatch.setattr(job, "AT_ONCE", 5)
    monkeypatch.setitem(POTENTIALS, "answering-toy", AnsweringToy)
    crystals, labels = sample_crystals(12)
    crystals[1] = (0 * crystals[1][0], *crystals[1][1:])
    crystals[3], crystals[6], crystals[8] = cscl(94, 8, 3.4), cscl(11, 17, 9.0), cscl(11, BROKEN, 3.4)
    metadata = {"name": "made up", "licence": "CC0-1.0", "attribution": "Nobody."}
    energies = pa.array(labels["formation_energy_per_atom"])
    table = arrow_table(crystals, material_id=pa.array([f"test-{k}" for k in range(12)]), band_gap=energies)
    (tmp_path / "data").mkdir()
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "data" / "structures.parquet")
    return tmp_path / "data" / "structures.parquet"


def perturb(sample: Path, out: Path, *more: str, potential: str = "answering-toy") -> Result:
    return CliRunner().invoke(main, ["perturb", str(sample), "--potential", potential, "-o", str(out), *more])


def crystal(table: StructureTable, row: int) -> Crystal:
    atoms = slice(table.offsets[row], table.offsets[row + 1])
    return Crystal(table.atomic_numbers[atoms], table.lattices[row], table.frac_coords[atoms])


def text_of(path: Path, column: str) -> list[str]:
    values: list[str] = pq.read_table(path)[column].to_pylist()
    return values


def test_each_copy_has_what_the_potential_says_of_it(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "copies.parquet"
    result = perturb(sample, out, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["left_out"] == LEFT_OUT
    table, originals = read_structure_table(out), read_structure_table(sample)
    assert table.material_ids.tolist() == [f"test-{k}-copy-{n}" for k in GOOD for n in range(5)]
    assert text_of(out, "copy_of") == [f"test-{k}" for k in GOOD for _ in range(5)]
    assert text_of(out, "move") == ["none", *MOVES] * len(GOOD)
    assert table.units == UNITS
    for row in range(len(table)):
        at_rest = crystal(originals, GOOD[row // 5])
        copy, numbers = crystal(table, row), {name: values[row] for name, values in table.properties.items()}
        answer, before = expected_answer(copy), expected_answer(at_rest)
        rise = float(answer.energy_per_atom) - float(before.energy_per_atom)
        z = float(copy.atomic_numbers.mean())
        np.testing.assert_allclose(numbers["distortion_energy_per_atom"], rise, atol=1e-5)
        np.testing.assert_allclose(numbers["rms_force"], np.sqrt((answer.forces**2).sum(1).mean()), atol=6e-5)
        np.testing.assert_allclose([numbers["pressure"], numbers["von_mises_stress"]], [-4 * z, 3 * z], atol=6e-4)
        assert np.isfinite(numbers["force_constant"]) == (row % 5 == 0)
        change = volumes(copy.lattice) / volumes(at_rest.lattice) - 1
        np.testing.assert_allclose(numbers["volume_change"], change, atol=1e-6)


@pytest.mark.parametrize("unrest", [0, 1])
def test_the_stiffness_of_a_solid_of_known_moduli_is_told(unrest: int) -> None:
    """An isotropic solid with K = 100 and G = 40 GPa, whose atoms are on springs of 5 eV/angstrom^2, at rest or not."""
    pull, strange = unrest * np.array([[0.4, 0, 0], [-0.4, 0, 0]]), unrest * np.diag([3.0, -2.0, 1.0])
    rest = Crystal(np.array([11, 17]), 3.6 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))

    def answer(copy: Crystal) -> Answer:
        strain = np.linalg.solve(rest.lattice, copy.lattice) - np.eye(3)
        trace = float(np.log(np.linalg.det(np.eye(3) + strain)))
        stress = 100 * trace * np.eye(3) + 80 * (strain - np.trace(strain) / 3 * np.eye(3))
        forces = -5 * (copy.frac_coords - rest.frac_coords) @ copy.lattice
        return Answer(np.zeros(()), forces + pull, stress + strange)

    copies = []
    for number in range(1, 13):
        move, (copy, _, apart) = moved(rest, "mp-1", number, moves=tuple(MOVES), bounds=Bounds(), seed=0)
        copies.append(Copy(move, copy, apart, answer(copy)))
    found = stiffness(rest, answer(rest), copies)
    np.testing.assert_allclose(list(found.values()), [100, 40, 5], rtol=1e-3)
    assert np.isnan(list(stiffness(rest, answer(rest), []).values())).all()


def test_moves_keep_within_their_bounds_and_change_nothing_else() -> None:
    rng, bounds = np.random.default_rng(0), Bounds(strain=0.02, scaling=0.06, shake=0.2)
    for k in range(100):
        lattice, numbers, coords = random_crystal(rng)
        for name in MOVES:
            at_rest = Crystal(numbers, lattice, coords)
            _, (copy, change, apart) = moved(at_rest, f"mp-{k}", 1, moves=(name,), bounds=bounds, seed=0)
            np.testing.assert_array_equal(copy.atomic_numbers, numbers)
            strain = np.linalg.solve(lattice, copy.lattice) - np.eye(3)
            if name in ("strained", "scaled"):
                np.testing.assert_allclose(strain, strain.T, atol=1e-9)
                np.testing.assert_array_equal(copy.frac_coords, coords)
            if name == "strained":
                assert 0 < np.abs(strain).max() <= 0.02 + 1e-9
            if name == "scaled":
                assert 0 < abs(change) <= 0.06
                assert np.abs(strain - strain[0, 0] * np.eye(3)).max() < 1e-9
            if name in ("shaken", "combined"):
                assert SMALLEST_SHAKE - 1e-9 <= apart <= 0.2 + 1e-9
                np.testing.assert_allclose((copy.frac_coords - coords).mean(axis=0), 0, atol=1e-9)
            if name == "shaken":
                np.testing.assert_array_equal(copy.lattice, lattice)


def test_an_atom_alone_is_strained_where_others_are_shaken() -> None:
    alone = Crystal(np.array([29]), 2.6 * np.eye(3), np.zeros((1, 3)))
    name, (copy, _, apart) = moved(alone, "mp-30", 1, moves=("shaken",), bounds=Bounds(), seed=0)
    assert (name, apart) == ("strained", 0)
    assert np.abs(copy.lattice - alone.lattice).max() > 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in ("one", "two", "other")]
    for path, seed in zip(paths, ("7", "7", "8"), strict=True):
        assert perturb(sample, path, "--seed", seed, "--quiet").exit_code == 0
    one, two, other = (path.read_bytes() for path in paths)
    assert one == two != other


def test_a_copy_does_not_depend_on_what_else_is_copied(sample: Path, tmp_path: Path) -> None:
    perturb(sample, tmp_path / "all.parquet", "--quiet")
    perturb(sample, tmp_path / "few.parquet", "--limit", "3", "--copies", "2", "--quiet")
    whole, few = read_structure_table(tmp_path / "all.parquet"), read_structure_table(tmp_path / "few.parquet")
    assert few.material_ids.tolist() == [f"test-{k}-copy-{n}" for k in (0, 2) for n in range(3)]
    same = whole.take(np.flatnonzero(np.isin(whole.material_ids.astype(str), few.material_ids.astype(str))))
    np.testing.assert_array_equal(same.lattices, few.lattices)
    np.testing.assert_array_equal(same.frac_coords, few.frac_coords)


def test_structures_alone_are_kept_with_what_their_copies_say(sample: Path, tmp_path: Path) -> None:
    perturb(sample, tmp_path / "all.parquet", "--quiet")
    result = perturb(sample, tmp_path / "only.parquet", "--structures-only")
    assert f"{len(GOOD)} structures with their stiffness" in result.stdout
    whole, only = pq.read_table(tmp_path / "all.parquet"), pq.read_table(tmp_path / "only.parquet")
    assert only.equals(whole.filter(pc.equal(whole["move"], "none")))


@pytest.mark.usefixtures("two_threads")
def test_workers_write_the_bytes_of_one_process(sample: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    assert perturb(sample, one, "--quiet").exit_code == 0
    result = perturb(sample, two, "--workers", "2", "--quiet")
    assert result.exit_code == 0, result.output
    assert two.read_bytes() == one.read_bytes()


def test_a_stopped_run_is_taken_up_where_it_was(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, out, asked = tmp_path / "whole.parquet", tmp_path / "out.parquet", list[int]()
    assert perturb(sample, whole).exit_code == 0
    ask, make = parts.ask, parts.make_part
    with monkeypatch.context() as patch:
        stop = iter([False, True])
        patch.setattr(parts, "make_part", lambda *args: _stopped() if next(stop) else make(*args))
        result = perturb(sample, out)
        assert (result.exit_code, "resumes the run" in result.stderr) == (130, True)
        assert not out.exists()
    monkeypatch.setattr(parts, "ask", lambda potential, some: asked.append(len(some)) or ask(potential, some))
    result = perturb(sample, out)
    assert (result.exit_code, "Resuming the run" in result.stderr) == (0, True)
    assert out.read_bytes() == whole.read_bytes()
    assert sum(asked) < 5 * len(GOOD)
    assert "Already there" in perturb(sample, out).stderr


def _stopped() -> None:
    raise KeyboardInterrupt


def test_what_is_there_is_replaced_only_if_asked_and_only_if_it_is_copies(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "copies.parquet"
    perturb(sample, out, "--quiet")
    before = out.read_bytes()
    other = perturb(sample, out, "--seed", "1", "--quiet")
    assert (other.exit_code, "holds other copies" in other.stderr, out.read_bytes()) == (1, True, before)
    assert perturb(sample, out, "--seed", "1", "--force", "--quiet").exit_code == 0
    strange = perturb(sample, sample.with_name("else.parquet"), "--quiet")
    assert strange.exit_code == 0
    pq.write_table(pa.table({"a": [1]}), tmp_path / "mine.parquet")
    refused = perturb(sample, tmp_path / "mine.parquet")
    assert (refused.exit_code, "holds something else" in refused.stderr) == (1, True)
    assert "would replace the input" in perturb(sample, sample, "--force").stderr


def test_what_another_command_wrote_in_the_meantime_stays(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other, fill = tmp_path / "copies.parquet", tmp_path / "other.parquet", run._fill
    assert perturb(sample, other, "--seed", "1", "--quiet").exit_code == 0
    monkeypatch.setattr(run, "_fill", lambda *args: (fill(*args), out.write_bytes(other.read_bytes())))
    late = perturb(sample, out, "--quiet")
    assert (late.exit_code, "holds other copies" in late.stderr) == (1, True)
    assert out.read_bytes() == other.read_bytes()


def test_what_is_left_out_is_named_copies_too(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = perturb(sample, tmp_path / "c.parquet")
    assert result.exit_code == 0, result.output
    assert "Left out as isolated_atoms" in result.stderr
    assert "test-6" in result.stderr
    largest = read_structure_table(tmp_path / "c.parquet").properties["rms_force"][:5].max()
    monkeypatch.setattr("builders.perturb.answers.MAX_FORCE", largest - 1e-3)
    told = perturb(sample, tmp_path / "d.parquet", "--limit", "1")
    assert re.search(r"Left out as forces_too_large .*: test-0-copy-[1-4]$", told.stderr, re.MULTILINE)
    assert len(read_structure_table(tmp_path / "d.parquet")) == 4
    monkeypatch.setattr("builders.perturb.answers.MAX_FORCE", 0.0)
    none = perturb(sample, tmp_path / "e.parquet", "--quiet")
    assert (none.exit_code, "can be copied" in none.stderr, (tmp_path / "e.parquet").exists()) == (1, True, False)


def test_the_file_says_whose_it_is(sample: Path, tmp_path: Path) -> None:
    perturb(sample, tmp_path / "c.parquet", "--quiet")
    stated = {key.decode(): value.decode() for key, value in pq.read_schema(tmp_path / "c.parquet").metadata.items()}
    assert (stated["licence"], stated["synthetic"]) == ("BSD-3-Clause-LBNL", "true")
    assert "Nobody." in stated["attribution"]
    assert "CHGNet" in stated["attribution"]
    told = json.loads(stated["copies"])
    assert (told["seed"], told["moves"], told["weights_sha256"]) == (0, list(MOVES), Chgnet.about.weights.sha256)


def test_copies_stay_on_the_side_of_their_structure(sample: Path, tmp_path: Path) -> None:
    perturb(sample, tmp_path / "c.parquet", "--quiet")
    originals, copies = read_structure_table(sample).take(np.array(GOOD)), read_structure_table(tmp_path / "c.parquet")
    formulas = reduced_formulas_of(originals)
    formula_of = dict(zip(originals.material_ids, formulas, strict=True))
    assert [formula_of[name] for name in text_of(tmp_path / "c.parquet", "copy_of")] == reduced_formulas_of(copies)
    joined = formulas + reduced_formulas_of(copies)
    apart, (training, held_out) = (
        split_by_formula(some, validation_fraction=0.3, seed=0) for some in (formulas, joined)
    )
    assert {formulas[k] for k in apart[1]} == {joined[k] for k in held_out}
    assert not {joined[k] for k in training} & {joined[k] for k in held_out}


def test_copies_beside_their_structures_are_one_source(sample: Path, tmp_path: Path) -> None:
    perturb(sample, sample.with_name("copies.parquet"), "--quiet")
    args = ["build", "--source", "table", "--path", str(sample.parent), "--recipe", "ct-ef-eg", "--name", "pupil"]
    targets = "band_gap,distortion_energy_per_atom,log10_rms_force,pressure"
    result = CliRunner().invoke(
        main, [*args, "--targets", targets, "--epochs", "1", "--out", str(tmp_path / "root"), "--quiet"]
    )
    assert result.exit_code == 0, result.output
    manifest = load_catalog(tmp_path / "root" / "pupil" / "0.1.0").manifest
    assert manifest.training.targets == {
        "band_gap": "eV", "distortion_energy_per_atom": "eV/atom", "log10_rms_force": "log10(eV/angstrom)",
        "pressure": "GPa",
    }  # fmt: skip


def test_what_cannot_be_asked_or_does_not_fit_is_said_before_any_work(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.parquet"
    with pytest.raises(InputInvalid, match=r'"sevennet" gives vectors alone here\..*can be: chgnet'):
        find_answering("sevennet")
    unknown = perturb(sample, out, potential="chgnett")
    assert (unknown.exit_code, 'Did you mean "chgnet"?' in unknown.stderr) == (1, True)
    assert perturb(sample, out, "--move", "melted").exit_code == 2
    assert perturb(sample, out, "--max-strain", "0.5").exit_code == 2
    with pytest.raises(InputInvalid, match=r"scaling is 0\.9"):
        Bounds(scaling=0.9)
    wrong = perturb(sample, tmp_path / "c.csv")
    assert (wrong.exit_code, ".parquet" in wrong.stderr) == (1, True)
    assert not out.exists()


def test_a_potential_without_its_package_is_one_line(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.others.packages.find_spec", lambda asked: None)
    result = perturb(sample, tmp_path / "c.parquet", potential="chgnet")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "chgnet is not installed" in result.stderr
    assert not (tmp_path / "c.parquet").exists()


def test_the_moves_of_the_command_are_those_that_there_are() -> None:
    assert "perturb" in COMMANDS
    from embeddings.cli import perturb as command

    assert tuple(MOVES) == command._MOVES


@pytest.fixture(scope="module")
def chgnet() -> AnsweringPotential:
    """The real one, where it is installed."""
    pytest.importorskip("chgnet")
    return Chgnet()


def test_forces_and_pressure_of_chgnet_are_slopes_of_its_energy(chgnet: AnsweringPotential) -> None:
    """What the columns promise of sign and unit: dE = -F dx, dE = -p dV."""
    rest = Crystal(np.array([11, 17]), 3.6 * np.eye(3), np.array([[0, 0, 0], [0.46, 0.5, 0.55]]))
    step = 0.01
    shift = np.array([[0, 0, 0], [step / 3.6, 0, 0]])
    wider = rest._replace(lattice=rest.lattice * (1 + step))
    along = rest._replace(frac_coords=rest.frac_coords + shift)
    back = rest._replace(frac_coords=rest.frac_coords - shift)
    narrower = rest._replace(lattice=rest.lattice * (1 - step))
    at, w, n, a, b = chgnet.answers([chgnet.graph(one) for one in (rest, wider, narrower, along, back)])
    energy = 2 * np.array([float(one.energy_per_atom) for one in (w, n, a, b)])
    volume = volumes(np.stack([wider.lattice, narrower.lattice]))
    pressure = -(energy[0] - energy[1]) / (volume[0] - volume[1]) * 160.21766208
    np.testing.assert_allclose(-np.trace(at.stress) / 3, pressure, rtol=0.05, atol=0.2)
    np.testing.assert_allclose(at.forces[1, 0], -(energy[2] - energy[3]) / (2 * step), rtol=0.05, atol=0.02)


def test_the_hand_of_a_cell_changes_no_answer_of_chgnet(chgnet: AnsweringPotential) -> None:
    lattice, coords = np.array([[3.6, 0, 0], [0.1, 3.7, 0], [0.2, 0.3, 3.9]]), np.array([[0, 0, 0], [0.46, 0.5, 0.55]])
    right = Crystal(np.array([11, 17]), lattice, coords)
    left = right._replace(lattice=lattice[[1, 0, 2]], frac_coords=coords[:, [1, 0, 2]])
    one, other = chgnet.answers([chgnet.graph(right), chgnet.graph(left)])
    for mine, its in zip(one, other, strict=True):
        np.testing.assert_allclose(its, mine, atol=1e-3)
