"""Which rows may be of one material: those of one formula, also where it was rounded, and not always alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from embeddings.formula.rounding import whole_formulas


def materials_of(formulas: Sequence[Any], canonical: np.ndarray) -> np.ndarray:
    """Return the formula of each row's material, (n,): one for all rows that may be of the same.

    ``Fe0.176P0.118O0.706`` may be Fe3P2O12 where that is a row too, and so may ``Fe0.1765P0.1176O0.7059``; no fold may
    have one of them to train on and another to test on.

    Args:
        formulas: n formulas as the table has them.
        canonical: (n,) the same as canonical reduced formulas.
    """
    distinct, first, row_of = np.unique(canonical.astype(str), return_index=True, return_inverse=True)
    nodes = {str(name): node for node, name in enumerate(distinct)}
    pairs = [(node, node) for node in nodes.values()]
    for node, row in enumerate(first.tolist()):
        whole = whole_formulas(formulas[row])
        pairs += [(node, nodes[name]) for name in whole if name in nodes]
        pairs += [(node, nodes.setdefault(name, len(nodes))) for name in whole[:1]]
    rows, columns = np.array(pairs).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(nodes), len(nodes)))
    part_of = connected_components(graph, directed=False)[1][: len(distinct)]
    _, representative, part_of = np.unique(part_of, return_index=True, return_inverse=True)
    return np.array(distinct[representative[part_of[row_of]]], dtype=object)
