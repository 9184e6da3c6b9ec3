"""A new version keeps the elements of the previous one, unless the user decides otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import InputInvalid
from embeddings.store import index
from embeddings.store.manifest import read_manifest


def check_elements(root: Path, name: str, table: StructureTable, training_rows: np.ndarray) -> None:
    """Check that training crystals hold every element of the newest version of a catalog.

    Args:
        root: folder of catalogs that the new version goes to.
        name: of the catalog.
        table: all crystals that can be used.
        training_rows: those to learn from.

    Raises:
        InputInvalid: the message names the elements that would be lost, and why.
    """
    known = index.versions(root, name)
    if not known:
        return
    missing = read_manifest(root / name / known[-1]).missing_elements
    earlier = [symbol for symbol in ATOMIC_NUMBERS if symbol not in missing]  # whether or not anybody counted them
    lost = _without(earlier, table.take(training_rows).atomic_numbers)
    if lost:
        absent = _without(lost, table.atomic_numbers)
        held_out = [symbol for symbol in lost if symbol not in absent]
        reasons = ["no usable structure holds " + ", ".join(absent)] if absent else []
        reasons += ["only structures held out for validation hold " + ", ".join(held_out)] if held_out else []
        raise InputInvalid(
            f"{name} {known[-1]} has vectors for {', '.join(lost)}, and the new version would have none: "
            f"{'; '.join(reasons)}. Add structures, choose another --seed, or accept it with --allow-lost-elements."
        )


def _without(symbols: list[str], atomic_numbers: np.ndarray) -> list[str]:
    there = set(np.unique(atomic_numbers).tolist())
    return [symbol for symbol in symbols if ATOMIC_NUMBERS[symbol] not in there]
