"""Classes of elements: rows of vectors sorted into clusters, and how many clusters there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from embeddings.analysis.rows import Elements, as_rows, spread_of
from embeddings.display.html import html_table
from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.elements import symbol
from embeddings.errors import InputInvalid, did_you_mean, needs
from embeddings.search.ordering import DIGITS

Method = Literal["kmeans", "hierarchical", "hdbscan"]

MAX_AUTO_K = 10
N_STARTS = 10
MIN_DENSE_ROWS = 5


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """How well each number of clusters fits, for several seeds.

    Attributes:
        k: (n_k,) numbers of clusters, ascending.
        inertia: (n_k, n_seeds) sums of squared distances to the centers of the clusters; lower is tighter.
        silhouette: (n_k, n_seeds) mean silhouettes, -1 to 1; higher is better separated. NaN where all rows are in
            one cluster.
    """

    k: np.ndarray
    inertia: np.ndarray
    silhouette: np.ndarray

    @property
    def elbow(self) -> int:
        """The k whose mean inertia is farthest below the line between the first and the last k."""
        fall = _from_zero_to_one(self.inertia.mean(axis=1))
        return int(self.k[np.argmin(np.round(fall + _from_zero_to_one(self.k), DIGITS))])

    @property
    def best(self) -> int:
        """The k of the highest mean silhouette; of those within its scatter over seeds, the nearest to the elbow."""
        scored = np.nan_to_num(self.silhouette, nan=-1.0)  # one cluster is the worst of all sortings
        mean, scatter = np.round(scored.mean(axis=1), DIGITS), np.round(scored.std(axis=1), DIGITS)
        top = np.argmax(mean)
        equals = self.k[mean >= np.round(mean[top] - scatter[top], DIGITS)]
        return int(equals[np.argmin(np.abs(equals - self.elbow))])

    def __repr__(self) -> str:
        return f"Scores(k={self.k.tolist()}, n_seeds={self.inertia.shape[1]})"


@dataclass(frozen=True, eq=False, repr=False)
class Clustering:
    """Rows sorted into clusters.

    Attributes:
        labels: (n,) int, 0 to k - 1 in order of first appearance, unless they are :meth:`matched`; -1 for rows that
            HDBSCAN leaves out as noise.
        k: number of clusters.
        method: how they were found.
        scores: of every k that was tried.
        symbols: of the rows, where they are elements.
    """

    labels: np.ndarray
    k: int
    method: Method
    scores: Scores
    symbols: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, int]:
        """Return symbol -> label.

        Raises:
            InputInvalid: the rows are not those of an element catalog.
        """
        if self.symbols is None:
            raise InputInvalid("These rows have no symbols: an array was clustered, not an element catalog.")
        return dict(zip(self.symbols, self.labels.tolist(), strict=True))

    def matched(self, other: Clustering) -> Clustering:
        """Renumber the clusters after those of another clustering that they share most elements with.

        The pairs are those with most shared elements in sum; a cluster without a partner gets a number that the other
        clustering does not have. So two catalogs are drawn in the same colors.

        Raises:
            InputInvalid: the rows of one are not elements.
            MissingExtra: SciPy is not installed.
        """
        mine, theirs = self.to_dict(), other.to_dict()
        pairs = [(label, theirs[name]) for name, label in mine.items() if label >= 0 and theirs.get(name, -1) >= 0]
        number = _partners(pairs)
        free = iter(set(range(len(mine) + len(theirs))) - set(other.labels.tolist()) - set(number.values()))
        number |= {label: next(free) for label in self.members() if label >= 0 and label not in number}
        return replace(self, labels=np.array([number.get(label, -1) for label in self.labels.tolist()]))

    def members(self) -> dict[int, list[str]]:
        """Return label -> what is in the cluster: symbols, or row numbers as text; -1, noise, comes last."""
        names = self.symbols or tuple(map(str, range(len(self.labels))))
        order = sorted(set(self.labels.tolist()), key=lambda label: (label < 0, label))
        return {label: [names[row] for row in np.flatnonzero(self.labels == label)] for label in order}

    def __repr__(self) -> str:
        return f"Clustering({counted(len(self.labels), 'row')} in {counted(self.k, 'cluster')} by {self.method})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        rows = [
            ("noise" if label < 0 else str(label), f"{len(names):,}", shortened(" ".join(names), 400))
            for label, names in self.members().items()
        ]
        return html_table(repr(self), ("cluster", "size", "members"), rows)


def cluster(
    data: Elements | np.ndarray,
    method: Method = "kmeans",
    k: int | Literal["auto"] = "auto",
    *,
    symbols: Sequence[str] | None = None,
    seed: int = 0,
    n_seeds: int = 5,
) -> Clustering:
    """Sort rows into clusters, as Jin et al. do with ct-UAE (Nat. Commun. 16, 1210, 2025).

    The vectors of a catalog are scaled to unit length first, so that distances follow the cosine; an array is taken
    as it is.

    Args:
        data: a catalog, its name, or an array (n, dim).
        method: ``"kmeans"``, ``"hierarchical"`` (Ward's linkage) or ``"hdbscan"``, which finds its own k.
        k: number of clusters, or ``"auto"``: 2 to 10 are tried, with several seeds for k-means, and
            :attr:`Scores.best` is taken.
        symbols: (n,) of the rows of an array, where they are elements; a catalog brings its own.
        seed: of k-means, and the first of the seeds.
        n_seeds: how many seeds k-means is scored with.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        ElementUnknown: a symbol that is not one.
        InputInvalid: unknown method, fewer rows than clusters, values that are not finite, or a `k` that does not
            go with the method.
        MissingExtra: scikit-learn is not installed.
    """
    rows, own = as_rows(data)
    symbols = own if symbols is None else _checked(symbols, len(rows))
    if method not in get_args(Method):
        known = get_args(Method)
        raise InputInvalid(
            f'Method "{method}" is not known; use {" or ".join(known)}.{did_you_mean(str(method), known)}'
        )
    if method == "hdbscan":
        labels, scores = _by_density(rows, k)
        return Clustering(labels, int(scores.k[0]), method, scores, symbols)
    if n_seeds < 1:
        raise InputInvalid(f"n_seeds is {n_seeds}, but k-means needs at least 1.")
    numbers = _numbers_to_try(rows, k)
    fit = _kmeans(rows) if method == "kmeans" else _hierarchical(rows)
    scores = _score(rows, fit, numbers, range(seed, seed + (n_seeds if method == "kmeans" else 1)))
    return Clustering(fit(scores.best, seed), scores.best, method, scores, symbols)


def ward_linkage(rows: np.ndarray) -> np.ndarray:
    """Return the tree of Ward's method over rows (n, dim) as SciPy's linkage matrix, (n - 1, 4).

    Raises:
        InputInvalid: fewer than two rows.
        MissingExtra: SciPy is not installed.
    """
    if len(rows) < 2:
        raise InputInvalid("A tree needs at least 2 rows, but there is 1.")
    with needs("scipy", "sklearn"):
        from scipy.cluster.hierarchy import linkage
    return linkage(rows, "ward")


def _partners(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return first -> second number, such that as many pairs as possible agree; those that never meet are left out."""
    with needs("scipy", "sklearn"):
        from scipy.optimize import linear_sum_assignment
    if not pairs:
        return {}
    first, second = np.array(pairs).T
    shared = np.zeros((first.max() + 1, second.max() + 1), dtype=int)
    np.add.at(shared, (first, second), 1)
    found = zip(*linear_sum_assignment(-shared), strict=True)
    return {int(one): int(other) for one, other in found if shared[one, other]}


def _checked(symbols: Sequence[str], n: int) -> tuple[str, ...]:
    if len(symbols) != n:
        raise InputInvalid(f"{counted(n, 'row')} came with {counted(len(symbols), 'symbol')}.")
    return tuple(map(symbol, symbols))


def _numbers_to_try(rows: np.ndarray, k: Any) -> Sequence[int]:
    distinct = len(np.unique(rows, axis=0)) if spread_of(rows) else 1
    most = min(distinct, len(rows) - 1)
    if most < 2:
        raise InputInvalid(f"Clusters need at least 3 rows, 2 of them distinct; there are {len(rows)} and {distinct}.")
    if k == "auto":
        return range(2, min(most, MAX_AUTO_K) + 1)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 2 <= k <= most:
        raise InputInvalid(f'k is {k!r}, but {len(rows)} rows can form 2 to {most} clusters, or "auto".')
    return (int(k),)


Fit = Callable[[int, int], np.ndarray]
"""From k and a seed to labels (n,)."""


def _score(rows: np.ndarray, fit: Fit, numbers: Sequence[int], seeds: Sequence[int]) -> Scores:
    found = [[fit(k, seed) for seed in seeds] for k in numbers]
    return Scores(
        np.array(numbers),
        np.array([[_inertia(rows, labels) for labels in each] for each in found]),
        np.array([[_silhouette(rows, labels) for labels in each] for each in found]),
    )


def _kmeans(rows: np.ndarray) -> Fit:
    with needs("scikit-learn", "sklearn"):
        from sklearn.cluster import KMeans
    return lambda k, seed: _by_appearance(KMeans(k, n_init=N_STARTS, random_state=seed).fit(rows).labels_)


def _hierarchical(rows: np.ndarray) -> Fit:
    tree = ward_linkage(rows)
    from scipy.cluster.hierarchy import cut_tree

    return lambda k, seed: _by_appearance(cut_tree(tree, n_clusters=k)[:, 0])


def _by_density(rows: np.ndarray, k: Any) -> tuple[np.ndarray, Scores]:
    if k != "auto":
        raise InputInvalid(f'HDBSCAN finds the number of clusters itself: leave k at "auto" instead of {k!r}.')
    if len(rows) < MIN_DENSE_ROWS:
        raise InputInvalid(f"HDBSCAN needs at least {MIN_DENSE_ROWS} rows, but there are {len(rows)}.")
    with needs("scikit-learn", "sklearn"):
        from sklearn.cluster import HDBSCAN
    labels = _by_appearance(HDBSCAN(min_cluster_size=MIN_DENSE_ROWS, copy=True).fit(rows).labels_)
    dense = labels >= 0
    values = _inertia(rows[dense], labels[dense]), _silhouette(rows[dense], labels[dense])
    return labels, Scores(np.array([labels.max() + 1]), *(np.array([[value]]) for value in values))


def _by_appearance(labels: np.ndarray) -> np.ndarray:
    """Number labels 0, 1, ... in order of first appearance; -1 stays."""
    known = labels[labels >= 0]
    values, first = np.unique(known, return_index=True)
    order = {int(value): number for number, value in enumerate(values[np.argsort(first)])}
    return np.array([order.get(int(label), -1) for label in labels])


def _inertia(rows: np.ndarray, labels: np.ndarray) -> float:
    groups = (rows[labels == label] for label in np.unique(labels))
    return float(sum(np.square(group - group.mean(axis=0)).sum() for group in groups))


def _silhouette(rows: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(rows, labels)) if 1 < len(np.unique(labels)) < len(rows) else float("nan")


def _from_zero_to_one(values: np.ndarray) -> np.ndarray:
    span = np.ptp(values)
    return (values - values.min()) / span if span else np.zeros(len(values))
