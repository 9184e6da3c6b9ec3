"""Tiny networks train fastest, and independently of the machine, on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch on two threads in this process, as on a machine of a user."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)
