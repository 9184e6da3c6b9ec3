"""Reading: elements and amounts of formulas are hidden and guessed from the rest; seeded and resumable.

After masked language models (Devlin et al., 2019, arXiv 1810.04805). An element is one of 118; an amount is guessed as
its Gaussian expansion, scaled to one in sum, on either scale: a distribution, so that two likely amounts are two peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.compositions import Compositions, packed
from builders.learning.optimization import check_loss, check_weights, learning_rate_factor
from builders.methods.language.config import ReadingConfig
from builders.methods.language.model import LanguageModel, by_length
from builders.progress import Reporter
from builders.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from embeddings.elements import N_ELEMENTS
from embeddings.formula.bulk import canonical_matrix


@dataclass(frozen=True)
class Hidden:
    """Which parts of ``B`` formulas of ``N`` elements are hidden, (B, N) bool each."""

    elements: Tensor
    amounts: Tensor


class Reader(nn.Module):
    """A language model with what stands for a hidden part, and heads that guess it."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        width = model.config.width
        self.model = model
        self.any_element = nn.Parameter(torch.zeros(width))
        self.any_amount = nn.Parameter(torch.zeros(width))
        self.guess_element = nn.Sequential(nn.RMSNorm(width), nn.Linear(width, N_ELEMENTS + 1))
        self.guess_amount = nn.Sequential(nn.RMSNorm(width), nn.Linear(width, model.expansion.width))

    def forward(self, compositions: Compositions, hidden: Hidden) -> Tensor:
        """Return the tokens of the elements after all layers, (B, N, width); no formula is padded."""
        model = self.model
        elements, expanded = model.elements[compositions.atomic_numbers], model.expansion(compositions.fractions)
        elements = torch.where(hidden.elements[..., None], self.any_element, elements)
        amounts = torch.where(hidden.amounts[..., None], self.any_amount, model.amounts(expanded))
        return model.contextual(elements + amounts)[:, 1:]

    def loss(self, compositions: Compositions, hidden: Hidden) -> tuple[Tensor, Tensor]:
        """Return the summed cross-entropies of hidden elements and of hidden amounts, the mean over the two scales."""
        tokens = self(compositions, hidden)
        guessed = self.guess_element(tokens[hidden.elements])
        of_elements = F.cross_entropy(guessed, compositions.atomic_numbers[hidden.elements], reduction="sum")
        expansion = self.model.expansion
        sizes = (len(expansion.linear), len(expansion.log))
        logits = self.guess_amount(tokens[hidden.amounts]).split(sizes, dim=1)
        wanted = expansion(compositions.fractions[hidden.amounts]).split(sizes, dim=1)
        scales = zip(logits, wanted, strict=True)
        of_amounts = [F.cross_entropy(guess, F.normalize(real, p=1, dim=1), reduction="sum") for guess, real in scales]
        return of_elements, torch.stack(of_amounts).mean()


def hide(compositions: Compositions, config: ReadingConfig) -> Hidden:
    """Draw what is hidden of formulas that are not padded, with torch's generator."""
    shape = compositions.fractions.shape
    draws = torch.rand(shape)
    elements = draws < config.hidden_elements
    elements[torch.arange(len(draws)), draws.argmin(1)] = True
    amounts = (torch.rand(shape) < config.hidden_amounts) | (torch.rand(shape[0], 1) < config.without_amounts)
    return Hidden(elements, amounts)


def read_corpus_with(
    model: LanguageModel,
    formulas: np.ndarray,
    config: ReadingConfig,
    *,
    seed: int,
    checkpoint: Path | None = None,
    run: str = "",
    reporter: Reporter | None = None,
) -> list[dict[str, Any]]:
    """Train a model on formulas alone, in place, resuming from the checkpoint if there is one.

    Args:
        model: to train.
        formulas: (n,) canonical reduced formulas.
        config: how.
        seed: of the heads, the batches and what is hidden.
        checkpoint: file that a killed run resumes from; None for none.
        run: identity of the run, which the checkpoint has to share.
        reporter: tells a person about it.

    Returns:
        Figures of each epoch.

    Raises:
        TrainingError: the checkpoint is of another run, or the loss is no longer a number.
    """
    with torch.random.fork_rng():
        return _Pretraining(model, formulas, config, seed, checkpoint, run).fit(reporter or Reporter(quiet=True))


class _Pretraining:
    """State of one run."""

    def __init__(
        self,
        model: LanguageModel,
        formulas: np.ndarray,
        config: ReadingConfig,
        seed: int,
        checkpoint: Path | None,
        run: str,
    ) -> None:
        self.config, self.seed, self.checkpoint, self.run = config, seed, checkpoint, run
        self.compositions = packed(canonical_matrix(formulas.tolist()))
        torch.manual_seed(seed)
        self.reader = Reader(model)
        self.optimizer = torch.optim.AdamW(
            self.reader.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.n_batches = max(1, len(formulas) // config.batch_size)
        self.history: list[dict[str, Any]] = []
        if checkpoint is not None and checkpoint.exists():
            self._restore(read_checkpoint(checkpoint, run))

    def fit(self, reporter: Reporter) -> list[dict[str, Any]]:
        done = len(self.history)
        with reporter.stage("Reading formulas", self.config.epochs, done=done) as stage:
            for epoch in range(done, self.config.epochs):
                figures = {"phase": "reading", "epoch": epoch + 1, **self._epoch(epoch)}
                check_weights(self.reader)
                self.history.append(figures)
                self._save()
                stage.advance()
                stage.milestone(f"epoch {epoch + 1}/{self.config.epochs}, loss {figures['loss']:.4f}")
        return self.history

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Pass over the corpus once and return mean figures."""
        torch.manual_seed(int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]))
        self.reader.train()
        total = 0.0
        for k, rows in enumerate(torch.randperm(len(self.compositions)).tensor_split(self.n_batches)):
            step = epoch * self.n_batches + k
            factor = learning_rate_factor(step, self.n_batches * self.config.epochs, self.config.warmup_fraction)
            self.optimizer.param_groups[0]["lr"] = self.config.learning_rate * factor
            total += self._update(self.compositions.take(rows), step)
        return {"loss": total / self.n_batches}

    def _update(self, batch: Compositions, step: int) -> float:
        parts = [(part, hide(part, self.config)) for _, part in by_length(batch)]
        losses = [self.reader.loss(part, hidden) for part, hidden in parts]
        n_elements = sum(int(hidden.elements.sum()) for _, hidden in parts)
        n_amounts = sum(int(hidden.amounts.sum()) for _, hidden in parts)
        of_elements, of_amounts = (torch.stack(values).sum() for values in zip(*losses, strict=True))
        loss = of_elements / n_elements + self.config.amounts * of_amounts / max(1, n_amounts)
        value = check_loss(loss.item(), step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.reader.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return value

    def _save(self) -> None:
        if self.checkpoint is not None:
            state = Checkpoint(
                run=self.run,
                step=len(self.history) * self.n_batches,
                model=self.reader.state_dict(),
                optimizer=self.optimizer.state_dict(),
                history=self.history,
            )
            write_checkpoint(self.checkpoint, state)

    def _restore(self, state: Checkpoint) -> None:
        self.reader.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.history = state.history
