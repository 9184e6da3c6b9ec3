"""Which structures of an output lie far from all that its encoder was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from builders.embed.encoders import Encoder
from embeddings.vectors.file import DISTANCE
from embeddings.vectors.footer import Level, Unlike


def unlike_of(encoder: Encoder, level: Level, parts: Sequence[Path]) -> tuple[Unlike | None, list[str]]:
    """Return what the distances of an output mean, and the structures that are unlike the training, in their order.

    Args:
        encoder: that made the vectors.
        level: what a row stands for.
        parts: files of the output.

    Returns:
        None and no names where the encoder does not tell what it was trained on, and for rows of elements.
    """
    if encoder.training is None or level == "element":
        return None, []
    names, bound = dict[str, None](), encoder.training.bound
    for part in parts:
        table = pq.read_table(part, columns=["material_id", DISTANCE])
        beyond = np.flatnonzero(table[DISTANCE].to_numpy() > bound)
        names.update(dict.fromkeys(table["material_id"].take(beyond).to_pylist()))
    return Unlike(bound=bound, n_held_out=len(encoder.training.held_out), n_structures=len(names)), list(names)
