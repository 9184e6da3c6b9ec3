"""Candidates have the formula, the structure of a like template and a fitting volume; bad input is named."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("pymatgen", reason="needs the extra build")
pytest.importorskip("spglib", reason="needs the extra build")

from builders.methods.explicit import TemplatePool, predict_structures, read_templates
from builders.methods.explicit.drafts import Draft, find_generator
from builders.methods.explicit.likeness import Likeness
from builders.methods.explicit.ranking import rank
from builders.methods.explicit.relaxing import Limits, Unrelaxed, find_potential, relax
from builders.methods.explicit.substitution import conditional, substitution_probabilities
from builders.methods.explicit.templates import whole_composition
from builders.methods.explicit.volume import VolumeModel, dense_fractions
from builders.methods.explicit.writing import write_candidates
from builders.structures.cells import volumes
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings.cli import main
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import FormulaInvalid, InputInvalid, MissingExtra, OutputInvalid, SourceError, WeightsNotFound
from testing.crystals import cscl, random_crystal, rocksalt, structure_table, write_sample
from testing.encoders import write_encoder_catalog

Z = ATOMIC_NUMBERS


def elements(symbols: str = "Li Na K Rb Cs F Cl Br I Mg Ca O S Fe") -> Any:
    """Vectors in which elements of one group are near each other, and neighbors in it nearest."""
    numbers = np.array(sorted(Z[symbol] for symbol in symbols.split()))
    group = {"Li": 0, "Na": 0, "K": 0, "Rb": 0, "Cs": 0, "F": 8, "Cl": 8, "Br": 8, "I": 8, "Mg": 2, "Ca": 2, "O": 6}
    vectors = [[group.get(SYMBOLS[z - 1], 4), z / 20] for z in numbers]
    return SimpleNamespace(atomic_numbers=numbers, vectors=np.array(vectors, dtype=np.float32))


def halides() -> TemplatePool:
    """Alkali halides, rocksalt but for those of cesium, each with the room that its ions take."""
    radius = {"Li": 0.76, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67, "F": 1.33, "Cl": 1.81, "Br": 1.96, "I": 2.2}
    crystals = []
    for a in ("Li", "Na", "K", "Rb", "Cs"):
        for b in ("F", "Cl", "Br", "I"):
            edge = 2 * (radius[a] + radius[b])
            crystals.append(cscl(Z[a], Z[b], edge / 3**0.5) if a == "Cs" else rocksalt(Z[a], Z[b], edge))
    return TemplatePool.of(structure_table(crystals))


def test_a_candidate_is_a_crystal_of_the_formula_with_the_structure_of_a_like_one() -> None:
    found = predict_structures(["NaCl", "CsBr"], halides(), elements=elements(), k=2)
    assert reduced_formulas_of(found.structures) == ["NaCl", "NaCl", "CsBr", "CsBr"]
    assert [one.material_id for one in found.about] == ["NaCl-1", "NaCl-2", "CsBr-1", "CsBr-2"]
    assert found.structures.n_sites[0] == 8
    assert found.about[0].template_formula in ("KCl", "LiCl", "NaBr", "NaF")
    assert set(found.structures.n_sites[2:].tolist()) == {2, 8}
    assert all(0 < one.weight <= 1 for one in found.about)


def test_volumes_are_nearer_the_truth_than_those_of_the_templates() -> None:
    pool = halides()
    truth = dict(zip(pool.formulas, volumes(pool.structures.lattices) / pool.structures.n_sites, strict=True))
    found = predict_structures(list(truth), pool, elements=elements(), k=1)
    made = volumes(found.structures.lattices) / found.structures.n_sites
    wanted = np.array([truth[one.formula] for one in found.about])
    unscaled = made / found.column("volume_scale")
    assert np.abs(np.log(made / wanted)).mean() < 0.6 * np.abs(np.log(unscaled / wanted)).mean()


def test_the_volume_of_a_formula_is_learned_without_it() -> None:
    pool = halides()
    model, without = VolumeModel.fit(pool), VolumeModel.fit(pool.without({"LiI"}))
    shift = model.mean - without.mean
    fractions = dense_fractions(["NaCl", "KBr"])
    learned = fractions @ model.coefficients(without="LiI") + model.mean
    assert learned == pytest.approx(fractions @ without.coefficients() + without.mean, abs=abs(shift))


def test_the_formula_and_excluded_formulas_lend_no_structure() -> None:
    near = ["NaF", "NaBr", "NaI", "LiCl", "KCl"]
    found = predict_structures(["NaCl"], halides(), elements=elements(), k=9, exclude=near)
    assert found.column("template_formula").tolist()
    assert not set(found.column("template_formula")) & {"NaCl", *near}


@pytest.mark.parametrize("formula", ["Fe", "Na2O", "NaClO4"])
def test_a_formula_without_templates_says_so(formula: str) -> None:
    with pytest.raises(InputInvalid, match=f"{formula} among 20 templates: no template has its anonymous formula"):
        predict_structures([formula], halides(), elements=elements())


def test_thirty_elements_find_no_template() -> None:
    everything = SimpleNamespace(atomic_numbers=np.arange(1, 95), vectors=np.random.default_rng(0).normal(size=(94, 4)))
    with pytest.raises(InputInvalid, match="no template has its anonymous formula"):
        predict_structures(["".join(SYMBOLS[2:32])], halides(), elements=everything)


def test_an_element_gets_the_structure_of_another() -> None:
    pool = TemplatePool.of(structure_table([(3.5 * np.eye(3), np.array([Z["Li"]]), np.zeros((1, 3)))]))
    found = predict_structures(["Na"], pool, elements=elements(), k=3)
    assert (found.column("template_formula").tolist(), found.structures.atomic_numbers.tolist()) == (["Li"], [11])


def test_what_has_no_candidate_is_listed_beside_what_has() -> None:
    found = predict_structures(["NaCl", "UCl", "Fe2O3"], halides(), elements=elements(), k=1)
    assert [one.formula for one in found.about] == ["NaCl"]
    assert "no vector of U" in found.left_out["UCl"]
    assert "no template" in found.left_out["Fe2O3"]


@pytest.mark.parametrize("excluded", ["all", "none"])
def test_no_templates_at_all(excluded: str) -> None:
    pool = halides()
    empty = pool.without(set(pool.formulas)) if excluded == "none" else pool
    exclude = list(pool.formulas) if excluded == "all" else []
    with pytest.raises(InputInvalid, match="No templates: "):
        predict_structures(["NaCl"], empty, elements=elements(), exclude=exclude)


def test_other_bad_input_is_named() -> None:
    with pytest.raises(FormulaInvalid):
        predict_structures(["what"], halides(), elements=elements())
    with pytest.raises(InputInvalid, match="0 candidates"):
        predict_structures(["NaCl"], halides(), elements=elements(), k=0)
    with pytest.raises(InputInvalid, match="no formula was given"):
        predict_structures([], halides(), elements=elements())


def test_elements_of_equal_amounts_take_the_places_that_fit_best() -> None:
    rng = np.random.default_rng(0)
    lattice, _, coords = random_crystal(rng, 7)
    numbers = np.array([Z[s] for s in ("Br", "K", "O", "S", "Mg", "Fe", "Cs")])
    pool = TemplatePool.of(structure_table([(lattice, numbers, coords)]))
    ranked = rank("NaClCaLiFeSO", pool, Likeness.of(elements(), share=0), most=5)
    pairs = {SYMBOLS[a - 1]: SYMBOLS[b - 1] for a, b in zip(ranked.new, ranked.old[0], strict=True)}
    assert {pairs[x] for x in ("Na", "Li")} == {"K", "Cs"}
    assert (pairs["Cl"], pairs["Ca"], pairs["O"]) == ("Br", "Mg", "O")


def test_amounts_are_whole_and_reduced() -> None:
    assert whole_composition("Na2O2")[1] == (1, 1)
    assert whole_composition("Na(CoO2)2")[1] == (1, 2, 4)


def test_like_structures_are_one_candidate_and_the_stable_one_comes_first() -> None:
    crystals = [rocksalt(Z["K"], Z["Cl"], 6.3), cscl(Z["K"], Z["Cl"], 3.8), rocksalt(Z["Na"], Z["Br"], 6.0)]
    pool = TemplatePool.of(structure_table(crystals, formation_energy_per_atom=[-2.0, -2.2, float("nan")]))
    found = predict_structures(["RbCl"], pool.without({"NaBr"}), elements=elements(), k=5)
    assert found.structures.n_sites.tolist() == [2, 8]
    assert found.column("weight").sum() == pytest.approx(1)


def test_substitution_probabilities_are_those_of_pymatgen() -> None:
    from pymatgen.core.structure_prediction.substitution_probability import SubstitutionProbability

    pairs = [("Na+", "Na+", 1.0), ("Na+", "K+", 0.5), ("K+", "K+", 0.8), ("Fe3+", "Fe3+", 1.2), ("Fe2+", "K+", -2.0)]
    ours, theirs = conditional(pairs), SubstitutionProbability(lambda_table=[list(pair) for pair in pairs])
    assert ours[Z["Na"], Z["K"]] == pytest.approx(theirs.cond_prob("Na+", "K+"))
    both = sum(theirs.prob("Na+", ion) for ion in ("Fe2+", "Fe3+"))
    assert ours[Z["Na"], Z["Fe"]] == pytest.approx(
        both / sum(theirs.get_px(s) / theirs.Z for s in _ions("Fe2+", "Fe3+"))
    )
    packaged = substitution_probabilities()
    assert packaged[Z["Na"], Z["K"]] > packaged[Z["Cl"], Z["K"]]
    assert np.nansum(packaged[:, Z["K"]]) == pytest.approx(1)


def _ions(*names: str) -> list[Any]:
    from pymatgen.core import Species

    return [Species.from_str(name) for name in names]


def potential(kind: str) -> Any:
    """A calculator of ASE under which atoms rest, never rest, fly apart, or take long; or that fails."""
    from ase.calculators.calculator import Calculator, all_changes

    class Fake(Calculator):
        implemented_properties = ("energy", "forces", "stress")

        def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = all_changes) -> None:
            super().calculate(atoms, properties, system_changes)
            if kind == "fails":
                raise ValueError("isolated atom")
            if kind == "slow":
                time.sleep(0.05)
            forces = np.random.default_rng(0).normal(size=(len(atoms), 3))
            forces *= {"rests": 0.0, "explodes": 1e6, "nan": float("nan")}.get(kind, 1.0)
            self.results = {"energy": -3.0 * len(atoms), "forces": forces, "stress": np.zeros(6)}

    return Fake()


def draft() -> Draft:
    lattice, numbers, coords = rocksalt(Z["Na"], Z["Cl"], 5.6)
    return Draft(lattice, numbers, coords)


def test_a_crystal_at_rest_keeps_its_place() -> None:
    pytest.importorskip("ase")
    moved, energy = relax(draft(), potential("rests"), Limits())
    assert energy == pytest.approx(-3.0)
    assert np.allclose(moved.lattice, draft().lattice)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("explodes", "relaxation_exploded"),
        ("nan", "relaxation_exploded"),
        ("fails", "relaxation_failed"),
        ("slow", "relaxation_took_too_long"),
        ("restless", "relaxation_unfinished"),
    ],
)
def test_a_relaxation_that_does_not_end_well_is_bounded_dropped_and_counted(kind: str, reason: str) -> None:
    pytest.importorskip("ase")
    limits = Limits(steps=4, seconds=0.1 if kind == "slow" else 60)
    with pytest.raises(Unrelaxed, match=reason):
        relax(draft(), potential(kind), limits)


def test_relaxed_candidates_have_energies_and_dropped_ones_are_counted() -> None:
    pytest.importorskip("ase")
    found = predict_structures(["NaCl"], halides(), elements=elements(), k=1, potential=potential("rests"))
    assert found.column("energy").tolist() == [-3.0]
    with pytest.raises(InputInvalid, match="every candidate was dropped"):
        predict_structures(["NaCl"], halides(), elements=elements(), potential=potential("fails"))


def test_potentials_are_found_by_name() -> None:
    with pytest.raises(InputInvalid, match=r'No potential "chgnett"\. Did you mean "chgnet"'):
        find_potential("chgnett")
    try:
        import chgnet  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtra, match="starter"):
            find_potential("chgnet")


def test_generators_of_your_own_plug_in_by_name(tmp_path: Path) -> None:
    name = "testing.generators:OneCrystal"
    own = find_generator(name, tmp_path)
    found = predict_structures(["LiF"], halides().without({"LiF"}), elements=elements(), k=9, generators=[own])
    assert found.column("template_id").tolist()[-1] == ""
    assert found.dropped == {"other_formula": 1}
    with pytest.raises(WeightsNotFound, match="Nothing is downloaded"):
        find_generator(name, tmp_path / "none")
    with pytest.raises(InputInvalid, match="module:factory"):
        find_generator("no_such_module:x", None)
    with pytest.raises(InputInvalid, match="no generate"):
        find_generator("builtins:dict", None)


def test_a_generator_of_your_own_is_asked_where_elements_have_no_vector() -> None:
    own, known = find_generator("testing.generators:OneCrystal", None), elements("Li Na K Cl Br I")
    found = predict_structures(["LiF", "NaF"], halides(), elements=known, generators=[own])
    assert [one.formula for one in found.about] == ["LiF"]
    assert found.left_out == {"NaF": "every candidate was dropped"}


def test_files_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    from builders.sources import SourceOptions, find_source

    pool = halides()
    found = predict_structures(["NaCl", "CsBr"], pool, elements=elements(), k=2)
    write_candidates(tmp_path / "made.parquet", found, pool.origin)
    read = read_structure_table(tmp_path / "made.parquet")
    assert reduced_formulas_of(read) == reduced_formulas_of(found.structures)
    assert np.allclose(read.lattices, found.structures.lattices)
    assert read.properties["rank"].tolist() == [one.rank for one in found.about]
    assert pq.read_schema(tmp_path / "made.parquet").metadata[b"synthetic"] == b"true"
    write_candidates(tmp_path / "made", found, pool.origin)
    stream = find_source("local")(SourceOptions(path=tmp_path / "made"))
    batches = list(stream.batches(stream.plan(), None))
    assert sum(len(batch.table) for batch in batches) == len(found)
    assert [rejected for batch in batches for rejected in batch.rejected] == []
    listed = (tmp_path / "made" / "candidates.csv").read_text().splitlines()
    assert len(listed) == 1 + len(found)


def test_only_candidates_make_way(tmp_path: Path) -> None:
    pool, made = halides(), tmp_path / "made"
    found, others = (predict_structures([f], pool, elements=elements(), k=1) for f in ("NaCl", "KBr"))
    write_candidates(made, found, pool.origin)
    before = (made / "candidates.csv").stat().st_mtime_ns
    write_candidates(made, found, pool.origin)
    assert (made / "candidates.csv").stat().st_mtime_ns == before
    with pytest.raises(OutputInvalid, match="--force"):
        write_candidates(made, others, pool.origin)
    write_candidates(made, others, pool.origin, force=True)
    assert sorted(path.name for path in made.iterdir()) == ["KBr-1.cif", "candidates.csv"]
    (made / "thesis.txt").write_text("years")
    with pytest.raises(OutputInvalid, match="never replaced"):
        write_candidates(made, others, pool.origin, force=True)


def test_templates_come_from_where_they_are(tmp_path: Path) -> None:
    assert len(read_templates("starter")) > 10_000
    with pytest.raises(SourceError, match="Give a snapshot"):
        read_templates(tmp_path / "none.parquet")


def test_dropped_templates_are_counted() -> None:
    large = random_crystal(np.random.default_rng(0), 9)
    pool = TemplatePool.of(structure_table([rocksalt(11, 17, 5.6), large]), max_sites=8)
    assert (len(pool), Counter(pool.dropped)) == (1, Counter({"too_many_sites": 1}))


def test_the_command_writes_what_it_lists(tmp_path: Path) -> None:
    out, table = tmp_path / "made.parquet", tmp_path / "formulas.csv"
    table.write_text("formula,y\nNaCl,1\nnot a formula,2\nFe2O3,3\n")
    write_sample(tmp_path / "templates.parquet")
    write_encoder_catalog(tmp_path / "catalogs", name="net")
    (tmp_path / "excluded.txt").write_text("LiF\nNaF\n")
    args = ["predict-structure", "MgO", "--input", table, "--templates", tmp_path / "templates.parquet", "-k", "2"]
    args += ["--exclude-formulas", tmp_path / "excluded.txt", "-o", out, "--json", "--catalog"]
    done = CliRunner().invoke(main, [*map(str, args), str(tmp_path / "catalogs" / "net" / "0.1.0")])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [one["formula"] for one in said["candidates"]] == ["MgO", "MgO", "NaCl", "NaCl"]
    assert not {one["template_formula"] for one in said["candidates"]} & {"LiF", "NaF", "MgO", "NaCl"}
    assert list(said["left_out"]) == ["Fe2O3"]
    assert "formulas.csv: 1 row without a formula that can be read, left out; the first is line 3" in done.stderr
    assert len(read_structure_table(out)) == 4


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--templates", "starter"], "Give formulas"),
        (["NaCl", "--formula", "x", "--templates", "starter"], "column of --input"),
        (["NaCl", "--weights", "x", "--templates", "starter"], "goes with --generator"),
    ],
)
def test_options_that_do_not_go_together(args: list[str], says: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["predict-structure", *args, "-o", str(tmp_path / "out")])
    assert (done.exit_code, says in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("formula", "templates", "excluded", "says"),
    [
        ("NaCl", "empty", "LiF", "No templates: "),
        ("NaCl", "all", "every", "No templates: "),
        ("OgO", "all", "LiF", "no vector of Og, so nothing tells which elements are like it"),
        ("NaClC0.000001", "all", "LiF", "no template has its anonymous formula"),
        ("".join(SYMBOLS[18:35] + SYMBOLS[36:49]), "all", "LiF", "no template has its anonymous formula"),
    ],
)
def test_a_command_without_candidates_says_why_and_leaves_what_was_there(
    formula: str, templates: str, excluded: str, says: str, tmp_path: Path
) -> None:
    file, out = write_sample(tmp_path / "templates.parquet"), tmp_path / "made.parquet"
    known = set(read_templates(file).formulas) if excluded == "every" else {excluded}
    (tmp_path / "excluded.txt").write_text("\n".join(known))
    if templates == "empty":
        pq.write_table(pq.read_table(file).slice(0, 0), file)
    args = [formula, "--templates", file, "--exclude-formulas", tmp_path / "excluded.txt", "-o", out, "--quiet"]
    done = CliRunner().invoke(main, ["predict-structure", *map(str, args)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert says in done.stderr
    assert not out.exists()
