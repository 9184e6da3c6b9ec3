"""A set as measurements, and the vectors that take part."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import embeddings.bench
from benchmarks.harness import Request, refuse_other_settings
from benchmarks.sets import SETS, SMALL, read_set
from embeddings.bench.folds import Split
from embeddings.bench.front import default_catalogs, named_vectors
from embeddings.bench.measurements import Measurements, measurements
from embeddings.elements import SYMBOLS
from embeddings.featurizers.pinning import sha256_of_vectors
from embeddings.formula import fraction_matrix

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors


def measured_set(data: Path, name: str) -> Measurements:
    """Return a set of the development data; official folds come with it where there are any.

    Raises:
        InputInvalid: its file is not there.
    """
    task = read_set(data, name)
    unit = SETS[name].metric.partition(", ")[2]
    return measurements(task.formulas.tolist(), task.values.tolist(), target=name, unit=unit, folds=task.official)


def quick_set(name: str, n_rows: int = 40) -> Measurements:
    """Return a made-up set under the name of a real one: unlike elements bind, or do not."""
    rng = np.random.default_rng(0)
    pairs = [f"{a}{n}{b}" for a, b in combinations(SYMBOLS[2:20], 2) for n in (1, 2)]
    formulas = rng.permutation(pairs)[:n_rows]
    numbers = fraction_matrix(formulas.tolist()).atomic_numbers.reshape(n_rows, 2).astype(float)
    values = np.abs(np.diff(numbers, axis=1))[:, 0] + rng.normal(scale=0.1, size=n_rows)
    wanted = values > np.median(values) if not SETS[name].metric.startswith("MAE") else values
    return measurements(formulas.tolist(), wanted.tolist(), target=name)


REGRESSIONS = tuple(name for name, about in SETS.items() if about.metric.startswith("MAE"))
"""Sets whose values are numbers."""


def split_of(data: Measurements) -> Split:
    """Return how outer folds are made: the official ones if there are any, else grouped by formula."""
    return "formula" if data.folds is None else "given"


def seeds_of(data: Measurements) -> tuple[int, ...]:
    """Return three seeds where that is affordable."""
    return (0, 1, 2) if len(data) < SMALL else (0,)


def chosen_vectors(catalogs: Sequence[str] | None) -> dict[str, Vectors]:
    """Return the vectors that take part, loaded, by name; None is the choice of `embeddings bench`.

    Raises:
        CatalogNotFound: no catalog goes by a name.
    """
    return named_vectors(default_catalogs() if catalogs is None else tuple(catalogs))


@dataclass(frozen=True)
class Opened:
    """A measurement that goes on where an earlier one stopped.

    Attributes:
        vectors: name -> catalog or encoder that takes part.
        heads: models that take part.
        settings: what all rows share.
        rows: of the earlier result.
    """

    vectors: dict[str, Vectors]
    heads: tuple[str, ...]
    settings: dict[str, Any]
    rows: list[dict[str, Any]]


def opened(request: Request, heads: Sequence[str], **more: Any) -> Opened:
    """Open a measurement of `PropertyModel`, or of the contest behind it.

    Args:
        request: of the harness.
        heads: models that take part if none is named.
        more: settings beyond those of every such measurement.

    Raises:
        InputInvalid: the earlier result was measured with other settings.
        CatalogNotFound: no catalog goes by a name.
    """
    chosen = request.choices
    vectors = chosen_vectors(("starter",) if request.quick else chosen["catalogs"])
    taken = ("neighbors",) if request.quick else tuple(chosen.get("heads") or heads)
    settings = {"catalogs": described(vectors), "heads": list(taken), "budget": chosen["budget"], **more}
    refuse_other_settings(request.known, settings)
    return Opened(vectors, taken, settings, request.rows)


def code_identity() -> str:
    """Return a hash of the code of the bench: runs of different code are not alike."""
    digest = hashlib.sha256()
    for path in sorted(Path(embeddings.bench.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def described(vectors: Mapping[str, Vectors]) -> list[dict[str, str]]:
    """Return name, version and hash of the numbers of each catalog."""
    return [{"name": name, "version": one.version, "sha256": sha256_of_vectors(one)} for name, one in vectors.items()]
