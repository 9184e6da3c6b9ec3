"""The weights of the in-context head: which are in use, what they can do, and where they are. Nothing is downloaded.

They are named for a block of code by `use_weights`, else in the environment. Both name a checkpoint of TabICL, or a
folder with one that classifies and one that predicts numbers: the two are separate files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embeddings.errors import InputInvalid, MissingExtra, WeightsNotFound
from embeddings.store.reading import why

HEAD = "in-context"
"""Name of the head."""

VARIABLE = "EMBEDDINGS_TABICL_WEIGHTS"
"""Environment variable with the path of the weights."""

PACKAGE = "tabicl>=2.2"
SUFFIX = ".ckpt"
HOW = f"with --in-context-weights, in Python with in_context_weights=, or in {VARIABLE}"
"""How weights are named, for messages."""

PathLike = str | os.PathLike[str]

_named: ContextVar[Path | None] = ContextVar("in-context weights", default=None)


@dataclass(frozen=True)
class Weights:
    """A checkpoint of TabICL.

    Attributes:
        path: of the file.
        sha256: of its content.
    """

    path: Path
    sha256: str


@contextmanager
def use_weights(path: PathLike | None) -> Iterator[None]:
    """Name the weights for a block of code; None leaves it to the environment."""
    token = _named.set(None if path is None else Path(path).expanduser().absolute())
    try:
        yield
    finally:
        _named.reset(token)


def named_path() -> Path | None:
    """Return the path that names the weights in use, or None if there are none."""
    given = os.environ.get(VARIABLE, "")
    return _named.get() or (Path(given).expanduser().absolute() if given else None)


def weights_in_use(*, classify: bool) -> Weights:
    """Return the checkpoint in use for one kind of values; of several in a folder the last by name.

    Args:
        classify: whether for classes, not for numbers.

    Raises:
        MissingExtra: tabicl is not installed.
        WeightsNotFound: no weights are named, or there are none for these values.
        InputInvalid: a file does not hold weights of TabICL.
    """
    path = named_path()
    if path is None:
        raise WeightsNotFound(f'The head "{HEAD}" needs weights of TabICL. Name them {HOW}.')
    check_installed()
    files = _files(path)
    fitting = [file for file in files if _classifies(file, *_state(file)) == classify]
    if not fitting:
        kind, other = ("classifier", "numbers") if classify else ("regressor", "classes")
        what = f"holds weights for {other} alone" if files else _absent(path)
        raise WeightsNotFound(
            f'The head "{HEAD}" needs weights for {"classes" if classify else "numbers"}, and {path} {what}. Name a '
            f"checkpoint such as tabicl-{kind}-v2-20260212{SUFFIX}, or a folder with both kinds."
        )
    return Weights(fitting[-1], sha256_of(fitting[-1]))


def require_weights(heads: Sequence[str], *, classify: bool) -> Weights | None:
    """Return the weights that a search among some heads uses; None where the in-context head is not among them.

    Raises:
        MissingExtra: tabicl is not installed.
        WeightsNotFound: no weights are named, or there are none for these values.
        InputInvalid: a file does not hold weights of TabICL.
    """
    return weights_in_use(classify=classify) if HEAD in heads else None


def find_weights(weights: Weights) -> Path:
    """Return where the very same weights are now: where the user names them, or where they were.

    Raises:
        WeightsNotFound: they are in neither place.
    """
    named = named_path()
    for place in filter(None, (named, weights.path)):
        for file in _files(place):
            if sha256_of(file) == weights.sha256:
                return file
    where = f"{weights.path}" + (f" or {named}" if named else "")
    raise WeightsNotFound(
        f"The model needs the weights {weights.path.name} of TabICL, SHA-256 {weights.sha256}, and they are not "
        f"at {where}. Name the file or its folder in {VARIABLE}, or load the model with in_context_weights=."
    )


def check_installed() -> None:
    """Refuse to go on without the package.

    Raises:
        MissingExtra: it is not installed.
    """
    if find_spec("tabicl") is None:
        raise MissingExtra(
            f'tabicl is not installed, and the head "{HEAD}" needs it. Install it with: pip install "{PACKAGE}"'
        )


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, which is read again only if it has changed."""
    return _sha256(file, *_state(file))


def _files(path: Path) -> list[Path]:
    """Return the checkpoints that a path names: itself, or those in the folder."""
    return sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path] * path.is_file()


def _absent(path: Path) -> str:
    return f"has no file *{SUFFIX}" if path.is_dir() else "does not exist"


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=8)
def _sha256(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@lru_cache(maxsize=8)
def _classifies(file: Path, size: int, changed: int) -> bool:
    """Whether a checkpoint predicts classes; the one for numbers knows no class."""
    config = _checkpoint(file).get("config")
    if not isinstance(config, dict) or not isinstance(config.get("max_classes", 10), int):
        raise InputInvalid(f"{file} does not hold weights of TabICL: it has no configuration of the network.")
    return bool(config.get("max_classes", 10))


def _checkpoint(file: Path) -> dict[str, Any]:
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputInvalid(f"{file} cannot be read: {why(error)}.") from error
    except Exception as error:  # of any kind: the file is somebody else's
        raise InputInvalid(f"{file} does not hold weights of TabICL: it is not a checkpoint of torch.") from error
    return content if isinstance(content, dict) else {}
