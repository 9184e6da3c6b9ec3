"""The interpreter that the peers are installed for."""

from __future__ import annotations

import os
import sys

from benchmarks.harness import Request


def peers_python(request: Request) -> str:
    """Return the path of the interpreter that was named with ``--peers-python``, else of this one."""
    return os.path.abspath(request.choices.get("peers_python") or sys.executable)
