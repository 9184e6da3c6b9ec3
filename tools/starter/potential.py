"""CHGNet as a function: crystals in, energies or magnetic moments out.

CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), 10.1038/s42256-023-00716-3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from embeddings.errors import MissingExtra

MODEL_NAME = "0.3.0"
_BATCH_SIZE = 32


def chgnet_version() -> str:
    """Return the version of the installed ``chgnet`` package."""
    from importlib.metadata import version

    return version("chgnet")


@lru_cache(maxsize=1)
def load_potential() -> Any:
    """Load CHGNet once per process, on one CPU thread, silent.

    Raises:
        MissingExtra: ``chgnet`` is not installed.
    """
    import contextlib
    import io
    import warnings

    try:
        import torch
        from chgnet.model import CHGNet
    except ImportError as error:
        raise MissingExtra.of("chgnet", "starter") from error
    torch.set_num_threads(1)
    for message in ("No Pauling electronegativity", "Converting a tensor with requires_grad"):
        warnings.filterwarnings("ignore", message=message)
    with contextlib.redirect_stdout(io.StringIO()):
        return CHGNet.load(model_name=MODEL_NAME, use_device="cpu", verbose=False)


def _graphs(structures: Sequence[Any]) -> list[Any]:
    """Convert structures to graphs; None where an atom has no neighbour within the cutoff."""
    graphs = []
    for structure in structures:
        try:
            graphs.append(load_potential().graph_converter(structure))
        except ValueError:
            graphs.append(None)
    return graphs


def _predict(structures: Sequence[Any], task: str) -> Iterator[dict[str, np.ndarray] | None]:
    """Predict batch by batch; None where an atom has no neighbour within the cutoff."""
    import torch

    for i in range(0, len(structures), _BATCH_SIZE):
        graphs = _graphs(structures[i : i + _BATCH_SIZE])
        usable = [graph for graph in graphs if graph is not None]
        with torch.inference_mode():
            found = load_potential().predict_graph(usable, task=task, batch_size=_BATCH_SIZE) if usable else []
        predictions = iter([found] if isinstance(found, dict) else found)
        yield from (None if graph is None else next(predictions) for graph in graphs)


def energies(structures: Sequence[Any]) -> list[float]:
    """Return the energy of each crystal.

    Args:
        structures: ``pymatgen.core.Structure`` objects.

    Returns:
        eV/atom; infinite where an atom has no neighbour within CHGNet's 6 A.
    """
    return [float("inf") if p is None else float(p["e"]) for p in _predict(structures, "e")]


def magnetic_moments(structures: Sequence[Any]) -> list[float]:
    """Return the mean absolute site moment of each crystal, mu_B per atom; NaN where it has isolated atoms."""
    return [float("nan") if p is None else float(np.mean(p["m"])) for p in _predict(structures, "em")]
