"""The arrays of a saved model: the neighborhood and the errors in it, and the hashes of its formulas."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.bench.conformal import Calibration
from embeddings.bench.neighborhood import Neighborhood
from embeddings.errors import CatalogCorrupt
from embeddings.store.archives import ZIP_FAULTS
from embeddings.store.decode import parse_npy

if TYPE_CHECKING:
    from embeddings.bench.manifest import IntervalEntry

CALIBRATION = "calibration.npz"
FORMULAS = "formulas.npy"
_LARGEST = 1 << 31


def array_bytes(content: np.ndarray | Neighborhood, calibration: Calibration | None = None) -> bytes:
    """Return the content of a NumPy file: one array, or a neighborhood with its errors."""
    out = io.BytesIO()
    if isinstance(content, np.ndarray):
        np.save(out, content, allow_pickle=False)
        return out.getvalue()
    errors = {} if calibration is None else {"errors": calibration.errors}
    arrays = {name: getattr(content, name) for name in ("mean", "scale", "points", "spacing")} | errors
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()


def read_calibration(path: Path, content: bytes, said: IntervalEntry | None) -> tuple[Neighborhood, Calibration | None]:
    """Return what `array_bytes` wrote of a neighborhood.

    Raises:
        CatalogCorrupt: the file is none such.
    """
    names = ("mean", "scale", "points", "spacing", *(() if said is None else ("errors",)))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise ValueError(f"it unfolds to more than {_LARGEST:,} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in names}
        neighborhood = Neighborhood(*(found[name] for name in names[:4]))
        _check_shapes(neighborhood, found.get("errors"))
    except (KeyError, *ZIP_FAULTS) as error:
        raise CatalogCorrupt(f"{path} cannot be read: {error}. Fit the model again.") from error
    if said is None:
        return neighborhood, None
    factor = float("inf") if said.factor is None else said.factor
    measured = float("nan") if said.measured is None else said.measured
    return neighborhood, Calibration(found["errors"], factor, said.coverage, measured)


def read_digest(path: Path, content: bytes, n_formulas: int) -> np.ndarray:
    """Return the hashes of the formulas.

    Raises:
        CatalogCorrupt: the file is none such.
    """
    digest = parse_npy(content, path)
    if digest.dtype != np.uint8 or digest.ndim != 2 or not 0 < len(digest) <= n_formulas:
        raise CatalogCorrupt(f"{path} holds no hashes of {n_formulas} formulas. Fit the model again.")
    return digest


def _check_shapes(neighborhood: Neighborhood, errors: np.ndarray | None) -> None:
    n_points, width = neighborhood.points.shape
    fits = neighborhood.mean.shape == neighborhood.scale.shape and (neighborhood.scale > 0).sum() == width
    counts = {len(neighborhood.spacing), n_points, n_points if errors is None else len(errors)}
    if not fits or len(counts) > 1:
        raise ValueError("its arrays do not fit each other")
