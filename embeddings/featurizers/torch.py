"""Tensors for torch: pooled composition vectors, or the set of elements of each formula for models that attend to it.

Set models read a formula as its elements and their fractions. Two layouts are usual, and :class:`ElementSets` has
both: one long list of all elements with the row of each (message passing, as in Roost: Goodall and Lee, Nat.
Commun. 11, 6280, 2020), and one padded line for each formula (attention, as in CrabNet: Wang et al., npj Comput.
Mater. 7, 77, 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.errors import needs
from embeddings.export.rows import table_by_number
from embeddings.formula import fraction_matrix
from embeddings.loaders import as_uae
from embeddings.missing import Missing, check_policy
from embeddings.pooling import DEFAULT_STATS, featurize
from embeddings.pooling.coverage import cover
from embeddings.protocols import CatalogLike

with needs("torch", "torch"):
    import torch


@dataclass(frozen=True)
class ElementSets:
    """The elements of n formulas, one after the other.

    Attributes:
        atomic_numbers: (n_entries,) int64, rows of :func:`embedding_layer`.
        fractions: (n_entries,) float32, one in sum over a formula.
        rows: (n_entries,) int64, ascending: the formula that each entry belongs to.
        n_formulas: how many formulas there are.
    """

    atomic_numbers: torch.Tensor
    fractions: torch.Tensor
    rows: torch.Tensor
    n_formulas: int

    def padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return atomic numbers and fractions with one line per formula, filled up with zeros.

        Returns:
            (n, width) int64 and (n, width) float32, where width is the largest number of elements.
        """
        n_elements = torch.bincount(self.rows, minlength=self.n_formulas)
        places = torch.arange(len(self.rows)) - (n_elements.cumsum(0) - n_elements)[self.rows]
        shape = (self.n_formulas, int(n_elements.max()) if self.n_formulas else 0)
        numbers, fractions = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape)
        numbers[self.rows, places] = self.atomic_numbers
        fractions[self.rows, places] = self.fractions
        return numbers, fractions

    def pairs(self) -> torch.Tensor:
        """Return every ordered pair of entries of one formula, each entry with itself too: (2, n_pairs) int64.

        Grouped by the first entry of the pair, so that messages to it stand together.
        """
        n_elements = torch.bincount(self.rows, minlength=self.n_formulas)
        first_entry = n_elements.cumsum(0) - n_elements
        counts = n_elements[self.rows]
        first = torch.repeat_interleave(torch.arange(len(self.rows)), counts)
        within = torch.arange(len(first)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        return torch.stack([first, first_entry[self.rows[first]] + within])


def pool_compositions(
    formulas: Iterable[Any],
    catalog: CatalogLike | Sequence[CatalogLike],
    *,
    stats: str | Sequence[str] = DEFAULT_STATS,
    missing: Missing = "raise",
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Return composition vectors as a tensor, (n, d) float32; see `embeddings.featurize`.

    Args:
        formulas: n formulas.
        catalog: a catalog or composition encoder, loaded or by name, or several whose features are put side by side.
        stats: names of statistics.
        missing: policy for elements without a vector.
        device: where the tensor should be.

    Raises:
        FormulaInvalid: a formula cannot be read.
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: an unknown statistic or policy, or something that is not a column or catalog.
    """
    return torch.from_numpy(featurize(formulas, catalog, stats=stats, missing=missing)).to(device)


def element_sets(formulas: Iterable[Any], catalog: CatalogLike, *, missing: Missing = "raise") -> ElementSets:
    """Read formulas into sets of elements that a catalog covers.

    Args:
        formulas: n formulas.
        catalog: whose vectors the model will use, loaded or by name.
        missing: what to do with an element that the catalog does not cover: ``"raise"``; ``"skip"`` leaves it out,
            and the other fractions grow to one in sum; ``"impute"`` puts its stand-in; ``"nan"`` leaves the whole
            formula without entries.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: an unknown policy, or not a column.
    """
    elements = as_uae(catalog)
    covered = cover(fraction_matrix(formulas), elements, check_policy(missing))
    matrix = covered.matrix
    return ElementSets(
        torch.from_numpy(elements.atomic_numbers[covered.vector_rows].astype(np.int64)),
        torch.from_numpy(matrix.fractions.astype(np.float32)),
        torch.from_numpy(np.repeat(np.arange(len(matrix)), matrix.n_elements)),
        len(matrix),
    )


def embedding_layer(
    catalog: CatalogLike,
    *,
    freeze: bool = True,
    missing: Missing = "raise",
    elements: Iterable[str | int] | None = None,
) -> torch.nn.Embedding:
    """Return the vectors of a catalog as a layer that is indexed by atomic number.

    Args:
        catalog: the element vectors, loaded or by name.
        freeze: whether training leaves the vectors as they are.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements the layer must have; see `embeddings.export.element_rows`.

    Returns:
        A layer of 119 rows. Row 0 is padding and holds zeros; an element that was left out is NaN, so that it
        cannot pass for a vector.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        InputInvalid: an unknown policy, or no elements.
    """
    table = torch.from_numpy(table_by_number(catalog, elements, missing=missing))
    return torch.nn.Embedding.from_pretrained(table, freeze=freeze, padding_idx=0)
