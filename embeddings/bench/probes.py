"""A few formulas that a model is tried with when it is saved, and again when it is read: both have to say the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from embeddings.bench.features import STRUCTURES, FeatureMaker
from embeddings.bench.learned import Learned
from embeddings.bench.manifest import ModelManifest, StructureUse
from embeddings.errors import InputInvalid
from embeddings.formula.bulk import fraction_matrix

PROBES = ("Fe2O3", "NaCl", "SiC", "Al0.5Cu0.5", "LiFePO4")
"""Formulas whose predictions are saved, so that loading can tell whether they come out the same."""

_TOLERANCE = 0.05
"""Of the mean absolute error, or of a probability: larger differences of a probe are another model."""


def widths_of(maker: FeatureMaker, names: Iterable[str], structures: StructureUse | None) -> dict[str, int]:
    """Return how many columns each block of features has."""
    matrix, vectors = fraction_matrix(PROBES), _no_structures(structures, len(PROBES))
    return {name: maker.make(name, matrix, vectors).shape[1] for name in sorted(names)}


def probed(learned: Learned, formulas: Sequence[str]) -> np.ndarray:
    """Return what a model says of the probes, (n, 1), or (n, n_classes)."""
    return learned.predict(fraction_matrix(formulas), _no_structures(learned.structures, len(formulas)))


def _no_structures(structures: StructureUse | None, n: int) -> np.ndarray | None:
    """Return vectors to try a model with: zeros, since what is compared is the same model in two places."""
    return None if structures is None else np.zeros((n, structures.dim))


def check_blocks(folder: Path, manifest: ModelManifest, maker: FeatureMaker) -> dict[str, int]:
    """Return the columns of each block, which are as many here as where the model was made.

    Raises:
        InputInvalid: they are not, or this version has no such block.
    """
    there = {*maker.names(), *([STRUCTURES] if manifest.structures is not None else [])}
    unknown = sorted(set(manifest.blocks) - there)
    if unknown:
        raise InputInvalid(f'{folder} needs the features "{unknown[0]}", which this version of the library lacks.')
    widths = widths_of(maker, manifest.blocks, manifest.structures)
    other = [name for name, width in manifest.blocks.items() if widths[name] != width]
    if other:
        raise InputInvalid(
            f'{folder} was fitted on {manifest.blocks[other[0]]} columns of "{other[0]}", but there are '
            f"{widths[other[0]]} here. It was made with {_made_with(manifest)}: install these, or fit it again."
        )
    return widths


def check_probes(folder: Path, manifest: ModelManifest, learned: Learned) -> None:
    """Refuse a model that no longer predicts what it did: a library changed under it.

    Raises:
        InputInvalid: it predicts something else, or cannot predict.
    """
    wanted = np.array(list(manifest.probes.values()))
    try:
        found = probed(learned, list(manifest.probes))
        far = np.abs(found - wanted).max(axis=1)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise InputInvalid(
            f"{folder} cannot predict here: {error}. It was made with {_made_with(manifest)}: install these, or fit it "
            "again."
        ) from error
    allowed = _TOLERANCE * (1.0 if manifest.classes else manifest.error.metrics["mae"]) + 1e-6 * np.abs(wanted).max()
    if not (far <= allowed).all():
        worst = int(np.argmax(far))
        raise InputInvalid(
            f"{folder} predicts {found[worst].tolist()} for {list(manifest.probes)[worst]} here, and "
            f"{wanted[worst].tolist()} where it was made, with {_made_with(manifest)}. Install these, or fit it again."
        )


def _made_with(manifest: ModelManifest) -> str:
    return ", ".join(f"{package} {number}" for package, number in manifest.environment.items())
