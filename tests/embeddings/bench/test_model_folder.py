"""A saved model predicts the same elsewhere, or says why it cannot; nothing in its folder is pickled."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from embeddings.bench.candidates import Candidate
from embeddings.bench.estimator_files import from_bytes, to_bytes
from embeddings.bench.heads import HEADS
from embeddings.bench.model import PropertyModel, load_model
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, ManifestInvalid, OutputInvalid
from embeddings.validation import validate
from testing.measured import FORMULAS, VALUES, write_knowing

pytestmark = pytest.mark.usefixtures("knowing")

LEARNED = [name for name, head in HEADS.items() if name != "in-context" and not head.needs_encoder]
"""Heads that learn from columns of any kind, and need no weights from elsewhere."""
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(60, 18))
POSITIVE = np.exp(FEATURES[:, 0])
LOAD = "from embeddings.bench.model import load_model; import sys; model = load_model(sys.argv[1])"


@pytest.fixture
def saved(model: PropertyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    return model.save(tmp_path / "saved")


def reseal(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a manifest, and seal it again."""
    document = json.loads((folder / "manifest.json").read_text())
    change(document)
    document["manifest_sha256"] = ""
    unsealed = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    document["manifest_sha256"] = hashlib.sha256(unsealed.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def relist(folder: Path, name: str, content: bytes) -> None:
    """Replace a file, and list it in the manifest as it is now."""
    (folder / name).write_bytes(content)
    entry = {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def change(document: dict[str, Any]) -> None:
        document["files"] = [entry if file["path"] == name else file for file in document["files"]]

    reseal(folder, change)


def test_a_loaded_model_predicts_the_same_to_the_last_digit(model: PropertyModel, saved: Path) -> None:
    loaded = load_model(saved)
    for one, other in zip(*(m.predict(FORMULAS, return_interval=True) for m in (model, loaded)), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.unlike(["UO2"]).percentile, loaded.unlike(["UO2"]).percentile)
    assert loaded.get_params() == model.get_params() | {"catalogs": ("knowing@1.0.0",)}
    assert loaded.overlap([*FORMULAS[:2], "UO2"]) == list(FORMULAS[:2])
    assert (
        loaded.save(saved.parent / "again").joinpath("manifest.json").read_bytes()
        == (saved / "manifest.json").read_bytes()
    )


def test_another_process_predicts_the_same(model: PropertyModel, saved: Path) -> None:
    code = f"{LOAD}; print(*map(float.hex, map(float, model.predict(sys.argv[2:]))))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(saved), *FORMULAS[:9]], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [float.hex(float(value)) for value in model.predict(FORMULAS[:9])]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    for name in ("one", "other"):
        PropertyModel(catalogs=(), heads=("ridge", "neighbors")).fit(FORMULAS[:40], VALUES[:40]).save(tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes() for name in names)
    assert {"CARD.md", "manifest.json", "member-0.skops", "formulas.npy", "calibration.npz"} <= set(names)


def test_classes_and_their_labels_are_kept(tmp_path: Path) -> None:
    labels = [bool(value > 0) for value in VALUES]
    model = PropertyModel(catalogs="knowing", heads=("ridge",)).fit(FORMULAS, labels)
    loaded = load_model(model.save(tmp_path / "saved"))
    np.testing.assert_array_equal(loaded.predict_proba(FORMULAS), model.predict_proba(FORMULAS))
    assert loaded.predict(FORMULAS[:5]).tolist() == model.predict(FORMULAS[:5]).tolist()
    assert loaded.classes_.tolist() == [False, True]


def test_the_card_says_what_the_model_is_worth(saved: Path) -> None:
    card = (saved / "CARD.md").read_text()
    for said in ("mean absolute error", "84 rows in 4 folds", "Intervals of 90%", "knowing@1.0.0", "2027-01-15"):
        assert said in card


def test_a_model_is_not_taken_for_a_broken_catalog(saved: Path) -> None:
    [finding] = validate(saved).findings
    assert "a model that embeddings fit saved, not a catalog" in finding.message


@pytest.mark.parametrize("name", ["member-0.skops", "calibration.npz", "formulas.npy", "CARD.md"])
def test_an_altered_or_missing_file_is_named(saved: Path, name: str) -> None:
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(CatalogCorrupt, match=f"{name} is not what its manifest says"):
        load_model(saved)
    (saved / name).unlink()
    with pytest.raises(CatalogCorrupt, match=f"{name} is not what its manifest says.*fit it again"):
        load_model(saved)


def test_an_altered_manifest_is_named(saved: Path) -> None:
    path = saved / "manifest.json"
    path.write_text(path.read_text().replace('"n_rows": 84', '"n_rows": 85', 1))
    with pytest.raises(CatalogCorrupt, match="altered after it was written"):
        load_model(saved)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda d: d.update(schema_version=2), ManifestInvalid, "needs a newer library"),
        (lambda d: d.update(kind="element"), InputInvalid, 'its kind is "element"'),
        (lambda d: d.update(colour="red"), ManifestInvalid, "colour: no such field"),
        (lambda d: d["files"].pop(1), ManifestInvalid, "calibration.npz is needed"),
        (lambda d: d["members"][0].update(file="other.skops"), ManifestInvalid, "other.skops is needed"),
        (lambda d: d["members"][0].update(file="../x.skops"), ManifestInvalid, "plain file name"),
        (lambda d: d["blocks"].update(knowing=13), InputInvalid, '13 columns of "knowing", but there are 12 here'),
        (lambda d: d["blocks"].update(unheard=3), InputInvalid, 'needs the features "unheard"'),
        (lambda d: d["probes"].update(NaCl=[9.0]), InputInvalid, "for NaCl here, and .* where it was made, with"),
        (lambda d: d["catalogs"][0].update(version="2.0.0"), CatalogNotFound, "needs the catalog knowing@2.0.0"),
        (lambda d: d["catalogs"][0].update(sha256="0" * 64), CatalogCorrupt, "was fitted with knowing@1.0.0"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(
    saved: Path, change: Callable[[dict[str, Any]], Any], error: type[Exception], said: str
) -> None:
    reseal(saved, change)
    with pytest.raises(error, match=said):
        load_model(saved)


def test_the_catalog_is_asked_for_and_compared(
    saved: Path, knowing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "empty"))
    with pytest.raises(CatalogNotFound, match=r"needs the catalog knowing@1\.0\.0, which is not here"):
        load_model(saved)
    assert len(load_model(saved, catalogs=[knowing / "knowing" / "1.0.0"]).predict(FORMULAS)) == len(FORMULAS)
    write_knowing(tmp_path / "other", shift=0.5)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "other"))
    with pytest.raises(CatalogCorrupt, match="was fitted with"):
        load_model(saved)


