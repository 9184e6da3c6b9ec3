"""Vectors on a plane or in space, to look at: principal components, UMAP, t-SNE."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Literal, TextIO, get_args

import numpy as np

from embeddings.analysis.rows import Elements, as_rows, spread_of
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid, did_you_mean, needs
from embeddings.search.ordering import DIGITS

Method = Literal["umap", "pca", "tsne"]

LEAST_ROWS = {"umap": 5, "pca": 2, "tsne": 4}
N_NEIGHBORS = 15
PERPLEXITY = 30.0
MANY_ROWS = 10_000
N_COMPONENTS = 32

_START, _JITTER = 10.0, 1e-3
"""How far places are from the middle before UMAP moves them, and noise that parts equal rows."""

_SINGLE = 1e-15
"""Spreads between this and its inverse have squares that single precision holds."""


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """Rows in two or three dimensions.

    Attributes:
        at: (n, dims) float64.
        axes: what each axis is; for principal components with their share of the variance.
    """

    at: np.ndarray
    axes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Projection({counted(len(self.at), 'row')} on {', '.join(self.axes)})"


def project(data: Elements | np.ndarray, method: Method = "umap", *, dims: int = 2, seed: int = 0) -> Projection:
    """Bring rows to two or three dimensions; the same seed gives the same places.

    The vectors of a catalog are scaled to unit length first, so that distances follow the cosine; an array is taken
    as it is. More than 10,000 rows are reduced to their 32 leading principal components before UMAP, which then starts
    from the first of these, to save time.

    Args:
        data: a catalog, its name, or an array (n, dim).
        method: ``"umap"`` (McInnes et al., arXiv:1802.03426), ``"pca"`` or ``"tsne"``.
        dims: 2 or 3.
        seed: of UMAP and t-SNE.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: unknown method or number of dimensions, too few rows, values that are not finite.
        MissingExtra: umap-learn or scikit-learn is not installed.
    """
    rows, _ = as_rows(data)
    if method not in get_args(Method):
        known = get_args(Method)
        hint = did_you_mean(str(method), known)
        raise InputInvalid(f'Method "{method}" is not known; use {", ".join(known[:-1])} or {known[-1]}.{hint}')
    if dims not in (2, 3):
        raise InputInvalid(f"A map has 2 or 3 dimensions, not {dims}.")
    if len(rows) < LEAST_ROWS[method] + dims - 2:
        raise InputInvalid(
            f'"{method}" in {dims} dimensions needs at least {LEAST_ROWS[method] + dims - 2} rows, and has {len(rows)}.'
        )
    return {"umap": _umap, "pca": _pca, "tsne": _tsne}[method](rows, dims, seed)


def project_neighbors(
    rows: np.ndarray, neighbors: np.ndarray, cosines: np.ndarray, *, seed: int = 0, show: TextIO | None = None
) -> Projection:
    """Bring many rows at unit length to a plane by UMAP, from neighbors that are known already.

    It starts from the first two principal components. The same seed gives the same places.

    Args:
        rows: (n, dim) float32, at least 4,096.
        neighbors: (n, 14) or more of the other rows, nearest first.
        cosines: of these.
        seed: of UMAP.
        show: where a bar of progress is drawn; nowhere if None.

    Raises:
        MissingExtra: umap-learn or scikit-learn is not installed.
    """
    with needs("umap-learn", "plot"):
        from umap import UMAP
    others, own = N_NEIGHBORS - 1, np.arange(len(rows), dtype=np.int32)[:, None]
    distances = np.sqrt(np.maximum(2 - 2 * cosines[:, :others].astype(np.float64), 0))
    known = np.hstack([own, neighbors[:, :others]]), np.hstack([0 * own, distances]).astype(np.float32), None
    start = project(rows, "pca").at
    start *= _START / (spread_of(start) or 1.0)
    start += np.random.default_rng(seed).normal(scale=_JITTER, size=start.shape)
    bar = {"file": show, "desc": "map", "bar_format": "{desc}  {bar}  {percentage:3.0f}%  {remaining}"}
    model = UMAP(n_neighbors=N_NEIGHBORS, init=start.astype(np.float32), random_state=seed, n_jobs=1,
                 precomputed_knn=known, verbose=show is not None, tqdm_kwds=bar)  # fmt: skip
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints what it is doing
        warnings.simplefilter("ignore", UserWarning)  # that it could not place further rows
        at = model.fit_transform(rows)
    return Projection(_turned(at), ("UMAP 1", "UMAP 2"))


def _pca(rows: np.ndarray, dims: int, seed: int) -> Projection:
    at, shares = _components(rows, dims)
    return Projection(at, tuple(f"PC {i} ({share:.0%})" for i, share in enumerate(shares, start=1)))


def _components(rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the leading principal components and their shares of the variance, zeros where there are fewer.

    Each component points to where its largest loading is positive.

    Args:
        rows: (n_rows, dim).
        n: how many components.

    Returns:
        (n_rows, n) float64, and (n,).
    """
    with needs("scikit-learn", "sklearn"):
        from sklearn.decomposition import PCA
    at, shares = np.zeros((len(rows), n)), np.zeros(n)
    if not spread_of(rows):
        return at, shares
    there = min(n, *rows.shape)
    model = PCA(there, svd_solver="full" if len(rows) < rows.shape[1] else "covariance_eigh")
    found = model.fit_transform(rows - rows.mean(axis=0))  # the covariance of rows far from 0 would lose digits
    largest = np.round(np.abs(model.components_), DIGITS).argmax(axis=1)
    at[:, :there] = found * np.sign(model.components_[np.arange(there), largest])
    shares[:there] = model.explained_variance_ratio_
    return at, shares


def _turned(at: np.ndarray) -> np.ndarray:
    """Turn places, whose directions mean nothing, so that they spread most along the first axis: pages are wide."""
    return _components(at.astype(np.float64), at.shape[1])[0]


def _umap(rows: np.ndarray, dims: int, seed: int) -> Projection:
    with needs("umap-learn", "plot"):
        from umap import UMAP
    near = min(N_NEIGHBORS, len(rows) - 1)
    # The spectral start needs rows to spare, and takes long where there are many.
    start = "spectral" if len(rows) > 2 * N_NEIGHBORS else "random"
    if len(rows) > MANY_ROWS:
        rows, start = _components(rows, min(N_COMPONENTS, rows.shape[1]))[0].astype(np.float32), "pca"
    at = UMAP(n_components=dims, n_neighbors=near, init=start, random_state=seed, n_jobs=1).fit_transform(rows)
    return Projection(_turned(at), tuple(f"UMAP {i + 1}" for i in range(dims)))


def _tsne(rows: np.ndarray, dims: int, seed: int) -> Projection:
    with needs("scikit-learn", "sklearn"):
        from sklearn.manifold import TSNE
    axes = tuple(f"t-SNE {i + 1}" for i in range(dims))
    spread = spread_of(rows)
    if not spread:  # scikit-learn would divide by it, and end the interpreter
        return Projection(np.zeros((len(rows), dims)), axes)
    if not _SINGLE < spread < 1 / _SINGLE:
        rows = (rows - rows.mean(axis=0)) / spread
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    at = TSNE(dims, perplexity=perplexity, init="pca" if rows.shape[1] >= dims else "random", random_state=seed)
    return Projection(_turned(at.fit_transform(rows)), axes)
