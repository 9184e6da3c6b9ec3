"""The ranking of encoders: the better vectors come first, no formula stands on both sides, and faults are named."""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")
pytest.importorskip("pymatgen", reason="needs the extra bench")

from click.testing import CliRunner, Result
from sklearn.model_selection import KFold, cross_val_predict

from embeddings.analysis import transferability
from embeddings.analysis.properties import property_values
from embeddings.analysis.transfer import CONTROL, CONTROLS, MAX_FORMULAS, PROPERTIES
from embeddings.catalog import ElementCatalog
from embeddings.cli import main
from embeddings.elements import SYMBOLS
from embeddings.errors import FormulaInvalid, InputInvalid, MissingExtra, TargetInvalid
from embeddings.formula import element_fractions, formula_digest, reduced_formula
from embeddings.pooling import DEFAULT_STATS
from embeddings.store.encoder_files import read_encoder
from testing import planted
from testing.composition_encoders import write_toy_encoder
from testing.toys import toy_catalog, toy_provenance, toy_table, write_toy

RANDOM = np.random.default_rng(0)
HIDDEN = dict(zip(SYMBOLS[:60], RANDOM.normal(size=(60, 3)), strict=True))
PAIRS = RANDOM.choice(SYMBOLS[:60], size=(200, 2))
FORMULAS = list(dict.fromkeys(f"{a}{b}2" for a, b in PAIRS if a != b))
VALUES = [float(sum(w * HIDDEN[e][0] for e, w in element_fractions(f).items())) for f in FORMULAS]


def knowing(**changes: Any) -> ElementCatalog:
    """Return a catalog whose vectors hold what the values are made of."""
    return toy_catalog(HIDDEN, **({"name": "knowing"} | changes))


def guessing() -> ElementCatalog:
    """Return a catalog of random vectors."""
    vectors = dict(zip(SYMBOLS[:60], np.random.default_rng(1).normal(size=(60, 3)), strict=True))
    return toy_catalog(vectors, name="guessing")


def test_the_better_vectors_come_first() -> None:
    ranking = transferability(FORMULAS, VALUES, [guessing(), knowing()])
    assert [name for name in ranking.scores if name != PROPERTIES] == ["knowing", CONTROL, "guessing"]
    assert ranking.scores["knowing"].r2 > 0.99
    assert ranking.scores["knowing"].mae < 0.1 * ranking.scores["guessing"].mae
    assert (ranking.n_rows, ranking.n_formulas, ranking.n_used) == (len(FORMULAS),) * 3


def test_the_mean_is_that_of_the_other_folds() -> None:
    value_of = dict(zip(map(reduced_formula, FORMULAS), VALUES, strict=True))
    values = np.array([value_of[formula] for formula in sorted(value_of)])
    folds = np.array_split(values[np.random.default_rng(0).permutation(len(values))], 5)
    errors = [np.abs(fold - np.mean(np.concatenate([*folds[:k], *folds[k + 1 :]]))) for k, fold in enumerate(folds)]
    assert transferability(FORMULAS, VALUES, []).baseline_mae == pytest.approx(np.concatenate(errors).mean())


def test_no_formula_stands_on_both_sides() -> None:
    """Values without any rule, each written three times: a leak would predict them from their own copies."""
    noise = np.random.default_rng(2).normal(size=len(FORMULAS))
    spelled = [*FORMULAS, *(f"({f})2" for f in FORMULAS), *FORMULAS]
    ranking = transferability(spelled, np.tile(noise, 3), [knowing()])
    assert (ranking.n_rows, ranking.n_formulas) == (3 * len(FORMULAS), len(FORMULAS))
    assert max(score.r2 for score in ranking.scores.values()) < 0.1


def test_a_formula_rounded_differently_is_one_row() -> None:
    twins = ["Fe0.176P0.118O0.706", "Fe3P2O12", "Fe0.1765P0.1176O0.7059"]
    ranking = transferability([*FORMULAS, *twins], [*VALUES, 0.0, 1.0, 2.0], [])
    assert (ranking.n_rows, ranking.n_formulas) == (len(FORMULAS) + 3, len(FORMULAS) + 1)


