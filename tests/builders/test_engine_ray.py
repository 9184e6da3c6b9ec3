"""The engine ray on a real cluster of two nodes, both on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from builders.embed import parts
from builders.engines import Engine, run_tasks
from builders.engines import cluster as module
from builders.parts import pieces
from builders.sources import local
from embeddings.cli import main
from embeddings.errors import EngineError, InputInvalid
from embeddings.store.roots import user_root
from testing.crystals import arrow_table, sample_crystals
from testing.encoders import write_encoder_catalog
from testing.engines import ALWAYS, Doubling, doubling_tasks

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_agent_register_timeout_ms": "300000",  # a busy machine starts a node slowly
    "RAY_raylet_start_wait_time_s": "300",
}
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
"""Ray gives the helpers of a node 15 s to tell a port that nobody chose, which on a busy machine is too little."""


def node() -> dict[str, Any]:
    with ExitStack() as held:
        free = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        ports = dict(zip(PORTS, (one.getsockname()[1] for one in free), strict=True))
    without = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    return {"num_cpus": 1, "object_store_memory": 100_000_000, **without, **ports}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args=node())
        made.add_node(**node())
        yield made
        made.shutdown()


def of(cluster: Any, **options: Any) -> Engine:
    return Engine("ray", address=cluster.address, **options)


def expected(n: int) -> dict[int, bytes]:
    return {number: str(2 * number).encode() for number in range(n)}


def test_an_actor_that_dies_or_garbles_a_part_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    job = Doubling(tmp_path, deaths=((1, 2),), garbled=((3, 1),))
    found = list(run_tasks(of(cluster, workers=2), job, doubling_tasks(6)))
    assert {part.number: part.content for part in found} == expected(6)
    assert len(found) == 6
    assert [job.begun(number) for number in range(6)] == [1, 3, 1, 2, 1, 1]


def test_what_goes_wrong_in_an_actor_is_named(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="Task 1 is refused"):
        list(run_tasks(of(cluster, workers=1), Doubling(tmp_path, refused=1), doubling_tasks(3)))
    with pytest.raises(EngineError, match="would write different bytes: version 1 there, 2 here"):
        list(run_tasks(of(cluster, workers=1), Doubling(tmp_path, version="2"), doubling_tasks(3)))
    with pytest.raises(EngineError, match=r"Part 0 \(number 0\) was lost 3 times: an actor was lost"):
        list(run_tasks(of(cluster, workers=1), Doubling(tmp_path, deaths=((0, ALWAYS),)), doubling_tasks(1)))


def test_workers_without_a_place_are_not_waited_for(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_TO_START", 2.0)
    with pytest.raises(
        EngineError, match=r"No worker could start on the cluster within 2 s; it has 2 processors and 0 GPUs"
    ):
        list(run_tasks(of(cluster, gpus_per_worker=1), Doubling(tmp_path), doubling_tasks(1)))


def test_a_node_that_goes_takes_nothing_with_it(cluster: Any, tmp_path: Path) -> None:
    more = cluster.add_node(**node())
    job = Doubling(tmp_path, seconds=0.2)
    work = run_tasks(of(cluster, workers=3), job, doubling_tasks(40))
    found = [next(work) for _ in range(12)]
    cluster.remove_node(more)
    found += work
    assert {part.number: part.content for part in found} == expected(40)
    assert len(found) == 40


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty crystals that become ten parts, and a catalog, toy."""
    write_encoder_catalog(user_root())
    monkeypatch.setattr(pieces, "AT_ONCE", 4)
    pq.write_table(arrow_table(sample_crystals(40)[0]), tmp_path / "sample.parquet")
    return tmp_path / "sample.parquet"


def arguments(sample: Path, out: Path, *more: str) -> list[str]:
    source = ("--source", "table", "--path", str(sample), "-o", str(out), "--quiet")
    return ["embed", "--catalog", "toy", "--level", "site", *source, *more]


def test_files_and_formulas_give_the_bytes_of_one_process(
    cluster: Any, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 2)
    (tmp_path / "files").mkdir()
    for k in range(7):
        text = f"{k}\n1\n4 0 0\n0 4 0\n0 0 {4 + k}\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
        (tmp_path / "files" / f"{k}.vasp").write_text(text if k != 3 else "nothing")
    (tmp_path / "formulas.csv").write_text("formula\nNaCl\nFe2O3\nwhat\n")
    there = ["--engine", "ray", "--address", cluster.address, "--workers", "2"]
    for name, more in (("one", []), ("two", there)):
        commands = (
            ["pull", str(tmp_path / "files"), "--out", str(tmp_path / name), "--quiet"],
            [
                "featurize",
                str(tmp_path / "formulas.csv"),
                "--catalog",
                "starter",
                "-o",
                str(tmp_path / f"{name}.parquet"),
            ],
        )
        for command in commands:
            result = CliRunner().invoke(main, [*command, *more])
            assert result.exit_code == 0, result.output
    names = [path.name for path in (tmp_path / "one").glob("part-*")]
    assert len(names) == 4
    for path in (*(f"{{}}/{name}" for name in (*names, "rejected.csv")), "{}.parquet", "{}.rejected.csv"):
        assert (tmp_path / path.format("two")).read_bytes() == (tmp_path / path.format("one")).read_bytes()


def test_the_bytes_are_those_of_one_process_and_a_killed_driver_goes_on(
    cluster: Any, sample: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out, after = (tmp_path / f"{name}.parquet" for name in ("whole", "out", "after"))
    assert CliRunner().invoke(main, arguments(sample, whole)).exit_code == 0
    there = ["--engine", "ray", "--address", cluster.address, "--workers", "2"]
    result = CliRunner().invoke(main, arguments(sample, out, *there))
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == whole.read_bytes()

    code = (
        "from builders.parts import pieces; from embeddings.cli import main; pieces.AT_ONCE = 4\n"
        "import time; from builders.parts.ledger import PartLedger as L; commit = L.commit\n"
        "L.commit = lambda *a: (commit(*a), time.sleep(0.3))[0]\n"
        f"main({arguments(sample, after, *there)!r})"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})
    while driver.poll() is None and len(list(own_cache.glob("embed/*/part-*.parquet"))) < 3:
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    assert driver.wait(60) == -signal.SIGKILL
    lines = next(own_cache.glob("embed/*/ledger.jsonl")).read_text().splitlines()
    kept, made, make = {json.loads(line)["number"] for line in lines}, set(), parts.make_part
    monkeypatch.setattr(parts, "make_part", lambda *args: made.add(args[-1].number) or make(*args))
    assert CliRunner().invoke(main, arguments(sample, after)).exit_code == 0
    assert after.read_bytes() == whole.read_bytes()
    assert (kept & made, kept | made) == (set(), set(range(10)))
    assert len(kept) >= 2
