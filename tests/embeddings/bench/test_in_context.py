"""The in-context head takes part where its package and its weights are, and says what is missing where they are not."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")
pytest.importorskip("torch", reason="needs the extra torch")

from click.testing import CliRunner

from embeddings.bench import compare, in_context_weights
from embeddings.bench.candidates import Candidate
from embeddings.bench.heads import checked_heads
from embeddings.bench.in_context import MAX_COLUMNS
from embeddings.bench.in_context_weights import VARIABLE, require_weights, use_weights, weights_in_use
from embeddings.bench.model import PropertyModel, load_model
from embeddings.cli import main
from embeddings.errors import InputInvalid, MissingExtra, WeightsNotFound
from testing.measured import FORMULAS, VALUES
from testing.tabicl_weights import write_config, write_weights

needs_tabicl = pytest.mark.skipif(find_spec("tabicl") is None, reason="needs tabicl, which is no requirement")

SOME, THEIR_VALUES = FORMULAS[:40], VALUES[:40]
CLASSES = ["high" if value > 0 else "low" for value in THEIR_VALUES]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights in the environment, and no way to the network."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A table of measurements."""
    rows = [f"{formula},{value}" for formula, value in zip(SOME, THEIR_VALUES, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["formula,y", *rows]) + "\n")
    return str(tmp_path / "data.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights for numbers and for classes."""
    (tmp_path / "weights").mkdir()
    write_weights(tmp_path / "weights" / "regressor.ckpt", classify=False)
    write_weights(tmp_path / "weights" / "classifier.ckpt", classify=True)
    return tmp_path / "weights"


def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_context_weights, "find_spec", lambda name: None)


def with_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_context_weights, "find_spec", lambda name: True)


def test_it_takes_part_only_where_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "in-context" not in checked_heads(None)
    with use_weights(tmp_path):
        assert "in-context" in checked_heads(None)
    assert "in-context" not in checked_heads(None)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert "in-context" in checked_heads(None)


@pytest.mark.parametrize("command", ["bench", "fit"])
def test_a_package_that_is_absent_is_named(
    command: str, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_package(monkeypatch)
    out = tmp_path / ("out.html" if command == "bench" else "out")
    arguments = [command, table, "--target", "y", "--catalog", "ct-multi", "-o", str(out)]
    result = CliRunner().invoke(main, [*arguments, "--in-context-weights", str(tmp_path)])
    assert result.exit_code == 1
    assert 'tabicl is not installed, and the head "in-context" needs it. Install it with: pip' in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()


def test_an_absent_package_is_named_where_the_environment_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_package(monkeypatch)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(MissingExtra, match="tabicl is not installed"):
        compare(SOME, THEIR_VALUES, catalogs=[])
    assert require_weights(checked_heads(["ridge"]), classify=False) is None


def test_without_weights_the_message_says_how_to_name_them() -> None:
    with pytest.raises(WeightsNotFound, match=f"--in-context-weights.*in_context_weights=.*{VARIABLE}"):
        PropertyModel(catalogs=(), heads=["in-context"]).fit(SOME, THEIR_VALUES)


def test_weights_that_do_not_suit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch)
    empty = tmp_path / "empty"
    empty.mkdir()
    no_weights = tmp_path / "text.ckpt"
    no_weights.write_text("not weights")
    for path, error, message in (
        (tmp_path / "absent.ckpt", WeightsNotFound, r"absent\.ckpt does not exist.*tabicl-regressor-v2"),
        (empty, WeightsNotFound, r"has no file \*\.ckpt"),
        (write_config(tmp_path / "a.ckpt", classify=True), WeightsNotFound, "weights for numbers.*for classes alone"),
        (no_weights, InputInvalid, "is not a checkpoint of torch"),
    ):
        with pytest.raises(error, match=message):
            compare(SOME, THEIR_VALUES, catalogs=[], in_context_weights=path)


def test_a_folder_has_weights_of_each_kind_the_last_by_name_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_package(monkeypatch)
    for name, classify in (("classifier-v1", True), ("classifier-v2", True), ("regressor-v2", False)):
        write_config(tmp_path / f"{name}.ckpt", classify=classify)
    with use_weights(tmp_path):
        assert weights_in_use(classify=True).path.name == "classifier-v2.ckpt"
        assert weights_in_use(classify=False).path.name == "regressor-v2.ckpt"


