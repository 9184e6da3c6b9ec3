"""The reference server of OPTIMADE on loopback, with its own examples."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ALIASES = {"structures": {"id": "task_id", "immutable_id": "_id"}, "references": {"id": "task_id"}}
"""What the fields are called in the file of the examples."""


@contextmanager
def optimade_server() -> Iterator[str]:
    """Serve the examples; yield the base address."""
    uvicorn = pytest.importorskip("uvicorn")
    config = pytest.importorskip("optimade.server.config")
    from optimade.server.create_app import create_app

    app = create_app(config.ServerConfig(insert_test_data=True, aliases=ALIASES))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
