"""What the vector of a crystal holds, the readout of an encoder, as its manifest states it.

Without one, that is the mean over the atoms of what the last layer of the network makes of them. ``"mean and cell"``
has numbers of the cell behind it. ``"all layers and cell"`` has the means of the layers before the last between the
two, the first layer first; an atom after a layer is taken as the norm behind that layer leaves it, so that all layers
are of one size, and none is drowned in distances and cosines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

Readout = Literal["mean and cell", "all layers and cell"]

READOUTS: tuple[Readout, ...] = get_args(Readout)
"""Every readout beyond the mean; each holds all numbers of the one before."""

N_CELL = 3
"""Numbers of the cell, see `builders.structures.primitive.cell_columns`."""


def readout_of(hyperparameters: Mapping[str, Any]) -> Any:
    """Return the readout of an encoder, as its manifest states it: that which is published, or else that of training.

    Args:
        hyperparameters: of the manifest; ``crystals`` is there where the network was trained with another readout.

    Returns:
        None for the mean over the atoms alone; else one of `READOUTS`, if the manifest is sound.
    """
    return hyperparameters.get("crystals") or _model_of(hyperparameters).get("readout")


def structure_dim(readout: Readout | None, *, width: int, depth: int) -> int:
    """Return the width of the vector of a crystal.

    Args:
        readout: what it holds.
        width: of the vector of an atom.
        depth: layers of the network.
    """
    n_layers = depth if readout == "all layers and cell" else 1
    return n_layers * width + (N_CELL if readout else 0)


def stated_dim(hyperparameters: Mapping[str, Any]) -> int | None:
    """Return the width of the vector of a crystal; None where a manifest does not say, or nothing that is known here.

    Args:
        hyperparameters: of the manifest.
    """
    readout, model = readout_of(hyperparameters), _model_of(hyperparameters)
    width, depth = model.get("width"), model.get("depth")
    if readout not in (None, *READOUTS) or not isinstance(width, int) or not isinstance(depth, int):
        return None
    return structure_dim(readout, width=width, depth=depth)


def fullest(*readouts: Readout | None) -> Readout | None:
    """Return the one of some readouts that holds all numbers of the others."""
    return max(readouts, key=(None, *READOUTS).index)


def _model_of(hyperparameters: Mapping[str, Any]) -> Mapping[str, Any]:
    model = hyperparameters.get("model")
    return model if isinstance(model, Mapping) else {}
