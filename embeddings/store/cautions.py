"""What to be told beside the errors of a catalog: held-out sets that are too small, and models worse than none."""

from __future__ import annotations

from embeddings.display.numbers import counted
from embeddings.store.manifest import Manifest

FEW = 30
"""With fewer held-out values than this, an error may be luck."""

_FEWEST = 3
"""With fewer than this, it says nothing."""


def held_out(manifest: Manifest) -> str:
    """Return what is held out: structures, or formulas where the catalog encodes these."""
    return "formulas" if manifest.kind == "composition-encoder" else "structures"


def cautions(manifest: Manifest) -> list[str]:
    """Return sentences on errors of a trained catalog that say little, or nothing good; none where all is well."""
    if manifest.table is not None:
        return []
    what, metrics = held_out(manifest), manifest.metrics
    said = [
        f"Measured on {counted(n, f'held-out {what[:-1]}')} alone: the error of {', '.join(targets)} may be luck, and "
        f"says {'nothing' if n < _FEWEST else 'little'} of other {what}."
        for n, targets in _few(manifest).items()
    ]
    unknown = [target for target in manifest.training.targets if target not in metrics]
    if unknown:
        said.append(f"Not measured, since nothing held out has a value: {', '.join(unknown)}.")
    worse = [target for target, metric in metrics.items() if metric.mae >= metric.baseline_mae]
    if worse:
        said.append(f"No better than predicting the mean of the training {what}: {', '.join(worse)}.")
    return said


def _few(manifest: Manifest) -> dict[int, list[str]]:
    """Return the targets that were measured on few values, by how many."""
    found: dict[int, list[str]] = {}
    for target, metric in manifest.metrics.items():
        if metric.n < FEW:
            found.setdefault(metric.n, []).append(target)
    return found
