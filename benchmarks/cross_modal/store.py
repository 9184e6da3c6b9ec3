"""Results as they come in: a line each, so that a run that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KEYS = ("set", "model", "source", "seed", "fold")
"""What a result is of."""


class Store:
    """A file of one JSON object in a line; several processes may add to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[dict[str, Any]]:
        """Return all results so far; a line that a kill cut off is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def has(self, **key: Any) -> bool:
        """Whether there is a result of this key, by `KEYS`."""
        return any(all(row[name] == key[name] for name in KEYS) for row in self.rows())

    def add(self, row: dict[str, Any]) -> None:
        """Append a result."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(row)}")  # a new line first: the last one may have been cut off
            file.flush()
            os.fsync(file.fileno())


def sorted_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return results in an order that does not depend on when they came in."""
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in KEYS))
