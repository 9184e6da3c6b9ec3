"""Third-party potentials as encoders: files like those of our own, and everything that may be missing on the way."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.embed import targets
from builders.learning.devices import choose_device
from builders.others import POTENTIALS, find_potential
from builders.others.base import Crystal, Weights
from builders.others.encoder import PotentialEncoder
from builders.others.packages import imported, weights_of
from builders.parts import pieces
from builders.structures.table import StructureTable, read_structure_table
from embeddings import Encoder, load_catalog, load_crystal_encoder, load_encoder
from embeddings.bench.structures import read_structures
from embeddings.cli import main
from embeddings.errors import (
    CatalogCorrupt,
    CatalogNotFound,
    ElementNotCovered,
    InputInvalid,
    MissingExtra,
    WeightsNotFound,
)
from embeddings.store.roots import user_root
from testing.crystals import arrow_table, cscl, sample_crystals
from testing.potentials import BROKEN, Toy, expected_sites
from testing.toys import write_toy

DROPPED = {"no_volume": 1, "element_not_covered": 1, "isolated_atoms": 1, "vectors_not_finite": 1}


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve crystals, four of which have no vector, in parts of five; and the toy among the potentials."""
    monkeypatch.setattr(pieces, "AT_ONCE", 5)
    monkeypatch.setitem(POTENTIALS, "toy-potential", Toy)
    crystals, _ = sample_crystals(12)
    crystals[1] = (0 * crystals[1][0], *crystals[1][1:])
    crystals[3], crystals[6], crystals[8] = cscl(94, 8, 3.4), cscl(11, 17, 9.0), cscl(11, BROKEN, 3.4)
    metadata = {"name": "made up", "licence": "CC0-1.0", "attribution": "Nobody."}
    table = arrow_table(crystals, material_id=pa.array([f"test-{k}" for k in range(12)]))
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "sample.parquet")
    return tmp_path / "sample.parquet"


GOOD = [k for k in range(12) if k not in (1, 3, 6, 8)]


def embed(sample: Path, level: str, out: Path, *more: str, encoder: str = "toy-potential") -> Result:
    return CliRunner().invoke(
        main, ["embed", str(sample), "--encoder", encoder, "--level", level, "-o", str(out), *more]
    )


def crystal(table: StructureTable, row: int) -> Crystal:
    atoms = slice(table.offsets[row], table.offsets[row + 1])
    return Crystal(table.atomic_numbers[atoms], table.lattices[row], table.frac_coords[atoms])


def test_every_level_holds_what_the_potential_gives(sample: Path, tmp_path: Path) -> None:
    for level in ("structure", "site", "element"):
        result = embed(sample, level, tmp_path / f"{level}.parquet", "--json", "--quiet")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["dropped"] == DROPPED
    structures, sites, elements = (load_catalog(tmp_path / f"{k}.parquet") for k in ("structure", "site", "element"))
    table = read_structure_table(sample)
    assert list(structures) == list(sites) == [f"test-{k}" for k in GOOD]
    for k in GOOD:
        expected = expected_sites(crystal(table, k))
        np.testing.assert_array_equal(sites[f"test-{k}"], expected)
        np.testing.assert_allclose(structures[f"test-{k}"], expected.mean(axis=0), rtol=1e-6)
    assert elements.name == "toy-potential-in-context"
    assert elements.manifest.command == "embeddings embed --encoder toy-potential --level element"


def test_what_is_left_out_is_named(sample: Path, tmp_path: Path) -> None:
    result = embed(sample, "structure", tmp_path / "v.parquet")
    for name, reason in (("test-6", "isolated_atoms"), ("test-8", "vectors_not_finite"), ("test-3", "element_not")):
        assert re.search(rf"^Left out as {reason}.*: {name}$", result.stderr, re.MULTILINE), result.stderr
    assert "Pu in 1 structure" in result.stdout


