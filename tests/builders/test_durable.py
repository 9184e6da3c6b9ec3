"""What a build finds damaged, unfinished or absurd: named before work, or made again by the same command."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from builders.learning.optimization import check_weights
from builders.progress import Reporter
from builders.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from builders.runs.folder import open_run
from builders.runs.locks import only_one
from builders.runs.output import find_place, next_version, nothing_to_do
from builders.runs.seals import SealBroken, read_sealed, write_sealed
from embeddings.errors import CatalogExists, InputInvalid, OutputInvalid, TrainingError
from embeddings.store.index import default_version, read_index, repair_index
from embeddings.store.roots import verify
from testing.toys import toy_provenance, write_toy_anew

FINGERPRINT = toy_provenance().fingerprint


def place(root: Path, version: str | None = None, fingerprint: str = FINGERPRINT, *, force: bool = False):
    return find_place(root, "toy", version, fingerprint, force=force)


def test_an_intact_version_of_this_build_is_left_as_it_is(tmp_path):
    folder = write_toy_anew(tmp_path)
    assert (place(tmp_path).earlier, place(tmp_path, "0.1.0").earlier) == (folder, folder)


@pytest.mark.parametrize("name", ["vectors.npy", "vectors.parquet", "vectors.h5", "CARD.md", "manifest.json"])
@pytest.mark.parametrize("version", [None, "0.1.0"])
def test_a_damaged_file_is_made_again_in_its_place(tmp_path, name, version):
    path = write_toy_anew(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x20 if name != "manifest.json" else 0x80  # no UTF-8
    path.write_bytes(content)
    found = place(tmp_path, version)
    assert (found.earlier, found.version, found.replace) == (None, "0.1.0", True)


@pytest.mark.parametrize("name", ["vectors.npy", "manifest.json"])
def test_a_missing_file_is_made_again_in_its_place(tmp_path, name):
    (write_toy_anew(tmp_path) / name).unlink()
    assert (place(tmp_path).version, place(tmp_path).replace) == ("0.1.0", True)


def test_a_damaged_version_of_another_build_is_not_replaced(tmp_path):
    (write_toy_anew(tmp_path) / "manifest.json").unlink()
    with pytest.raises(CatalogExists, match="--force"):
        place(tmp_path, "0.1.0", "1" * 64)
    assert place(tmp_path, None, "1" * 64).next == "0.2.0"
    assert place(tmp_path, "0.1.0", "1" * 64, force=True).replace


def test_a_folder_of_someone_else_in_the_place_of_a_version_is_left_alone(tmp_path):
    (tmp_path / "toy" / "0.1.0").mkdir(parents=True)
    (tmp_path / "toy" / "0.1.0" / "notes.txt").write_text("mine")
    assert next_version(tmp_path, "toy") == "0.2.0"
    with pytest.raises(CatalogExists):
        place(tmp_path, "0.1.0")


@pytest.mark.parametrize(
    ("here", "there", "following"),
    [([], ["0.3.0"], "0.4.0"), (["0.1.0"], ["0.3.0"], "0.4.0"), (["2.0.0"], ["0.3.0", "1.0.0"], "3.0.0"),
     ([], ["1.0.0-rc.1"], "0.1.0"), ([], [], "0.1.0")],
)  # fmt: skip
def test_a_new_version_is_above_those_of_every_root(here, there, following, tmp_path):
    for root, versions in (("here", here), ("there", there)):
        for version in versions:
            write_toy_anew(tmp_path / root, version=version)
    others = (tmp_path / "none", tmp_path / "there")
    assert next_version(tmp_path / "here", "toy", others) == following
    assert find_place(tmp_path / "here", "toy", None, "1" * 64, force=False, others=others).next == following
    assert find_place(tmp_path / "here", "toy", None, "1" * 64, force=True, others=others).next == following


def test_of_two_builds_that_take_the_next_version_both_are_there(tmp_path):
    found = place(tmp_path)

    def write(version: str, replace: bool) -> Path:
        if version == "0.1.0":
            write_toy_anew(tmp_path)  # another process, in between
        return write_toy_anew(tmp_path, version=version, force=replace)

    assert found.write(write).name == "0.2.0"
    assert read_index(tmp_path)["toy"]["versions"] == ["0.1.0", "0.2.0"]
    assert default_version(tmp_path, "toy") == "0.2.0"


def test_the_version_whose_writer_died_before_the_index_is_entered_later(tmp_path, monkeypatch):
    write_toy_anew(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("embeddings.store.publish.update_index", lambda *_: None)
        folder = write_toy_anew(tmp_path, version="0.2.0")
    assert default_version(tmp_path, "toy") == "0.1.0"
    assert nothing_to_do(folder, Reporter(quiet=True)) == folder
    assert default_version(tmp_path, "toy") == "0.2.0"


def test_a_later_writer_enters_what_a_dead_one_could_not(tmp_path, monkeypatch):
    write_toy_anew(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("embeddings.store.publish.update_index", lambda *_: None)
        write_toy_anew(tmp_path, version="0.2.0")
    write_toy_anew(tmp_path, name="other")
    assert default_version(tmp_path, "toy") == "0.2.0"


def test_a_pin_below_a_listed_version_stays(tmp_path):
    write_toy_anew(tmp_path, version="0.2.0")
    write_toy_anew(tmp_path, version="0.1.0")
    index = tmp_path / "index.json"
    index.write_text(index.read_text().replace('"default": "0.2.0"', '"default": "0.1.0"'))
    before = index.stat().st_mtime_ns
    repair_index(tmp_path)
    assert (default_version(tmp_path, "toy"), index.stat().st_mtime_ns) == ("0.1.0", before)


@pytest.mark.parametrize("seed", range(20))
def test_no_flipped_bit_of_a_checkpoint_is_taken_up(tmp_path, seed):
    path = tmp_path / "checkpoint.pt"
    model = {"weight": torch.arange(500.0)}
    write_checkpoint(path, Checkpoint(run="me", step=1, model=model, optimizer={}))
    assert torch.equal(read_checkpoint(path, "me").model["weight"], model["weight"])
    content = bytearray(path.read_bytes())
    content[random.Random(seed).randrange(len(content))] ^= 1 << seed % 8
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"damaged .* --restart"):
        read_checkpoint(path, "me")


@pytest.mark.parametrize("content", [b"", b"x", b"\nsha256:" + b"0" * 64 + b"\n"])
def test_a_file_without_its_seal(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(SealBroken):
        read_sealed(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"content"])
def test_a_sealed_file_gives_its_content_back(tmp_path, content):
    write_sealed(tmp_path / "a", content)
    assert read_sealed(tmp_path / "a") == content


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(number):
    model = nn.Linear(2, 2)
    check_weights(model)
    with torch.no_grad():
        model.bias[1] = number
    with pytest.raises(TrainingError, match='"bias"'):
        check_weights(model)


@pytest.mark.parametrize(
    ("resume", "force", "left"),
    [(None, False, True), (None, True, False), (True, True, True), (False, False, False), (False, True, False)],
)
def test_when_a_run_is_taken_up(tmp_path, resume, force, left):
    (tmp_path / "checkpoint.pt").write_text("state")
    assert open_run(tmp_path, resume=resume, force=force).exists() == left


def hold_folder(path):
    with only_one(path, InputInvalid, "", Reporter(quiet=True)):
        pass


def test_no_lock_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputInvalid, match="cannot be written"):
        hold_folder(tmp_path / "file" / "x")


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan"])
def test_nobody_waits_for_a_time_that_is_none(tmp_path, monkeypatch, seconds):
    monkeypatch.setenv("EMBEDDINGS_WAIT_SECONDS", seconds)
    with pytest.raises(InputInvalid, match=f'EMBEDDINGS_WAIT_SECONDS is "{seconds}", not a number of seconds'):
        hold_folder(tmp_path / "x")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--version", text) for text in ("1.0", "1", "v1.0.0", "1.0.0+build", "01.0.0", "1.0.0-", "", "9" * 5000)),
        *(("--name", text) for text in ("A", "a_b", "-a", "../x", "a" * 300, "")),
    ],
)
def test_names_and_versions_are_checked_before_any_work(tmp_path, option, value):
    from click.testing import CliRunner

    from embeddings.cli import main

    options = ["--source", "table", "--path", str(tmp_path / "missing.parquet"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["build", *options, option, value])
    if value == "" and option == "--name":
        return  # the recipe's name
    assert (result.exit_code, result.stderr.count("Error: ")) == (1, 1), result.output
    assert "missing.parquet" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_verify_after_a_rebuild(tmp_path):
    (write_toy_anew(tmp_path) / "vectors.npy").write_bytes(b"")
    found = place(tmp_path)
    verify(found.write(lambda version, replace: write_toy_anew(tmp_path, version=version, force=replace)))


@pytest.mark.skipif(os.name == "nt", reason="no resource limits there")
def test_a_file_that_may_not_grow_does_not_end_the_interpreter(tmp_path):
    """What a full disk does to the HDF5 library, without one."""
    code = (
        "import resource, signal, sys; from testing.toys import write_toy_anew\n"
        "from embeddings.errors import OutputInvalid\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n    write_toy_anew(sys.argv[1])\nexcept OutputInvalid as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be written: File too large" in done.stdout
