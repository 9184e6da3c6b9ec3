"""The training loop: it learns, repeats itself to the byte, survives a kill, and refuses a stranger's checkpoint."""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from builders.learning.optimization import learning_rate_factor, masked_loss
from builders.learning.scores import Score
from builders.learning.targets import Scaler, labels_of
from builders.methods.base import Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig, TrainingConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.predicting import predict
from builders.methods.crystal_transformer.resident import ResidentCrystals, near
from builders.methods.crystal_transformer.training import Task, _Trainer, train
from builders.runs.ahead import ahead
from builders.runs.checkpoint import Checkpoint, write_checkpoint
from builders.structures.equivalent import reduced_neighbors
from builders.structures.graphs import neighbor_graphs
from embeddings.errors import OutputInvalid, TrainingError
from testing.crystals import sample_crystals, structure_table

CONFIG = TrainingConfig(epochs=3, batch_size=16, learning_rate=3e-3)
LONGER = replace(CONFIG, epochs=20)
TRAINING, RESIDENT = (f"builders.methods.crystal_transformer.{name}." for name in ("training", "resident"))
SIZES = {"dim": 8, "width": 16, "depth": 1, "n_heads": 2, "feed_forward": 16}


def task_of(n: int = 60) -> Task:
    crystals, labels = sample_crystals(n)
    table = structure_table(crystals, **labels)
    rows = np.arange(n)
    values = labels_of(table, list(labels))
    scaler = Scaler.fit(values, rows[10:])
    packed = PackedCrystals(table, neighbor_graphs(table, 5.0), scaler.transform(values))
    return Task(packed, rows[10:], rows[:10], dict(zip(labels, ("eV/atom", "eV"), strict=True)), scaler)


def network(geometry: str = "periodic", dropout: float = 0.1) -> CrystalTransformer:
    torch.manual_seed(0)
    return CrystalTransformer(CrystalTransformerConfig(geometry=geometry, dropout=dropout, **SIZES), 2)


def run_in(folder: Path, fingerprint: str = "this run") -> Run:
    return Run(fingerprint, seed=3, device=torch.device("cpu"), checkpoint=folder / "checkpoint.pt")


def weights(model: torch.nn.Module) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Score], list[dict[str, Any]]]:
    """Return scores and history of a network that learned for a while."""
    return train(network(dropout=0.0), task_of(120), LONGER, run_in(tmp_path_factory.mktemp("trained")))


def test_training_beats_the_mean(trained: tuple[dict[str, Score], list[dict[str, Any]]]) -> None:
    scores, history = trained
    energy = scores["formation_energy_per_atom"]
    assert energy.mae < 0.7 * energy.baseline_mae
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]


