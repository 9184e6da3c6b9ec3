"""A pull that is killed at any moment, and taken up again, ends with the same bytes."""

from __future__ import annotations

import os
import random
import time
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from builders.progress import Reporter
from builders.snapshots.snapshot import take_snapshot
from builders.sources import SourceOptions, find_source, mp
from builders.structures.cleaning import Selection
from testing.servers.summary import SummaryServer
from tests.builders.sources.conftest import KEY


def pull_slowly(address: str, folder: Path) -> None:
    """Pull in many small batches."""
    os.environ |= {"MP_API_ENDPOINT": address, "MP_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    mp.PAGE, mp.BATCH = 20, 5
    stream = find_source("mp")(SourceOptions(), Selection())
    take_snapshot(folder, "mp", stream, Selection(), Reporter(quiet=True))


def started(address: str, folder: Path) -> ForkProcess:
    """Begin a pull in a process of its own, which has the slow imports of the client behind it."""
    import mp_api.client.routes.materials.summary  # noqa: F401

    process = get_context("fork").Process(target=pull_slowly, args=(address, folder))
    process.start()
    return process


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".parquet"}


@pytest.fixture(scope="module")
def moments() -> list[float]:
    """Moments as fractions of a whole pull, one in each part of it: ten parts for ``make faults``, else four."""
    n, generator = 10 if os.environ.get("FAULTS_ALL_STEPS") else 4, random.Random(0)
    return [(part + generator.random()) / n for part in range(n)]


@pytest.mark.slow
def test_killed_at_any_moment(server: SummaryServer, moments: list[float], tmp_path: Path) -> None:
    started(server.address, tmp_path / "warm").join()
    begun = time.monotonic()
    started(server.address, tmp_path / "clean").join()
    duration = time.monotonic() - begun
    n_unfinished = 0
    for number, moment in enumerate(moments):
        folder = tmp_path / f"killed-{number}"
        process = started(server.address, folder)
        time.sleep(moment * duration)
        process.kill()
        process.join()
        n_unfinished += not (folder / "snapshot.json").exists()
        resumed = started(server.address, folder)
        resumed.join()
        assert resumed.exitcode == 0
        assert content(folder) == content(tmp_path / "clean")
    assert len(content(tmp_path / "clean")) == 19
    assert n_unfinished >= 3
