"""Energies from different databases or functionals are on different scales, and never become one target."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builders.snapshots.snapshot import Snapshot
from embeddings.errors import TargetInvalid

SCALE_COLUMNS = ("database", "functional")
"""Text columns of a structure table that say on which scale a row's energies are."""

ON_A_SCALE = ("energy", "hull")
"""Properties with one of these words in their name cannot be compared across scales."""


def check_scales(snapshot: Snapshot, targets: Sequence[str]) -> None:
    """Check that the known values of each energy among the targets are on one scale.

    Raises:
        TargetInvalid: they are not; names the scales.
    """
    for target in targets:
        if any(word in target for word in ON_A_SCALE):
            scales = _scales(snapshot, target)
            if len(scales) > 1:
                raise TargetInvalid(
                    f'Cannot learn the target "{target}": its values are on {len(scales)} scales '
                    f"({'; '.join(sorted(scales))}), and energies from different databases or functionals differ by "
                    "more than the effects to be learned. Keep the rows on one scale, or choose other --targets."
                )


def _scales(snapshot: Snapshot, target: str) -> set[str]:
    scales: set[str] = set()
    for name in snapshot.parts:
        path = snapshot.folder / name
        there = [column for column in SCALE_COLUMNS if column in pq.read_schema(path).names]
        if there and target in pq.read_schema(path).names:
            table = pq.read_table(path, columns=[target, *there])
            known = table.filter(pc.is_finite(table[target].cast(pa.float64())).fill_null(False))
            rows = known.select(there).group_by(there).aggregate([]).to_pylist()
            scales.update(", ".join(str(row[column] or "unknown") for column in there) for row in rows)
    return scales
