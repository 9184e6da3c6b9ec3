"""The ranking of encoders: the better vectors come first, no formula stands on both sides, and faults are named."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from click.testing import CliRunner, Result

from embeddings.analysis import transferability
from embeddings.analysis.transfer import CONTROL, MAX_FORMULAS
from embeddings.catalog import ElementCatalog
from embeddings.cli import main
from embeddings.elements import SYMBOLS
from embeddings.errors import ColumnNotFound, FormulaInvalid, InputInvalid, MissingExtra, TargetInvalid
from embeddings.formula import element_fractions, formula_digest, reduced_formula
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
    assert list(ranking.scores) == ["knowing", CONTROL, "guessing"]
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


def test_the_same_seed_gives_the_same_ranking() -> None:
    first, again, other = (transferability(FORMULAS, VALUES, [guessing()], seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_the_order_of_the_rows_does_not_matter() -> None:
    assert transferability(FORMULAS[::-1], VALUES[::-1], [guessing()]) == transferability(
        FORMULAS, VALUES, [guessing()]
    )


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
    assert set(transferability(FORMULAS, VALUES, [encoder, knowing()]).scores) == {"toy-encoder", "knowing", CONTROL}


def test_of_too_many_formulas_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_FORMULAS > 1000
    monkeypatch.setattr(sys.modules[transferability.__module__], "MAX_FORMULAS", 50)
    ranking = transferability(FORMULAS, VALUES, [knowing()])
    assert (ranking.n_formulas, ranking.n_used) == (len(FORMULAS), 50)


@pytest.mark.parametrize(
    ("formulas", "values", "error", "said"),
    [
        (["FeO", "nacl"], [1, 2], FormulaInvalid, "^Row 1 "),
        (["FeO", "NaCl"], [1], InputInvalid, "2 formulas and 1 values"),
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
    with pytest.raises(InputInvalid, match="into 1 folds"):
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
    assert {line.split("  ")[0] for line in lines[3:6]} == {"toy", "toy-encoder", CONTROL}
    assert lines[6].startswith("(the mean)")
    assert lines[-1].split() == "embeddings bench data.csv --formula composition --target energy -o report.html".split()


def test_a_difference_is_told_from_noise() -> None:
    formulas, catalogs = planted.formulas(60), [planted.guessing(), planted.knowing()]
    ranking = transferability(formulas, planted.learnable(formulas), catalogs)
    assert ranking.winner == "knowing"
    assert ranking.scores["knowing"].outcome == "better"
    assert ranking.scores["knowing"].mae_std < ranking.scores["guessing"].mae_std
    nothing = transferability(formulas, np.random.default_rng(3).normal(size=60), catalogs)
    assert nothing.winner is None
    assert {nothing.scores[name].outcome for name in ("guessing", "knowing")} == {"within noise"}


def test_the_command_ends_with_lines_that_use_the_winner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    formulas = planted.formulas(60)
    rows = [f"{formula},{value}" for formula, value in zip(formulas, planted.learnable(formulas), strict=True)]
    (folder / "data.csv").write_text("\n".join(["composition,energy", *rows]))
    monkeypatch.setattr("embeddings.cli.transferability.as_catalog", lambda name: planted.knowing())
    lines = run("--target", "energy", "--encoder", "knowing").stdout.splitlines()
    featurize = "embeddings featurize data.csv --formula composition --catalog knowing --stats mean,std"
    assert lines[-3].strip().startswith(featurize)
    assert "CompositionFeaturizer('knowing', stats=('mean', 'std'))" in lines[-2]


@pytest.mark.usefixtures("folder")
def test_the_command_ranks_what_is_named_and_prints_json() -> None:
    result = run("--target", "energy", "--encoder", "toy-encoder", "--folds", "3", "--json")
    ranking = json.loads(result.stdout)
    assert set(ranking["scores"]) == {"toy-encoder", CONTROL}
    known = {"mae", "r2", "n_seen", "n_uncovered", "mae_std", "p", "outcome"}
    assert set(ranking["scores"]["toy-encoder"]) == known
    assert ranking["scores"][CONTROL]["p"] is None
    assert ranking["stats"] == ["mean", "std"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "enrgy"), 'Did you mean "energy"'),
        (("--target", "composition"), "which is not a number"),
        (("--target", "energy", "--encoder", "toi"), 'Did you mean "toy"'),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_command_names_what_is_wrong(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_broken_row_is_named_with_its_line(folder: Path) -> None:
    path = folder / "data.csv"
    path.write_text(path.read_text() + "\nFeO,1,2\n")
    result = run("--target", "energy")
    assert f"line {len(FORMULAS) + 2}: The row has 3 fields" in result.stderr


def test_a_missing_column_is_a_named_error(folder: Path) -> None:
    from embeddings.cli.transferability import _columns

    with pytest.raises(ColumnNotFound, match=r'no column "formula".* --formula'):
        _columns(folder / "data.csv", "formula", "energy")