@needs_tabicl
def test_a_model_comes_back_with_its_rows_and_without_its_weights(folder: Path, tmp_path: Path) -> None:
    model = PropertyModel(catalogs=(), heads=["in-context"], in_context_weights=folder).fit(SOME, THEIR_VALUES)
    saved, predicted = model.save(tmp_path / "saved"), model.predict(FORMULAS)
    assert "in-context" in {one.candidate.head for one in model.learned_.members}
    assert sum(file.stat().st_size for file in saved.iterdir()) < (folder / "regressor.ckpt").stat().st_size
    assert "regressor.ckpt" in (saved / "CARD.md").read_text()
    np.testing.assert_array_equal(load_model(saved).predict(FORMULAS), predicted)
    moved = (folder / "regressor.ckpt").rename(tmp_path / "moved.ckpt")
    with pytest.raises(WeightsNotFound, match=r"regressor\.ckpt of TabICL, SHA-256 [0-9a-f]{64}, and they are not at"):
        load_model(saved)
    np.testing.assert_array_equal(load_model(saved, in_context_weights=moved).predict(FORMULAS), predicted)
    with pytest.raises(WeightsNotFound, match=r"other\.ckpt"):
        load_model(saved, in_context_weights=write_weights(tmp_path / "other.ckpt", classify=False, seed=1))


@needs_tabicl
def test_a_fit_knows_its_weights(folder: Path, table: str, tmp_path: Path) -> None:
    fit = ["fit", table, "--target", "y", "--catalog", "ct-multi", "--head", "in-context", "-o", str(tmp_path / "made")]
    fit += ["--in-context-weights", str(folder), "--quiet"]
    for expected in ("", "holds the model of this very fit already"):
        result = CliRunner().invoke(main, fit)
        assert result.exit_code == 0, result.output
        assert expected in result.stderr
    write_weights(folder / "regressor.ckpt", classify=False, seed=1)
    assert "--force" in CliRunner().invoke(main, fit).stderr


@needs_tabicl
def test_the_bench_tries_it_and_tells_how_to_use_it(folder: Path) -> None:
    report = compare(
        SOME, THEIR_VALUES, catalogs=[], heads=["in-context"], n_folds=2, in_context_weights=folder, target="y"
    )
    assert f"--in-context-weights {folder / 'regressor.ckpt'}" in report.text()
    assert "TabICL in context on element" in report.text()


@needs_tabicl
@pytest.mark.parametrize("treatment", ["", "gate", "log"])
def test_it_predicts_numbers_in_every_treatment_the_same_each_time(folder: Path, treatment: Any) -> None:
    features = np.random.default_rng(0).normal(size=(60, 2 * MAX_COLUMNS))
    values = np.exp(features[:, 0]) * (np.ones(60) if treatment == "log" else features[:, 1] > 0)
    with use_weights(folder / "regressor.ckpt"):
        one, other = (Candidate("x", "in-context", treatment).fit(features, values, n_classes=0, seed=0) for _ in "ab")
    predicted = one.predict(features)
    assert np.isfinite(predicted).all()
    np.testing.assert_array_equal(other.predict(features), predicted)


@needs_tabicl
def test_it_predicts_classes(folder: Path) -> None:
    model = PropertyModel(catalogs=(), heads=["in-context"], in_context_weights=folder).fit(SOME, CLASSES)
    probabilities = model.predict_proba(FORMULAS)
    assert probabilities.shape == (len(FORMULAS), 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert set(model.predict(FORMULAS)) <= {"high", "low"}


@needs_tabicl
def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    path = write_config(tmp_path / "hollow.ckpt", classify=False)
    features = np.random.default_rng(0).normal(size=(30, 3))
    with use_weights(path):
        fitted = Candidate("x", "in-context").fit(features, features[:, 0], n_classes=0, seed=0)
    with pytest.raises(InputInvalid, match="that this version of tabicl can use"):
        fitted.predict(features)
