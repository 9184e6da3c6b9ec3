"""Contents of files: JSON and tensors, and numbers as they stand in text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np


def json_content(document: Mapping[str, Any]) -> bytes:
    """Return JSON with one line for each key."""
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def tensor_content(document: Mapping[str, Any]) -> bytes:
    """Return what `torch.load` reads with ``weights_only``, its default."""
    import torch

    content = BytesIO()
    torch.save(dict(document), content)
    return content.getvalue()


def numbers(vector: np.ndarray) -> list[float]:
    """Return float32 values as the shortest decimals that give them back."""
    return [float(str(value)) for value in vector]