def test_hidden_atoms_are_one_more_task_that_is_learned(
    trained: tuple[dict[str, Score], list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Guessing among the 118 elements would cost log(118) = 4.8, guessing among those of the sample about 3."""
    config = replace(LONGER, hidden_atoms=0.2)
    history = train(network(dropout=0.0), task_of(120), config, run_in(tmp_path))[1]
    alone, both = ([figures["loss"] for figures in each] for each in (trained[1], history))
    assert 3 < both[0] - alone[0] < 5.5
    assert both[-1] - alone[-1] < 0.8 * (both[0] - alone[0])


@pytest.mark.parametrize(("balance", "expected"), [("labels", [1, 1]), (None, [1, 10**0.5]), ("targets", [1, 10])])
def test_a_target_weighs_by_its_known_labels_as_asked(balance: str, expected: list[float], tmp_path: Path) -> None:
    task = task_of(60)
    task = replace(task, scaler=replace(task.scaler, known_fraction=np.array([1.0, 0.1])))
    trainer = _Trainer(network(), task, replace(CONFIG, balance=balance), run_in(tmp_path))
    np.testing.assert_allclose(trainer.weights, expected, rtol=1e-6)


@pytest.mark.parametrize("geometry", ["periodic", "cartesian"])
def test_the_same_seed_gives_the_same_bytes(geometry: str, tmp_path: Path) -> None:
    config = TrainingConfig(epochs=2, batch_size=16, augment=0.5 if geometry == "cartesian" else 0.0)
    results = []
    for attempt in ("one", "two"):
        (tmp_path / attempt).mkdir()
        model = network(geometry)
        torch.manual_seed(hash(attempt) % 1000)  # what others drew before must not matter
        train(model, task_of(), config, run_in(tmp_path / attempt))
        results.append(weights(model))
    assert results[0] == results[1]


@pytest.mark.parametrize("geometry", ["periodic", "cartesian"])
def test_batches_made_ahead_as_for_a_gpu_give_the_same_bytes(
    geometry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainingConfig(epochs=2, batch_size=8, augment=0.5 if geometry == "cartesian" else 0.0)
    results = []
    for threads in (1, 4):
        (tmp_path / str(threads)).mkdir()
        for module in ("training", "feeding"):
            fed = partial(made_ahead, threads=threads)
            monkeypatch.setattr(f"builders.methods.crystal_transformer.{module}.fed", fed)
        model = network(geometry)
        train(model, task_of(), config, run_in(tmp_path / str(threads)))
        results.append(weights(model))
    assert results[0] == results[1]


def test_a_device_that_cuts_its_batches_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, results = task_of(), []
    task = replace(whole, crystals=reduced(whole.crystals))
    for name in ("packed", "resident"):
        (tmp_path / name).mkdir()
        if name == "resident":
            monkeypatch.setattr(
                TRAINING + "near", lambda packed, device: ResidentCrystals(packed, packed.graphs, device)
            )
        model = network()
        results.append((train(model, task, CONFIG, run_in(tmp_path / name))[0], weights(model)))
    assert results[0] == results[1]


def test_crystals_stay_with_the_processor_unless_a_gpu_has_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cuda = task_of().crystals, torch.device("cuda")
    packed = reduced(whole)
    monkeypatch.setattr(RESIDENT + "ResidentCrystals", lambda packed, graphs, device: device)
    for free, is_near in ((10**9, True), (10**4, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**10))
        assert near(packed, cuda) is (cuda if is_near else packed)
        assert near(whole, cuda) is whole
        assert near(packed, torch.device("cpu")) is packed


def reduced(crystals: PackedCrystals) -> PackedCrystals:
    """Return the crystals with one atom of each set of equivalent ones."""
    table = structure_table(sample_crystals(len(crystals))[0])
    return PackedCrystals(table, reduced_neighbors(table, 5.0, 1), crystals.labels)


def made_ahead(items: Any, make: Any, crystals: Any, device: torch.device, *, threads: int) -> Any:
    return ahead(items, make, threads=threads)


class Killed(BaseException):
    """Stands for a kill at a given moment."""


@pytest.mark.parametrize("kill_at", [1, 4, 7, 11])
def test_a_killed_run_ends_as_if_it_had_not_been(kill_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.methods.crystal_transformer.training.CHECKPOINT_SECONDS", 0.0)
    (tmp_path / "whole").mkdir()
    whole = network()
    expected = train(whole, task_of(), CONFIG, run_in(tmp_path / "whole"))

    killed, calls = network(), iter(range(1000))

    def dying(*arguments: object) -> None:
        if next(calls) == kill_at:
            raise Killed

    killed.register_forward_pre_hook(dying)
    with pytest.raises(Killed):
        train(killed, task_of(), CONFIG, run_in(tmp_path))
    resumed = network()
    found = train(resumed, task_of(), CONFIG, run_in(tmp_path))
    assert weights(resumed) == weights(whole)
    assert found[0] == expected[0]
    assert [h["loss"] for h in found[1]] == [h["loss"] for h in expected[1]]


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    train(network(), task_of(), CONFIG, run_in(tmp_path))
    with pytest.raises(TrainingError, match="another run"):
        train(network(), task_of(), CONFIG, run_in(tmp_path, "that run"))
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingError, match="--restart"):
        train(network(), task_of(), CONFIG, run_in(tmp_path))


def test_a_full_disk_is_named_and_the_last_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(network(), task_of(), CONFIG, run_in(tmp_path))
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    checkpoint = Checkpoint(run="this run", step=1, model={}, optimizer={})
    with pytest.raises(OutputInvalid, match="No space left"):
        write_checkpoint(tmp_path / "checkpoint.pt", checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    task = task_of()
    task.crystals.labels[:] = 1e38
    with pytest.raises(TrainingError, match="loss"):
        train(network(), task, TrainingConfig(epochs=1, loss="mse"), run_in(tmp_path))


def test_unknown_labels_count_for_nothing() -> None:
    predicted = torch.tensor([[1.0, 5.0], [3.0, 7.0]], requires_grad=True)
    labels = torch.tensor([[0.0, float("nan")], [float("nan"), float("nan")]])
    loss = masked_loss(predicted, labels, torch.tensor([2.0, 1.0]), "l1")
    loss.backward()
    assert loss.item() == pytest.approx(1.0)
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_predictions_come_in_the_order_asked(tmp_path: Path) -> None:
    task, model = task_of(), network()
    rows = np.array([7, 3, 50, 0])
    together = predict(model, task.crystals, rows, CONFIG, torch.device("cpu"))
    alone = [predict(model, task.crystals, rows[[k]], CONFIG, torch.device("cpu"))[0] for k in range(len(rows))]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_scaler_sees_training_rows_alone() -> None:
    labels = np.array([[1.0], [3.0], [np.nan], [1000.0]])
    scaler = Scaler.fit(labels, np.array([0, 1, 2]))
    assert scaler.mean[0] == 2
    assert scaler.std[0] == 1
    assert scaler.known_fraction[0] == pytest.approx(2 / 3)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(101)]
    assert max(factors) == 1
    assert factors.index(1) in (9, 10)
    assert factors[-1] == pytest.approx(0, abs=1e-12)
    assert all(a >= b for a, b in pairwise(factors[10:]))
