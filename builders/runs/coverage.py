"""A new version keeps the elements of the previous one, unless the user decides otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS
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
    lost = _without(earlier, _elements(table, training_rows))
    if lost:
        absent = _without(lost, _elements(table, np.arange(len(table))))
        held_out = [symbol for symbol in lost if symbol not in absent]
        reasons = ["no usable structure holds " + ", ".join(absent)] if absent else []
        reasons += ["only structures held out for validation hold " + ", ".join(held_out)] if held_out else []
        raise InputInvalid(
            f"{name} {known[-1]} has vectors for {', '.join(lost)}, but the new version would have none: "
            f"{'; '.join(reasons)}. Add structures, choose another --seed, or accept it with --allow-lost-elements."
        )


def _elements(table: StructureTable, rows: np.ndarray) -> np.ndarray:
    """Return which elements some crystals hold, (119,) bool, by atomic number."""
    is_there, is_taken, at = np.zeros(N_ELEMENTS + 1, dtype=bool), np.zeros(len(table), dtype=bool), 0
    is_taken[rows] = True
    for part in table.parts():
        is_there[part.atomic_numbers[np.repeat(is_taken[at : at + len(part)], part.n_sites)]] = True
        at += len(part)
    return is_there


def _without(symbols: list[str], is_there: np.ndarray) -> list[str]:
    return [symbol for symbol in symbols if not is_there[ATOMIC_NUMBERS[symbol]]]