def test_the_file_says_whose_weights_they_are_and_what_they_have_seen(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.parquet"
    embed(sample, "structure", out, "--quiet")
    catalog = json.loads(CliRunner().invoke(main, ["show", str(out), "--json"]).stdout)["catalog"]
    assert catalog["licence"]["spdx"] == "BSD-3-Clause-LBNL"
    assert "Materials Project" in catalog["training"]["source"]
    assert catalog["training"]["snapshot_sha256"] == catalog["model"]["hyperparameters"]["weights_sha256"]
    assert any("very likely seen" in sentence for sentence in catalog["limits"])
    shown = CliRunner().invoke(main, ["show", str(out)]).stdout
    assert "CC0-1.0 AND BSD-3-Clause-LBNL" in shown


def test_nobody_is_told_that_a_material_is_unseen(sample: Path, tmp_path: Path) -> None:
    for level in ("structure", "element"):
        embed(sample, level, tmp_path / f"{level}.parquet", "--quiet")
    assert read_structures(tmp_path / "structure.parquet").manifest.training.formula_digest is None
    with pytest.raises(InputInvalid, match="no digest of its training formulas"):
        load_catalog(tmp_path / "element.parquet").overlap(["NaCl"])


def test_workers_write_the_bytes_of_one_process(sample: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    assert embed(sample, "site", one).exit_code == 0
    result = embed(sample, "site", two, "--engine", "local", "--workers", "2")
    assert result.exit_code == 0, result.output
    assert two.read_bytes() == one.read_bytes()


def test_a_stopped_run_is_taken_up_where_it_was(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, out, seen = tmp_path / "whole.parquet", tmp_path / "out.parquet", list[int]()
    assert embed(sample, "site", whole).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(targets.Target, "write", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        assert embed(sample, "site", out).exit_code == 130
    monkeypatch.setattr(PotentialEncoder, "attempt", lambda *args, **more: seen.append(1))
    assert embed(sample, "site", out).exit_code == 0
    assert (out.read_bytes(), seen) == (whole.read_bytes(), [])
    assert "Already there" in embed(sample, "site", out).stderr


def test_the_readers_of_other_vectors_read_these(sample: Path, tmp_path: Path) -> None:
    a, b, folder = tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "folder"
    embed(sample, "structure", a, "--quiet")
    embed(sample, "structure", b, "--quiet", "--limit", "6")
    assert embed(sample, "site", folder, "--quiet", "--dtype", "float16").exit_code == 0
    run = CliRunner().invoke
    for command in (["verify", str(a)], ["verify", str(folder)], ["search", str(a), "--like", "test-0"]):
        assert run(main, command).exit_code == 0, command
    assert "Gone: 4" in run(main, ["diff", str(a), str(b)]).stdout
    again = run(main, ["verify", str(a), "--recompute", "3", "--source", "table", "--path", str(sample)])
    assert (again.exit_code, "a third-party potential" in again.stderr) == (1, True)
    (tmp_path / "salt.vasp").write_text("NaCl\n1\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    other = run(main, ["search", str(a), "--like", str(tmp_path / "salt.vasp")])
    assert (other.exit_code, "embed --encoder toy-potential" in other.stderr) == (1, True)


def test_a_model_of_these_vectors_encodes_structure_files(sample: Path, tmp_path: Path) -> None:
    embed(sample, "structure", tmp_path / "v.parquet", "--quiet")
    (tmp_path / "salt.vasp").write_text("NaCl\n1\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    use = read_structures(tmp_path / "v.parquet").use
    np.testing.assert_allclose(read_structures(tmp_path / "salt.vasp", like=use).vectors, [[14, 32, 1]])


def salt() -> Any:
    pymatgen = pytest.importorskip("pymatgen.core")
    return pymatgen.Structure(pymatgen.Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])


@pytest.mark.parametrize("name", ["toy-potential", "toy-potential@1.0.0", "toy-potential@1.0"])
def test_a_potential_is_loaded_by_its_name_and_gives_what_embed_writes(name: str, sample: Path, tmp_path: Path) -> None:
    for level in ("structure", "site"):
        embed(sample, level, tmp_path / f"{level}.parquet", "--quiet")
    structures, sites = (load_catalog(tmp_path / f"{k}.parquet") for k in ("structure", "site"))
    table = read_structure_table(sample).take(np.array(GOOD))
    for encoder in (load_crystal_encoder(name), load_encoder(name)):
        assert (encoder.name, encoder.version, encoder.dim, encoder.site_dim) == ("toy-potential", "1.0.0", 3, 3)
        assert repr(encoder) == 'PotentialEncoder("toy-potential@1.0.0", dim=3)'
        np.testing.assert_array_equal(encoder.encode(table), structures.lookup(table.material_ids))
        vectors, offsets = encoder.encode_sites(table)
        np.testing.assert_array_equal(vectors, sites.lookup(table.material_ids)[0])
        np.testing.assert_array_equal(offsets, table.offsets)


def test_a_potential_takes_structures_as_other_encoders_do(sample: Path) -> None:
    encoder = load_crystal_encoder("toy-potential")
    assert isinstance(encoder, Encoder)
    np.testing.assert_allclose(encoder.encode([salt(), salt()]), [[14, 32, 1]] * 2)
    np.testing.assert_allclose(encoder[salt()], [14, 32, 1])
    np.testing.assert_allclose(encoder.lookup([salt()]), [[14, 32, 1]])
    assert encoder.covers([salt()]).tolist() == [True]
    assert encoder.encode([]).shape == (0, 3)
    pytest.importorskip("sklearn", reason="needs the extra sklearn")
    from embeddings.featurizers.sklearn import StructureFeaturizer

    np.testing.assert_allclose(StructureFeaturizer("toy-potential").fit_transform([salt()]), [[14, 32, 1]])


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (3, ElementNotCovered, r"was not trained on Pu, in 1 of 2 structures"),
        (1, InputInvalid, r"1 of 2 structures cannot be encoded: 1 no_volume"),
        (6, InputInvalid, r"1 of 2 structures cannot be encoded by .*: 1 isolated_atoms, such as test-6\. Leave them"),
        (8, InputInvalid, r"1 of 2 structures cannot be encoded by .*: 1 vectors_not_finite, such as test-8\. Leave"),
    ],
)
def test_who_asks_a_potential_for_every_vector_is_told_why_there_is_none(
    row: int, error: type[Exception], message: str, sample: Path
) -> None:
    encoder, table = load_crystal_encoder("toy-potential"), read_structure_table(sample).take(np.array([0, row]))
    for asked in (encoder.encode, encoder.encode_sites):
        with pytest.raises(error, match=message):
            asked(table)
    with pytest.raises(InputInvalid, match=r"Give a list of structures"):
        encoder.encode(salt())


def test_a_catalog_goes_before_a_potential_and_other_names_are_not_found(sample: Path) -> None:
    with pytest.raises(CatalogNotFound, match=r"is known here as toy-potential@1\.0\.0, not as toy-potential@2\.0\.0"):
        load_crystal_encoder("toy-potential@2.0.0")
    with pytest.raises(CatalogNotFound, match='No catalog "toy-potentia"'):
        load_encoder("toy-potentia")
    write_toy(user_root(), name="toy-potential")
    with pytest.raises(InputInvalid, match=r"toy-potential 0\.1\.0 carries no encoder"):
        load_crystal_encoder("toy-potential")


def test_one_encoder_is_named_and_known(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.parquet"
    assert embed(sample, "structure", out, "--catalog", "ct-multi").exit_code == 2
    assert CliRunner().invoke(main, ["embed", str(sample), "-o", str(out)]).exit_code == 2
    unknown = embed(sample, "structure", out, encoder="chgnett")
    assert (unknown.exit_code, 'Did you mean "chgnet"?' in unknown.stderr) == (1, True)
    mixed = CliRunner().invoke(main, ["embed", str(sample), "--catalog", "chgnet@0.3.0", "-o", str(out)])
    assert (mixed.exit_code, mixed.stderr.endswith("--encoder chgnet\n")) == (1, True)
    assert not out.exists()


def test_the_help_names_every_potential() -> None:
    said = " ".join(CliRunner().invoke(main, ["embed", "--help"]).output.split())
    assert f"third-party potential: {', '.join(POTENTIALS)}." in said


MISSING = Weights(package="no_such_potential", requirement="no-such-potential==1.0", path="w.pth", sha256=64 * "0")


def test_a_package_that_is_not_there_is_named_with_its_environment() -> None:
    with pytest.raises(MissingExtra, match=r"uv venv .* && uv pip install .*no-such-potential==1\.0"):
        weights_of(MISSING)


def test_a_package_that_lacks_something_or_refuses_what_is_there_says_so() -> None:
    with pytest.raises(MissingExtra, match=r"^no_such_thing is not installed\. Give no_such_pot"), imported(MISSING):
        __import__("no_such_thing")
    with pytest.raises(MissingExtra, match=r"^no_such_potential cannot be imported here \(no name"), imported(MISSING):
        raise ImportError("no name")


def test_weights_that_are_not_there_or_not_the_known_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_potential").mkdir()
    (tmp_path / "a_potential" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    weights = replace(MISSING, package="a_potential")
    with pytest.raises(WeightsNotFound, match=r"nothing is downloaded.*uv pip install no-such-potential==1\.0"):
        weights_of(weights)
    (tmp_path / "a_potential" / "w.pth").write_bytes(b"other")
    with pytest.raises(CatalogCorrupt, match="other weights"):
        weights_of(weights)


@pytest.mark.parametrize("name", sorted(POTENTIALS))
def test_a_potential_without_its_package_is_one_line(
    name: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = find_potential(name).about.weights.package
    find: Callable[..., object] = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("builders.others.packages.find_spec", lambda asked: None if asked == package else find(asked))
    result = embed(sample, "structure", tmp_path / "v.parquet", encoder=name)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith(f"Error: {package} is not installed. Give {package} an environment of its own: uv ")
    with pytest.raises(MissingExtra, match=f"{package} is not installed. Give {package} an environment of its own"):
        load_crystal_encoder(name)
    assert not (tmp_path / "v.parquet").exists()


@pytest.fixture(params=sorted(POTENTIALS), scope="module")
def encoder(request: pytest.FixtureRequest) -> PotentialEncoder:
    """Each potential whose package is installed."""
    potential = find_potential(request.param)
    pytest.importorskip(potential.about.weights.package)
    return PotentialEncoder(potential()).to(choose_device("cpu"))


def table_of(tmp_path: Path, crystals: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> StructureTable:
    ids = pa.array([f"test-{k}" for k in range(len(crystals))])
    pq.write_table(arrow_table(crystals, material_id=ids), tmp_path / "t.parquet")
    return read_structure_table(tmp_path / "t.parquet")


def test_vectors_do_not_depend_on_the_cell_or_on_the_order_of_atoms(encoder: PotentialEncoder, tmp_path: Path) -> None:
    lattice, numbers, coords = cscl(55, 17, 4.1)
    halves = [(coords + shift) / [2, 1, 1] for shift in ([0, 0, 0], [1, 0, 0])]
    doubled = (lattice * [[2], [1], [1]], np.tile(numbers, 2), np.vstack(halves))
    turned = (lattice, numbers[::-1], coords[::-1])
    table = table_of(tmp_path, [(lattice, numbers, coords), doubled, turned])
    structures = encoder.attempt(table, sites=False).vectors
    sites = encoder.attempt(table, sites=True).vectors
    assert (structures.shape, sites.shape) == ((3, encoder.dim), (8, encoder.dim))
    np.testing.assert_allclose(structures[1:], structures[[0, 0]], atol=2e-4)
    np.testing.assert_allclose(sites[[2, 4, 7]], sites[[0, 0, 0]], atol=2e-4)
    assert np.abs(sites[0] - sites[1]).max() > 0.01


def test_what_a_potential_cannot_take_is_left_out_by_name(
    encoder: PotentialEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = table_of(tmp_path, [cscl(55, 17, 4.1), cscl(55, 17, 30.0), cscl(11, 17, 3.4)])
    there = set(os.listdir(tmp_path))
    made = encoder.attempt(table, sites=True)
    assert made.left_out == {"isolated_atoms": ["test-1"]}
    assert made.table.material_ids.tolist() == ["test-0", "test-2"]
    assert set(os.listdir(tmp_path)) == there
    assert encoder.covers(table_of(tmp_path, [cscl(55, 17, 4.1), cscl(84, 8, 4.0)])).tolist() == [True, False]


def test_a_potential_that_is_installed_goes_by_its_name(encoder: PotentialEncoder) -> None:
    loaded = load_crystal_encoder(encoder.name)
    assert loaded.encode([salt()]).shape == (1, encoder.dim)
    assert loaded.encode_sites([salt()])[0].shape == (2, encoder.dim)


def test_the_same_crystals_have_the_same_bytes(encoder: PotentialEncoder, tmp_path: Path) -> None:
    table = table_of(tmp_path, sample_crystals(8)[0])
    first, second = (encoder.attempt(table, sites=False).vectors for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_chgnet_gives_what_chgnet_gives(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    from pymatgen.core import Lattice, Structure

    from builders.others.chgnet import read_model

    lattice, numbers, coords = cscl(55, 17, 4.1)
    given = read_model().predict_structure(
        Structure(Lattice(lattice), numbers, coords), task="e", return_atom_feas=True, return_crystal_feas=True
    )
    encoder = PotentialEncoder(find_potential("chgnet")())
    table = table_of(tmp_path, [(lattice, numbers, coords)])
    np.testing.assert_allclose(encoder.attempt(table, sites=True).vectors, given["atom_fea"], atol=1e-5)
    np.testing.assert_allclose(encoder.attempt(table, sites=False).vectors[0], given["crystal_fea"] / 2, atol=1e-5)


def test_sevennet_reads_its_energy_from_what_it_gives(tmp_path: Path) -> None:
    pytest.importorskip("sevenn")
    import torch
    from ase import Atoms
    from sevenn.calculator import SevenNetCalculator

    lattice, numbers, coords = cscl(55, 17, 4.1)
    encoder = PotentialEncoder(find_potential("sevennet")())
    sites = encoder.attempt(table_of(tmp_path, [(lattice, numbers, coords)]), sites=True).vectors
    whole = SevenNetCalculator("7net-0", device="cpu")
    data = {"x": torch.from_numpy(sites), "atom_type": torch.tensor([whole.type_map[z] for z in numbers.tolist()])}
    atoms = Atoms(numbers, cell=lattice, scaled_positions=coords, pbc=True, calculator=whole)
    given = atoms.get_potential_energies()
    hidden = whole.model.reduce_hidden_to_energy(whole.model.reduce_input_to_hidden(data))
    found = whole.model.rescale_atomic_energy(hidden)["atomic_energy"]
    np.testing.assert_allclose(found.detach().numpy().ravel(), given, atol=1e-4)
