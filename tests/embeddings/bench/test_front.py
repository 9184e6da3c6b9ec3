"""The front door: what helps is said to help, noise is called noise, and bad input is named."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")

from embeddings.bench import Measurements, Report, compare
from embeddings.bench import front as front_module
from embeddings.bench.measurements import measurements
from embeddings.bench.verdict import helps
from embeddings.errors import CatalogNotFound, InputInvalid
from testing.planted import formulas, guessing, knowing, learnable, quick

N = 120


@pytest.fixture(scope="module")
def helped() -> Report:
    """Values that one catalog knows, and whose training saw a fourth of the formulas."""
    return quick(learnable(formulas(N)), [knowing(seen=formulas(N)[:30]), guessing()], n_folds=5, unit="eV")


@pytest.fixture(scope="module")
def noise() -> Report:
    return quick(np.random.default_rng(5).normal(size=N), [knowing(), guessing()])


@pytest.fixture(scope="module")
def classes() -> Report:
    values = np.array(learnable(formulas(N)))
    return quick(["metal" if value > 0 else "insulator" for value in values], [knowing()])


def said(report: Report, title: str) -> str:
    return " ".join(sentence for one in report.verdict if one.title == title for sentence in one.sentences)


def test_vectors_that_help_are_said_to(helped: Report) -> None:
    findings = helped.evidence.findings
    assert findings is not None
    assert [gain.vectors for gain in findings.gains if helps(gain)] == ["knowing"]
    assert "knowing helps: its error is" in said(helped, "Which vectors help")
    assert "guessing helps" not in helped.text()
    assert findings.vectors[0] == "knowing"


def test_noise_is_called_noise(noise: Report) -> None:
    findings = noise.evidence.findings
    assert findings is not None
    assert not any(helps(gain) for gain in findings.gains)
    assert "within noise" in said(noise, "Which vectors help")
    assert "None of them is significantly better than the best without vectors" in said(noise, "Which vectors help")
    assert "Nothing sure was learned" in said(noise, "Model")


def test_the_error_is_that_of_the_rows_that_were_left_out(helped: Report) -> None:
    rows = helped.to_dict()["predictions"]
    error = np.abs(np.array(rows["values"]) - rows["predicted"]).mean()
    contest = helped.evidence.contest
    sizes = [len(fold.test) for fold in contest.folds]
    assert np.average(contest.losses("chosen"), weights=sizes) == pytest.approx(error)


def test_the_error_on_rows_that_vectors_did_not_see_comes_first(helped: Report) -> None:
    model = next(one for one in helped.verdict if one.title == "Model").sentences
    assert model[1].startswith("On the 90 rows that its vectors (knowing")
    assert model[2].startswith("On all rows: mean absolute error")
    assert "The training of knowing saw 25% of these formulas" in said(helped, "What the vectors saw")
    rows = helped.to_dict()["predictions"]
    new = ~np.isin(rows["lines"], np.arange(1, 31))
    errors = np.abs(np.array(rows["values"]) - rows["predicted"])
    sight = helped.to_dict()["seen"][0]
    assert sight["unseen"] == pytest.approx(errors[new].mean())
    assert sight["seen"] == pytest.approx(errors[~new].mean())


def test_more_rows_are_weighed_against_better_vectors(helped: Report) -> None:
    assert "element fractions and element properties alone" in said(helped, "More rows").lower()
    curve = helped.evidence.curves[0]
    assert curve.n_rows == tuple(sorted(curve.n_rows))
    assert curve.losses[-1] == pytest.approx(helped.evidence.contest.losses(curve.features).mean())


def test_classes_are_reported_by_both_scores(classes: Report) -> None:
    assert "ROC-AUC 0." in said(classes, "Model")
    assert "balanced accuracy 0." in said(classes, "Model")
    scores = classes.to_dict()["contenders"][0]["scores"]
    assert list(scores) == ["log_loss", "auc", "balanced_accuracy"]
    assert scores["auc"]["mean"] > scores["balanced_accuracy"]["mean"] > 0.7
    assert "is metal, called insulator" in said(classes, "Rows to check") + "is metal, called insulator"
    assert sum(classes.to_dict()["calibration"]["n"]) == N


def test_it_goes_through_json_and_a_frame(helped: Report, noise: Report, classes: Report) -> None:
    for report in (helped, noise, classes):
        content = report.to_dict()
        assert json.loads(json.dumps(content, allow_nan=False)) == content
        frame = report.to_frame()
        assert {"chosen", "baseline", "fractions"} <= set(frame.index)
    assert helped.to_frame().loc["chosen", "mae"] == pytest.approx(helped.evidence.contest.losses("chosen").mean())


def test_the_row_that_is_wrong_is_pointed_at() -> None:
    values = learnable(formulas(N))
    values[17] += 50
    report = quick(values, [knowing()], source="data.csv")
    assert report.to_dict()["outliers"][0]["line"] == 18
    assert said(report, "Rows to check").startswith(f"Line 18: {formulas(N)[17]} is ")


def test_rows_that_are_set_aside_are_named() -> None:
    spelled = [*formulas(60), "NaCl", "Xx2"]
    report = compare(spelled, [*learnable(formulas(60)), "", 1.0], catalogs=[], n_folds=2, heads=["ridge"])
    assert "2 rows set aside: row 61: the value is blank" in said(report, "Data")
    assert report.to_dict()["facts"]["n_set_aside"] == 2
    assert "No catalog took part" in report.text()


def test_a_class_of_which_no_row_can_be_used_is_none() -> None:
    values = ["metal" if value > 0 else "insulator" for value in learnable(formulas(20))]
    data = measurements([*formulas(20), "Xx2"], [*values, "another"])
    assert data.classes == ("insulator", "metal")
    assert [data.classes[int(number)] for number in data.values] == values


def test_a_budget_too_small_for_one_model_gives_the_baseline_and_says_so() -> None:
    report = quick(learnable(formulas(N)), [knowing()], budget=1e-6)
    assert report.was_cut
    left_out = said(report, "Left out")
    assert "1 of 3 folds were done" in left_out
    assert "There was no time for one model" in left_out
    assert "Inner folds chose the median (100%)" in said(report, "Model")
    assert "knowing was not tried in every fold" in report.text()
    assert json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("n_done", [0, 1])
def test_ctrl_c_keeps_the_folds_that_were_done(n_done: int) -> None:
    def press(what: str, share: float) -> None:
        if share > 0.85 * n_done / 3:
            raise KeyboardInterrupt

    report = quick(learnable(formulas(N)), [knowing()], progress=press)
    assert report.was_stopped
    left_out = said(report, "Left out")
    assert f"It was stopped: this holds {n_done} of 3 folds" in left_out
    assert "budget" not in left_out
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (content["n_folds_done"], content["was_stopped"]) == (n_done, True)
    assert ("contenders" in content) == (n_done > 0)
    assert "<h2" in report.to_html()
    assert len(report.to_frame()) == len(content.get("contenders", []))


def test_ctrl_c_in_the_learning_curve_keeps_the_verdict() -> None:
    def press(what: str, share: float) -> None:
        if what == "learning curve":
            raise KeyboardInterrupt

    report = quick(learnable(formulas(60)), n=60, progress=press, n_folds=2)
    assert "no time for the whole learning curve" in said(report, "Left out")
    assert len(report.evidence.contest.folds) == 2


def test_progress_goes_from_nothing_to_all_that_there_is() -> None:
    shares: list[float] = []
    quick(learnable(formulas(60)), n=60, n_folds=2, progress=lambda what, share: shares.append(share))
    assert shares == sorted(shares)
    assert len(set(shares)) > 10
    assert 0 < shares[0] < 0.1
    assert 0.85 <= shares[-1] <= 1


def test_repeats_deal_the_rows_anew() -> None:
    report = quick(learnable(formulas(60)), n=60, n_folds=2, n_repeats=2)
    assert report.evidence.plan.n_folds == len(report.evidence.contest.folds) == 4
    assert len(report.to_dict()["predictions"]["lines"]) == 60


def test_of_too_many_rows_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "MAX_ROWS", 50)
    twice = formulas(40) * 2
    report = compare(twice, learnable(twice), catalogs=[], n_folds=2, heads=["ridge"])
    assert "Of 80 rows, 50 took part, drawn at random by formula" in said(report, "Left out")
    assert report.evidence.facts.n_repeats == 50


def test_the_same_seed_gives_the_same_report() -> None:
    one, two = (quick(learnable(formulas(60)), n=60, n_folds=2).to_dict() for _ in range(2))
    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_default_catalogs_are_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "list_catalogs", lambda: ["starter", "ct-multi"])
    assert front_module.default_catalogs() == ("ct-multi",)


def _data() -> Measurements:
    return measurements(formulas(20), learnable(formulas(20)))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((formulas(20),), {}, InputInvalid, "no values"),
        ((_data(), [1.0] * 20), {}, InputInvalid, "either that, or"),
        ((_data(),), {"heads": ["rigde"]}, InputInvalid, 'Did you mean "ridge"'),
        ((_data(),), {"catalogs": ["knowng"]}, CatalogNotFound, "knowng"),
        ((_data(),), {"catalogs": [knowing(), knowing()]}, InputInvalid, 'Two catalogs are called "knowing"'),
        ((_data(),), {"catalogs": ["properties"]}, InputInvalid, 'without any catalog are called "properties", too'),
        ((_data(),), {"catalogs": [], "n_repeats": 0}, InputInvalid, "0 is too few repeats"),
        ((_data(),), {"catalogs": [], "split": "time"}, InputInvalid, "column of times"),
        ((_data(),), {"catalogs": [], "split": "given", "n_repeats": 2}, InputInvalid, "use one repeat"),
    ],
)
def test_bad_input_is_named(arguments: Any, options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        compare(*arguments, **options)


def test_folds_of_a_table_that_share_formulas_are_said_to() -> None:
    names = formulas(40)
    fold = [k % 4 for k in range(40)]
    apart = measurements(names, learnable(names), folds=fold)
    shared = measurements([*names, names[0]], [*learnable(names), 1.0], folds=[*fold, 1])
    report = [compare(data, catalogs=[], split="given", heads=("ridge",)) for data in (apart, shared)]
    assert "trained on the same formula" not in report[0].text()
    assert "2 rows were tested by models that trained on the same formula" in said(report[1], "Data")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"heads": []}, 'No head ""'),
        ({"heads": "ridgee"}, 'Did you mean "ridge"'),
        ({"budget": -1.0}, "budget is -1.0"),
        ({"budget": float("nan")}, "budget is nan"),
    ],
)
def test_options_that_leave_nothing_to_do_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputInvalid, match=named):
        compare(formulas(N), learnable(formulas(N)), **options)
