"""From structures to a composition encoder through the command line, and what may go wrong on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from builders.methods.twins import trainable
from embeddings import load_encoder
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.store.encoder_files import read_formulas
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER
from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """An encoder of sixty crystals, and the command that built it."""
    root = tmp_path_factory.mktemp("cromel")
    sample = write_sample(root / "sample.parquet", 60)
    teacher = write_encoder_catalog(root / "teachers")
    command = ["build", "--source", "table", "--path", sample, "--recipe", "cromel-band-gap", "--epochs", 2]
    command += ["--teacher", teacher, "--out", root / "out", "--name", "formulas", "--json", "--quiet"]
    result = run(command, root / "cache")
    assert result.exit_code == 0, result.output
    return Path(json.loads(result.stdout)["path"]), command


def run(command: list[object], cache: Path) -> Result:
    return CliRunner(env={"EMBEDDINGS_CACHE": str(cache)}).invoke(main, list(map(str, command)))


def test_the_manifest_says_what_the_encoder_is(built):
    folder, _ = built
    manifest = read_manifest(folder)
    assert (manifest.kind, manifest.name, manifest.version) == ("composition-encoder", "formulas", "0.1.0")
    assert manifest.model.hyperparameters["statistics"] == ["mean", "std", "min", "max"]
    assert manifest.model.hyperparameters["activation"] == "silu"
    assert manifest.model.hyperparameters["teacher"] == "toy@0.1.0"
    assert manifest.n_rows == manifest.training.formula_digest.n_formulas
    assert sum(entry.bytes for entry in manifest.files) < 1_000_000


def test_numpy_alone_gives_the_vectors_of_torch(built):
    folder, _ = built
    encoder, formulas = load_encoder(folder), read_formulas(folder)
    assert len(formulas) == encoder.manifest.n_rows
    assert encoder.overlap(formulas) == formulas
    np.testing.assert_allclose(encoder.encode(formulas), trainable(encoder).encode(formulas), atol=1e-5)


def test_the_command_says_what_was_built(built):
    folder, command = built
    result = run([part for part in command if part != "--json"], folder.parents[2] / "cache")
    assert f"{read_manifest(folder).n_rows} formulas x 128 in {folder}" in result.stdout
    assert "held-out formulas" in result.stdout


def test_elements_without_a_training_structure_have_no_vector(built):
    encoder = load_encoder(built[0])
    symbols = set(read_manifest(built[0]).n_structures)
    assert len(encoder.atomic_numbers) == len(symbols)
    assert np.isfinite(encoder.encode(sorted(symbols))).all()


def test_the_same_command_again_does_nothing(built):
    folder, command = built
    before = (folder / ENCODER).stat().st_mtime_ns
    for version in ([], ["--version", folder.name]):
        result = run([*command, *version], folder.parents[2] / "cache")
        assert Path(json.loads(result.stdout)["path"]) == folder
    assert (folder / ENCODER).stat().st_mtime_ns == before


def test_what_else_is_said_of_the_teacher_does_not_matter(built):
    folder, command = built
    teacher = Path(str(command[command.index("--teacher") + 1]))
    seal = read_manifest(teacher).manifest_sha256
    write_encoder_catalog(teacher.parents[1], description="Of the same network.", force=True)
    assert read_manifest(teacher).manifest_sha256 != seal
    result = run(command, folder.parents[2] / "cache")
    assert Path(json.loads(result.stdout)["path"]) == folder


def test_the_rebuild_command_names_the_version_of_the_teacher(built):
    assert read_manifest(built[0]).command.endswith(" --teacher toy@0.1.0")


def test_data_and_method_are_both_cited(built, tmp_path):
    origin = {"name": "Ours", "bibtex": "@misc{ours, note = {Measured here}}", "doi": "10.1234/ours", "licence": "MIT"}
    about = tmp_path / "about.json"
    about.write_text(json.dumps(origin | {"attribution": "Ours.", "synthetic": False}))
    result = run([*built[1], "--about", about, "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 0, result.output
    citation = read_manifest(Path(json.loads(result.stdout)["path"])).citation
    assert citation.doi == "10.1234/ours"
    assert "@misc{ours" in citation.bibtex
    assert "10.1038/s41524-025-01723-1" in citation.bibtex


def test_the_manifest_says_where_the_training_ran_and_not_what_was_asked_for(built, monkeypatch):
    """The encoder itself is trained on the CPU, whatever the teacher computes on."""
    folder, _ = built
    environment = read_manifest(folder).environment
    assert (environment["device"], environment["teacher_device"]) == ("cpu", "cpu")


def test_a_device_that_is_not_there_is_refused(built, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    result = run([*built[1], "--device", "cuda", "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 1
    assert "No CUDA device" in result.stderr


def test_force_computes_the_vectors_of_the_teacher_again(built, tmp_path):
    """An earlier run may have computed them on another device than the one that the manifest names."""
    command = [*built[1], "--out", tmp_path / "out"]
    assert run(command, tmp_path / "cache").exit_code == 0
    (kept,) = (tmp_path / "cache").glob("runs/*/teacher.npy")
    before = kept.stat().st_mtime_ns
    assert run([*command, "--force"], tmp_path / "cache").exit_code == 0
    assert kept.stat().st_mtime_ns > before


def test_a_run_is_taken_up_or_begun_again_as_it_is_asked(built, tmp_path):
    folder, command = built
    command = [*(part for part in command if part != "--quiet"), "--out", tmp_path / "out"]
    refused = run([*command, "--resume"], tmp_path / "cache")
    assert refused.exit_code == 1
    assert "No interrupted run" in refused.stderr
    assert run(command, tmp_path / "cache").exit_code == 0
    (checkpoint,) = (tmp_path / "cache").glob("runs/*/checkpoint.pt")
    shutil.rmtree(tmp_path / "out")
    resumed = run([*command, "--resume"], tmp_path / "cache")
    assert "epoch 1/2" not in resumed.stderr
    shutil.rmtree(tmp_path / "out")
    checkpoint.write_bytes(b"damaged")
    assert run(command, tmp_path / "cache").exit_code == 1
    again = run([*command, "--restart"], tmp_path / "cache")
    assert again.exit_code == 0, again.output
    assert "epoch 1/2" in again.stderr
    vectors = Path(json.loads(again.stdout)["path"]) / ENCODER
    assert vectors.read_bytes() == (folder / ENCODER).read_bytes()


def test_a_version_that_loses_elements_needs_leave(built, tmp_path):
    _, command = built
    options = [*command, "--out", tmp_path / "out"]
    assert run(options, tmp_path / "cache").exit_code == 0
    fewer = [*options, "--limit", 25, "--exclude-elements", "Ar"]
    refused = run(fewer, tmp_path / "cache")
    assert refused.exit_code == 1
    assert "--allow-lost-elements" in refused.stderr
    assert "no usable structure holds" in refused.stderr
    allowed = run([*fewer, "--allow-lost-elements"], tmp_path / "cache")
    assert allowed.exit_code == 0, allowed.output
    assert "Ar" in load_encoder(json.loads(allowed.stdout)["path"]).missing_elements


def test_a_teacher_that_there_is_not_is_an_error(built, tmp_path):
    command = built[1]
    place = command.index("--teacher") + 1
    result = run([*command[:place], "nobody", *command[place + 1 :], "--out", tmp_path / "out"], tmp_path / "cache")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert 'No catalog "nobody"' in result.stderr


def test_a_recipe_without_a_teacher_refuses_one(built, tmp_path):
    result = run([*built[1], "--recipe", "ct-band-gap", "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 1
    assert "takes no teacher" in result.stderr


def test_the_same_build_elsewhere_gives_the_same_bytes(built, tmp_path):
    folder, command = built
    again = run([*command, "--out", tmp_path / "out"], tmp_path / "cache")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "out/formulas/0.1.0" / ENCODER).read_bytes() == (folder / ENCODER).read_bytes()


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_a_damaged_file_is_noticed(built, tmp_path):
    folder = copied(built[0], tmp_path / "damaged")
    content = bytearray((folder / ENCODER).read_bytes())
    content[-1] ^= 1
    (folder / ENCODER).write_bytes(bytes(content))
    with pytest.raises(CatalogCorrupt, match="not what its manifest says"):
        load_encoder(folder)
    (folder / ENCODER).unlink()
    with pytest.raises(CatalogCorrupt, match=ENCODER):
        load_encoder(folder)


def test_another_version_of_the_format_is_refused(built, tmp_path):
    folder = copied(built[0], tmp_path / "newer")
    text = (folder / "manifest.json").read_text().replace('"schema_version": 1', '"schema_version": 3')
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ManifestInvalid, match="newer library"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipe", "cromel-mutli"], 'Did you mean "cromel-multi"?'),
        (["--targets", "charm"], "charm"),
    ],
)
def test_errors_are_one_line(built, tmp_path, options, said):
    result = run([*built[1], *options, "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_build_can_give_an_encoder_that_samples(built, tmp_path):
    """The packaged ones are deterministic, and say which recipe is not."""
    encoder = load_encoder(built[0])
    with pytest.raises(InputInvalid, match="--recipe cromel-samples"):
        encoder.sample(["NaCl"])
    command = [*built[1], "--recipe", "cromel-samples", "--targets", "band_gap", "--out", tmp_path / "out"]
    result = run(command, tmp_path / "cache")
    assert result.exit_code == 0, result.output
    stochastic = load_encoder(json.loads(result.stdout)["path"])
    samples = stochastic.sample(["NaCl", "KF"], 200, seed=1)
    assert samples.shape == (200, 2, stochastic.dim)
    spread = stochastic.spread(stochastic.encode(["NaCl", "KF"]))
    assert (spread > 0).all()
    distances = np.abs(samples.mean(axis=0) - stochastic.encode(["NaCl", "KF"]))
    assert (distances < 6 * spread / np.sqrt(200)).all()
