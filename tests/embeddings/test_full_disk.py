"""A disk that is really full: what the system does there, beyond the errors that can be raised by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from testing.toys import write_toy
from testing.vector_files import write_structures

MOUNT = 'mount -t tmpfs -o size=128k none full && df full > /dev/null && exec "$@"'
N = 2_000


def on_a_small_disk(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that alone sees a disk of 128 kB at ``folder/full``, and no other place for temporary files."""
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": "full", "EMBEDDINGS_CATALOGS": str(folder / "catalogs")}
    environment |= {"EMBEDDINGS_CACHE": str(folder / "cache"), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run([*alone, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "full").mkdir()
    if shutil.which("unshare") is None or on_a_small_disk(tmp_path, "true").returncode:
        pytest.skip("this system lets its users mount nothing")
    return tmp_path


@pytest.mark.parametrize("command", ["diff a.parquet b.parquet", "search a.parquet --diverse 2", "push toy registry"])
def test_a_full_disk_for_temporary_files_is_named(folder: Path, command: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(N, 32))
    for name in ("a", "b"):
        write_structures(folder / f"{name}.parquet", [f"m-{k}" for k in range(N)], ["NaCl"] * N, vectors)
        vectors += 0.01
    write_toy(folder / "catalogs")
    fill = 'head -c 120k /dev/zero > full/taken; exec "$@"' if command.startswith("push") else 'exec "$@"'
    result = on_a_small_disk(folder, "sh", "-c", fill, "sh", sys.executable, "-m", "embeddings", *command.split())
    assert result.returncode == 1, result
    assert "full cannot be written: No space left on device. Name another one in TMPDIR." in result.stderr
    assert len(result.stderr.splitlines()) == 1


SEEN = """
from builders.snapshots import seen
from embeddings.errors import OutputInvalid
seen.MOST_IN_MEMORY = 1_000
known = seen.Seen()
try:
    for start in range(0, 40_000, 900):
        known.add(map(str, range(start, start + 900)))
except OutputInvalid as error:
    print(error)
"""


def test_a_full_disk_for_the_identifiers_that_were_seen_is_named(folder: Path) -> None:
    result = on_a_small_disk(folder, sys.executable, "-c", SEEN)
    assert result.returncode == 0, result
    assert "cannot be written: No space left on device." in result.stdout
    assert "TMPDIR" in result.stdout
