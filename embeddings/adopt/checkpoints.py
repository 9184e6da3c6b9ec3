"""Tables in torch checkpoints, read with ``weights_only``: nothing in the file is ever run.

The checkpoints of the ct-UAE authors (https://github.com/fduabinitio/ct-UAE) hold a layer ``atom_embed`` from one-hot
atoms to vectors: ``weight`` (dim, 100) and ``bias`` (dim,). What their network sees of element ``z`` is column
``z - 1`` of the weight plus the bias, and that is the row here. Single-task and multi-task files have the same layer.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.adopt.arrays import chosen_array
from embeddings.adopt.labels import keys_beside
from embeddings.adopt.raw import MOST_ROWS, RawTable, check_shape, matrix, positional
from embeddings.errors import InputInvalid, needs
from embeddings.store.reading import read_bounded, why

LARGEST = 1 << 32
"""The most bytes of a checkpoint, 4 GiB, packed or not."""

ONE_HOT = "atom_embed"
"""The layer of the ct-UAE authors."""

TABLES = ("embedding.weight", "embeddings.weight", "atom_embedding.weight", "node_embedding.weight")
"""How the names of layers end that are looked up by atomic number."""

_DEEPEST = 8

_PASSED_OVER = ("optimizer", "normalizer")


def read_checkpoint(path: Path, *, array: str | None = None, first_row: int | None = None) -> RawTable:
    """Read the layer of elements out of a checkpoint.

    Args:
        path: of the file.
        array: name of the tensor, where it is not that of ct-UAE or the only table.
        first_row: atomic number of the first row, for a layer that is looked up by number.

    Raises:
        InputInvalid: not a checkpoint of tensors alone, or no layer of elements in it.
        MissingExtra: torch is not installed.
    """
    leaves = dict(_leaves(_loaded(path)))
    tensors = {name: _detached(value) for name, value in leaves.items() if _is_table(value)}
    if not tensors:
        raise InputInvalid(f"{path} is a torch file without tensors.")
    layers = [name for name in tensors if name.endswith(f"{ONE_HOT}.weight")] if array is None else []
    if layers:
        return _of_one_hot(path, tensors, layers[0])
    known = [name for name in tensors if name.endswith(TABLES)] if array is None else []
    name = known[0] if len(known) == 1 else chosen_array(str(path), tensors, array)
    values, notes = _numbers(path, tensors[name]), [f'Read the tensor "{name}".']
    labels = {key: _labels(value) for key, value in leaves.items()}
    beside = {key: one for key, one in labels.items() if one is not None}
    keys = keys_beside(str(path), beside, name, len(values), first_row=first_row)
    if keys is None:
        return positional(str(path), "torch checkpoint", values, first=first_row, notes=notes)
    return RawTable(str(path), "torch checkpoint", keys, values, notes=tuple(notes))


def _of_one_hot(path: Path, tensors: Mapping[str, Any], name: str) -> RawTable:
    weight, bias = _numbers(path, tensors[name]), tensors.get(f"{name.removesuffix('weight')}bias")
    if weight.shape[1] > 118 or (bias is not None and bias.shape != weight.shape[:1]):
        raise InputInvalid(f"{path}: {name} is {weight.shape}, not one column for each of at most 118 elements.")
    plus = "" if bias is None else ", plus its bias"
    said = [f'Columns of the layer "{name}" {weight.shape} by atomic number from 1{plus}.']
    rows = weight.T if bias is None else weight.T + np.ravel(_numbers(path, bias))
    numbers = tuple(range(1, len(rows) + 1))
    return RawTable(str(path), "torch checkpoint of ct-UAE", numbers, rows, notes=tuple(said))


def _loaded(path: Path) -> Any:
    """Return what is in the file: tensors and plain values, never an object of another type."""
    with needs("torch", "torch"):
        import torch
    try:
        content = read_bounded(path, at_most=LARGEST)
        _check_unpacked(path, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle that it is going to refuse
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except InputInvalid:
        raise
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {why(error)}.") from error
    except Exception as error:  # a file of any bytes makes the reader raise anything
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise InputInvalid(
            f"{path} is not a torch checkpoint that holds tensors and plain values alone, and nothing else is ever "
            f"unpickled ({reason}). Save the table itself: numpy.save, or torch.save of its state_dict."
        ) from error


def _check_unpacked(path: Path, content: bytes) -> None:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > LARGEST:
        raise InputInvalid(
            f"{path} unpacks to {size >> 20:,} MiB; at most {LARGEST >> 20:,} are read. Save the table alone."
        )


def _numbers(path: Path, tensor: Any) -> np.ndarray:
    """Return a tensor as (n_rows, dim) float64; its shape is checked first, since a few bytes may claim to be many."""
    check_shape(str(path), len(tensor), 1 if tensor.ndim == 1 else tensor.shape[1])
    return matrix(str(path), tensor if isinstance(tensor, np.ndarray) else tensor.double().numpy())


def _leaves(value: Any, at: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield whatever is no dictionary in nested ones, by its name; what belongs to an optimizer is not looked at.

    Beside a ``state_dict``, these are lists alone, which may say what its rows are.
    """
    if not isinstance(value, Mapping):
        yield at or "tensor", value
    elif depth <= _DEEPEST:
        inner = {key: one for key, one in value.items() if isinstance(key, str) and key not in _PASSED_OVER}
        is_whole = depth > 0 or "state_dict" not in inner
        chosen = [key for key, one in inner.items() if is_whole or key == "state_dict" or isinstance(one, list | tuple)]
        for key, one in ((key, inner[key]) for key in chosen):
            yield from _leaves(one, _name(at, key, depth), depth + 1)


def _is_table(value: Any) -> bool:
    """Whether a value is an array of numbers that may be vectors."""
    import torch

    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    return _is_plain(value) and isinstance(value, torch.Tensor) and value.dtype.is_floating_point


def _is_plain(value: Any) -> bool:
    """Whether a value is a tensor of one or two dimensions in memory."""
    import torch

    if not isinstance(value, torch.Tensor):
        return False
    is_here = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
    return is_here and value.ndim in (1, 2)


def _detached(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.detach()


def _labels(value: Any) -> np.ndarray | None:
    """Return what may say which element a row is, a list of texts or a tensor of one dimension; None for all else."""
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return np.array(value)
    if not _is_plain(value) or value.ndim != 1 or value.is_complex() or len(value) > MOST_ROWS:
        return None
    return np.asarray(value.detach().double().numpy())


def _name(at: str, key: str, depth: int) -> str:
    return "" if depth == 0 and key == "state_dict" else f"{at}.{key}" if at else key
