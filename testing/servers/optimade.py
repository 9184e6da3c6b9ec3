"""The reference server of OPTIMADE on loopback, with its own examples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testing.servers.loopback import serving_app

ALIASES = {"structures": {"id": "task_id", "immutable_id": "_id"}, "references": {"id": "task_id"}}
"""What the fields are called in the file of the examples."""


@contextmanager
def optimade_server() -> Iterator[str]:
    """Serve the examples; yield the base address."""
    config = pytest.importorskip("optimade.server.config")
    from optimade.server.create_app import create_app

    with serving_app(create_app(config.ServerConfig(insert_test_data=True, aliases=ALIASES))) as origin:
        yield origin