@pytest.mark.usefixtures("folder")
def test_the_command_knows_how_formulas_were_rounded(learnable: tuple[list[str], list[float]]) -> None:
    rows = [*zip(*learnable, strict=True), ("Fe0.176P0.118O0.706", 0.5), ("Fe3P2O12", 1.5)]
    Path("twins.csv").write_text("formula,energy\n" + "".join(f"{formula},{value}\n" for formula, value in rows))
    result = CliRunner().invoke(
        main, ["transferability", "twins.csv", "--target", "energy", "--encoder", "toy-encoder", "--json"]
    )
    assert json.loads(result.stdout)["n_formulas"] == len(set(map(reduced_formula, learnable[0]))) + 1


def test_the_same_seed_gives_the_same_ranking() -> None:
    first, again, other = (transferability(FORMULAS, VALUES, [guessing()], seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_the_order_of_the_rows_does_not_matter() -> None:
    assert transferability(FORMULAS[::-1], VALUES[::-1], [guessing()]) == transferability(
        FORMULAS, VALUES, [guessing()]
    )


def test_a_rounded_formula_was_seen_as_what_it_is_written_for() -> None:
    table = toy_table(HIDDEN, training_formulas=formula_digest(["Fe3P2O12"]))
    catalog = ElementCatalog(knowing().manifest, table)
    ranking = transferability([*FORMULAS, "Fe0.176P0.118O0.706"], [*VALUES, 0.0], [catalog])
    assert ranking.scores["knowing"].n_seen == 1


def test_what_was_seen_and_what_is_lacking_is_counted() -> None:
    table = toy_table(HIDDEN, training_formulas=formula_digest(FORMULAS[:7]))
    catalog = ElementCatalog(knowing().manifest, table)
    score = transferability([*FORMULAS, "UO2", "PuO2"], [*VALUES, 0.0, 0.0], [catalog]).scores["knowing"]
    assert (score.n_seen, score.n_uncovered) == (7, 2)
    manifest = replace(knowing().manifest, training=replace(toy_provenance().training, formula_digest=None))
    unknown = ElementCatalog(manifest, toy_table(HIDDEN, training_formulas=None))
    assert transferability(FORMULAS, VALUES, [unknown]).scores["knowing"].n_seen is None


def test_encoders_take_part(tmp_path: Path) -> None:
    encoder = read_encoder(write_toy_encoder(tmp_path))
    ranking = transferability(FORMULAS, VALUES, [encoder, knowing()])
    assert set(ranking.scores) == {"toy-encoder", "knowing", *CONTROLS}


def test_of_too_many_formulas_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_FORMULAS > 1000
    monkeypatch.setattr(sys.modules[transferability.__module__], "MAX_FORMULAS", 50)
    ranking = transferability(FORMULAS, VALUES, [knowing()])
    assert (ranking.n_formulas, ranking.n_used) == (len(FORMULAS), 50)


@pytest.mark.parametrize(
    ("formulas", "values", "error", "said"),
    [
        (["FeO", "nacl"], [1, 2], FormulaInvalid, "^Row 1 "),
        (["FeO", "NaCl"], [1], InputInvalid, "2 formulas came with 1 value"),
        (["FeO", "NaCl"], [1, 2], InputInvalid, "2 different reduced formulas cannot be split into 5 folds"),
        (["FeO", "Fe2O2"] * 5, range(10), InputInvalid, "^1 different"),
        ([], [], InputInvalid, "^0 different"),
        (FORMULAS, [1.5] * len(FORMULAS), TargetInvalid, "is 1.5 for every formula"),
        (FORMULAS, [np.nan, np.inf, *VALUES[2:]], TargetInvalid, r"^2 of \d+ values .* first in row 0"),
        (FORMULAS, ["", None, *VALUES[2:]], TargetInvalid, r"^2 of \d+ values"),
        (FORMULAS, [*VALUES[:-1], "metal"], TargetInvalid, "'metal', which is not a number. Two classes"),
    ],
)
def test_bad_input_is_named(formulas: Any, values: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        transferability(formulas, values, [knowing()])


def test_names_and_folds_are_checked() -> None:
    with pytest.raises(InputInvalid, match='called "knowing"'):
        transferability(FORMULAS, VALUES, [knowing(), knowing(version="0.2.0")])
    with pytest.raises(InputInvalid, match="into 1 fold"):
        transferability(FORMULAS, VALUES, [], n_folds=1)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtra, match=r"\[sklearn\]"):
        transferability(FORMULAS, VALUES, [])


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data, where a toy catalog and a toy encoder are all that there is."""
    root = tmp_path / "catalogs"
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    monkeypatch.setattr("embeddings.store.roots.packaged_root", lambda: tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    write_toy(root)
    write_toy_encoder(root)
    rows = [f"{formula},{value}" for formula, value in zip(FORMULAS, VALUES, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["composition,energy", *rows]))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["transferability", "data.csv", "--formula", "composition", *arguments])


@pytest.mark.usefixtures("folder")
def test_the_command_ranks_all_that_there_is() -> None:
    result = run("--target", "energy")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"energy: {len(FORMULAS)} rows, {len(FORMULAS)} formulas"
    assert "pooled by mean, std" in lines[1]
    assert lines[2].split()[:4] == ["MAE", "R2", "seen", "lacking"]
    assert {line.split("  ")[0] for line in lines[3:7]} == {"toy", "toy-encoder", *CONTROLS}
    assert lines[7].startswith("(the mean)")
    assert lines[-1].split() == "embeddings bench data.csv --formula composition --target energy -o report.html".split()


def test_a_control_is_no_candidate() -> None:
    with pytest.raises(InputInvalid, match='"properties" is the baseline of the comparison, and is always ranked'):
        transferability(FORMULAS, VALUES, ["properties"])


def test_a_difference_is_told_from_noise() -> None:
    formulas, catalogs = planted.formulas(60), [planted.guessing(), planted.knowing()]
    ranking = transferability(formulas, planted.learnable(formulas), catalogs)
    assert ranking.winner == "knowing"
    assert (ranking.scores["knowing"].outcome, ranking.scores["knowing"].outcome_properties) == ("better", "better")
    assert ranking.scores[CONTROL].outcome is ranking.scores[PROPERTIES].outcome_properties is None
    assert ranking.scores["knowing"].mae_std < ranking.scores["guessing"].mae_std
    nothing = transferability(formulas, np.random.default_rng(3).normal(size=60), catalogs)
    assert nothing.winner is None
    assert {nothing.scores[name].outcome for name in ("guessing", "knowing")} == {"within noise"}


def test_vectors_that_properties_are_ahead_of_do_not_win() -> None:
    formulas = planted.formulas(60)
    table = dict(zip(SYMBOLS, property_values("electronegativity"), strict=True))
    covered = [f for f in formulas if all(np.isfinite(table[e]) for e in element_fractions(f))]
    values = [sum(w * table[e] for e, w in element_fractions(f).items()) for f in covered]
    ranking = transferability(covered, values, [planted.guessing()])
    assert next(iter(ranking.scores)) == PROPERTIES
    assert ranking.winner is None
    assert ranking.scores["guessing"].outcome_properties == "worse"


def test_without_pymatgen_properties_take_no_part_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from embeddings.bench import features

    features._property_table.cache_clear()
    property_values.cache_clear()
    monkeypatch.setitem(sys.modules, "pymatgen.core", None)
    ranking = transferability(FORMULAS, VALUES, [knowing()])
    assert PROPERTIES not in ranking.scores
    assert "pymatgen" in ranking.notes[0]
    assert next(iter(ranking.scores)) == "knowing"


@pytest.fixture
def learnable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[float]]:
    """Formulas and values in data.csv that the catalog "knowing" explains."""
    formulas = planted.formulas(60)
    values = planted.learnable(formulas)
    rows = [f"{formula},{value}" for formula, value in zip(formulas, values, strict=True)]
    (folder / "data.csv").write_text("\n".join(["composition,energy", *rows]))
    monkeypatch.setattr("embeddings.cli.transferability.as_catalog", lambda name: planted.knowing())
    return formulas, values


@pytest.mark.usefixtures("learnable")
def test_the_command_ends_with_the_lines_of_the_winner() -> None:
    lines = run("--target", "energy", "--encoder", "knowing").stdout.splitlines()
    stats = ",".join(DEFAULT_STATS)
    featurize = f"  embeddings featurize data.csv --formula composition --catalog knowing --stats {stats} -o "
    assert any(line.startswith(featurize) for line in lines)
    assert lines[-1].startswith("  embeddings bench data.csv --formula composition --target energy")


def test_who_follows_the_advice_gets_the_ranked_error(learnable: tuple[list[str], list[float]]) -> None:
    """The printed lines of Python make the model that was ranked."""
    output = run("--target", "energy", "--encoder", "knowing").stdout
    code = [line.strip() for line in output.splitlines() if line.startswith(("  from ", "  model = "))]
    found: dict[str, Any] = {}
    exec("\n".join(code).replace("'knowing'", "catalog"), {"catalog": planted.knowing()}, found)
    value_of = dict(zip(map(reduced_formula, learnable[0]), learnable[1], strict=True))
    order = np.random.default_rng(0).permutation(len(value_of))
    formulas = np.array(sorted(value_of))[order]
    values = np.array([value_of[formula] for formula in formulas])
    errors = np.abs(values - cross_val_predict(found["model"], list(formulas), values, cv=KFold(5)))
    assert f"{errors.mean():.4g}" in output


@pytest.mark.usefixtures("folder")
def test_the_command_ranks_what_is_named_and_prints_json() -> None:
    result = run("--target", "energy", "--encoder", "toy-encoder", "--folds", "3", "--json")
    ranking = json.loads(result.stdout)
    assert set(ranking["scores"]) == {"toy-encoder", *CONTROLS}
    known = {"mae", "r2", "n_seen", "n_uncovered", "mae_std", "p", "outcome", "p_properties", "outcome_properties"}
    assert set(ranking["scores"]["toy-encoder"]) == known
    assert ranking["scores"][CONTROL]["p"] is None
    assert tuple(ranking["stats"]) == DEFAULT_STATS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "enrgy"), 'Did you mean "energy"'),
        (("--target", "composition"), "which are read as classes"),
        (("--target", "energy", "--formula", "energy"), "can be used"),
        (("--target", "energy", "--encoder", "toi"), 'Did you mean "toy"'),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_command_names_what_is_wrong(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_broken_row_is_set_aside_with_its_line(folder: Path) -> None:
    path = folder / "data.csv"
    path.write_text(path.read_text() + "\nFeO,1,2\nCoO,\n")
    result = run("--target", "energy")
    assert result.exit_code == 0, result.output
    assert f"2 rows set aside: line {len(FORMULAS) + 2}: the row has 3 cells" in result.stderr


def test_every_table_that_the_bench_reads(folder: Path) -> None:
    plain = (folder / "data.csv").read_text()
    expected = run("--target", "energy", "--json").stdout
    for name, content in {
        "data.tsv": plain.replace(",", "\t").encode(),
        "data.csv.gz": gzip.compress(plain.replace("energy", "energy (eV)").encode()),
    }.items():
        (folder / name).write_bytes(content)
        result = CliRunner().invoke(main, ["transferability", name, "--target", "energy", "--json"])
        assert result.stdout == expected
        assert "Formulas are read from" in result.stderr
    piped = CliRunner().invoke(main, ["transferability", "-", "--target", "energy", "--json"], input=plain)
    assert piped.stdout == expected


def test_two_classes_are_ranked_and_more_are_refused(folder: Path) -> None:
    for n_classes, said in ((2, "no is 0, yes is 1"), (3, "has 3 classes")):
        words = ["yes", "no", "maybe"][:n_classes]
        rows = [f"{formula},{words[k % n_classes]}" for k, formula in enumerate(FORMULAS)]
        (folder / "data.csv").write_text("\n".join(["composition,metal", *rows]))
        result = run("--target", "metal")
        assert (result.exit_code, said in result.output) == (n_classes - 2, True)


def test_a_missing_column_is_a_named_error(folder: Path) -> None:
    (folder / "data.csv").write_text("a,energy\n" + "x,1\n" * 20)
    result = CliRunner().invoke(main, ["transferability", "data.csv", "--target", "energy"])
    assert "no column could be read as formulas. Name it with --formula. It has: a, energy." in result.stderr
