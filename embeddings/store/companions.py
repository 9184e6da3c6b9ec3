"""What is published beside a version for readers other than this library."""

from __future__ import annotations

from pathlib import Path

from embeddings.store.card import CARD


def companions(folder: Path) -> dict[str, bytes]:
    """Return file name -> content of what describes a version to others: today its card, as a README.

    Args:
        folder: of the version.
    """
    return {"README.md": (folder / CARD).read_bytes()}
