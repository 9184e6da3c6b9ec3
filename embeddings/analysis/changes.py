"""What changed from one version to another beside its vectors: rows, formulas, targets, accuracy, license."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.encoder import CompositionEncoder
from embeddings.formula.digest import as_integers
from embeddings.store.manifest import Manifest, Metric

Step = Literal["major", "minor", "patch"]

_STEPS: tuple[Step, ...] = ("major", "minor", "patch")


@dataclass(frozen=True)
class FormulaCounts:
    """Training formulas that two versions share and do not share, counted by their digests.

    Attributes:
        shared: in both.
        added: in the second alone.
        lost: in the first alone.
    """

    shared: int
    added: int
    lost: int


@dataclass(frozen=True)
class Changes:
    """What changed from one version to another beside its vectors.

    Attributes:
        a: name and version of the first.
        b: of the second.
        facts: what the manifests state -> its value in the first and in the second.
        added: symbols that the second alone covers, in order of atomic number.
        lost: symbols that the first alone covers.
        formulas: training formulas; None where one of the two has no digest of them.
        targets_added: targets that the second alone was trained on.
        targets_lost: targets that the first alone was trained on.
        metrics: target -> accuracy of the first and of the second; None where one has not learned it.
        n_identical: shared rows that are the same to the bit; None for encoders, which have no rows.
        step: which part of a version number such a change raises, by the rules of the format.
    """

    a: str
    b: str
    facts: dict[str, tuple[Any, Any]]
    added: tuple[str, ...]
    lost: tuple[str, ...]
    formulas: FormulaCounts | None
    targets_added: tuple[str, ...]
    targets_lost: tuple[str, ...]
    metrics: dict[str, tuple[Metric | None, Metric | None]]
    n_identical: int | None
    step: Step

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Those of the `facts` that differ."""
        return {fact: both for fact, both in self.facts.items() if both[0] != both[1]}

    @property
    def verdict(self) -> str | None:
        """A sentence where the second is numbered against the rules; None where it is not, or has another name."""
        (name, old), (other, new) = self.a.split("@"), self.b.split("@")
        raised = _raised(old, new)
        if name != other or raised is None or _STEPS.index(self.step) >= _STEPS.index(raised):
            return None
        return f"{self.b} raises the {raised} number of {self.a}, and what changed needs a new {self.step} one."

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"changed": sorted(self.changed), "verdict": self.verdict}


def changes_between(a: ElementCatalog | CompositionEncoder, b: ElementCatalog | CompositionEncoder) -> Changes:
    """Return what changed from one version to another, of the same kind."""
    targets_a, targets_b = (set(version.manifest.training.targets) for version in (a, b))
    n_identical = _n_identical(a, b) if isinstance(a, ElementCatalog) and isinstance(b, ElementCatalog) else None
    added, lost = _not_in(_elements(b), _elements(a)), _not_in(_elements(a), _elements(b))
    metrics = {**a.manifest.metrics, **b.manifest.metrics}
    return Changes(
        a=f"{a.name}@{a.version}",
        b=f"{b.name}@{b.version}",
        facts=_facts(a.manifest, b.manifest),
        added=added,
        lost=lost,
        formulas=_formulas(_elements(a), _elements(b)),
        targets_added=tuple(sorted(targets_b - targets_a)),
        targets_lost=tuple(sorted(targets_a - targets_b)),
        metrics={target: (a.manifest.metrics.get(target), b.manifest.metrics.get(target)) for target in metrics},
        n_identical=n_identical,
        step=_step(a, b, n_identical, bool(added), bool(lost)),
    )


def _facts(a: Manifest, b: Manifest) -> dict[str, tuple[Any, Any]]:
    stated: tuple[Mapping[str, Any], ...] = tuple(
        {
            "kind": manifest.kind,
            "width": manifest.dim,
            "rows": manifest.n_rows,
            "model": manifest.model.name,
            "recipe": manifest.model.recipe,
            "code": manifest.model.code_version,
            "source": manifest.training.source,
            "database version": manifest.training.database_version,
            "structures": manifest.training.n_structures,
            "snapshot": manifest.training.snapshot_sha256,
            "split": manifest.training.split,
            "seed": manifest.training.seed,
            "synthetic": manifest.synthetic,
            "license": manifest.licence.spdx,
            "attribution": manifest.licence.attribution,
            "DOI": manifest.citation.doi,
            "created": manifest.created,
        }
        for manifest in (a, b)
    )
    return {fact: (stated[0][fact], stated[1][fact]) for fact in stated[0]}


def _elements(version: ElementCatalog | CompositionEncoder) -> ElementCatalog:
    return version if isinstance(version, ElementCatalog) else version.elements


def _not_in(some: ElementCatalog, others: ElementCatalog) -> tuple[str, ...]:
    return tuple(name for name in some.symbols if name not in others)


def _n_identical(a: ElementCatalog, b: ElementCatalog) -> int:
    shared = [name for name in a.symbols if name in b]
    return 0 if a.dim != b.dim else sum(a[name].tobytes() == b[name].tobytes() for name in shared)


def _formulas(a: ElementCatalog, b: ElementCatalog) -> FormulaCounts | None:
    digests = a.table.training_formulas, b.table.training_formulas
    if digests[0] is None or digests[1] is None:
        return None
    of_a, of_b = map(as_integers, digests)  # type: ignore[arg-type]
    n_shared = len(np.intersect1d(of_a, of_b, assume_unique=True))
    return FormulaCounts(shared=n_shared, added=len(of_b) - n_shared, lost=len(of_a) - n_shared)


def _step(
    a: ElementCatalog | CompositionEncoder, b: ElementCatalog | CompositionEncoder, n_identical: int | None,
    gains: bool, loses: bool,
) -> Step:  # fmt: skip
    """Return the part of the version number that a change raises: docs/format.md, "A root of catalogs"."""
    if n_identical is None:
        same = _weights(a) == _weights(b)
    else:
        same = a.dim == b.dim and n_identical == len(_elements(a)) - len(_not_in(_elements(a), _elements(b)))
    if loses or not same:
        return "major"
    return "minor" if gains else "patch"


def _weights(encoder: Any) -> list[bytes]:
    return [array.tobytes() for array in (encoder.elements.vectors, *encoder.network.arrays)]


def _raised(old: str, new: str) -> Step | None:
    """Return the first number that differs between two versions; before 1.0.0, a minor number counts as a major one."""
    numbers = [[int(part) for part in re.split(r"[.-]", version)[:3]] for version in (old, new)]
    differs = next((i for i in range(3) if numbers[0][i] != numbers[1][i]), None)
    if differs is None or numbers[1][differs] < numbers[0][differs]:
        return None
    return "major" if differs == 1 and numbers[1][0] == 0 else _STEPS[differs]
