"""Summary documents of the Materials Project's own model, valid and made up, and marked so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from builders.sources.mp_documents import SYNTHETIC
from testing.crystals import random_crystal, sample_crystals

DAY = datetime(2025, 1, 1, tzinfo=UTC)


def summary_documents(n: int, *, n_deprecated: int = 0, n_nc: int = 0) -> list[dict[str, Any]]:
    """Return ``n`` documents, then deprecated ones, then ones that forbid commercial use, as plain JSON values."""
    documents = [_document(k) for k in range(n)]
    documents += [_document(n + k, deprecated=True) for k in range(n_deprecated)]
    return documents + [_document(n + n_deprecated + k, licence="BY-NC") for k in range(n_nc)]


def repeated(documents: list[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    """Return ``n`` documents, the given ones again and again under identifiers of their own: to make one takes long."""
    return [documents[k % len(documents)] | {"material_id": identifier(k + 1)} for k in range(n)]


def identifier(number: int) -> str:
    """Return the identifier of a number as documents spell it."""
    from emmet.core.mpid import AlphaID

    return str(AlphaID(number, prefix="mp", padlen=8))


def _document(k: int, *, deprecated: bool = False, licence: str = "BY-C") -> dict[str, Any]:
    from emmet.core.base import EmmetMeta
    from emmet.core.summary import SummaryDoc
    from pymatgen.core import Lattice, Structure

    lattice, numbers, coords = _crystal(k)
    a, b = int(numbers[0]), int(numbers[-1])
    energy = float(np.sin(a / 2) + np.sin(b / 2))
    return SummaryDoc.from_structure(
        meta_structure=Structure(Lattice(lattice), numbers.tolist(), coords),
        material_id=f"mp-{7 * k + 1}",
        property_name="summary",
        deprecated=deprecated,
        last_updated=DAY,
        builder_meta=EmmetMeta(batch_id=f"{SYNTHETIC}-tests", license=licence, build_date=DAY),
        theoretical=True,
        formation_energy_per_atom=energy,
        energy_per_atom=energy - 3,
        energy_above_hull=0.0 if k % 4 == 0 else 0.05 * (k % 4),
        is_stable=k % 4 == 0,
        band_gap=abs(a - b) / 5 if k % 3 else None,
        bulk_modulus=_averages(50.0 + k % 7) if k % 5 == 0 else None,
        shear_modulus=_averages(30.0 + k % 9) if k % 5 == 0 else None,
        total_magnetization=0.5 * (k % 6),
    ).model_dump(mode="json")


def _averages(vrh: float) -> dict[str, float]:
    return {"voigt": vrh + 1, "reuss": vrh - 1, "vrh": vrh}


def _crystal(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if k % 10 == 0:
        return random_crystal(np.random.default_rng(k), 3)
    return sample_crystals(2, seed=k)[0][k % 2]
