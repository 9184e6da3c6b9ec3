"""Fine-tuning an encoder on formulas, with torch; what comes out computes with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embeddings.errors import builders_needed
from embeddings.formula import FractionMatrix
from embeddings.loaders import as_composition_encoder
from embeddings.protocols import CatalogLike
from embeddings.tuning.network import KeptEncoder, TunedNetwork

if TYPE_CHECKING:
    from builders.learning.encoders import FormulaEncoder, FormulaModule
    from builders.learning.members import Budget, Stopped

    Trainable: TypeAlias = CatalogLike | FormulaEncoder

_LOCK = Lock()

SHORTER = 5
"""Training is tried at full length, and this many times shorter."""


@dataclass(frozen=True)
class TuningOptions:
    """How members are trained; see `embeddings.CrossModalRegressor`.

    Attributes:
        n_members: that learn from all rows.
        epochs: passes over the rows at most; a fifth of them is tried as well.
        encoder_learning_rate: 0 for an encoder that does not move.
        patience: epochs without a better one after which training ends.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    n_members: int = 3
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    dropout: float = 0.1
    patience: int = 10
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Tuned:
    """What fine-tuning gave.

    Attributes:
        start: the encoder as it was.
        networks: the members, trained on all rows.
        n_epochs: passes over the rows, chosen on folds.
        out_of_fold: (n, n_outputs) outputs of networks for rows that they did not see.
    """

    start: KeptEncoder
    networks: tuple[TunedNetwork, ...]
    n_epochs: int
    out_of_fold: np.ndarray


def batch_size_for(n_rows: int) -> int:
    """Return a fortieth of all rows, from 16 to 256."""
    return int(np.clip(n_rows // 40, 16, 256))


def trainable_encoder(encoder: Trainable) -> FormulaEncoder:
    """Return an encoder as torch trains it.

    Raises:
        MissingExtra: torch, or another package that training needs, is not installed.
        EmbeddingsError: as `embeddings.load_composition_encoder` says.
    """
    with builders_needed():
        from builders.learning.encoders import FormulaEncoder
        from builders.methods.twins import trainable
    return encoder if isinstance(encoder, FormulaEncoder) else trainable(as_composition_encoder(encoder))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one fine-tuning run at a time, on one thread.

    Torch has one source of random numbers for the whole process, and its threads would wait for the models beside it.
    """
    with builders_needed():
        from builders.learning.devices import one_thread
    with _LOCK, one_thread():
        yield


def tune(
    encoder: FormulaEncoder,
    matrix: FractionMatrix,
    columns: np.ndarray,
    wanted: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    options: TuningOptions,
    *,
    replaced: np.ndarray,
    n_outputs: int,
    seed: int,
    allows: Callable[[], bool] = lambda: True,
) -> Tuned:
    """Learn on folds how long to train and when to stop, then fine-tune members on all rows.

    Args:
        encoder: to start from; it is copied.
        matrix: n formulas.
        columns: (n, n_columns) what the head sees beside the encoder's vector.
        wanted: what is learned, as `embeddings.tuning.targets.Target.wanted` gives it.
        folds: rows to train on and rows held out, of each fold; every row is held out once.
        options: of training.
        replaced: (119,) for each atomic number the one whose vector is taken.
        n_outputs: of the head.
        seed: of heads and batches.
        allows: asked after each epoch whether there is time for more.

    Raises:
        InputInvalid: the options ask for a GPU that is not there.
    """
    with builders_needed():
        import torch

        from builders.learning.compositions import packed
        from builders.learning.devices import choose_device
        from builders.learning.members import Budget, Lesson, fit_all_rows, fit_folds, head_of

    device = choose_device(options.device)
    lesson = Lesson(packed(matrix, replaced), torch.from_numpy(columns.astype(np.float32)), torch.from_numpy(wanted))
    lesson = lesson.to(device)
    budget = Budget(**{name: value for name, value in asdict(options).items() if name not in ("n_members", "device")})
    said: dict[str, Any] = {"n_outputs": n_outputs, "seed": seed, "allows": allows}

    def fit(some: Budget) -> Stopped:
        return fit_folds(encoder.generator, lesson, folds, some, **said)

    stopped, budget = _at_best_length(fit, budget, allows)
    members = fit_all_rows(
        encoder.generator, lesson, budget, n_members=options.n_members, n_epochs=stopped.n_epochs, **said
    )
    networks = tuple(TunedNetwork(_kept(one.generator), head_of(one)) for one in members)
    return Tuned(_kept(encoder.generator), networks, stopped.n_epochs, stopped.out_of_fold)


def lengths_of(epochs: int) -> tuple[int, ...]:
    """Return the numbers of epochs that a training of so many at most is tried with, the short one first."""
    return tuple(sorted({max(1, epochs // SHORTER), epochs}))


def _at_best_length(
    fit: Callable[[Budget], Stopped], budget: Budget, allows: Callable[[], bool]
) -> tuple[Stopped, Budget]:
    """Return what folds say where their members were trained short or long, whichever is better, and how they were.

    Rates fall to zero at the end of a training. Members that stop early in a long one stop at high rates, and where
    labels are noisy a short one predicts far better.
    """
    tried = []
    for epochs in lengths_of(budget.epochs):
        some = replace(budget, epochs=epochs)
        tried.append((fit(some), some))
        if not allows():
            break
    return min(tried, key=lambda one: one[0].loss)


def _kept(network: FormulaModule) -> KeptEncoder:
    return KeptEncoder(network.settings, network.tensors())
