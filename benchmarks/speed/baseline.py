"""Training as people usually write it: one structure at a time, padded to the longest, into a stock transformer."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from builders.methods.crystal_transformer.config import CrystalTransformerConfig, TrainingConfig
from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS

Item = tuple[Tensor, Tensor, Tensor]
"""Atomic numbers (N,), Cartesian coordinates (N, 3), labels (n_targets,); over a batch, each with B in front."""


class CrystalDataset(Dataset[Item]):
    """Crystals as Python lists; the tensors of an item are made when it is asked for."""

    def __init__(self, table: StructureTable, labels: np.ndarray, rows: np.ndarray) -> None:
        coords = table.cart_coords
        atoms = [slice(*table.offsets[row : row + 2]) for row in rows]
        self.atomic_numbers = [table.atomic_numbers[part].tolist() for part in atoms]
        self.coords = [coords[part].tolist() for part in atoms]
        self.labels = labels[rows].tolist()
        self.longest = int(table.n_sites.max())

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        """Make one crystal's tensors, padded to the longest crystal of all."""
        padding = self.longest - len(self.atomic_numbers[index])
        atomic_numbers = F.pad(torch.tensor(self.atomic_numbers[index]), (0, padding))
        coords = F.pad(torch.tensor(self.coords[index], dtype=torch.float32), (0, 0, 0, padding))
        return atomic_numbers, coords, torch.tensor(self.labels[index], dtype=torch.float32)


class PlainTransformer(nn.Module):
    """Atom table and Cartesian coordinates go into `nn.TransformerEncoder`; the first atom is read out."""

    def __init__(self, config: CrystalTransformerConfig, n_targets: int) -> None:
        super().__init__()
        self.table = nn.Embedding(N_ELEMENTS + 1, config.dim, padding_idx=0)
        self.place = nn.Linear(3, config.dim)
        self.project = nn.Linear(2 * config.dim, config.width)
        layer = nn.TransformerEncoderLayer(
            config.width, config.n_heads, config.feed_forward, config.dropout, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.depth)
        self.head = nn.Sequential(nn.Linear(config.width, config.width), nn.SiLU(), nn.Linear(config.width, n_targets))

    def forward(self, atomic_numbers: Tensor, coords: Tensor) -> Tensor:
        """Return the standardized targets, (B, n_targets)."""
        tokens = self.project(torch.cat([self.table(atomic_numbers), self.place(coords)], dim=-1))
        tokens = self.encoder(tokens, src_key_padding_mask=atomic_numbers == 0)
        return self.head(tokens[:, 0])


def plain_epochs(
    model: PlainTransformer, dataset: CrystalDataset, config: TrainingConfig, device: torch.device
) -> list[float]:
    """Train in place and return the seconds that each epoch took."""
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    loader = DataLoader(dataset, batch_size=config.batch_size, shuffle=True)
    seconds = []
    for _ in range(config.epochs):
        started = time.perf_counter()
        for batch in loader:
            atomic_numbers, coords, labels = (tensor.to(device) for tensor in batch)
            _update(model(atomic_numbers, coords), labels, optimizer)
        seconds.append(time.perf_counter() - started)
    return seconds


def _update(predicted: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> float:
    known = ~torch.isnan(labels)
    loss = F.l1_loss(predicted[known], labels[known])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
