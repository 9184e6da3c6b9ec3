"""CrystalTransformer: a transformer over the atoms of a crystal, behind the universal atomic embeddings.

Jin et al., Nat. Commun. 16, 1210 (2025), 10.1038/s41467-025-56481-x. ``geometry="cartesian"`` follows the paper:
Cartesian coordinates join the token, the first atom's token is read out. ``geometry="periodic"`` is ours: attention and
messages see the periodic distances and the mean over all atoms is read out, so that the order of the atoms, rotation,
translation, the choice of cell and supercells make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.methods.crystal_transformer.batches import Batch
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from embeddings.elements import N_ELEMENTS


class RadialBasis(nn.Module):
    """Cubic B-splines on an even grid over [0, cutoff] under an envelope that goes smoothly to zero there.

    Of the ``n_radial`` functions only four differ from zero at any distance, which is what makes them cheap. The
    envelope keeps the many far neighbors from drowning the few near ones.
    """

    def __init__(self, n_radial: int, cutoff: float) -> None:
        super().__init__()
        self.n_radial, self.cutoff, self.spacing = n_radial, cutoff, cutoff / n_radial

    def forward(self, distances: Tensor) -> tuple[Tensor, Tensor]:
        """Return for distances (E,) the numbers of four functions and their values, both (E, 4)."""
        place = distances / self.spacing
        first = place.floor()
        t = place - first
        values = torch.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], dim=1)
        numbers = first.long()[:, None] + torch.arange(4, device=distances.device)
        beyond = numbers >= self.n_radial
        envelope = (1 + torch.cos(torch.pi / self.cutoff * distances.clamp(max=self.cutoff))) / 12
        return numbers.masked_fill(beyond, 0), values.masked_fill(beyond, 0.0) * envelope[:, None]


class PairRadial(nn.Module):
    """Sum of the radial functions over all images of each pair, the atom's own place (distance 0) included.

    The sum over images is what makes a crystal and its supercell the same to every later step.
    """

    def __init__(self, n_radial: int, cutoff: float) -> None:
        super().__init__()
        self.basis = RadialBasis(n_radial, cutoff)

    def forward(self, batch: Batch) -> Tensor:
        """Return (B, N, n_radial, N): atom, radial function, neighbor."""
        n_batch, n_atoms = batch.atomic_numbers.shape
        n_radial = self.basis.n_radial
        numbers, values = self.basis(batch.distances)
        atom = torch.div(batch.pairs, n_atoms, rounding_mode="floor")
        first = batch.pairs + atom * ((n_radial - 1) * n_atoms)  # where (atom, 0, neighbor) lies in the flat result
        pairs = values.new_zeros(n_batch * n_atoms * n_radial * n_atoms)
        pairs.index_add_(0, (first[:, None] + numbers * n_atoms).flatten(), values.flatten())
        pairs = pairs.view(n_batch, n_atoms, n_radial, n_atoms)
        numbers, values = self.basis(batch.distances.new_zeros(1))
        own = values.new_zeros(n_radial).index_add_(0, numbers[0], values[0])
        pairs.diagonal(dim1=1, dim2=3).add_(own[:, None] * batch.mask[:, None, :])
        return pairs


class Mixing(nn.Module):
    """What an atom takes from its neighbors: attention, and messages kept apart by distance.

    A neighbor's weight in a head is exp(q.k) times a learned positive function of the distance, summed over images.
    That equals a softmax over all images of all neighbors whose score has a distance term (the idea of infinitely
    connected attention, Taniai et al., ICLR 2024), at the cost of one factor for each pair of the cell. The messages
    are a continuous-filter convolution written as two matrix products.
    """

    def __init__(self, config: CrystalTransformerConfig) -> None:
        super().__init__()
        periodic = config.geometry == "periodic"
        self.n_heads = config.n_heads
        message_dim, n_radial = (config.message_dim, config.n_radial) if periodic else (0, 0)
        self.widths = [config.width] * 3 + [message_dim]
        self.take = nn.Linear(config.width, sum(self.widths))
        self.give = nn.Linear(config.width + n_radial * message_dim, config.width)
        self.radial_weight = (
            nn.Parameter(nn.init.normal_(torch.empty(config.n_heads, n_radial), std=0.5)) if periodic else None
        )

    def forward(self, tokens: Tensor, mask: Tensor, pairs: Tensor | None) -> Tensor:
        """Mix: tokens (B, N, width), mask (B, N), pairs (B, N, n_radial, N) or None -> (B, N, width)."""
        query, key, value, message = self.take(tokens).split(self.widths, dim=-1)
        if pairs is None or self.radial_weight is None:
            return self.give(self._attend(query, key, value, mask[:, None, None, :].float()))
        strength = F.softplus(self.radial_weight) @ pairs  # (B, N, n_heads, N)
        heads = self._attend(query, key, value, strength.transpose(1, 2))
        n_batch, n_atoms, n_radial, _ = pairs.shape
        messages = pairs.view(n_batch, n_atoms * n_radial, n_atoms) @ message
        return self.give(torch.cat([heads, messages.view(n_batch, n_atoms, -1)], dim=-1))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, strength: Tensor) -> Tensor:
        """Attend with weights exp(q.k) * strength, normalized; strength is (B, n_heads, N, N) or broadcasts to it."""
        query, key, value = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (query, key, value))
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        scores = scores.masked_fill(
            strength == 0, torch.finfo(scores.dtype).min
        )  # or one beyond the cutoff sets the scale
        weights = scores.softmax(-1) * strength
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        return (weights.to(value.dtype) @ value).transpose(1, 2).flatten(-2)


class Layer(nn.Module):
    """Mixing, then a feed-forward step, each with a residual; norms come first where the geometry is periodic."""

    def __init__(self, config: CrystalTransformerConfig) -> None:
        super().__init__()
        self.norm_first = config.geometry == "periodic"
        self.mixing = Mixing(config)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.width, config.feed_forward), nn.ReLU(), nn.Linear(config.feed_forward, config.width)
        )
        self.mixing_norm, self.feed_forward_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, mask: Tensor, pairs: Tensor | None) -> Tensor:
        """Update tokens (B, N, width)."""
        if self.norm_first:
            tokens = tokens + self.dropout(self.mixing(self.mixing_norm(tokens), mask, pairs))
            return tokens + self.dropout(self.feed_forward(self.feed_forward_norm(tokens)))
        tokens = self.mixing_norm(tokens + self.dropout(self.mixing(tokens, mask, pairs)))
        return self.feed_forward_norm(tokens + self.dropout(self.feed_forward(tokens)))


class CrystalTransformer(nn.Module):
    """Atoms in, one vector for the crystal and one number for each target out.

    Behind the targets come the components of teachers' vectors, linear in the vector of the crystal: what a teacher
    knows is to be in that, not in a head.
    """

    def __init__(self, config: CrystalTransformerConfig, n_targets: int, n_components: int = 0) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(N_ELEMENTS + 1, config.dim, padding_idx=0)
        periodic = config.geometry == "periodic"
        self.pair_radial = PairRadial(config.n_radial, config.cutoff) if periodic else None
        self.place = None if periodic else nn.Linear(3, config.dim)
        self.project = nn.Linear(config.dim if periodic else 2 * config.dim, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(config.structure_dim, config.width), nn.SiLU(), nn.Linear(config.width, 1))
            for _ in range(n_targets)
        )
        if n_components:
            self.heads.append(nn.Linear(config.structure_dim, n_components))
        self._initialize()

    def _initialize(self) -> None:
        with torch.no_grad():
            self.table.weight.normal_(0, self.config.table_std)
            self.table.weight[0].zero_()

    def encode_atoms(self, batch: Batch, hidden: Tensor | None = None) -> Tensor:
        """Return each atom in its context, (B, N, width); padded places hold zeros.

        Args:
            batch: the crystals.
            hidden: (B, N) bool, atoms whose element the network is not told.
        """
        return self.encode_layers(batch, hidden)[0]

    def encode_layers(self, batch: Batch, hidden: Tensor | None = None) -> list[Tensor]:
        """Return what `encode_atoms` does, and behind it the atoms after each earlier layer, where the readout asks.

        Each is (B, N, width), as the norm behind its layer leaves it; of the earlier ones padded places hold anything.
        """
        tokens = self.table(batch.atomic_numbers)
        if hidden is not None:
            tokens = tokens.masked_fill(hidden[..., None], 0.0)
        if self.place is not None:
            tokens = torch.cat([tokens, self.place(batch.coords)], dim=-1)
        tokens = self.project(tokens)
        pairs = None if self.pair_radial is None else self.pair_radial(batch).to(tokens.dtype)
        earlier: list[Tensor] = []
        for number, layer in enumerate(cast(Iterable[Layer], self.layers)):
            if number and self.config.readout == "all layers and cell":
                earlier.append(layer.mixing_norm(tokens))
            tokens = layer(tokens, batch.mask, pairs)
        return [self.norm(tokens) * batch.mask[..., None], *earlier]

    def encode(self, batch: Batch) -> Tensor:
        """Return one vector for each crystal, (B, `CrystalTransformerConfig.structure_dim`)."""
        return self.read_out(batch, self.encode_layers(batch))

    def read_out(self, batch: Batch, layers: list[Tensor]) -> Tensor:
        """Return what `encode` returns, from what `encode_layers` returns; the order is that of the readout."""
        if self.config.geometry == "cartesian":
            return layers[0][:, 0]
        n_atoms = batch.counts.sum(1, keepdim=True)
        parts = [(atoms * batch.counts[..., None]).sum(1) / n_atoms for atoms in layers]
        if self.config.readout:
            parts.append(batch.cells.to(parts[0].dtype))
        return torch.cat(parts, dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """Return the standardized targets and the components, (B, n_targets + n_components)."""
        crystals = self.encode(batch)
        with torch.autocast(crystals.device.type, enabled=False):  # a rounded prediction could not be a precise one
            return torch.cat([head(crystals.float()) for head in self.heads], dim=-1)

    def element_scores(self, atoms: Tensor) -> Tensor:
        """Return how well each element's own token fits atoms in their context, (n, width) -> (n, 119)."""
        return atoms @ F.linear(self.table.weight, self.project.weight[:, : self.config.dim]).T

    def element_vectors(self) -> Tensor:
        """Return the atom table, (119, dim); row Z belongs to the element of atomic number Z, row 0 is padding."""
        return self.table.weight.detach()
