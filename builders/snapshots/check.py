"""A pull without a snapshot: everything is read, checked and counted, and nothing is written."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from builders.progress import Reporter
from builders.snapshots.seen import Seen
from builders.snapshots.sifting import sift
from builders.sources import Plan, Rejected, Stream
from builders.structures.cleaning import Selection
from builders.structures.rejections import mend_of
from embeddings.display.text import one_line

EXAMPLES = 5
"""Faults of each kind that are shown."""


@dataclass
class Label:
    """What is known about a column of numbers.

    Attributes:
        n_known: usable structures that have a value.
        least: of the values.
        most: of the values.
        is_binary: every value is 0 or 1, as for true and false.
    """

    n_known: int = 0
    least: float | None = None
    most: float | None = None
    is_binary: bool = True

    @property
    def is_constant(self) -> bool:
        """True if there is nothing to learn."""
        return self.n_known > 0 and self.least == self.most

    def add(self, values: np.ndarray) -> None:
        """Add values, (n,) float64, NaN where unknown."""
        known = values[np.isfinite(values)]
        if not len(known):
            return
        self.n_known += len(known)
        self.least = float(min(known.min(), known[0] if self.least is None else self.least))
        self.most = float(max(known.max(), known[0] if self.most is None else self.most))
        self.is_binary = self.is_binary and bool(np.isin(known, (0.0, 1.0)).all())


@dataclass
class Kind:
    """Faults with the same reason.

    Attributes:
        n: how many there are.
        mend: what would mend them.
        first: the first few, as item, place and detail.
    """

    n: int
    mend: str
    first: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Report:
    """What a pull would give.

    Attributes:
        source: whose data it is.
        n_received: structures of the source, including faulty ones.
        n_kept: those that a snapshot would hold.
        n_usable: those of them that a build or an embedding would use.
        faults: reason -> what is wrong.
        rejected: reason -> structures that a snapshot would not hold, faulty or left out by the selection.
        unusable: reason -> structures that a snapshot would hold, but that are left out when vectors are made.
        counts: anything else that was counted, such as what was done to disordered sites.
        labels: name of a column -> what is known about it.
    """

    source: str
    n_received: int = 0
    n_kept: int = 0
    n_usable: int = 0
    faults: dict[str, Kind] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Label] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        labels = {name: asdict(label) | {"is_constant": label.is_constant} for name, label in self.labels.items()}
        counts = {name: dict(getattr(self, name)) for name in ("rejected", "unusable", "counts")}
        return asdict(self) | counts | {"labels": labels}


def check_source(stream: Stream, selection: Selection, reporter: Reporter) -> Report:
    """Read a stream as a pull would, and return what it would give.

    Raises:
        SourceError: the source fails.
    """
    plan = stream.plan()
    report, seen = Report(plan.origin.name), Seen()
    with reporter.stage(f"Check of {plan.origin.name}", _expected(plan, selection)) as stage:
        for batch in stream.batches(plan, None):
            sifted = sift(batch, selection, origin=report.source, n_kept=report.n_kept, seen=seen)
            report.n_received += len(batch.table) + len(batch.rejected)
            report.n_kept += len(sifted.rows)
            report.rejected.update(fault.reason for fault in batch.rejected)
            report.rejected.update(sifted.left_out)
            report.unusable.update(fault.reason for fault in sifted.unusable)
            report.counts.update(batch.counts)
            _add_faults(report.faults, [*batch.rejected, *sifted.unusable])
            if sifted.usable is not None:
                report.n_usable += len(sifted.usable)
                _add_labels(report.labels, sifted.usable.properties)
            stage.advance(len(batch.table) + len(batch.rejected))
            if selection.limit is not None and report.n_kept >= selection.limit:
                break
    return report


def _expected(plan: Plan, selection: Selection) -> int:
    return min(plan.n_expected or 0, selection.limit or sys.maxsize)


def _add_faults(kinds: dict[str, Kind], faults: Iterable[Rejected]) -> None:
    for fault in faults:
        kind = kinds.setdefault(fault.reason, Kind(0, mend_of(fault.reason)))
        kind.n += 1
        if kind.n <= EXAMPLES:
            shown = {"item": fault.item, "place": fault.place, "detail": fault.detail}
            kind.first.append({name: one_line(text) for name, text in shown.items()})


def _add_labels(labels: dict[str, Label], properties: Mapping[str, np.ndarray]) -> None:
    for name, values in properties.items():
        labels.setdefault(name, Label()).add(values)