def test_only_a_model_makes_way_and_only_by_force(model: PropertyModel, saved: Path, tmp_path: Path) -> None:
    before = (saved / "manifest.json").read_bytes()
    assert model.save(saved).joinpath("manifest.json").read_bytes() == before
    with pytest.raises(OutputInvalid, match="holds a model"):
        PropertyModel(catalogs=(), heads=("mean",)).fit(FORMULAS, VALUES).save(saved)
    assert model.save(saved, force=True).joinpath("manifest.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(OutputInvalid, match="is not a model"):
            model.save(tmp_path / "mine", force=force)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    assert load_model(model.save(tmp_path / "empty"))
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no such folder"):
        load_model(tmp_path / "none")
    with pytest.raises(InputInvalid, match=r"no manifest\.json"):
        load_model(tmp_path)


def kinds() -> list[Any]:
    """Return every head of numbers and of classes, and each treatment once."""
    numbers = [(head, "", 0) for head in LEARNED] + [("boosting", "gate", 0), ("ridge", "log", 0)]
    classes = [(head, "", 2) for head in LEARNED if HEADS[head].classifier]
    return [pytest.param(*kind, id="-".join(map(str, kind))) for kind in (*numbers, *classes)]


@pytest.mark.parametrize(("head", "treatment", "n_classes"), kinds())
def test_every_head_comes_back_as_it_was(head: str, treatment: Any, n_classes: int) -> None:
    values = np.where(FEATURES[:, 1] > 0.2, POSITIVE, 0.0) if treatment == "gate" else POSITIVE
    values = (FEATURES[:, 0] > 0).astype(float) if n_classes else values
    fitted = Candidate("x", head, treatment).fit(FEATURES, values, n_classes=n_classes, seed=0)
    content = to_bytes(fitted.estimator)
    loaded = type(fitted)(from_bytes(content, n_features=18, where="here"), n_classes)
    np.testing.assert_array_equal(loaded.predict(FEATURES + 0.1), fitted.predict(FEATURES + 0.1))


class Stranger:
    """Nothing that a model is made of."""

    def __init__(self) -> None:
        self.value = 1


def test_types_that_are_not_listed_are_neither_saved_nor_loaded(saved: Path) -> None:
    with pytest.raises(OutputInvalid, match="Stranger"):
        to_bytes([Stranger()])
    from skops.io import dumps

    relist(saved, "member-0.skops", dumps([Stranger()]))
    with pytest.raises(CatalogCorrupt, match=r"member-0\.skops does not hold a model.*Stranger"):
        load_model(saved)


def test_a_tree_that_leads_out_of_itself_is_refused() -> None:
    fitted = Candidate("x", "trees").fit(FEATURES, POSITIVE, n_classes=0, seed=0)
    content = to_bytes(fitted.estimator)
    with pytest.raises(CatalogCorrupt, match="leads out"):
        from_bytes(content, n_features=3, where="here")
    tree = fitted.estimator.regressor_.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    tree.__setstate__(state)
    with pytest.raises(CatalogCorrupt, match="leads out"):
        from_bytes(to_bytes(fitted.estimator), n_features=18, where="here")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04cposix\nsystem\n", "zip"], ids=repr)
def test_files_of_another_kind_are_refused(content: bytes | str) -> None:
    if isinstance(content, str):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("schema.json", '{"__class__": "system", "__module__": "os", "__loader__": "TypeNode"}')
        content = out.getvalue()
    with pytest.raises(CatalogCorrupt, match="here does not hold a model"):
        from_bytes(content, n_features=1, where="here")


def test_a_damaged_model_does_not_pass_for_one_that_is_there_already(model: PropertyModel, saved: Path) -> None:
    whole = (saved / "member-0.skops").read_bytes()
    (saved / "member-0.skops").write_bytes(whole[:-1])
    with pytest.raises(OutputInvalid, match="--force"):
        model.save(saved)
    model.save(saved, force=True)
    assert (saved / "member-0.skops").read_bytes() == whole


def test_the_same_classes_under_other_labels_are_another_fit(tmp_path: Path) -> None:
    truths = [k % 2 == 0 for k in range(len(FORMULAS))]
    first, second = (
        PropertyModel(catalogs=(), heads=("mean",)).fit(FORMULAS, labels) for labels in (truths, list(map(str, truths)))
    )
    first.save(tmp_path / "m")
    with pytest.raises(OutputInvalid, match="holds a model"):
        second.save(tmp_path / "m")
    assert load_model(second.save(tmp_path / "m", force=True)).classes_.tolist() == ["False", "True"]
