"""Which structures a catalog was trained on, in 27 bytes for each: enough to say whether it may have seen another."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from builders.runs.ahead import ahead, threads_there
from builders.structures.fingerprints import WIDTH, Fingerprints, fingerprints, unnamed
from builders.structures.formulas import reduced_formulas_of
from builders.structures.overlap import CLOSE, Relation
from builders.structures.table import StructureTable, spans
from embeddings.formula.digest import HASH_BYTES, hash_canonical
from embeddings.store.training_structures import ROW

N_KEPT = 2
"""Elements of a structure whose numbers are kept, those of the smallest amounts; more tell little more."""

_AT_ONCE, _SITES_AT_ONCE = 1024, 25_000
_PROTOTYPE_BYTES = 2
_LOWEST, _STEP = -1.5, 0.015
_KEYS = HASH_BYTES + _PROTOTYPE_BYTES


def structure_digest(
    table: StructureTable, rows: np.ndarray | None = None, *, advance: Callable[[int], None] = lambda n: None
) -> np.ndarray:
    """Return the digest of crystals, (n, 27) uint8, sorted, without repeats.

    Args:
        table: crystals; some thousand of them at a time are in memory with their neighbors.
        rows: (n,) which of them; all for None.
        advance: called with how many more crystals are done.

    Raises:
        InputInvalid: a crystal has a cell in which no neighbors can be searched, or no atoms.
    """
    rows = np.arange(len(table)) if rows is None else np.asarray(rows)
    digest = np.empty((len(rows), ROW), np.uint8)
    places = list(spans(table.n_sites[rows], most=_AT_ONCE, most_sites=_SITES_AT_ONCE))

    def made(span: tuple[int, int]) -> np.ndarray:
        return _rows(table.take(rows[slice(*span)]))

    for (start, stop), part in zip(places, ahead(places, made, threads=threads_there()), strict=True):
        digest[start:stop] = part
        table.release()
        advance(stop - start)
    return np.unique(digest, axis=0)


def _rows(table: StructureTable) -> np.ndarray:
    prints = fingerprints(table)
    values = np.clip(np.round((_kept(prints) - _LOWEST) / _STEP), 0, 255).astype(np.uint8)
    return np.concatenate([_keys(table, prints), values], axis=1)


def look_up(table: StructureTable, digest: np.ndarray) -> list[tuple[Relation, float] | None]:
    """Return for each crystal what a digest has that is close to it, and how far from it that is; None for nothing.

    Args:
        table: crystals.
        digest: that `structure_digest` made of others.

    Raises:
        InputInvalid: a crystal has a cell in which no neighbors can be searched, or no atoms.
    """
    prints = fingerprints(table)
    keys, values = _keys(table, prints), _kept(prints)
    known = digest[:, _KEYS:].astype(np.float32) * _STEP + _LOWEST
    found: list[tuple[Relation, float] | None] = [None] * len(table)
    for relation, part in _RELATIONS:
        rows_of = _rows_by(digest[:, part])
        for row in range(len(table)):
            some = rows_of.get(keys[row, part].tobytes())
            if found[row] is None and some is not None:
                far = float(np.abs(known[some] - values[row]).max(axis=1).min())
                found[row] = (relation, far) if far <= CLOSE + _STEP / 2 else None
    return found


_RELATIONS: tuple[tuple[Relation, slice], ...] = (
    ("structure", slice(0, HASH_BYTES)),
    ("prototype", slice(HASH_BYTES, _KEYS)),
)


def _keys(table: StructureTable, prints: Fingerprints) -> np.ndarray:
    """Return hashes of the formula and the anonymous formula of each crystal, (n, 7) uint8."""
    hashes = [hashlib.sha256(repr(amounts).encode()).digest()[:_PROTOTYPE_BYTES] for amounts in prints.prototypes]
    prototypes = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, _PROTOTYPE_BYTES)
    return np.concatenate([hash_canonical(reduced_formulas_of(table)), prototypes], axis=1)


def _kept(prints: Fingerprints) -> np.ndarray:
    """Return the numbers of the first elements of each crystal, whichever of equal amount they are, (n, 20) float32."""
    kept = np.zeros((len(prints), N_KEPT, WIDTH), np.float32)
    rows_of: dict[tuple[int, ...], list[int]] = {}
    for row, amounts in enumerate(prints.prototypes):
        rows_of.setdefault(amounts, []).append(row)
    for amounts, rows in rows_of.items():
        some = np.array(rows)
        kept[some, : len(amounts)] = unnamed(prints.stacked(some), amounts)[:, :N_KEPT]
    return kept.reshape(len(prints), -1)


def _rows_by(keys: np.ndarray) -> dict[bytes, np.ndarray]:
    """Return the rows that have each key."""
    rows: dict[bytes, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key.tobytes()].append(row)
    return {key: np.array(some) for key, some in rows.items()}
