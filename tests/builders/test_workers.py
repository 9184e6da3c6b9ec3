"""Several workers train what one would: share by share, process by process, and after one of them is killed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.distributed import TCPStore

from builders.following import check_team
from builders.learning.targets import Scaler, labels_of
from builders.learning.workers import Team, check_same, joined
from builders.methods import find_recipe, open_method
from builders.methods.base import Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig, TrainingConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.teachers import Lesson
from builders.methods.crystal_transformer.training import Task, _Trainer
from builders.structures.graphs import neighbor_graphs
from embeddings.cli import main
from embeddings.errors import InputInvalid, TrainingError
from testing.crystals import sample_crystals, structure_table, write_sample
from testing.processes import start_forked

CPU = torch.device("cpu")

T = TypeVar("T")


def task_of(n: int = 20, *, is_taught: bool = False) -> Task:
    crystals, labels = sample_crystals(n)
    table = structure_table(crystals, **labels)
    rows, values = np.arange(n), labels_of(table, list(labels))
    scaler = Scaler.fit(values, rows[4:])
    components = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    components[rows % 3 == 0] = np.nan
    lessons = (Lesson("toy@0.1.0", np.array([0.6, 0.3, 0.1]), 0.7, 14),) if is_taught else ()
    columns = np.hstack([scaler.transform(values), *(components for _ in lessons)])
    packed = PackedCrystals(table, neighbor_graphs(table, 4.0), columns)
    return Task(packed, rows[4:], rows[:4], dict.fromkeys(labels, "eV"), scaler, lessons)


class Talkless(Team):
    """A worker whose others are played one after the other."""

    def first(self, make: Callable[[], T]) -> T:
        return make()

    def averaging(self, module: torch.nn.Module) -> torch.nn.Module:
        return module


def learned(
    team: Team, task: Task, config: TrainingConfig, geometry: str, rows: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the loss of a worker on its share of a batch, and its gradient."""
    torch.manual_seed(0)
    sizes = {"dim": 8, "width": 16, "depth": 1, "n_heads": 2, "feed_forward": 16}
    model = CrystalTransformer(CrystalTransformerConfig(geometry=geometry, **sizes), 2, 3 * len(task.lessons))
    trainer = _Trainer(model, task, config, Run("test", 3, CPU, None, team=team))
    trainer.weights.data = trainer.weights
    loss = trainer._loss(trainer._load((0, rows)))
    loss.backward()
    return loss.item(), np.concatenate([weight.grad.numpy().ravel() for weight in model.parameters()])


@pytest.mark.parametrize("n_workers", [2, 3])
@pytest.mark.parametrize("n_crystals", [1, 2, 7, 16])
@pytest.mark.parametrize(
    ("geometry", "config"),
    [
        ("periodic", TrainingConfig()),
        ("periodic", TrainingConfig(hidden_atoms=0.2, balance="targets", loss="mse")),
        ("periodic", TrainingConfig(teacher_weight=2.0)),
        ("cartesian", TrainingConfig(augment=0.5)),
    ],
)
def test_the_mean_over_all_workers_is_what_one_would_learn(
    n_workers: int, n_crystals: int, geometry: str, config: TrainingConfig
) -> None:
    """Unknown labels, hidden atoms, teachers, moved crystals, and batches too small for everybody included."""
    task = task_of(is_taught=config.teacher_weight is not None)
    rows = task.training_rows[::-1][:n_crystals]
    loss, gradient = learned(Team(), task, config, geometry, rows)
    shares = [learned(Talkless(rank, n_workers), task, config, geometry, rows) for rank in range(n_workers)]
    assert np.mean([share[0] for share in shares]) == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(np.mean([share[1] for share in shares], axis=0), gradient, rtol=1e-3, atol=1e-5)


def test_a_worker_that_would_train_something_else_is_refused() -> None:
    firsts = {"structures": "a", "recipe": "b", "code": "c"}
    check_same(dict(firsts), firsts)
    with pytest.raises(TrainingError, match="differs from the first one in structures and code"):
        check_same(firsts | {"structures": "x", "code": "y"}, firsts)


def test_more_workers_than_there_is_work_for_are_refused() -> None:
    method = open_method(find_recipe("ct-multi"), device=CPU)
    check_team(method, Team(0, 128))
    with pytest.raises(InputInvalid, match="128 crystals in a batch, too few for 129 workers"):
        check_team(method, Team(0, 129))
    method.trains_together = False
    with pytest.raises(InputInvalid, match="trains in one process, and there are 2 workers"):
        check_team(method, Team(0, 2))
    check_team(method, Team())


