"""From structures and a corpus to a language encoder through the command line, and what may go wrong on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from builders.learning.corpus import read_corpus
from builders.methods.twins import trainable
from builders.runs.checkpoint import Checkpoint, write_checkpoint
from embeddings import load_encoder
from embeddings.cli import main
from embeddings.store.encoder_files import read_formulas
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER
from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog

CORPUS = ["NaCl", "KF", "Fe2O3", "Mg2SiO4", "LiFePO4", "UO2"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """An encoder of sixty crystals and six formulas, and the command that built it."""
    root = tmp_path_factory.mktemp("language")
    sample, corpus = write_sample(root / "sample.parquet", 60), root / "corpus.csv"
    corpus.write_text("\n".join(["which,a:b", *(f"x,{formula}" for formula in CORPUS), "y,nonsense"]) + "\n")
    teacher = write_encoder_catalog(root / "teachers")
    command = ["build", "--source", "table", "--path", sample, "--recipe", "imkt-multi", "--targets", "band_gap"]
    command += ["--epochs", 1, "--teacher", teacher, "--corpus", corpus, "--name", "words", "--json"]
    result = run([*command, "--out", root / "out"], root / "cache")
    assert result.exit_code == 0, result.output
    assert "1 row of corpus.csv without a formula" in result.stderr
    return Path(json.loads(result.stdout)["path"]), command


def run(command: list[object], cache: Path) -> Result:
    return CliRunner(env={"EMBEDDINGS_CACHE": str(cache)}).invoke(main, list(map(str, command)))


def test_the_manifest_says_what_the_encoder_is(built):
    folder, command = built
    manifest = read_manifest(folder)
    settings = manifest.model.hyperparameters
    assert (manifest.kind, manifest.model.name, settings["architecture"]) == (
        "composition-encoder",
        "language",
        "transformer",
    )
    corpus = read_corpus(command[command.index("--corpus") + 1])
    assert settings["corpus"] == {"file": "corpus.csv", "sha256": corpus.sha256, "n_formulas": len(CORPUS)}
    assert settings["teacher"] == "toy@0.1.0"
    assert manifest.command.endswith(" --teacher toy@0.1.0 --corpus corpus.csv")
    assert "10.1038/s41598-026-53182-3" in manifest.citation.bibtex
    assert sum(entry.bytes for entry in manifest.files) < 1_000_000


def test_numpy_alone_gives_the_vectors_of_torch(built):
    encoder, formulas = load_encoder(built[0]), read_formulas(built[0])
    assert encoder.overlap(formulas) == formulas
    np.testing.assert_allclose(encoder.encode(formulas), trainable(encoder).encode(formulas), atol=1e-5)


def test_the_same_build_elsewhere_gives_the_same_bytes(built, tmp_path):
    folder, command = built
    again = run([*command, "--out", tmp_path / "out"], tmp_path / "cache")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "out/words/0.1.0" / ENCODER).read_bytes() == (folder / ENCODER).read_bytes()


def test_a_build_that_was_killed_while_it_read_is_taken_up(built, tmp_path, monkeypatch):
    folder, command = built
    command = [*command, "--out", tmp_path / "out"]
    with monkeypatch.context() as patch:
        patch.setattr("builders.methods.language.pretraining.write_checkpoint", write_and_die)
        assert run(command, tmp_path / "cache").exit_code == 130
    resumed = run([*command, "--resume"], tmp_path / "cache")
    assert resumed.exit_code == 0, resumed.output
    assert "epoch 1/8" not in resumed.stderr
    assert "epoch 2/8" in resumed.stderr
    assert (tmp_path / "out/words/0.1.0" / ENCODER).read_bytes() == (folder / ENCODER).read_bytes()


def write_and_die(path: Path, checkpoint: Checkpoint) -> None:
    write_checkpoint(path, checkpoint)
    raise KeyboardInterrupt


def test_what_is_read_is_part_of_the_identity_and_excluded_formulas_are_not_read(built, tmp_path):
    folder, command = built
    (tmp_path / "excluded.txt").write_text("KF\nFe4O6\n")
    command = [*command, "--exclude-formulas", tmp_path / "excluded.txt", "--out", tmp_path / "out"]
    result = run(command, tmp_path / "cache")
    assert result.exit_code == 0, result.output
    manifest = read_manifest(Path(json.loads(result.stdout)["path"]))
    assert manifest.model.hyperparameters["corpus"]["n_formulas"] == len(CORPUS) - 2
    assert manifest.fingerprint != read_manifest(folder).fingerprint


def test_without_a_corpus_the_formulas_of_the_source_are_read(built, tmp_path):
    command = built[1]
    place = command.index("--corpus")
    result = run([*command[:place], *command[place + 2 :], "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 0, result.output
    manifest = read_manifest(Path(json.loads(result.stdout)["path"]))
    assert manifest.model.hyperparameters["corpus"] is None


def test_a_column_may_be_named_and_a_file_may_have_a_colon(built, tmp_path):
    command = built[1]
    corpus = Path(str(command[command.index("--corpus") + 1]))
    missing = run([*command, "--corpus", f"{corpus}:formula", "--out", tmp_path / "out"], tmp_path / "cache")
    assert missing.exit_code == 1
    assert f'{corpus.name} has no column "formula" (--corpus)' in missing.stderr
    odd = tmp_path / "a:b"
    odd.write_text("formula\nxyz\n")
    refused = run([*command, "--corpus", odd, "--out", tmp_path / "out"], tmp_path / "cache")
    assert refused.exit_code == 1
    assert 'most cells of "formula" cannot be read as formulas' in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipe", "cromel-band-gap"], 'The recipe "cromel-band-gap" reads no corpus. Leave --corpus out.'),
        (["--corpus", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_errors_are_one_line(built, tmp_path, options, said):
    result = run([*built[1], *options, "--out", tmp_path / "out"], tmp_path / "cache")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_snapshot_that_left_formulas_out_takes_no_corpus(built, tmp_path):
    command = built[1]
    (tmp_path / "excluded.txt").write_text("KF\n")
    pulled = ["pull", "--source", "table", "--path", command[4], "--exclude-formulas", tmp_path / "excluded.txt"]
    assert run([*pulled, "--out", tmp_path / "snapshot"], tmp_path / "cache").exit_code == 0
    command = ["build", "--snapshot", tmp_path / "snapshot", *command[5:], "--out", tmp_path / "out"]
    result = run(command, tmp_path / "cache")
    assert result.exit_code == 1
    assert "without the 1 formula of excluded.txt" in result.stderr


def test_the_corpus_is_never_written_over(built, tmp_path):
    command = built[1]
    corpus = tmp_path / "words" / "0.1.0"
    corpus.parent.mkdir()
    corpus.write_text("formula\nNaCl\n")
    result = run([*command, "--corpus", corpus, "--out", tmp_path, "--version", "0.1.0"], tmp_path / "cache")
    assert result.exit_code == 1
    assert corpus.read_text() == "formula\nNaCl\n"
