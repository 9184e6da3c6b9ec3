"""Fitted estimators as bytes without pickle: skops files of listed types alone, the same bytes for the same estimator.

skops keeps the state of an estimator and never code. What it does not trust by itself is listed here by name, so that a
file with anything else is refused before it is built. Random identifiers and times that skops writes are replaced.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from embeddings.display.text import shortened
from embeddings.errors import CatalogCorrupt, MissingExtra, OutputInvalid

try:
    from skops.io import dumps, get_untrusted_types, loads
except ImportError as error:
    raise MissingExtra.of("skops", "bench") from error

TRUSTED = (
    "collections.OrderedDict",
    "embeddings.bench.candidates.Rescaled",
    "embeddings.bench.candidates.ZeroGate",
    "embeddings.bench.candidates.Logarithm",
    "embeddings.bench.finetuned.FinetunedClassifier",
    "embeddings.bench.finetuned.FinetunedRegressor",
    "embeddings.bench.in_context.InContextClassifier",
    "embeddings.bench.in_context.InContextRegressor",
    "embeddings.tuning.network.KeptEncoder",
    "embeddings.tuning.network.TunedNetwork",
    "embeddings.tuning.targets.Target",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Matern",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.tree._tree.Tree",
)
"""Types beyond those that skops trusts; reviewed one by one. The indices of a tree are checked before it is used."""

MOVED = {
    "embeddings.estimators.network": "embeddings.tuning.network",
    "embeddings.estimators.targets": "embeddings.tuning.targets",
}
"""Modules of listed types that stood elsewhere when older files were written."""

_SCHEMA = "schema.json"
_LARGEST = 1 << 32
"""Bytes that a file may unfold to."""


def to_bytes(estimator: Any) -> bytes:
    """Return a fitted estimator as the content of a skops file.

    Raises:
        OutputInvalid: it holds something of a type that is not listed.
    """
    try:
        content = dumps(estimator)
    except TypeError as error:
        raise OutputInvalid(f"A {type(estimator).__name__} cannot be saved: {error}.") from error
    unlisted = sorted(set(get_untrusted_types(data=content)) - set(TRUSTED))
    if unlisted:
        raise OutputInvalid(
            f"A {type(estimator).__name__} cannot be saved: it holds {', '.join(unlisted)}, which loading would refuse."
        )
    return _canonical(content)


def from_bytes(content: bytes, *, n_features: int, where: object) -> Any:
    """Return the fitted estimator in the content of a skops file.

    Args:
        content: of the file.
        n_features: columns that the estimator will be given.
        where: it stands, for messages.

    Raises:
        CatalogCorrupt: not such a file, or one with types that are not listed, or trees that would read elsewhere.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise ValueError(f"it unfolds to more than {_LARGEST:,} bytes")
            is_older = any(module.encode() in archive.read(_SCHEMA) for module in MOVED)
        estimator = loads(_canonical(content) if is_older else content, trusted=list(TRUSTED))
        for tree in _trees(estimator, set()):
            _check_tree(tree, n_features)
    except MemoryError:
        raise
    except Exception as error:  # of any kind: the file is somebody else's, and so is its reader
        reason = shortened(str(error) or type(error).__name__, 300)
        raise CatalogCorrupt(f"{where} does not hold a model that can be read: {reason}. Fit it again.") from error
    return estimator


def _canonical(content: bytes) -> bytes:
    """Write a skops file again: numbers for random names and identifiers, no times, modules where they stand now."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        names: dict[str, str] = {}
        schema = _renamed(schema, names, {})
        contents = {new: archive.read(old) for old, new in names.items()}
    contents[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _renamed(node: Any, names: dict[str, str], identifiers: dict[int, int]) -> Any:
    if isinstance(node, list):
        return [_renamed(item, names, identifiers) for item in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__" and isinstance(value, int):
            out[key] = identifiers.setdefault(value, len(identifiers) + 1)
        elif key == "file" and isinstance(value, str):
            out[key] = names.setdefault(value, f"{len(names)}{value[value.rindex('.') :]}")
        elif key == "__module__":
            out[key] = MOVED.get(value, value)
        else:
            out[key] = _renamed(value, names, identifiers)
    return out


def _trees(node: Any, seen: set[int]) -> Iterator[Any]:
    """Yield every tree of scikit-learn in an estimator."""
    if id(node) in seen or isinstance(node, str | bytes | int | float | type(None)):
        return
    seen.add(id(node))
    if type(node).__module__ == "sklearn.tree._tree" and type(node).__name__ == "Tree":
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _trees(value, seen)
    elif isinstance(node, list | tuple) or (isinstance(node, np.ndarray) and node.dtype == object):
        for value in list(node):
            yield from _trees(value, seen)
    elif hasattr(node, "get_params") and hasattr(node, "__dict__"):
        yield from _trees(vars(node), seen)


def _check_tree(tree: Any, n_features: int) -> None:
    """Refuse a tree that does not end, or whose nodes lead out of it: scikit-learn follows them without a look."""
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner, places = left != -1, np.arange(tree.node_count)
    fits = ((left > places) & (right > places) & (left < tree.node_count) & (right < tree.node_count))[inner].all()
    if not fits or (right[~inner] != -1).any() or not ((feature >= 0) & (feature < n_features))[inner].all():
        raise ValueError("a tree leads out of its nodes or its features")