def test_a_process_alone_is_a_team_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ({}, {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with joined(CPU) as (team, device):
            assert (team.size, device) == (1, CPU)


@pytest.mark.parametrize("rank", ["2", "-1", "first"])
def test_an_environment_that_names_no_worker_is_refused(rank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputInvalid, match=f"RANK={rank} and WORLD_SIZE=2 name no worker"), joined(CPU):
        pass


BUILD = """
import os, sys
for number in (1, 2):
    os.dup2(os.open(sys.argv.pop(1), os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
from embeddings.cli import main
main()
"""
"""The command line, which writes what it says into two files that come before its arguments."""


class Pair:
    """Two workers of one build, started as torchrun starts them: it keeps the store through which they meet."""

    def __init__(
        self, cache: Path, *options: str, seconds: tuple[str, ...] = (), store: TCPStore | None = None, attempt: int = 0
    ) -> None:
        self.store = store or TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(self.store.port), "WORLD_SIZE": "2"}
        elastic = {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        base = {**os.environ, **meeting, **elastic, "EMBEDDINGS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        self.said = [(cache.parent / f"{rank}.out", cache.parent / f"{rank}.err") for rank in range(2)]
        self.workers = [
            start_forked(
                BUILD,
                [*map(str, self.said[rank]), "build", *options, *extra],
                base | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank, extra in enumerate(((), seconds))
        ]

    def kill_second_after(self, pattern: str, folder: Path) -> None:
        while not list(folder.glob(pattern)):
            time.sleep(0.01)
            assert self.workers[0].is_alive(), self.said[0][1].read_text()
        self.workers[1].kill()

    def end(self) -> list[tuple[int | None, str, str]]:
        """Return the code, the output and the messages of each worker."""
        for worker in self.workers:
            worker.join(timeout=300)
        return [
            (worker.exitcode, out.read_text(), said.read_text())
            for worker, (out, said) in zip(self.workers, self.said, strict=True)
        ]


def losses(cache: Path) -> list[float]:
    (history,) = cache.glob("runs/*/history.json")
    return [figures["loss"] for figures in json.loads(history.read_text())]


@pytest.mark.slow
def test_two_workers_one_of_them_killed_have_the_loss_curve_of_one(tmp_path: Path, own_cache: Path) -> None:
    sample = write_sample(tmp_path / "sample.parquet", 60)
    options = ["--source", "table", "--path", str(sample), "--recipe", "ct-ef-eg", "--epochs", "6"]
    together = tmp_path / "together"
    pair = Pair(together, *options)
    pair.kill_second_after("runs/*/checkpoint.pt", together)
    (code, out, said), _ = pair.end()
    assert (code, out) == (1, "")
    assert "lost another worker" in said.splitlines()[-1]
    assert "goes on from the last checkpoint" in said.splitlines()[-1]
    assert not list(together.glob("runs/*/history.json"))

    first, second = Pair(together, *options, store=pair.store, attempt=1).end()
    assert first[0] == second[0] == 0, first[2] + second[2]
    assert "Resuming the run at step" in first[2]
    assert first[1].startswith("ct-ef-eg ")
    assert second[1:] == ("", "")
    (manifest,) = together.glob("catalogs/ct-ef-eg/*/manifest.json")
    assert json.loads(manifest.read_text())["environment"]["workers"] == "2"

    result = CliRunner().invoke(main, ["build", *options])
    assert result.exit_code == 0, result.output
    assert len(losses(own_cache)) == 6
    np.testing.assert_allclose(losses(together), losses(own_cache), atol=1e-4, rtol=0)


def test_workers_of_two_builds_name_what_differs(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "sample.parquet", 60)
    options = ["--source", "table", "--path", str(sample), "--recipe", "ct-multi", "--epochs", "1"]
    targets = ["--targets", "formation_energy_per_atom"]
    first, second = Pair(tmp_path / "cache", *options, *targets, seconds=("--seed", "7")).end()
    assert first[0] == second[0] == 1
    assert "since worker 1 stopped" in first[2].splitlines()[-1]
    assert "differs from the first one in recipe" in second[2].splitlines()[-1]
    assert "Traceback" not in first[2] + second[2]
    assert not list((tmp_path / "cache").rglob("manifest.json"))
